// What stands around the plane: the equation with its numbers, the data, the distances, the loss before and after.

const NAMES = { reconstruction: "Reconstruction", codebook: "Codebook", commitment: "Commitment" };

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

const moving = (self) => self.phase === "move";
const positions = (self) => (moving(self) ? { codes: self.frame.eAfter, vectors: self.frame.zAfter } : { codes: self.frame.e, vectors: self.frame.z });
const standing = (self) => (moving(self) ? self.frame.zAfter[self.n] : self.moved ?? self.frame.z[self.n]);
const codeOf = (self) => (moving(self) ? self.frame.index[self.n] : nearest(standing(self), self.frame.e));

function mapOf(self) {
  const { width, height } = self.plane.getBoundingClientRect();
  return { map: mapping(self.view, Math.max(1, width), Math.max(1, height)), width, height };
}

const sub = (text) => `<sub>${text}</sub>`;
const Ze = `<i>z</i>${sub("e")}`;
const Zq = `<i>z</i>${sub("q")}`;
const E = (k) => `<i>e</i>${sub(k)}`;
const L = (name) => `<i>L</i>${sub(name)}`;
const by = (of, what) => `∂${of}/∂${what}`;
const together = (text) => `<span class="together">${text}</span>`;
const pair = (p, digits = 3) => together(`(${place(p[0], digits)}, ${place(p[1], digits)})`);
const gradientPair = (g) => together(`(${number(g[0])}, ${number(g[1])})`);

