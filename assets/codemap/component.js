// The map: one instance for each place on a page. It plays, zooms and answers the pointer by itself; the server hears of a chosen
// code, and of chunks that this window has lost.

const instances = new WeakMap(); // parentElement → instance
const ABREAST = 640; // pixels from which the bars stand beside the plot
const ROOMY = 420; // pixels from which the view's buttons stand on the plot
const COLUMNS = 640; // pixels of the window from which what the page says of a code stands beside the map
const VIEWS = 48; // pixels that the view's buttons take
const BARS_BELOW = 104; // pixels of their height when they do not

// ── drawing ──

function draw(instance) {
  if (instance.waiting || instance.closed) return;
  instance.waiting = true; // once a frame, however much changed
  requestAnimationFrame(() => {
    instance.waiting = false;
    if (instance.scene && !instance.closed) paint(instance);
  });
}

// where the plot is drawn. `clear`: how much of its right side lies under the view's buttons
function frameOf(scene, width, height, clear) {
  if (!scene.numbered) return { left: 0, top: 0, width, height, clear };
  const left = scene.yTitle ? 60 : 42;
  return { left, top: 1, width: Math.max(20, width - left - 1), height: Math.max(20, height - 44), clear };
}

function homeView(instance, t) {
  const { scene, frame } = instance;
  const boxAt = (one, moment) => {
    const own = one.scene.boxes[moment];
    return !own ? one.scene.usual : one.follow ? own : boxOf(own, 0, 4, one.scene.usual);
  };
  let box = boxAt(instance, t);
  for (const other of instance.shareView ? instance.group.members : []) {
    if (other !== instance && other.shareView && other.scene) box = boxOf(boxAt(other, moment(other).t), 0, 4, box);
  }
  return viewOf(box, frame);
}

function viewAt(instance, t, part) {
  if (instance.view) return instance.view;
  const here = homeView(instance, t);
  if (!part) return here;
  const next = homeView(instance, Math.min(t + 1, instance.scene.T - 1));
  const mix = (a, b) => a + part * (b - a);
  return { x: mix(here.x, next.x), y: mix(here.y, next.y), scale: here.scale * (next.scale / here.scale) ** part };
}

function moment(instance) {
  const last = instance.scene.T - 1;
  const position = clamp(instance.position, 0, last);
  const t = Math.min(Math.floor(position + 1e-6), last);
  return { t, part: inSteps(instance) ? 0 : Math.max(0, position - t) };
}

function optionsOf(instance) {
  const { hovered, selected, trails, pictures, cells, sorted } = instance;
  return { hovered, selected: selected ?? -1, trails, pictures, cells, sorted };
}

function paint(instance) {
  const { scene, node, ui } = instance;
  const width = ui.plot.clientWidth, height = ui.plot.clientHeight;
  if (!width || !height) return;
  const sharp = Math.min(2, window.devicePixelRatio || 1);
  const theme = themeOf(node);
  const began = performance.now();
  const { t, part } = moment(instance);
  instance.now.serial = scene.serial;
  instance.frame = frameOf(scene, width, height, instance.wide ? VIEWS : 0);
  instance.shownView = viewAt(instance, t, part);
  placed(scene, instance.now, instance.shownView, instance.frame, t, part);
  const ctx = fitted(ui.plot, width, height, sharp);
  ctx.clearRect(0, 0, width, height);
  const options = optionsOf(instance);
  drawPlot(ctx, scene, instance.now, instance.shownView, instance.frame, theme, options);
  // what changes from moment to moment alone is not drawn in between
  const key = [scene.serial, t, sharp, options.hovered, options.selected, options.sorted, ...Object.values(theme), ui.bars.clientWidth, ui.bars.clientHeight, ui.stripes.clientWidth].join();
  if (instance.panels !== key) {
    instance.panels = key;
    paintPanels(instance, theme, options, sharp, t);
  }
  tell(instance, t);
  tip(instance);
  instance.cost = 0.8 * instance.cost + 0.2 * (performance.now() - began);
}

function paintPanels(instance, theme, options, sharp, t) {
  const { scene, ui } = instance;
  if (scene.usage) {
    const size = { width: ui.bars.clientWidth, height: ui.bars.clientHeight, lying: instance.abreast };
    instance.layout = drawBars(fitted(ui.bars, size.width, size.height, sharp), scene, instance.now, size, theme, options);
  }
  if (scene.T > 1 && scene.counted) drawStrip(fitted(ui.stripes, ui.stripes.clientWidth, ui.stripes.clientHeight, sharp), scene, ui.stripes.clientWidth, ui.stripes.clientHeight, theme, t, 14);
}

