// The plane and the loss below it, as SVG. Everything is drawn anew from numbers; only the handle of the chosen vector stays.

const at = (value) => Math.round(value * 10) / 10; // tenths of a pixel
const attributes = (values) => Object.entries(values).map(([name, value]) => ` ${name}="${value}"`).join("");
const tag = (name, values, inner = "") => `<${name}${attributes(values)}>${inner}</${name}>`;

// Where numbers of the plane fall on the screen; both axes to one scale.
function mapping(view, width, height) {
  const unit = Math.min(width / (view.right - view.left), height / (view.top - view.bottom)); // pixels
  const middle = [(view.left + view.right) / 2, (view.bottom + view.top) / 2];
  return {
    unit,
    to: (p) => [width / 2 + (p[0] - middle[0]) * unit, height / 2 - (p[1] - middle[1]) * unit],
    from: (x, y) => [middle[0] + (x - width / 2) / unit, middle[1] - (y - height / 2) / unit],
    box: [middle[0] - width / 2 / unit, middle[0] + width / 2 / unit, middle[1] - height / 2 / unit, middle[1] + height / 2 / unit],
  };
}

// The smallest view that holds all points, with room for numbers and arrows.
function viewOf(points) {
  const [xs, ys] = [0, 1].map((axis) => points.map((p) => p[axis]).filter(Number.isFinite));
  const view = { left: Math.min(...xs), right: Math.max(...xs), bottom: Math.min(...ys), top: Math.max(...ys) };
  const room = 0.16 * Math.max(view.right - view.left, view.top - view.bottom, 0.02);
  return { left: view.left - room, right: view.right + room, bottom: view.bottom - room, top: view.top + room };
}

// A view that is kept while it fits: a plane that jumped at each step would hide what moved.
function viewFor(old, points) {
  const wanted = viewOf(points);
  if (!old) return wanted;
  const holds = old.left <= wanted.left && old.right >= wanted.right && old.bottom <= wanted.bottom && old.top >= wanted.top;
  const filled = Math.max((wanted.right - wanted.left) / (old.right - old.left), (wanted.top - wanted.bottom) / (old.top - old.bottom));
  if (holds && filled > 0.55) return old;
  const room = 0.08 * Math.max(wanted.right - wanted.left, wanted.top - wanted.bottom);
  return { left: wanted.left - room, right: wanted.right + room, bottom: wanted.bottom - room, top: wanted.top + room };
}

function niceStep(span, count) {
  const raw = span / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 5, 10].map((m) => m * power).find((step) => step >= raw);
}

