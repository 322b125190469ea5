// Keys, pointer, wheel and fingers: what they select, and where they take the view.

function select(instance, code, { quiet = false, soon = false } = {}) {
  instance.selected = code;
  draw(instance);
  clearTimeout(instance.soon);
  if (quiet) return;
  const at = (instance.at = Math.max(Date.now(), instance.at + 1)); // from now on what the server knew before is old
  const tellServer = () => instance.setStateValue("selected", { code, at });
  // walking through codes by key asks the server for the last one alone
  if (soon) instance.soon = setTimeout(tellServer, 250);
  else tellServer();
}

function say(instance, k) {
  const { scene, ui, now } = instance;
  ui.said.textContent = k === null ? "No code selected" : [`Code ${k}`, ...linesOf(scene, now.t, k)].join(", ");
}

// the code at a point of the plot: a mark, else the cell; −1 for none
function codeAt(instance, x, y, reach) {
  const { scene, now, frame } = instance;
  if (x < frame.left || x > frame.left + frame.width || y < frame.top || y > frame.top + frame.height) return -1;
  const mark = nearestTo(now.px, now.py, now.r, x, y, reach);
  if (mark >= 0 || !(scene.cells && instance.cells)) return mark;
  let best = -1, least = Infinity;
  for (let k = 0; k < scene.K; k++) {
    const square = (now.px[k] - x) ** 2 + (now.py[k] - y) ** 2;
    if (square < least) [best, least] = [k, square];
  }
  return best;
}

function hover(instance, code) {
  if (instance.hovered === code) return;
  instance.hovered = code;
  draw(instance);
}

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