// words that follow the moment
function tell(instance, t) {
  const { scene, ui } = instance;
  const key = `${t}/${scene.serial}`;
  if (instance.told === key) return;
  instance.told = key;
  const used = scene.counted ? scene.inUse[t] : 0;
  const counted = scene.counted ? `${whole(used)} of ${whole(scene.K)} codes in use` : "";
  const done = scene.doneAt.filter((mark) => mark.step <= scene.steps[t]).pop();
  const step = `Step ${whole(scene.steps[t])}`;
  ui.when.firstElementChild.textContent = step;
  ui.when.lastElementChild.textContent = done ? `after: ${done.label}` : `${t + 1} of ${scene.T}`;
  ui.when.title = ui.when.textContent;
  ui.sidehead.firstElementChild.textContent = scene.counted ? whole(used) : "";
  ui.sidehead.lastElementChild.textContent = scene.counted ? `of ${whole(scene.K)} codes in use` : "";
  ui.range.value = String(t);
  ui.range.setAttribute("aria-valuetext", `${step}${counted && `, ${counted}`}`);
  const outputs = scene.V ? ` among ${whole(scene.V)} encoder outputs` : "";
  ui.plot.setAttribute(
    "aria-label",
    `${scene.title}: ${whole(scene.K)} codes${outputs}, ${step}${counted && `, ${counted}`}. Arrow keys go from code to code, n and p to the next and the one before, plus, minus and 0 zoom, space plays.`,
  );
}

