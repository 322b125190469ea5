// One sample, cell by cell: the picture so far, the codes so far, and the distribution that the next code was drawn from.
// All of it happens here; the server hears nothing of it.

const instances = new WeakMap(); // parentElement → what is shown there
const kept = new Map(); // of the window, by what is shown: how far it was
const SVG = "http://www.w3.org/2000/svg";

const css = (rgb) => `rgb(${rgb.join(",")})`;
const percent = (p) => (p >= 0.0995 ? `${(100 * p).toFixed(0)} %` : p >= 0.001 ? `${(100 * p).toFixed(1)} %` : p > 0 ? "< 0.1 %" : "0 %");
const bookOf = (shown, position) => shown.books.findLastIndex((book) => book.start <= position);

// ── building ──

function build(self) {
  const { shown, find } = self;
  find(".frame").style.aspectRatio = `${shown.width} / ${shown.height}`;
  const holder = find(".grids");
  holder.replaceChildren();
  self.cells = [];
  shown.books.forEach((book) => {
    if (shown.books.length > 1) holder.append(element("p", "", book.name));
    const grid = element("div", "grid");
    grid.setAttribute("role", "group");
    grid.setAttribute("aria-label", "Codes of the sample; tap one to go there");
    grid.style.gridTemplateColumns = `repeat(${book.columns}, minmax(0, 1fr))`;
    for (let i = 0; i < book.rows * book.columns; i++) {
      const at = book.start + i;
      const cell = element("button", "cell", String(shown.codes[at]));
      cell.type = "button";
      cell.tabIndex = -1; // the slider is the stop for the tab key
      cell.style.cssText = `aspect-ratio: 1; background: ${css(shown.colours[at])}; color: ${inkOn(shown.colours[at])}`;
      cell.addEventListener("click", () => go(self, at, true));
      self.cells.push(cell);
      grid.append(cell);
    }
    holder.append(grid);
  });
  self.range.max = shown.codes.length;
}

function fit(self) {
  for (const book of self.shown?.books ?? []) {
    const grid = self.cells[book.start].parentElement;
    const size = grid.clientWidth / book.columns;
    grid.style.fontSize = size < 16 ? "0" : `${Math.min(16, size * 0.42)}px`;
  }
}

// ── drawing: `at` cells are there, and position `at` is the one that comes ──

function veil(self, at) {
  const svg = self.find(".veil");
  svg.replaceChildren();
  const book = self.shown.books[self.shown.books.length - 1];
  const here = self.shown.books[bookOf(self.shown, Math.min(at, self.shown.codes.length - 1))];
  // with several books the first ones' cells lie under all others': the last one's grid tells what is finished
  if (self.shown.books.length > 1 || book.rows * book.columns === 1) return;
  svg.setAttribute("viewBox", `0 0 ${book.columns} ${book.rows}`);
  svg.setAttribute("preserveAspectRatio", "none");
  const box = (className, x, y, width, height) => {
    const node = document.createElementNS(SVG, "rect");
    for (const [name, value] of Object.entries({ class: className, x, y, width, height })) node.setAttribute(name, value);
    svg.append(node);
  };
  const [row, column] = [Math.floor(at / here.columns), at % here.columns];
  if (at < self.shown.codes.length) {
    box("hidden", column, row, here.columns - column, 1);
    box("hidden", 0, row + 1, here.columns, here.rows - row - 1);
    box("here", column, row, 1, 1);
  }
}

function bars(self, at) {
  const { shown } = self;
  const holder = self.find(".bars");
  holder.replaceChildren();
  if (at >= shown.codes.length) {
    holder.append(element("p", "rest", "All cells are drawn. Step back to see what each one could have been."));
    return;
  }
  const { palette } = shown.books[bookOf(shown, at)];
  const line = (code, share, drawn, thumb) => {
    const row = element("div", `row${drawn ? " drawn" : ""}`);
    const picture = element("span", "thumb");
    if (thumb !== null && shown.tiles) sprite(picture, shown.tiles, thumb);
    else if (code !== null) picture.style.background = css(palette[code]);
    else picture.style.visibility = "hidden";
    const number = element("span", "number");
    if (code !== null) {
      const swatch = element("b");
      swatch.style.background = css(palette[code]);
      number.append(swatch);
    }
    number.append(code === null ? "others" : String(code));
    const bar = element(code === null ? "span" : "i"); // all others together are no rival of single codes: no bar
    if (code !== null) bar.style.width = `${(100 * share) / Math.max(...shown.chances[at])}%`;
    row.append(picture, number, bar, element("span", "share", percent(share)));
    holder.append(row);
  };
  const T = shown.candidates[at].length;
  let left = 1;
  shown.candidates[at].forEach((code, i) => {
    const share = shown.chances[at][i];
    left -= share;
    if (share > 0) line(code, share, code === shown.codes[at], at * T + i);
  });
  if (left > 0.0005) line(null, left, false, null);
}