function ticks(from, to, count) {
  const step = niceStep(to - from, count);
  const found = [];
  for (let i = Math.ceil(from / step); i * step <= to; i++) found.push(i * step);
  return { step, found, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

function axes(map, width, height) {
  let out = "";
  const [left, right, bottom, top] = map.box;
  const grid = { stroke: "var(--line)", "stroke-width": 1, "stroke-opacity": 0.55 };
  const across = ticks(left, right, 5);
  for (const value of across.found) {
    const x = at(map.to([value, 0])[0]);
    out += tag("line", { x1: x, x2: x, y1: 0, y2: height, ...grid });
    if (x > 24 && x < width - 24) out += tag("text", { x, y: height - 5, "text-anchor": "middle", opacity: 0.75 }, place(value, across.digits));
  }
  for (const value of ticks(bottom, top, 4).found) {
    const y = at(map.to([0, value])[1]);
    out += tag("line", { x1: 0, x2: width, y1: y, y2: y, ...grid });
    if (y > 14 && y < height - 26) out += tag("text", { x: 5, y: y - 3, opacity: 0.75 }, place(value, across.digits));
  }
  return out;
}

function arrow(from, to, colour, wide = 3, more = {}) {
  const along = minus(to, from);
  const length = norm(along);
  if (length < 1.5) return tag("circle", { cx: at(from[0]), cy: at(from[1]), r: wide * 0.7, fill: colour, ...more });
  const head = Math.min(4 + 2.2 * wide, length);
  const unit = times(along, 1 / length);
  const side = times([-unit[1], unit[0]], head * 0.45);
  const neck = minus(to, times(unit, head));
  const points = [to, plus(neck, side), minus(neck, side)].map((p) => p.map(at).join(",")).join(" ");
  const shaft = { x1: at(from[0]), y1: at(from[1]), x2: at(neck[0]), y2: at(neck[1]), stroke: colour, "stroke-width": wide };
  return tag("g", more, tag("line", shaft) + tag("polygon", { points, fill: colour }));
}

const line = (a, b, more) => tag("line", { x1: at(a[0]), y1: at(a[1]), x2: at(b[0]), y2: at(b[1]), ...more });
const halo = { "paint-order": "stroke", stroke: "var(--st-background-color)", "stroke-width": 4, "stroke-linejoin": "round" };

function diamond([x, y], colour, size, hollow, more = {}) {
  const points = [[x, y - size], [x + size, y], [x, y + size], [x - size, y]].map((p) => p.map(at).join(",")).join(" ");
  const fill = hollow ? { fill: "var(--st-background-color)", stroke: colour, "stroke-width": 2.5 } : { fill: colour, stroke: "var(--st-text-color)", "stroke-width": 1.2 };
  return tag("polygon", { points, ...fill, ...more });
}

function cross([x, y], size) {
  const both = `M${at(x - size)},${at(y - size)}L${at(x + size)},${at(y + size)}M${at(x - size)},${at(y + size)}L${at(x + size)},${at(y - size)}`;
  const wide = (stroke, width) => tag("path", { d: both, stroke, "stroke-width": width, "stroke-linecap": "round", fill: "none" });
  return wide("var(--st-background-color)", 6) + wide("var(--st-text-color)", 2.6);
}

// The plane. `shown`: what is drawn where at this instant of a movement; `n` the chosen vector, `z` where it stands.
function drawPlane(frame, phase, shown, n, z, map, width, height) {
  const stage = PHASES.indexOf(phase);
  const { codes, vectors } = shown;
  const moving = phase === "move";
  const chosen = frame.index[n];
  const k = moving ? chosen : nearest(z, frame.e);
  const colour = (code) => frame.colours[code];
  let out = "";
  if (stage >= 2) {
    codes.forEach((_, code) => {
      const corners = cellOf(codes, code, map.box).map((p) => map.to(p).map(at).join(",")).join(" ");
      if (corners) out += tag("polygon", { points: corners, fill: colour(code), "fill-opacity": code === k ? 0.26 : 0.1, stroke: "var(--soft)", "stroke-width": 1 });
    });
  }
  out += axes(map, width, height);
  const Z = map.to(z);
  if (!moving && stage >= 3) {
    out += line([0, Z[1]], [width, Z[1]], { stroke: "var(--st-text-color)", "stroke-width": 1.2, "stroke-dasharray": "6 5", opacity: 0.6 });
  }
  if (phase === "distances" || phase === "argmin") {
    codes.forEach((e, code) => {
      const best = phase === "argmin" && code === k;
      const faint = phase === "argmin" && !best;
      out += line(Z, map.to(e), { stroke: faint ? "var(--none)" : colour(code), "stroke-width": best ? 5 : 2, opacity: faint ? 0.35 : 0.9 });
    });
  }
  if (stage >= 3) {
    vectors.forEach((p, i) => {
      if (moving || i === n) return;
      out += line(map.to(p), map.to(frame.e[frame.index[i]]), { stroke: colour(frame.index[i]), "stroke-width": 1.5, opacity: phase === "z_q" ? 0.75 : 0.3 });
    });
  }
  vectors.forEach((p, i) => {
    const P = map.to(p);
    const own = stage >= 2 ? colour(moving ? frame.indexAfter?.[i] ?? frame.index[i] : i === n ? k : frame.index[i]) : "var(--soft)";
    if (moving) {
      const before = map.to(frame.z[i]);
      out += line(before, P, { stroke: "var(--soft)", "stroke-width": i === n ? 2.5 : 1.2 });
      out += tag("circle", { cx: at(before[0]), cy: at(before[1]), r: 3.5, fill: "none", stroke: "var(--soft)", "stroke-width": 1.2 });
    }
    out += tag("circle", { cx: at(P[0]), cy: at(P[1]), r: i === n ? 7 : 5, fill: own, stroke: "var(--st-background-color)", "stroke-width": 1.2 });
  });
  if (moving) frame.e.forEach((e, code) => (out += diamond(map.to(e), colour(code), 9, true, { opacity: 0.7 })));
  codes.forEach((e, code) => {
    const none = stage >= 2 && frame.count[code] === 0 && !(code === k && !moving);
    out += diamond(map.to(e), none ? "var(--none)" : colour(code), code === k ? 12 : 10, none);
  });
  if (!moving && z !== frame.z[n]) {
    const began = map.to(frame.z[n]);
    out += line(began, Z, { stroke: "var(--soft)", "stroke-width": 1.5, "stroke-dasharray": "2 4" });
    out += tag("circle", { cx: at(began[0]), cy: at(began[1]), r: 6, fill: "none", stroke: "var(--soft)", "stroke-width": 2 });
  }
  if (phase === "z_q") out += arrow(Z, map.to(frame.e[k]), "var(--st-text-color)", 3.5);
  if (phase === "gradient") out += gradients(frame, n, z, k, map, Math.min(width, height));
  if (moving) {
    const longer = magnified(frame, map, Math.min(width, height));
    frame.e.forEach((e, code) => {
      const went = minus(frame.eAfter[code], e);
      if (norm(went) > 0) out += arrow(map.to(e), map.to(plus(e, times(went, longer))), "var(--codebook)", 3);
    });
  }
  if (moving || frame.frozen) frame.mean.forEach((mean, code) => frame.count[code] && (out += cross(map.to(mean), 7)));
  const zero = (code) => phase === "gradient" && frame.learning === "gradient" && frame.count[code] === 0;
  return out + labels(codes.map(map.to), (code) => (zero(code) ? `${code}: 0` : String(code)), width, height);
}

// The codes' names, each on the first side of its mark where it covers neither another mark nor another name.
function labels(marks, nameOf, width, height) {
  const taken = marks.map(([x, y]) => [x - 8, x + 8, y - 8, y + 8]);
  const free = ([a, b, c, d]) => a > 0 && b < width && c > 0 && d < height && !taken.some(([e, f, g, h]) => a < f && e < b && c < h && g < d);
  return marks
    .map(([x, y], code) => {
      const name = nameOf(code);
      const wide = 9 * name.length;
      const sides = [[13, -8], [-13 - wide, -8], [-wide / 2, -29], [-wide / 2, 13], [10, -24], [10, 8], [-10 - wide, -24], [-10 - wide, 8]];
      const boxes = sides.map(([right, down]) => [x + right, x + right + wide, y + down, y + down + 16]);
      const box = boxes.find(free) ?? boxes[0];
      taken.push(box);
      return tag("text", { x: at((box[0] + box[1]) / 2), y: at(box[3] - 3), "text-anchor": "middle", "font-weight": 600, ...halo }, name);
    })
    .join("");
}

// A step is short: its arrows are drawn so many times as long, in round numbers.
function magnified(frame, map, room) {
  const longest = Math.max(...frame.e.map((e, code) => norm(minus(frame.eAfter[code], e)))) * map.unit;
  return [50, 20, 10, 5, 2].find((factor) => factor * longest <= 0.16 * room) ?? 1;
}

// What gradients ask for, that is their opposites: at vectors to one scale, at codes, where many add up, to another.
function gradients(frame, n, z, k, map, room) {
  const wants = (g) => times([-g[0], g[1]], 1); // the screen's second axis points down
  const moved = z !== frame.z[n];
  const mine = moved ? passedOn(frame, z, k, atZq(frame, n, k)) : frame.passed[n];
  const decoder = moved ? atZq(frame, n, k) : frame.atZq[n];
  const hold = moved ? commitmentAt(frame, z, k) : frame.commitment[n];
  const reach = (gradients, share) => (share * room) / Math.max(...gradients.map(norm), 1e-30);
  const [atVectors, atCodes] = [reach([mine, decoder, hold, ...frame.passed], 0.26), reach(frame.atCodes, 0.2)];
  const from = (p, g, scale, colour, wide, more) => arrow(map.to(p), plus(map.to(p), times(wants(g), scale)), colour, wide, more);
  let out = "";
  frame.z.forEach((p, i) => i !== n && (out += from(p, frame.passed[i], atVectors, "var(--decoder)", 1.4, { opacity: 0.45 })));
  frame.e.forEach((e, code) => frame.count[code] && frame.learning === "gradient" && (out += from(e, frame.atCodes[code], atCodes, "var(--codebook)", 3)));
  out += from(frame.e[k], decoder, atVectors, "var(--decoder)", 4);
  out += from(z, mine, atVectors, "var(--decoder)", 4);
  out += from(z, hold, atVectors, "var(--commitment)", 3);
  return out;
}

// The loss of the batch while the chosen vector moves along the dashed line, on the plane's own horizontal axis; `sloped`: with
// the slope that the estimator hands to z_e.
function drawProfile(frame, n, z, sloped, map, width, height) {
  const [left, right] = map.box;
  const steps = stairs(frame.e, z[1], left, right).map((step) => ({ ...step, loss: lossWith(frame, n, step.code) }));
  const values = steps.map((step) => step.loss);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = Math.max(0.18 * (high - low), 1e-4 * Math.abs(high), 1e-9);
  const [foot, head] = [34, 26];
  const y = (value) => head + ((high + room - value) / (high - low + 2 * room)) * (height - foot - head);
  const x = (value) => map.to([value, 0])[0];
  const k = nearest(z, frame.e);
  let out = tag("rect", { x: 0, y: head, width, height: height - foot - head, fill: "none", stroke: "var(--line)" });
  const scale = ticks(low - room, high + room, 3);
  steps.forEach((step, i) => {
    if (i) out += line([x(step.from), y(steps[i - 1].loss)], [x(step.from), y(step.loss)], { stroke: "var(--soft)", "stroke-width": 1.5 });
  });
  for (const step of steps) {
    out += line([x(step.from), y(step.loss)], [x(step.to), y(step.loss)], { stroke: frame.colours[step.code], "stroke-width": step.code === k ? 6 : 4.5 });
    if (x(step.to) - x(step.from) > 24) {
      const above = y(step.loss) > head + 24;
      const put = { x: at((x(step.from) + x(step.to)) / 2), y: at(y(step.loss) + (above ? -8 : 20)), "text-anchor": "middle", "font-weight": 600 };
      out += tag("text", { ...put, ...halo }, String(step.code));
    }
  }
  const here = lossWith(frame, n, k);
  if (sloped) {
    const slope = (z === frame.z[n] ? frame.passed[n] : passedOn(frame, z, k, atZq(frame, n, k)))[0];
    const [a, b] = [left, right].map((end) => [x(end), y(here + slope * (end - z[0])) - head]);
    const pane = { x: 0, y: head, width, height: height - foot - head, overflow: "hidden" };
    const dashed = { stroke: "var(--decoder)", "stroke-width": 3, "stroke-dasharray": "9 6" };
    out += tag("svg", pane, line(a, b, dashed));
    if (width > 420) out += line([width - 214, 11], [width - 184, 11], dashed) + tag("text", { x: width, y: 16, "text-anchor": "end" }, "the slope copied to z_e");
  }
  out += tag("circle", { cx: at(x(z[0])), cy: at(y(here)), r: 7, fill: "var(--st-text-color)", stroke: "var(--st-background-color)", "stroke-width": 2 });
  for (const value of scale.found) out += tag("text", { x: 5, y: at(y(value)) + 5, opacity: 0.75, ...halo }, place(value, scale.digits));
  out += tag("text", { x: 0, y: 16 }, "Reconstruction loss of the batch");
  return out + tag("text", { x: width, y: height - 8, "text-anchor": "end" }, "z₁ of the chosen vector, along the dashed line");
}
