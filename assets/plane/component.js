// A codebook of two numbers a code as it learns: cells in the plane beside what each code draws. Frames that arrive together are
// played one after the other until the next ones come, and what moves glides from frame to frame.

const instances = new WeakMap(); // parentElement → what is shown there
const SPREAD = 1000; // milliseconds over which frames that came together are played
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const rgb = ([r, g, b], alpha = 1) => `rgb(${r} ${g} ${b} / ${alpha})`;

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function read(frame) {
  const numbers = new Float32Array(bytes(frame.places).buffer);
  const pairs = Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
  return { ...frame, codes: pairs.slice(0, frame.colours.length), z: pairs.slice(frame.colours.length), sheet: bytes(frame.sheet) };
}

// ── drawing ──

function viewFor(self, codes, z) {
  const box = boxOf([...codes, ...z]) ?? [-1, 1, -1, 1];
  const [x, y] = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
  const { width, height } = self.size;
  const scale = Math.min((width - 48) / Math.max(box[1] - box[0], 1e-6), (height - 48) / Math.max(box[3] - box[2], 1e-6), 4000);
  return [x, y, Math.log(scale)];
}

function draw(self) {
  const { width, height } = self.size;
  if (!self.shown || width < 2) return;
  const { codes, z, view } = self.shown;
  const frame = self.frame;
  const pen = self.pen;
  const density = window.devicePixelRatio || 1;
  pen.setTransform(density, 0, 0, density, 0, 0);
  pen.clearRect(0, 0, width, height);
  const scale = Math.exp(view[2]);
  const at = ([x, y]) => [width / 2 + (x - view[0]) * scale, height / 2 - (y - view[1]) * scale];
  const style = getComputedStyle(self.root);
  const ink = style.getPropertyValue("--st-text-color") || "#888";
  const box = [view[0] - width / scale, view[0] + width / scale, view[1] - height / scale, view[1] + height / scale];
  codes.forEach((_, k) => {
    const corners = cellOf(codes, k, box).map(at);
    if (corners.length < 3) return;
    pen.beginPath();
    corners.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
    pen.fillStyle = rgb(frame.colours[k], self.code === k ? 0.45 : 0.16);
    pen.fill();
    pen.strokeStyle = ink;
    pen.globalAlpha = 0.28;
    pen.lineWidth = 1;
    pen.stroke();
    pen.globalAlpha = 1;
  });
  z.forEach((place, i) => {
    const [x, y] = at(place);
    pen.beginPath();
    pen.arc(x, y, 3, 0, 7);
    pen.fillStyle = rgb(frame.colours[frame.chosen[i]] ?? [128, 128, 128], 0.85);
    pen.fill();
  });
  self.marks = codes.map(at);
  self.marks.forEach(([x, y], k) => {
    const used = frame.used[k] > 0;
    pen.lineWidth = self.code === k ? 4 : 2;
    pen.strokeStyle = ink;
    if (used) {
      pen.beginPath();
      pen.arc(x, y, self.code === k ? 11 : 8, 0, 7);
      pen.fillStyle = rgb(frame.colours[k]);
      pen.fill();
      pen.stroke();
    } else {
      pen.beginPath();
      for (const way of [-1, 1]) {
        pen.moveTo(x - 6, y - 6 * way);
        pen.lineTo(x + 6, y + 6 * way);
      }
      pen.stroke();
    }
  });
  const lens = lensOf(z, self.marks, at, scale, self.size);
  self.root.classList.toggle("magnified", Boolean(lens));
  if (lens) drawLens(pen, { ...lens, plain: scale }, self.shown, frame, ink, style.getPropertyValue("--st-background-color") || "#fff", self.code);
}

function sheet(self) {
  const { frame } = self;
  const [H, W, C] = self.tile;
  if (self.tiles.length !== frame.colours.length) {
    self.tiles = frame.colours.map((_, k) => {
      const node = document.createElement("button");
      node.type = "button";
      node.className = "tile";
      const picture = document.createElement("canvas");
      [picture.width, picture.height] = [W, H];
      node.append(picture);
      node.tabIndex = k ? -1 : 0;
      node.addEventListener("click", () => choose(self, self.code === k ? null : k));
      return { node, pen: picture.getContext("2d") };
    });
    self.group.replaceChildren(...self.tiles.map(({ node }) => node));
  }
  const size = H * W * C;
  self.tiles.forEach(({ node, pen }, k) => {
    const picture = pen.createImageData(W, H);
    for (let i = 0; i < H * W; i++) {
      for (let c = 0; c < 3; c++) picture.data[4 * i + c] = frame.sheet[k * size + i * C + (C === 3 ? c : 0)];
      picture.data[4 * i + 3] = 255;
    }
    pen.putImageData(picture, 0, 0);
    node.style.borderColor = frame.used[k] ? rgb(frame.colours[k]) : "";
    node.classList.toggle("idle", !frame.used[k]);
    node.classList.toggle("chosen", self.code === k);
    node.setAttribute("aria-label", `Code ${k}: ${frame.used[k] ? "in use" : "never chosen"}`);
    node.setAttribute("aria-pressed", String(self.code === k));
  });
}

