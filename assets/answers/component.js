// A digit snaps to one of the pictures that a model can draw. Digits of the strip answer at once: their codes came with them. One that
// was drawn comes from the server with its code.

const instances = new WeakMap(); // parentElement → what is shown there
const ABREAST = 10; // digits to choose from at a time
const FLIGHT = 650; // milliseconds
const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function bytes(text) {
  return Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
}

// the i-th picture of many, (H, W, C) each, onto a canvas
function put(canvas, pictures, i, [H, W, C]) {
  [canvas.width, canvas.height] = [W, H];
  const pen = canvas.getContext("2d");
  const out = pen.createImageData(W, H);
  for (let p = 0; p < H * W; p++) {
    for (let c = 0; c < 3; c++) out.data[4 * p + c] = pictures[i * H * W * C + p * C + (C === 3 ? c : 0)];
    out.data[4 * p + 3] = 255;
  }
  pen.putImageData(out, 0, 0);
}

function node(tag, name) {
  const made = document.createElement(tag);
  made.className = name;
  made.append(document.createElement("canvas"));
  return made;
}

function strip(self) {
  const { codes, labels } = self.told;
  const shown = Array.from({ length: Math.min(ABREAST, codes.length) }, (_, i) => (self.first + i) % codes.length);
  self.inputs.replaceChildren(
    ...shown.map((i) => {
      const button = node("button", "input");
      button.type = "button";
      button.setAttribute("aria-label", `A ${labels[i]}`);
      button.setAttribute("aria-pressed", "false");
      put(button.firstChild, self.pictures, i, self.told.tile);
      button.addEventListener("click", () => {
        for (const other of self.inputs.children) other.setAttribute("aria-pressed", String(other === button));
        snap(self, self.pictures, i, codes[i], `This ${labels[i]}`);
        self.say("snapped", { code: codes[i], at: Date.now() });
      });
      return button;
    }),
  );
}

function answers(self) {
  const { colours, tile } = self.told;
  self.tiles = colours.map((colour, k) => {
    const made = node("div", "tile");
    made.style.borderColor = `rgb(${colour.join(" ")})`;
    put(made.firstChild, self.drawable, k, tile);
    return made;
  });
  self.sheet.replaceChildren(...self.tiles);
}

// the picture flies to its answer; then all others fade
function snap(self, pictures, i, code, what) {
  self.root.classList.remove("next");
  put(self.yours, pictures, i, self.told.tile);
  self.sheet.classList.remove("answered");
  for (const tile of self.tiles) tile.classList.remove("best");
  const arrived = () => {
    self.flying.hidden = true;
    self.sheet.classList.add("answered");
    self.tiles[code].classList.add("best");
    self.words.textContent = `${what} became code ${code}: one of 16 numbers instead of ${self.told.tile.reduce((a, b) => a * b)} pixels.`;
    self.sheet.setAttribute("aria-label", `The sixteen pictures that the model can draw; code ${code} is its answer`);
  };
  self.flight?.cancel();
  if (calm()) return arrived();
  const home = self.root.getBoundingClientRect();
  const [from, to] = [self.yours.getBoundingClientRect(), self.tiles[code].getBoundingClientRect()];
  put(self.flying, pictures, i, self.told.tile);
  self.flying.hidden = false;
  const place = (box) => ({ left: `${box.left - home.left}px`, top: `${box.top - home.top}px`, width: `${box.width}px`, height: `${box.height}px` });
  self.flight = self.flying.animate([{ ...place(from), opacity: 1 }, { ...place(to), opacity: 0.9, offset: 0.75 }, { ...place(to), opacity: 0 }], {
    duration: FLIGHT,
    easing: "cubic-bezier(0.5, 0, 0.2, 1)",
  });
  self.flight.onfinish = arrived;
}

function receive(self, data) {
  self.root.classList.toggle("next", !data.tried);
  self.root.classList.toggle("drawing", data.drawing);
  if (self.model !== data.model) {
    self.model = data.model;
    self.told = JSON.parse(data.model);
    self.pictures = bytes(self.told.inputs);
    self.drawable = bytes(self.told.sheet);
    self.first = 0;
    strip(self);
    answers(self);
    put(self.yours, new Uint8Array(self.told.tile.reduce((a, b) => a * b)), 0, self.told.tile);
    self.words.textContent = "";
  }
  if (data.drawn && data.drawn.at !== self.drawnAt) {
    self.drawnAt = data.drawn.at;
    for (const other of self.inputs.children) other.setAttribute("aria-pressed", "false");
    snap(self, bytes(data.drawn.picture), 0, data.drawn.code, "Your drawing");
  }
}

export default function ({ data, parentElement, setStateValue }) {
  let self = instances.get(parentElement);
  if (!self) {
    const find = (selector) => parentElement.querySelector(selector);
    self = { root: find(".answers"), inputs: find(".inputs"), sheet: find(".sheet"), yours: find(".chosen canvas"), flying: find(".flying"), words: find(".told"), tiles: [] };
    find(".others").addEventListener("click", () => {
      self.first = (self.first + ABREAST) % self.told.codes.length;
      strip(self);
    });
    instances.set(parentElement, self);
  }
  self.say = setStateValue;
  receive(self, data);
  return () => {
    self.flight?.cancel();
    instances.delete(parentElement);
  };
}