function tip(instance) {
  const { scene, ui, now } = instance;
  const pointed = instance.hovered >= 0;
  const stays = instance.pinned && !(scene.explained && window.innerWidth > COLUMNS);
  const k = pointed ? instance.hovered : stays ? (instance.selected ?? -1) : -1;
  const out = !(k >= 0 && k < scene.K) || !Number.isFinite(now.px[k]);
  ui.tip.hidden = out;
  if (out) return;
  const key = `${k}/${now.t}/${scene.serial}/${Boolean(scene.sheet?.image)}`;
  if (instance.tipOf !== key) {
    instance.tipOf = key;
    const [thumb, about] = ui.tip.children;
    drawThumb(thumb, scene, k);
    const head = element("b");
    const dot = element("i");
    dot.style.background = now.dead?.[k] ? DEAD : rgb(now.colours, 3 * k);
    head.append(dot, `Code ${k}`);
    about.replaceChildren(head, ...linesOf(scene, now.t, k).map((line) => element("span", "", line)));
  }
  const { frame } = instance;
  const x = clamp(now.px[k], frame.left, frame.left + frame.width), y = clamp(now.py[k], frame.top, frame.top + frame.height);
  const wide = ui.tip.offsetWidth, high = ui.tip.offsetHeight;
  const far = ui.plot.clientWidth - wide, low = ui.plot.clientHeight - high;
  if (!pointed) {
    // it stays, so it keeps to a corner that hides neither its code nor the view's buttons
    const top = x < frame.left + wide + 30 && y < frame.top + high + 30 ? Math.max(0, frame.top + frame.height - high - 8) : frame.top + 8;
    ui.tip.style.transform = `translate(${Math.round(clamp(frame.left + 8, 0, Math.max(0, far)))}px, ${Math.round(top)}px)`;
    return;
  }
  const beside = now.r[k] + 14;
  const level = clamp(y - high / 2, 0, Math.max(0, low)), middle = clamp(x - wide / 2, 0, Math.max(0, far));
  const places = [[x + beside, level], [x - beside - wide, level], [middle, y - beside - high], [middle, y + beside]];
  const fits = ([left, top]) => left >= 0 && left <= far && top >= 0 && top <= low;
  const chosen = instance.selected ?? -1;
  const hides = ([left, top]) => chosen >= 0 && chosen !== k && over(now, chosen, left, top, wide, high);
  const [left, top] = places.find((place) => fits(place) && !hides(place)) ?? places.find(fits) ?? [clamp(places[0][0], 0, Math.max(0, far)), level];
  ui.tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

// whether a box of the plot lies over the mark of a code
function over(now, k, left, top, wide, high) {
  const reach = now.r[k] + 8;
  return now.px[k] > left - reach && now.px[k] < left + wide + reach && now.py[k] > top - reach && now.py[k] < top + high + reach;
}

// plot, bars and a line of words on one sheet, twice as sharp as the screen
function picture(instance) {
  const { scene, ui, node, now, shownView, frame } = instance;
  const theme = themeOf(node), options = optionsOf(instance);
  const width = ui.plot.clientWidth, height = ui.plot.clientHeight, head = 34;
  const bars = scene.usage ? { width: 240, height, lying: true } : { width: 0, height, lying: true };
  const sheet = document.createElement("canvas");
  const ctx = fitted(sheet, width + (bars.width ? bars.width + 16 : 0) + 16, height + head + 12, 2);
  ctx.fillStyle = theme.ground;
  ctx.fillRect(0, 0, sheet.width, sheet.height);
  ctx.fillStyle = theme.text;
  ctx.font = `600 16px ${theme.font}`;
  const { t } = moment(instance);
  ctx.fillText(`${scene.title}, step ${whole(scene.steps[t])}${scene.counted ? `: ${whole(scene.inUse[t])} of ${whole(scene.K)} codes in use` : ""}`, 8, 22, width);
  ctx.save();
  ctx.translate(8, head);
  drawPlot(ctx, scene, now, shownView, frame, theme, { ...options, hovered: -1 });
  ctx.restore();
  if (bars.width) {
    const panel = document.createElement("canvas");
    drawBars(fitted(panel, bars.width, bars.height, 2), scene, now, bars, theme, { ...options, hovered: -1 });
    ctx.drawImage(panel, width + 16, head, bars.width, bars.height);
  }
  return sheet;
}

// ── what does not move ──

// from the message itself, before its arrays are there: sizes are known before anything is drawn, so that nothing jumps
function furnish(instance, data) {
  const { ui, node } = instance;
  const given = data.scene, has = (name) => name in given.parts;
  const film = given.steps.length > 1 && !given.still;
  ui.side.hidden = !has("usage");
  ui.film.hidden = !film;
  ui.range.max = String(given.steps.length - 1);
  ui.near.hidden = !has("cloud");
  ui.follow.hidden = !film;
  ui.cells.hidden = !given.cells;
  ui.trails.hidden = !film;
  ui.pictures.hidden = !has("sheet");
  ui.sorted.hidden = !has("usage");
  ui.note.textContent = given.note;
  ui.sidefoot.textContent = `${given.usageTitle} (dotted: equal use)`;
  const furniture = JSON.stringify([given.legend, given.ramp, Object.keys(given.parts)]);
  if (instance.furniture !== furniture) {
    instance.furniture = furniture;
    ui.legend.replaceChildren(...legendOf(given, has));
  }
  node.hidden = false;
  instance.height = data.height;
  instance.barred = has("usage");
  arrange(instance);
}

function legendOf(scene, has) {
  const line = (kind, colour, label) => {
    const item = element("li"), swatch = element("i", kind);
    if (colour) swatch.style.background = colour;
    item.append(swatch, label);
    return item;
  };
  const items = [];
  const colour = scene.legend.length || scene.ramp ? "var(--st-text-color)" : "conic-gradient(#d55e00, #e69f00, #009e73, #56b4e9, #0072b2, #cc79a7, #d55e00)";
  items.push(line("", colour, has("usage") ? "code, larger when chosen more often" : "code"));
  if (has("dead")) items.push(line("cross", null, "dead code"));
  if (has("cloud")) items.push(line("output", "var(--st-text-color)", has("cloudCode") && !has("cloudColours") ? "encoder output, in its code's colour" : "encoder output"));
  for (const { label, colour: [r, g, b] } of scene.legend) items.push(line("", `rgb(${r}, ${g}, ${b})`, label));
  if (scene.ramp) {
    const item = element("li"), strip = element("span", "ramp");
    strip.style.background = `linear-gradient(90deg, ${scene.ramp.colours.map(([r, g, b]) => `rgb(${r} ${g} ${b})`).join(", ")})`;
    item.append(`${scene.ramp.title}: ${scene.ramp.low}`, strip, scene.ramp.high);
    items.push(item);
  }
  return items;
}

function arrange(instance) {
  const { ui, node } = instance;
  const width = node.clientWidth;
  if (!width) return;
  instance.wide = width >= ROOMY;
  instance.abreast = width >= ABREAST && instance.barred;
  ui.top.classList.toggle("abreast", instance.abreast);
  const height = !instance.wide ? Math.min(instance.height, Math.max(260, Math.round(width * 0.95))) : instance.height;
  ui.stage.style.height = `${height}px`;
  ui.side.style.height = instance.abreast ? `${height}px` : "auto";
  ui.bars.style.height = instance.abreast ? "0" : `${BARS_BELOW}px`; // abreast it takes what the words leave
  draw(instance);
}

// ── arriving data ──

function adopt(instance, data, arrays) {
  const before = instance.scene;
  const anew = !before || instance.of !== data.of;
  const sheet = loadSheet(instance, arrays.sheet?.value);
  instance.arrays = arrays;
  const scene = (instance.scene = { ...sceneOf(data.scene, arrays, sheet), serial: (before?.serial ?? 0) + 1 });
  instance.shareView = data.shareView;
  groupOf(instance, data.group);
  const last = scene.T - 1;
  const from = anew ? last : positionOf(scene.steps, stepOf(before.steps, instance.position));
  if (anew) {
    instance.of = data.of;
    instance.view = null;
    instance.follow = scene.restless;
    instance.position = last;
    instance.atEnd = true;
    instance.hovered = -1;
    instance.wanted = undefined;
  } else if (instance.atEnd && !instance.group.playing) glide(instance, from);
  else instance.position = from;
  if (instance.selected !== null && instance.selected >= scene.K) instance.selected = null;
  instance.ui.follow.setAttribute("aria-pressed", String(instance.follow));
  showPlaying(instance);
  for (const other of instance.group.members) draw(other); // who shares the view may see more now
  // the page may ask for a step; it is asked once
  if (data.scene.show !== instance.wanted) {
    instance.wanted = data.scene.show;
    if (data.scene.show !== null) goTo(instance, Math.round(positionOf(scene.steps, data.scene.show)));
  }
}

// the server's selection goes before this one's when the page changed it, and the server knew of all clicks here
function settle(instance, data) {
  if (data.token === instance.token || data.answers < instance.at) return;
  instance.token = data.token;
  instance.pinned = data.selected !== null;
  select(instance, data.selected, { quiet: true });
}

function build(parentElement, setStateValue) {
  const node = parentElement.querySelector(".codemap");
  const find = (selector) => node.querySelector(selector);
  const names = ["plot", "top", "stage", "side", "sidehead", "bars", "sidefoot", "film", "play", "when", "legend", "note", "hint", "tip", "said", "in", "out", "all", "near", "follow", "pictures", "trails", "cells", "sorted", "png", "csv"];
  const ui = Object.fromEntries(names.map((name) => [name, find(`.${name}`)]));
  Object.assign(ui, { range: find(".strip input"), stripes: find(".strip canvas"), speed: find(".speed select"), cells: find("button.cells"), tip: find(".tip") });
  const instance = {
    node, ui, setStateValue, scene: null, arrays: null, now: {}, position: 0, atEnd: true, view: null, follow: false, hovered: -1,
    selected: null, pinned: false, at: 0, token: 0, pictures: false, trails: false, cells: true, sorted: false, asked: 0, cost: 0,
  };
  instance.observer = new ResizeObserver(() => instance.height && arrange(instance));
  instance.observer.observe(node);
  find(".probe").addEventListener("transitionend", () => draw(instance));
  listen(instance);
  listenToControls(instance);
  return instance;
}

export default function ({ data, parentElement, setStateValue }) {
  const problem = parentElement.querySelector(".problem");
  let instance = instances.get(parentElement);
  if (!instance) instances.set(parentElement, (instance = build(parentElement, setStateValue)));
  instance.setStateValue = setStateValue;
  furnish(instance, data);
  const fail = (text) => {
    problem.hidden = false;
    problem.textContent = text;
  };
  if (typeof DecompressionStream === "undefined") {
    fail("This map needs a newer browser: Chrome 80, Firefox 113 or Safari 16.4.");
  } else {
    const turn = (instance.turn = (instance.turn ?? 0) + 1);
    arrive(data.scene.parts, data.blobs, instance.arrays).then(
      (arrays) => {
        if (instance.closed || turn < instance.turn) return; // newer data are on their way
        if (arrays) {
          problem.hidden = true;
          adopt(instance, data, arrays);
          settle(instance, data);
        } else if (Date.now() - instance.asked > 1000) {
          instance.asked = Date.now();
          setStateValue("missing", instance.asked);
        }
      },
      () => fail("This map's data did not arrive whole. Reload the page."),
    );
  }
  return () => {
    instance.closed = true;
    instance.observer.disconnect();
    if (instance.group) leave(instance);
    instances.delete(parentElement);
  };
}