function words(self) {
  const { frame } = self;
  const used = frame.used.filter((count) => count > 0).length;
  const few = used * 2 < frame.used.length ? ' class="bad"' : "";
  self.find(".figures").innerHTML =
    `<span>Step <b>${frame.step}</b></span><span${few}>Codes used <b>${used} of ${frame.used.length}</b></span>` +
    `<span>Error <b>${frame.error.toFixed(2)}</b> (mean picture ${self.mean.toFixed(2)})</span>`;
  const all = frame.used.reduce((sum, count) => sum + count, 0);
  const k = self.code;
  self.find(".told").textContent =
    k === null ? self.hint : frame.used[k] ? `Code ${k}: chosen for ${Math.round((100 * frame.used[k]) / Math.max(1, all))} % of the digits.` : `Code ${k}: chosen for none.`;
}

function show(self, frame) {
  self.frame = frame;
  sheet(self);
  words(self);
  const label = `Step ${frame.step}: ${frame.z.length} encoder outputs and ${frame.codes.length} codes in the plane`;
  self.canvas.setAttribute("aria-label", label);
}

// ── time ──

function glide(self, now) {
  const from = self.from, to = self.to;
  const share = Math.min(1, (now - self.began) / self.span);
  const same = from && from.z.length === to.z.length && from.codes.length === to.codes.length;
  self.shown = same
    ? { codes: between(from.codes, to.codes, share), z: between(from.z, to.z, share), view: from.view.map((v, i) => mix(v, to.view[i], share)) }
    : to;
  draw(self);
  return share >= 1 || !same;
}

function tick(self, now) {
  self.timer = 0;
  if (self.to && !glide(self, now)) {
    self.timer = requestAnimationFrame((time) => tick(self, time));
    return;
  }
  const frame = self.queue.shift();
  if (!frame) return;
  if (calm() && self.queue.length) return tick(self, now); // the last of them at once
  self.from = calm() ? null : self.shown;
  const wanted = viewFor(self, frame.codes, frame.z);
  const view = self.from ? self.from.view.map((v, i) => mix(v, wanted[i], 0.5)) : wanted;
  self.to = { codes: frame.codes, z: frame.z, view: self.queue.length ? view : wanted };
  self.began = now;
  show(self, frame);
  self.timer = requestAnimationFrame((time) => tick(self, time));
}

function receive(self, data) {
  if (self.of !== data.of) Object.assign(self, { of: data.of, last: -1, queue: [], from: null, to: null, shown: null, code: null });
  self.tile = data.tile;
  self.mean = data.mean;
  self.hint = data.hint;
  const fresh = data.frames.filter((frame) => frame.step > self.last).map(read);
  if (fresh.length) {
    self.last = fresh[fresh.length - 1].step;
    self.queue.push(...fresh);
    self.span = Math.max(16, SPREAD / self.queue.length);
    self.timer ||= requestAnimationFrame((time) => tick(self, time));
  } else if (self.frame && !self.queue.length) words(self);
}

// ── hands ──

function choose(self, code) {
  self.code = code;
  sheet(self);
  words(self);
  draw(self);
}

function listen(self) {
  self.canvas.addEventListener("click", (event) => {
    const box = self.canvas.getBoundingClientRect();
    const [px, py] = [event.clientX - box.left, event.clientY - box.top];
    const near = (self.marks ?? []).map(([x, y], k) => [Math.hypot(x - px, y - py), k]).sort((a, b) => a[0] - b[0])[0];
    if (near) choose(self, near[0] > 60 || near[1] === self.code ? null : near[1]);
  });
  arrows(self.group, () => getComputedStyle(self.group).gridTemplateColumns.split(" ").length);
}

function resized(self) {
  const { clientWidth: width, clientHeight: height } = self.canvas.parentElement;
  const density = window.devicePixelRatio || 1;
  [self.canvas.width, self.canvas.height] = [Math.round(width * density), Math.round(height * density)];
  self.size = { width, height };
  if (self.frame && self.shown && !self.timer) {
    self.shown = { ...self.shown, view: viewFor(self, self.shown.codes, self.shown.z) };
    self.to = self.shown;
    draw(self);
  }
}

export default function ({ data, parentElement }) {
  let self = instances.get(parentElement);
  if (!self) {
    const find = (selector) => parentElement.querySelector(selector);
    const canvas = find(".map canvas");
    self = { find, root: find(".plane"), canvas, pen: canvas.getContext("2d"), group: find(".sheet"), tiles: [], code: null, size: { width: 0, height: 0 }, queue: [] };
    self.sizes = new ResizeObserver(() => resized(self));
    self.sizes.observe(canvas.parentElement);
    resized(self);
    listen(self);
    instances.set(parentElement, self);
  }
  receive(self, data);
  draw(self); // the theme may have changed
  return () => {
    cancelAnimationFrame(self.timer);
    self.sizes.disconnect();
    instances.delete(parentElement);
  };
}