function onKey(instance, event) {
  const { scene, now } = instance;
  if (!scene || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = instance.selected;
  const { key } = event;
  const walk = (code) => {
    instance.hovered = -1;
    instance.pinned = true;
    select(instance, code, { soon: true });
    say(instance, code);
  };
  if (key in ARROWS) {
    if (at === null) walk(codeInTheMiddle(instance));
    else {
      const next = nearestToward(now.px, now.py, at, ...ARROWS[key]);
      if (next >= 0) walk(next);
    }
  } else if (key === "n" || key === "PageDown") walk(at === null ? 0 : (at + 1) % scene.K);
  else if (key === "p" || key === "PageUp") walk(at === null ? scene.K - 1 : (at + scene.K - 1) % scene.K);
  else if (key === "Home") walk(0);
  else if (key === "End") walk(scene.K - 1);
  else if (key === "Enter") {
    if (at === null) return;
    instance.pinned = true;
    select(instance, at);
  } else if (key === "Escape") {
    instance.hovered = -1;
    if (at === null) return instance.ui.plot.blur();
    select(instance, null);
    say(instance, null);
  } else if (key === " ") play(instance, !instance.group.playing);
  else if (key === "," || key === ".") {
    play(instance, false);
    goTo(instance, clamp(Math.round(instance.position) + (key === "." ? 1 : -1), 0, scene.T - 1));
  } else if (key === "+" || key === "=" || key === "-") zoomBy(instance, key === "-" ? 1 / 1.4 : 1.4);
  else if (key === "0") showAll(instance);
  else if (key === "9") showOutputs(instance);
  else if (key === "f") setFollow(instance, !instance.follow);
  else return;
  event.preventDefault();
  event.stopPropagation(); // the page has shortcuts of its own
}

function codeInTheMiddle({ scene, now, frame }) {
  return Math.max(0, nearestTo(now.px, now.py, new Float32Array(scene.K), frame.left + frame.width / 2, frame.top + frame.height / 2, Infinity));
}

// ── the view ──

function setView(instance, view, follow = false) {
  const members = instance.shareView ? [...instance.group.members].filter((other) => other.shareView) : [instance];
  for (const other of members) {
    other.view = view;
    other.follow = follow;
    other.ui.follow.setAttribute("aria-pressed", String(follow));
    draw(other);
  }
}

function zoomBy(instance, factor, x, y) {
  const { frame, shownView } = instance;
  const middle = [frame.left + frame.width / 2, frame.top + frame.height / 2];
  setView(instance, zoomed(shownView, frame, factor, x ?? middle[0], y ?? middle[1], viewOf(instance.scene.box, frame)));
}

const showAll = (instance) => setView(instance, null, false);
const setFollow = (instance, on) => setView(instance, null, on);

function showOutputs(instance) {
  const { scene, frame, now } = instance;
  if (!scene.V) return;
  setView(instance, viewOf(boxOf(scene.cloud, 2 * now.t * scene.V, 2 * (now.t + 1) * scene.V), frame));
}

function hint(instance, text, milliseconds = 1400) {
  instance.ui.hint.textContent = text;
  instance.ui.hint.classList.add("shown");
  clearTimeout(instance.hinted);
  instance.hinted = setTimeout(() => instance.ui.hint.classList.remove("shown"), milliseconds);
}

// ── pointer, wheel, fingers ──

function listen(instance) {
  const { ui } = instance;
  const at = (event) => {
    const box = ui.plot.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let drag = null;
  ui.plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !instance.scene) return;
    const [x, y] = at(event);
    drag = { x, y, view: instance.shownView, moved: false, touch: event.pointerType === "touch" };
    if (!drag.touch) ui.plot.setPointerCapture(event.pointerId);
  });
  ui.plot.addEventListener("pointermove", (event) => {
    if (!instance.scene || !instance.shownView) return;
    const [x, y] = at(event);
    if (drag && Math.hypot(x - drag.x, y - drag.y) > (drag.touch ? 10 : 4)) drag.moved = true;
    if (drag?.moved && !drag.touch) {
      ui.plot.classList.add("moving");
      hover(instance, -1);
      setView(instance, { ...drag.view, x: drag.view.x - (x - drag.x) / drag.view.scale, y: drag.view.y + (y - drag.y) / drag.view.scale });
    } else if (!drag && event.pointerType !== "touch") hover(instance, codeAt(instance, x, y, 12));
  });
  ui.plot.addEventListener("pointerup", (event) => {
    const done = drag;
    drag = null;
    ui.plot.classList.remove("moving");
    if (!done || done.moved || instance.pinching || !instance.scene) return;
    const [x, y] = at(event);
    const code = codeAt(instance, x, y, done.touch ? 24 : 12);
    instance.pinned = done.touch && code >= 0; // where nothing hovers, the tooltip stays with the selection
    if (code >= 0) select(instance, code);
    else draw(instance);
  });
  for (const name of ["pointercancel", "lostpointercapture"]) {
    ui.plot.addEventListener(name, () => {
      // the browser takes a finger over to scroll
      if (drag?.touch && name === "pointercancel" && !instance.pinching && instance.view) hint(instance, "Two fingers move the map");
      drag = null;
      ui.plot.classList.remove("moving");
    });
  }
  ui.plot.addEventListener("pointerleave", () => hover(instance, -1));
  ui.plot.addEventListener("dblclick", () => instance.scene && showAll(instance));
  ui.plot.addEventListener("focus", () => {
    if (ui.plot.matches(":focus-visible")) hint(instance, "Arrows: from code to code · Enter: choose · + − 0: zoom · Space: play", 3500);
  });
  ui.plot.addEventListener("keydown", (event) => onKey(instance, event));
  ui.plot.addEventListener(
    "wheel",
    (event) => {
      if (!instance.scene) return;
      const engaged = ui.plot.matches(":focus");
      // a pinch on a trackpad arrives as a wheel with Ctrl
      if (!engaged && !event.ctrlKey && !event.metaKey) return hint(instance, "Click the map, then the wheel zooms");
      event.preventDefault();
      const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 100 : 1;
      zoomBy(instance, Math.exp(clamp(-event.deltaY * lines, -200, 200) * (event.ctrlKey ? 0.01 : 0.0022)), ...at(event));
    },
    { passive: false },
  );
  listenToFingers(instance, at);
  listenToBars(instance);
}

