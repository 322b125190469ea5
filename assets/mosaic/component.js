// A digit as a small grid of codes. Tiles are painted here; the server decodes the grid and answers with the picture.

const instances = new WeakMap(); // parentElement → what is shown there

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

function put(canvas, picture, [H, W, C]) {
  if (canvas.width !== W || canvas.height !== H) [canvas.width, canvas.height] = [W, H];
  const pen = canvas.getContext("2d");
  const out = pen.createImageData(W, H);
  for (let p = 0; p < H * W; p++) {
    for (let c = 0; c < 3; c++) out.data[4 * p + c] = picture[p * C + (C === 3 ? c : 0)];
    out.data[4 * p + 3] = 255;
  }
  pen.putImageData(out, 0, 0);
}

const rgb = (colour) => `rgb(${colour.join(" ")})`;

function wear(node, self, code) {
  node.style.background = rgb(self.colours[code]);
  node.style.color = inkOn(self.colours[code]);
  node.textContent = code;
}

function fill(self) {
  [...self.grid.children].forEach((node, i) => {
    const code = self.codes[i];
    wear(node, self, code);
    node.classList.toggle("new", self.ready && code !== self.own[i]);
    const place = `row ${Math.floor(i / self.shape[1]) + 1}, column ${(i % self.shape[1]) + 1}`;
    node.setAttribute("aria-label", self.ready ? `Tile in ${place}: code ${code}. Paint it with code ${self.brush}` : `Tile in ${place}: code ${code}`);
  });
}

function tell(self) {
  const changed = self.codes.filter((code, i) => code !== self.own[i]).length;
  self.words.textContent = !self.ready ? "" : changed ? `${changed} of ${self.codes.length} tiles changed.` : "Choose a code, then press or drag over tiles of the grid.";
}

function say(self) {
  self.seq += 1;
  fill(self);
  tell(self);
  self.report("painted", { codes: [...self.codes], seq: self.seq, of: self.of });
}

function paint(self, i) {
  if (!self.ready || i < 0 || self.codes[i] === self.brush) return;
  self.codes[i] = self.brush;
  self.root.classList.remove("next");
  say(self);
}

function pick(self, code, focus) {
  self.brush = code;
  [...self.palette.children].forEach((node, k) => {
    node.setAttribute("aria-checked", String(k === code));
    node.tabIndex = k === code ? 0 : -1;
    if (k === code && focus) node.focus();
  });
  fill(self);
}

function build(self, data) {
  const cells = data.shape[0] * data.shape[1];
  self.shape = data.shape;
  self.grid.style.gridTemplateColumns = `repeat(${data.shape[1]}, minmax(0, 1fr))`;
  const made = (name, role) => {
    const node = document.createElement("button");
    node.type = "button";
    node.className = name;
    if (role) node.setAttribute("role", role);
    node.tabIndex = -1;
    return node;
  };
  self.grid.replaceChildren(
    ...Array.from({ length: cells }, (_, i) => {
      const node = made("cell");
      node.tabIndex = i ? -1 : 0;
      node.addEventListener("click", () => paint(self, i));
      return node;
    }),
  );
  self.palette.replaceChildren(
    ...data.colours.map((_, k) => {
      const node = made("code", "radio");
      node.setAttribute("aria-label", `Code ${k}`);
      node.addEventListener("click", () => pick(self, k));
      return node;
    }),
  );
}

function receive(self, data) {
  const fresh = self.of !== data.of || self.grid.children.length !== data.own.length || self.palette.children.length !== data.colours.length;
  if (fresh) {
    self.of = data.of;
    build(self, data);
  }
  const own = data.own.join();
  const other = fresh || own !== self.ownText;
  Object.assign(self, { own: data.own, ownText: own, colours: data.colours, ready: data.ready });
  if (other) {
    // after a reload the server may know what was painted
    self.codes = [...(data.painted ?? data.own)];
    self.seq = data.answers;
    const used = new Set(data.own);
    self.brush = data.colours.findIndex((_, k) => !used.has(k));
    if (self.brush < 0) self.brush = 0;
  }
  [...self.palette.children].forEach((node, k) => wear(node, self, k));
  self.root.classList.toggle("ready", data.ready);
  self.root.classList.toggle("next", data.ready && !data.tried);
  self.find(".brush").classList.toggle("off", !data.ready);
  self.find(".figures").innerHTML = data.figures.map(([name, value]) => `<span>${name} <b>${value}</b></span>`).join("");
  put(self.find(".original"), bytes(data.original), data.tile);
  if (data.answers >= self.seq || other) put(self.find(".drawn"), bytes(data.picture), data.tile);
  pick(self, self.brush, false);
  tell(self);
}

// a press paints a tile, and so does every tile that the pointer is dragged over; a key paints by its click
function listenToStrokes(self) {
  const { grid } = self;
  const tileAt = (event) => [...grid.children].indexOf(grid.getRootNode().elementFromPoint(event.clientX, event.clientY));
  let stroke = null;
  grid.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || !self.ready) return;
    stroke = event.pointerId;
    grid.setPointerCapture(stroke);
    paint(self, tileAt(event));
  });
  grid.addEventListener("pointermove", (event) => {
    if (event.pointerId !== stroke) return;
    // a quick stroke skips tiles between two events of the page
    for (const step of event.getCoalescedEvents?.() ?? []) paint(self, tileAt(step));
    paint(self, tileAt(event));
  });
  for (const name of ["pointerup", "pointercancel"]) grid.addEventListener(name, () => (stroke = null));
}

export default function ({ data, parentElement, setStateValue }) {
  let self = instances.get(parentElement);
  if (!self) {
    const find = (selector) => parentElement.querySelector(selector);
    self = { find, root: find(".mosaic"), grid: find(".grid"), palette: find(".codes"), words: find(".told"), seq: 0, brush: 0, codes: [], own: [] };
    listenToStrokes(self);
    arrows(self.grid, () => self.shape[1], (to, nodes) => {
      nodes.forEach((node, i) => (node.tabIndex = i === to ? 0 : -1));
      nodes[to].focus();
    });
    arrows(self.palette, () => 1, (to) => pick(self, to, true));
    find(".back").addEventListener("click", () => {
      self.codes = [...self.own];
      say(self);
    });
    instances.set(parentElement, self);
  }
  self.report = setStateValue;
  receive(self, data);
  return () => instances.delete(parentElement);
}
