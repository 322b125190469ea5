// A pad at the data's own resolution. Strokes are soft at their edges, as scaled-down pens are. The server hears of each one when it ends.

const instances = new WeakMap(); // parentElement → what is drawn there
const kept = new Map(); // size and colours → the last drawing; outlives a visit to another part of the page
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

function toText(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

const inkOf = (self) => {
  const { background, ink, channels } = self.data;
  if (self.pen === "eraser") return Array(channels).fill(background);
  if (channels === 1) return [ink];
  return [1, 3, 5].map((at) => parseInt(self.colour.value.slice(at, at + 2), 16));
};

// Pixels within half a width of a stretch of the stroke take the ink, those at its edge a part of it.
function lineTo(self, [x0, y0], [x1, y1]) {
  const { height, width, channels } = self.data;
  const ink = inkOf(self);
  const radius = Number(self.width.value) / 2;
  const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
  const reach = radius + 1;
  for (let y = Math.max(0, Math.floor(Math.min(y0, y1) - reach)); y <= Math.min(height - 1, Math.max(y0, y1) + reach); y += 1) {
    for (let x = Math.max(0, Math.floor(Math.min(x0, x1) - reach)); x <= Math.min(width - 1, Math.max(x0, x1) + reach); x += 1) {
      const [px, py] = [x + 0.5, y + 0.5];
      const along = length ? Math.max(0, Math.min(1, ((px - x0) * (x1 - x0) + (py - y0) * (y1 - y0)) / length)) : 0;
      const distance = Math.hypot(px - x0 - along * (x1 - x0), py - y0 - along * (y1 - y0));
      const cover = Math.round(255 * Math.max(0, Math.min(1, radius + 0.5 - distance)));
      const i = y * width + x;
      if (cover <= self.cover[i]) continue;
      // within one stroke a pixel is covered by its nearest stretch, not by each in turn
      self.cover[i] = cover;
      for (let c = 0; c < channels; c += 1) {
        const under = self.under[channels * i + c];
        self.pixels[channels * i + c] = Math.round(under + ((ink[c] - under) * cover) / 255);
      }
    }
  }
}

function begin(self) {
  self.past.push(self.pixels.slice());
  self.under = self.pixels.slice();
  self.cover = new Uint8Array(self.data.width * self.data.height);
}

function report(self, said) {
  draw(self);
  kept.set(self.name, self.pixels);
  const { background } = self.data;
  const empty = self.pixels.every((value) => value === background);
  self.said.textContent = said;
  self.turn = (self.turn ?? 0) + 1;
  self.setStateValue("drawing", { pixels: empty ? null : toText(self.pixels), turn: `${self.turn} ${Date.now()}` });
}

function draw(self) {
  const { height, width, channels } = self.data;
  const { canvas } = self;
  const zoom = 8; // so that the keyboard's cross is finer than a pixel
  if (canvas.width !== width * zoom || canvas.height !== height * zoom) Object.assign(canvas, { width: width * zoom, height: height * zoom });
  const pen = canvas.getContext("2d");
  for (let i = 0; i < width * height; i += 1) {
    const part = (c) => self.pixels[channels * i + Math.min(c, channels - 1)];
    pen.fillStyle = `rgb(${part(0)},${part(1)},${part(2)})`;
    pen.fillRect((i % width) * zoom, Math.floor(i / width) * zoom, zoom, zoom);
  }
  if (self.keyboard) {
    for (const [colour, thick] of [["#000", 4], ["#fff", 2]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick;
      pen.strokeRect((self.at[0] - 0.5) * zoom, (self.at[1] - 0.5) * zoom, zoom, zoom);
    }
  }
  self.undo.disabled = !self.past.length;
}

const SHAPES = {
  ring: (t) => [0.5 + 0.28 * Math.cos(2 * Math.PI * t), 0.5 + 0.28 * Math.sin(2 * Math.PI * t)],
  cross: (t) => (t < 0.5 ? [0.22 + 1.12 * t, 0.22 + 1.12 * t] : [0.78 - 1.12 * (t - 0.5), 0.22 + 1.12 * (t - 0.5)]),
  bar: (t) => [0.5, 0.18 + 0.64 * t],
  seven: (t) => (t < 0.45 ? [0.25 + (0.5 * t) / 0.45, 0.22] : [0.75 - (0.33 * (t - 0.45)) / 0.55, 0.22 + (0.6 * (t - 0.45)) / 0.55]),
};
const BREAKS = { cross: 0.5 }; // where the pen is lifted

function shape(self, name) {
  const { height, width } = self.data;
  begin(self);
  self.pixels.fill(self.data.background);
  self.under = self.pixels.slice();
  const place = (t) => [SHAPES[name](t)[0] * width, SHAPES[name](t)[1] * height];
  for (let i = 0; i < 80; i += 1) {
    if (BREAKS[name] !== undefined && i / 80 < BREAKS[name] && (i + 1) / 80 >= BREAKS[name]) continue;
    lineTo(self, place(i / 80), place((i + 1) / 80));
  }
  report(self, `A ${name} is drawn.`);
}

function listen(self) {
  const { canvas } = self;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * self.data.width, ((event.clientY - box.top) / box.height) * self.data.height];
  };
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("pointerdown", (event) => {
    if (self.pointer !== undefined || event.button > 0) return;
    event.preventDefault();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    Object.assign(self, { pointer: event.pointerId, keyboard: false, last: place(event) });
    begin(self);
    lineTo(self, self.last, self.last);
    draw(self);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (event.pointerId !== self.pointer) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      const next = place(one);
      lineTo(self, self.last, next);
      self.last = next;
    }
    draw(self);
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      if (event.pointerId !== self.pointer) return;
      self.pointer = undefined;
      report(self, "Stroke done.");
    });
  }
  canvas.addEventListener("keydown", (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const step = ARROWS[key];
    const back = (event.ctrlKey || event.metaKey) && key === "z";
    if (!step && key !== " " && key !== "Enter" && !back) return;
    event.preventDefault();
    event.stopPropagation();
    if (back) {
      undo(self);
      return;
    }
    self.keyboard = true;
    if (step) {
      const next = [Math.max(0.5, Math.min(self.data.width - 0.5, self.at[0] + step[0])), Math.max(0.5, Math.min(self.data.height - 0.5, self.at[1] + step[1]))];
      if (self.down) lineTo(self, self.at, next);
      self.at = next;
    } else if (self.down) {
      self.down = false;
      report(self, "Pen lifted.");
    } else {
      self.down = true;
      begin(self);
      lineTo(self, self.at, self.at);
      self.said.textContent = "Pen down: arrows draw, Space lifts it.";
    }
    draw(self);
  });
  canvas.addEventListener("blur", () => {
    const { down } = self;
    Object.assign(self, { keyboard: false, down: false });
    if (down) report(self, "Pen lifted.");
    else draw(self);
  });
  self.undo.addEventListener("click", () => undo(self));
  self.find(".clear").addEventListener("click", () => {
    begin(self);
    self.pixels.fill(self.data.background);
    report(self, "The pad is empty.");
  });
  for (const button of self.node.querySelectorAll("[data-shape]")) button.addEventListener("click", () => shape(self, button.dataset.shape));
  for (const button of self.node.querySelectorAll("[data-pen]")) button.addEventListener("click", () => choosePen(self, button.dataset.pen));
}