function tell(self, at) {
  const { shown } = self;
  const M = shown.codes.length;
  const total = shown.bits.slice(0, at).reduce((sum, bits) => sum + bits, 0);
  if (at >= M) {
    self.find(".told").textContent = `All ${M} codes are drawn: ${total.toFixed(0)} bits in all, under the prior as it was learnt.`;
    return;
  }
  const book = shown.books[bookOf(shown, at)];
  const inside = at - book.start;
  const where = book.rows * book.columns > 1 ? `row ${Math.floor(inside / book.columns) + 1}, column ${(inside % book.columns) + 1}` : "the only cell";
  const name = shown.books.length > 1 ? `${book.name}, ` : "";
  const sure = 2 ** shown.entropy[at];
  const open = sure < 1.05 ? "hardly any choice" : `a choice among about ${sure < 10 ? sure.toFixed(1) : sure.toFixed(0)} codes`;
  self.find(".told").textContent =
    `Cell ${at + 1} of ${M} (${name}${where}): ${open}. Drawn: code ${shown.codes[at]}, which had ${percent(shown.chance[at])}` +
    ` (${shown.bits[at].toFixed(1)} bits under the prior as it was learnt). So far: ${total.toFixed(0)} bits.`;
}

function draw(self) {
  const { shown, at } = self;
  sprite(self.find(".picture"), shown.frames, shown.frameOf[at]);
  self.cells.forEach((cell, i) => {
    cell.classList.toggle("undrawn", i > at || (i === at && at < shown.codes.length));
    cell.classList.toggle("here", i === at);
    cell.setAttribute("aria-label", i < at ? `cell ${i + 1}: code ${shown.codes[i]}` : `cell ${i + 1}: not drawn yet`);
  });
  self.range.value = at;
  self.range.setAttribute("aria-valuetext", `${at} of ${shown.codes.length} cells drawn`);
  veil(self, at);
  bars(self, at);
  tell(self, at);
}

// ── time ──

function go(self, at, byHand) {
  if (byHand) play(self, false);
  self.at = Math.max(0, Math.min(self.shown.codes.length, at));
  kept.set(self.shown.of, self.at);
  draw(self);
}

function play(self, on) {
  clearTimeout(self.timer);
  self.playing = on;
  const button = self.find(".play");
  button.textContent = on ? "Pause" : "Play";
  button.setAttribute("aria-pressed", String(on));
  if (on) tick(self);
}

function tick(self) {
  self.timer = setTimeout(() => {
    if (self.at >= self.shown.codes.length) return play(self, false);
    go(self, self.at + 1, false);
    tick(self);
  }, Number(self.find(".pace select").value));
}

function listen(self) {
  self.find(".play").addEventListener("click", () => {
    if (!self.playing && self.at >= self.shown.codes.length) go(self, 0, false);
    play(self, !self.playing);
  });
  self.range.addEventListener("input", () => go(self, Number(self.range.value), true));
  self.find(".back").addEventListener("click", () => go(self, self.at - 1, true));
  self.find(".on").addEventListener("click", () => go(self, self.at + 1, true));
  self.find(".time").addEventListener("keydown", (event) => {
    if (event.target.tagName !== "INPUT") return;
    if (event.key === " ") {
      event.preventDefault();
      self.find(".play").click();
    }
    event.stopPropagation(); // the page has shortcuts of its own
  });
}

export default function ({ data, parentElement }) {
  let self = instances.get(parentElement);
  if (!self) {
    self = { at: 0, cells: [], drawn: "", playing: false };
    self.find = (selector) => parentElement.querySelector(selector);
    self.range = self.find(".time input");
    self.sizes = new ResizeObserver(() => fit(self));
    self.sizes.observe(self.find(".fill"));
    instances.set(parentElement, self);
    listen(self);
    play(self, false);
  }
  if (self.drawn !== data.told) {
    self.drawn = data.told;
    const before = self.shown?.of;
    self.shown = JSON.parse(data.told);
    if (before !== self.shown.of) play(self, false);
    // it opens in the midst: what is there, what may come, and what is open can all be seen
    self.at = Math.min(self.shown.codes.length, kept.get(self.shown.of) ?? Math.floor(0.55 * self.shown.codes.length));
    build(self);
    fit(self);
    draw(self);
  }
  return () => {
    clearTimeout(self.timer);
    self.sizes.disconnect();
    instances.delete(parentElement);
  };
}