function equation(self) {
  const { frame, n } = self;
  const z = standing(self);
  const k = codeOf(self);
  const e = frame.e[k];
  const own = self.moved === null;
  const input = frame.x.points ? `<i>x</i> = ${pair(frame.x.points[n])}` : `<i>x</i>: picture ${n + 1} of the batch`;
  switch (self.phase) {
    case "encode":
      return [`${Ze} = <i>E</i>(<i>x</i>) = <b>${pair(z)}</b>`, input, `~${own ? "The batch's other vectors are grey." : "You moved it: the encoder would not put it here."}`];
    case "distances": {
      const f = self.focus ?? k;
      const score = dot(frame.e[f], frame.e[f]) / 2 - dot(z, frame.e[f]);
      const [dx, dy] = minus(z, frame.e[f]);
      return [
        `|${Ze} − ${E(f)}| = √(${place(dx, 3)}² + ${place(dy, 3)}²) = <b>${number(norm([dx, dy]))}</b>`,
        `~The line below compares |${E("k")}|²/2 − ${Ze}·${E("k")}, here ${number(score)}: the same order, for |${Ze}|² is the same for all codes.`,
      ];
    }
    case "argmin": {
      const order = frame.e.map((c, j) => [norm(minus(z, c)), j]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
      return [
        `<i>k</i> = argmin${sub("k")} |${Ze} − ${E("k")}| = <b>${k}</b>`,
        `at ${number(order[0][0])}; the next is code ${order[1][1]} at ${number(order[1][0])}`,
        `~${frame.count.filter((c) => c > 0).length} of ${frame.e.length} codes are chosen by this batch.`,
      ];
    }
    case "z_q":
      return [
        `${Zq} = ${E(k)} = <b>${pair(e)}</b>`,
        `<i>x̂</i> = <i>G</i>(${Zq})${frame.decoded.points ? ` = ${pair(frame.decoded.points[k])}` : ""}`,
        `its own ${L("rec")} = ${number(frame.pairLoss[n][k])}; the batch's mean = ${number(lossWith(frame, n, k))}`,
        `½|${Ze} − ${Zq}|² = ${number(dot(minus(z, e), minus(z, e)) / 2)}, its commitment before β`,
      ];
    case "gradient": {
      const decoder = own ? frame.atZq[n] : atZq(frame, n, k);
      const passed = own ? frame.passed[n] : passedOn(frame, z, k, decoder);
      const hold = own ? frame.commitment[n] : commitmentAt(frame, z, k);
      const turn = frame.estimator === "rotation" ? turning(z, e) : null;
      const how = turn ? `turned ${place(turn.angle, 0)}°, × |${Zq}|/|${Ze}| = ${number(turn.scale)}` : "copied";
      const none = frame.count.map((c, j) => (c ? -1 : j)).filter((j) => j >= 0);
      const codes = frame.learning === "ema" ? "With EMA, codes get no gradient at all." : none.length ? `Chosen by nobody: ${none.length > 1 ? "codes" : "code"} ${none.join(", ")}. Gradient (0, 0).` : "Every code was chosen.";
      return [
        `${by(L("rec"), Zq)} = ${gradientPair(decoder)}`,
        `${by(L("rec"), Ze)} := <b>${gradientPair(passed)}</b>, ${how}`,
        `β ${by(L("com"), Ze)} = β(${Ze} − ${E(k)})/<i>N</i> = ${gradientPair(hold)}`,
        frame.learning === "gradient" ? `${by("<i>L</i>", E(k))} = Σ(${E(k)} − ${Ze})/<i>N</i> = ${gradientPair(own ? frame.atCodes[k] : codeGradient(frame, n, z, k))}` : "",
        `~<i>N</i> = ${frame.z.length} vectors. ${codes}`,
      ];
    }
    default: {
      const went = minus(frame.eAfter[k], e);
      const lines = [`${E(k)}: ${pair(e)} → <b>${pair(frame.eAfter[k])}</b>`];
      if (frame.learning === "ema") {
        const step = minus(frame.mean[k], e);
        lines.push(`${E(k)} + (1 − γ)·<i>n</i>/<i>N</i>${sub(k)}·(mean − ${E(k)}) = ${E(k)} + ${number(1 - frame.decay)}·${frame.count[k]}/${number(frame.emaCount[k])}·${pair(step)}`);
      } else {
        lines.push(`−${by("<i>L</i>", E(k))} = ${gradientPair(times(frame.atCodes[k], -1))}; moved by ${gradientPair(went)}`);
        lines.push(`~The gradient gives the direction; Adam, at learning rate ${frame.lr}, the length, and it remembers earlier steps.`);
      }
      lines.push(frame.frozen ? `${Ze} stays: the encoder is frozen.` : `${Ze}: ${pair(frame.z[n])} → ${pair(frame.zAfter[n])}, for the encoder's weights moved`);
      lines.push(`~${frame.frozen ? "✕ marks the mean of each cell: k-means would put the code there." : "✕ marks the mean of each cell."}`);
      return lines;
    }
  }
}

function drawEquation(self) {
  const rows = equation(self).filter(Boolean).map((text) => (text.startsWith("~") ? `<p class="aside">${text.slice(1)}</p>` : `<p>${text}</p>`));
  self.find(".equation").innerHTML = rows.join("");
}

function tileOf(data, i) {
  const node = element("div", "tile");
  node.style.backgroundImage = `url(${data.sprite})`;
  node.style.backgroundSize = `${100 * data.count}% 100%`;
  node.style.backgroundPosition = `${data.count > 1 ? (100 * i) / (data.count - 1) : 0}% 0`;
  node.style.aspectRatio = `${data.width} / ${data.height}`;
  return node;
}

function figure(title, node) {
  const made = element("figure");
  made.append(element("figcaption", "", title), node);
  return made;
}

// Points of the data's own plane: the inputs, and once the decoder has answered, what each code decodes to.
function inputMap(self, width, height) {
  const { frame, n } = self;
  const answered = PHASES.indexOf(self.phase) >= 3;
  const k = codeOf(self);
  const map = mapping(self.inputView, width, height);
  const dot = (p, r, fill) => tag("circle", { cx: at(map.to(p)[0]), cy: at(map.to(p)[1]), r, fill });
  const mine = frame.x.points[n];
  const size = height / 40;
  let out = frame.x.points.map((p) => dot(p, 0.75 * size, "var(--soft)")).join("");
  if (answered) {
    const link = { stroke: "var(--st-text-color)", "stroke-width": 2 };
    out += frame.decoded.points.map((p, code) => diamond(map.to(p), frame.colours[code], (code === k ? 2 : 1.4) * size, false)).join("");
    out += line(map.to(mine), map.to(frame.decoded.points[k]), link);
  }
  const node = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  for (const [name, value] of [["class", "map"], ["viewBox", `0 0 ${width} ${height}`], ["role", "img"]]) node.setAttribute(name, value);
  node.setAttribute("aria-label", answered ? "The inputs, and what each code decodes to" : "The inputs of the batch");
  node.innerHTML = out + dot(mine, 1.6 * size, "var(--st-text-color)");
  return { node, map };
}

function drawData(self) {
  const { frame, n } = self;
  const panel = self.find(".data");
  const k = codeOf(self);
  const answered = PHASES.indexOf(self.phase) >= 3;
  panel.classList.toggle("points", Boolean(frame.x.points));
  if (frame.x.points) {
    const words = element("div");
    words.append(element("p", "", "Dots: the inputs x, two numbers each."));
    if (answered) words.append(element("p", "", "Diamonds: what each code decodes to. The line: this input's error."));
    panel.replaceChildren(figure(answered ? "x and x̂, the data's plane" : "x, in the data's plane", inputMap(self, 180, 126).node), words);
    return;
  }
  const answer = answered ? tileOf(frame.decoded, k) : element("div", "tile empty");
  const sheet = element("div", "sheet");
  frame.e.forEach((_, code) => {
    const tile = tileOf(frame.decoded, code);
    tile.style.outlineColor = frame.colours[code];
    tile.classList.toggle("other", code !== k);
    tile.title = `Code ${code}`;
    sheet.append(tile);
  });
  sheet.classList.toggle("waiting", !answered);
  const all = figure(answered ? `All ${frame.e.length} answers` : "\u00a0", sheet);
  panel.replaceChildren(figure("x", tileOf(frame.x, n)), figure(answered ? "x̂" : "x̂: from z_q on", answer), all);
}

// The whole batch as it comes in; a tap chooses.
function drawInputs(self) {
  const { frame } = self;
  const panel = self.find(".inputs");
  if (frame.x.points) {
    const { width, height } = panel.getBoundingClientRect();
    if (width < 2) return;
    const { node, map } = inputMap(self, width, height);
    self.inputPlaces = frame.x.points.map(map.to);
    panel.replaceChildren(node);
    return;
  }
  self.inputPlaces = null;
  const sheet = element("div", "sheet");
  for (let i = 0; i < frame.x.count; i++) {
    const tile = tileOf(frame.x, i);
    tile.classList.toggle("chosen", i === self.n);
    tile.dataset.row = i;
    sheet.append(tile);
  }
  panel.replaceChildren(sheet);
}

function drawChips(self) {
  const panel = self.find(".chips");
  const from = PHASES.indexOf(self.phase);
  panel.classList.toggle("waiting", from < 1);
  const z = moving(self) ? self.frame.z[self.n] : standing(self);
  const k = codeOf(self);
  const focused = [...panel.children].findIndex((node) => node === node.getRootNode().activeElement);
  panel.replaceChildren(
    ...self.frame.e.map((e, code) => {
      const chip = element("button", "chip");
      chip.type = "button";
      const name = element("i", "", String(code));
      name.style.background = self.frame.colours[code];
      name.style.color = inkOn(self.frame.colours[code]);
      chip.append(name, number(norm(minus(z, e))));
      chip.setAttribute("aria-label", `Code ${code} at distance ${number(norm(minus(z, e)))}${from >= 2 && code === k ? ", the nearest" : ""}`);
      chip.classList.toggle("best", from >= 2 && code === k);
      chip.classList.toggle("focus", code === (self.focus ?? k));
      chip.addEventListener("click", () => {
        self.focus = code;
        refresh(self);
      });
      return chip;
    }),
  );
  if (focused >= 0) panel.children[focused]?.focus();
}

function drawMatrix(self) {
  const { frame } = self;
  const panel = self.find(".matrix");
  const decided = PHASES.indexOf(self.phase) >= 2;
  const z = frame.z.map((p, i) => (i === self.n && self.moved ? self.moved : p));
  const rows = z.map((p) => frame.e.map((e) => norm(minus(p, e))));
  const most = Math.max(...rows.flat());
  panel.style.gridTemplateColumns = `repeat(${frame.e.length}, minmax(0, 1fr))`;
  panel.setAttribute("aria-label", `Distances of all ${z.length} vectors, a row each, to all ${frame.e.length} codes, a column each: dark is near`);
  let out = frame.colours.map((colour, code) => `<div class="head" style="background:${colour};color:${inkOn(colour)}">${code}</div>`).join("");
  rows.forEach((row, i) => {
    const best = row.indexOf(Math.min(...row));
    row.forEach((distance, code) => {
      const near = Math.round(82 * (1 - distance / most) ** 2 + 4);
      const fill = decided && code === best ? frame.colours[code] : `color-mix(in srgb, var(--st-text-color) ${near}%, transparent)`;
      out += `<div class="${i === self.n ? "row" : ""}" data-row="${i}" data-code="${code}" style="background:${fill}"></div>`;
    });
  });
  panel.innerHTML = out;
}

function drawSource(self) {
  const rows = self.lines.map((row) => {
    const node = element("div");
    node.append(element("code", "", row.code), element("span", "", `${row.file}, line ${row.number}`));
    return node;
  });
  self.find(".source").replaceChildren(...rows);
}

const key = (mark, text) => `<span><svg viewBox="0 0 22 14">${mark}</svg><span>${text}</span></span>`;
const dash = (colour, wide = 3) => arrow([0, 7], [22, 7], colour, wide);

function drawLegend(self) {
  const { frame } = self;
  const dot = (more) => tag("circle", { cx: 11, cy: 7, r: 5, ...more });
  const rows = [key(diamond([11, 7], "var(--soft)", 6, false), "code"), key(dot({ fill: "var(--soft)" }), `${Ze} of the batch`)];
  rows.push(key(tag("circle", { cx: 11, cy: 7, r: 6, fill: "none", stroke: "var(--st-text-color)", "stroke-width": 2 }), "the chosen one"));
  if (PHASES.indexOf(self.phase) >= 2) rows.push(key(diamond([11, 7], "var(--none)", 6, true), self.phase === "gradient" && frame.learning === "gradient" ? "chosen by nobody: gradient 0" : "chosen by nobody"));
  if (self.phase === "gradient") {
    rows.push(key(dash("var(--decoder)"), frame.estimator === "rotation" ? `minus the gradient at ${Zq}, rotated at ${Ze}` : `minus the gradient at ${Zq}, copied to ${Ze}`));
    rows.push(key(dash("var(--commitment)"), "commitment"));
    if (frame.learning === "gradient") rows.push(key(dash("var(--codebook)"), "codebook term, to a scale of its own"));
  }
  if (moving(self)) rows.push(key(dash("var(--codebook)"), `how codes moved${self.times > 1 ? `, ${self.times} times as long` : ""}`));
  if (moving(self) || frame.frozen) rows.push(key(cross([11, 7], 5), "mean of a cell"));
  self.find(".legend").innerHTML = rows.join("");
}

const BELOW = { encode: ".inputs", distances: ".matrix", argmin: ".matrix", z_q: ".profile", gradient: ".profile", move: ".told" };
const DRAW_BELOW = { ".inputs": drawInputs, ".matrix": drawMatrix, ".profile": drawLoss, ".told": drawTold };

function drawBelow(self) {
  const shown = BELOW[self.phase];
  for (const [name, draw] of Object.entries(DRAW_BELOW)) {
    self.find(name).classList.toggle("waiting", name !== shown);
    if (name === shown) draw(self);
  }
}

function drawLoss(self) {
  const profile = self.find(".profile");
  const { map, width } = mapOf(self);
  const { height } = profile.getBoundingClientRect();
  if (width < 2) return;
  profile.setAttribute("viewBox", `0 0 ${width} ${height}`);
  profile.innerHTML = drawProfile(self.frame, self.n, standing(self), self.phase === "gradient", map, width, height);
}

function drawTold(self) {
  const { frame } = self;
  const row = (name, a, b, all) => `<tr${all ? ' class="all"' : ""}><th>${name}</th><td>${number(a)}</td><td>${number(b)}</td></tr>`;
  const rows = Object.keys(NAMES).map((name) => row(NAMES[name] + (name === "codebook" && frame.learning === "ema" ? ", not in the loss" : ""), frame.terms[name], frame.termsAfter[name]));
  const head = "<tr><th>The same batch, unweighted terms</th><td>before</td><td>after</td></tr>";
  self.find(".told").innerHTML = `<table>${head}${rows.join("")}${row("Loss, weighted sum", frame.loss, frame.lossAfter, true)}</table>`;
}

function drawReadout(self) {
  const { frame, n } = self;
  const stage = PHASES.indexOf(self.phase);
  let text = `Drag the ringed ${Ze}, or move it with the arrow keys. Tap another point to choose it.`;
  if (moving(self)) text = "To drag, go back to an earlier phase: this step has been taken.";
  else if (self.moved !== null && stage >= 3) {
    const k = codeOf(self);
    const began = frame.z[n];
    const promised = dot(frame.passed[n], minus(standing(self), began));
    const came = lossWith(frame, n, k) - lossWith(frame, n, frame.index[n]);
    const where = k === frame.index[n] ? `inside the cell of code ${k}, which the decoder cannot feel` : `across a border, from code ${frame.index[n]} to code ${k}`;
    const slope = self.phase === "gradient" ? ` From where it began, the slope promised <b>${number(promised)}</b>;` : "";
    text = `Moved ${where}.${slope} ${slope ? "the" : "The"} true loss changed by <b>${number(came)}</b>.`;
  } else if (self.moved !== null) text = `Now nearest to code ${codeOf(self)}. Choose phase 4, z_q, to see what that costs.`;
  self.find(".words").innerHTML = text;
  self.find(".back").hidden = self.moved === null || moving(self);
}

function drawWho(self) {
  const k = codeOf(self);
  const name = self.find(".name");
  name.replaceChildren(element("span", "", `Vector ${self.n + 1} of ${self.frame.z.length}`));
  if (PHASES.indexOf(self.phase) >= 2) {
    const swatch = element("i");
    swatch.style.background = self.frame.colours[k];
    name.append(" →", swatch, `code ${k}`);
  }
  self.handle.classList.toggle("fixed", moving(self));
  const [x, y] = standing(self);
  const help = moving(self) ? "" : " Arrow keys move it, with Shift further; N and P choose another vector; Escape puts it back.";
  self.handle.setAttribute("aria-label", `z_e of vector ${self.n + 1} at ${place(x, 2)}, ${place(y, 2)}${PHASES.indexOf(self.phase) >= 2 ? `, code ${k}` : ""}.${help}`);
}
