// A photograph redrawn with K colours, at once under the slider. All of it happens here; the server hears that it was tried.

const KS = [2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64];
const FIRST = 8;
const instances = new WeakMap(); // parentElement → what is shown there

const css = (colours, k) => `rgb(${[0, 1, 2].map((c) => Math.round(colours[3 * k + c])).join(" ")})`;
const rounded = (value) => (Number.isInteger(value) ? String(value) : value.toFixed(1));

function palette(self) {
  const K = KS[Number(self.dial.value)];
  if (!self.known.has(K)) self.known.set(K, quantised(self.rgba, self.sample, K));
  return self.known.get(K);
}

function paint(self) {
  const { colours, indices } = self.now;
  const out = self.context.createImageData(self.canvas.width, self.canvas.height);
  for (let i = 0; i < indices.length; i++) {
    const k = indices[i], at = 4 * i;
    if (self.original) {
      for (let c = 0; c < 3; c++) out.data[at + c] = self.rgba[at + c];
    } else if (self.code === null || self.code === k) {
      for (let c = 0; c < 3; c++) out.data[at + c] = colours[3 * k + c];
    } else {
      const grey = 205 + 0.15 * (0.299 * colours[3 * k] + 0.587 * colours[3 * k + 1] + 0.114 * colours[3 * k + 2]);
      for (let c = 0; c < 3; c++) out.data[at + c] = grey;
    }
    out.data[at + 3] = 255;
  }
  self.context.putImageData(out, 0, 0);
}

function swatches(self) {
  const { K, colours } = self.now;
  self.group.classList.toggle("many", K > 16);
  self.group.replaceChildren(
    ...Array.from({ length: K }, (_, k) => {
      const node = document.createElement("button");
      node.type = "button";
      node.className = "colour";
      node.style.background = css(colours, k);
      node.tabIndex = k === (self.code ?? 0) ? 0 : -1;
      node.setAttribute("aria-label", `Colour ${k + 1} of ${K}`);
      node.setAttribute("aria-pressed", String(self.code === k));
      node.addEventListener("click", () => choose(self, self.code === k ? null : k));
      return node;
    }),
  );
}

function words(self) {
  const { K, counts, indices } = self.now;
  const bits = Math.log2(K);
  self.find(".count").innerHTML = `${K} colours<small>${rounded(bits)} bit${bits === 1 ? "" : "s"} a pixel (log₂ ${K}) instead of 24</small>`;
  const share = self.code === null ? 0 : (100 * counts[self.code]) / indices.length;
  self.find(".told").textContent =
    self.code === null
      ? "Tap a colour, or a place in the photograph, to see all its pixels."
      : `Colour ${self.code + 1}: ${share < 1 ? "under 1" : Math.round(share)} % of the pixels.`;
  self.dial.setAttribute("aria-valuetext", `${K} colours`);
  self.canvas.setAttribute("aria-label", self.original ? "The photograph as it was taken" : `The photograph, redrawn with ${K} colours`);
}

function refresh(self) {
  self.now = palette(self);
  paint(self);
  swatches(self);
  words(self);
}

function choose(self, code) {
  const focused = self.group.contains(self.group.getRootNode().activeElement);
  self.code = code;
  self.original = false;
  self.compare.setAttribute("aria-pressed", "false");
  refresh(self);
  if (focused) self.group.querySelector('[tabindex="0"]').focus();
}

function tried(self) {
  self.root.classList.remove("next");
  self.say("colours", KS[Number(self.dial.value)]);
}

function listen(self) {
  let due = 0;
  self.dial.addEventListener("input", () => {
    self.code = null;
    self.original = false;
    self.compare.setAttribute("aria-pressed", "false");
    due ||= requestAnimationFrame(() => {
      due = 0;
      refresh(self);
    });
  });
  self.dial.addEventListener("change", () => tried(self));
  arrows(self.group, () => 8);
  self.canvas.addEventListener("click", (event) => {
    if (!self.now) return;
    const box = self.canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * self.canvas.width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * self.canvas.height);
    const code = self.now.indices[Math.min(self.now.indices.length - 1, Math.max(0, y * self.canvas.width + x))];
    choose(self, code === self.code ? null : code);
  });
  self.compare.addEventListener("click", () => {
    self.original = !self.original;
    self.compare.setAttribute("aria-pressed", String(self.original));
    if (self.now) refresh(self);
  });
}

async function load(self, picture) {
  self.picture = picture;
  const image = new Image();
  image.src = picture;
  await image.decode();
  if (self.picture !== picture) return;
  self.canvas.width = image.naturalWidth;
  self.canvas.height = image.naturalHeight;
  self.context.drawImage(image, 0, 0);
  self.rgba = self.context.getImageData(0, 0, self.canvas.width, self.canvas.height).data;
  self.sample = sampled(self.rgba);
  refresh(self);
}

export default function ({ data, parentElement, setStateValue }) {
  let self = instances.get(parentElement);
  if (!self) {
    const find = (selector) => parentElement.querySelector(selector);
    const canvas = find("canvas");
    self = { find, root: find(".palette"), canvas, dial: find(".dial input"), group: find(".colours"), compare: find(".original"), known: new Map(), code: null, original: false };
    self.context = canvas.getContext("2d", { willReadFrequently: true });
    self.dial.max = KS.length - 1;
    self.dial.value = Math.max(0, KS.indexOf(data.colours ?? FIRST));
    listen(self);
    instances.set(parentElement, self);
  }
  self.say = setStateValue;
  self.root.classList.toggle("next", !data.tried);
  if (self.picture !== data.picture) load(self, data.picture);
  return () => instances.delete(parentElement);
}