function choosePen(self, pen) {
  self.pen = pen;
  for (const button of self.node.querySelectorAll("[data-pen]")) button.setAttribute("aria-checked", String(button.dataset.pen === pen));
}

function undo(self) {
  if (!self.past.length) return;
  self.pixels = self.past.pop();
  report(self, "One stroke back.");
}

export default function ({ data, parentElement, setStateValue }) {
  let self = instances.get(parentElement);
  if (!self) {
    const node = parentElement.querySelector(".sketch");
    const find = (selector) => node.querySelector(selector);
    self = { node, find, canvas: find("canvas"), said: find(".said"), undo: find(".undo"), width: find(".width"), colour: find('input[type="color"]'), past: [] };
    listen(self);
    instances.set(parentElement, self);
  }
  self.setStateValue = setStateValue;
  const name = JSON.stringify(data);
  if (self.name !== name) {
    Object.assign(self, { name, data, past: [], at: [Math.floor(data.width / 2) + 0.5, Math.floor(data.height / 2) + 0.5] });
    self.pixels = kept.get(name) ?? new Uint8Array(data.height * data.width * data.channels).fill(data.background);
    const side = Math.max(data.height, data.width);
    self.find(".frame").style.width = `${(data.size * data.width) / side}px`;
    Object.assign(self.width, { min: "1", max: String(Math.max(2, side / 6)) });
    self.width.value = String(Math.max(1, side / 11));
    self.find(".colour").hidden = data.channels !== 3;
    self.canvas.setAttribute("aria-label", `Drawing pad of ${data.height} by ${data.width} pixels`);
    choosePen(self, "ink");
    draw(self);
  }
  return () => instances.delete(parentElement);
}