// two fingers zoom and move; one scrolls the page
function listenToFingers(instance, at) {
  const { plot } = instance.ui;
  let pinch = null;
  const pair = (event) => {
    const [a, b] = [...event.touches].map(at);
    return { x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2, apart: Math.max(10, Math.hypot(a[0] - b[0], a[1] - b[1])) };
  };
  plot.addEventListener(
    "touchstart",
    (event) => {
      if (event.touches.length !== 2 || !instance.scene) return;
      event.preventDefault();
      instance.pinching = true;
      pinch = { ...pair(event), view: instance.shownView };
    },
    { passive: false },
  );
  plot.addEventListener(
    "touchmove",
    (event) => {
      if (!pinch || event.touches.length !== 2) return;
      event.preventDefault();
      const now = pair(event), { frame } = instance;
      const home = viewOf(instance.scene.box, frame);
      const view = zoomed(pinch.view, frame, now.apart / pinch.apart, pinch.x, pinch.y, home);
      setView(instance, { ...view, x: view.x - (now.x - pinch.x) / view.scale, y: view.y + (now.y - pinch.y) / view.scale });
    },
    { passive: false },
  );
  const end = (event) => {
    if (event.touches.length < 2) pinch = null;
    if (!event.touches.length) setTimeout(() => (instance.pinching = false), 50); // the last finger's tap selects nothing
  };
  plot.addEventListener("touchend", end);
  plot.addEventListener("touchcancel", end);
}

function listenToBars(instance) {
  const { bars } = instance.ui;
  const code = (event) => {
    const box = bars.getBoundingClientRect();
    return instance.scene ? barAt(instance.layout, instance.scene, event.clientX - box.left, event.clientY - box.top) : -1;
  };
  bars.addEventListener("pointermove", (event) => event.pointerType !== "touch" && hover(instance, code(event)));
  bars.addEventListener("pointerleave", () => hover(instance, -1));
  bars.addEventListener("click", (event) => {
    const found = code(event);
    if (found < 0) return;
    instance.pinned = true;
    select(instance, found);
  });
}

function listenToControls(instance) {
  const { ui } = instance;
  const on = (node, name, action) => node.addEventListener(name, (event) => instance.scene && action(event));
  on(ui.in, "click", () => zoomBy(instance, 1.6));
  on(ui.out, "click", () => zoomBy(instance, 1 / 1.6));
  on(ui.all, "click", () => showAll(instance));
  on(ui.near, "click", () => showOutputs(instance));
  on(ui.follow, "click", () => setFollow(instance, !instance.follow));
  on(ui.play, "click", () => play(instance, !instance.group.playing));
  on(ui.range, "input", () => {
    const position = Number(ui.range.value); // before pausing, which moves the thumb
    if (instance.group.playing) play(instance, false);
    goTo(instance, position);
  });
  on(ui.range, "keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    play(instance, !instance.group.playing);
  });
  on(ui.speed, "change", () => {
    instance.group.speed = Number(ui.speed.value);
    for (const other of instance.group.members) showPlaying(other);
  });
  for (const name of ["pictures", "trails", "cells", "sorted"]) {
    on(ui[name], "click", () => {
      instance[name] = !instance[name];
      ui[name].setAttribute("aria-pressed", String(instance[name]));
      draw(instance);
    });
  }
  on(ui.csv, "click", () => {
    const { t } = moment(instance);
    download(new Blob(["\ufeff", csvOf(instance.scene, t)], { type: "text/csv;charset=utf-8" }), fileName(instance.scene, t, "csv"));
  });
  on(ui.png, "click", () => picture(instance).toBlob((blob) => blob && download(blob, fileName(instance.scene, moment(instance).t, "png"))));
}
