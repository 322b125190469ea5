// The index grid of one book on a canvas, and the palette. Cells show what their code decodes to, its colour, its number, or its surprise.

const css = (colours, code) => `rgb(${colours[3 * code]},${colours[3 * code + 1]},${colours[3 * code + 2]})`;

function inkOn(colours, code) {
  const [r, g, b] = [0, 1, 2].map((i) => (colours[3 * code + i] / 255) ** 2.2);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 ? "#000" : "#fff";
}

// Black or white on the ground under so much of the orange of surprise.
function inkOnShare(pen, ground, share) {
  pen.fillStyle = ground;
  const parts = [1, 3, 5].map((at) => parseInt(pen.fillStyle.slice(at, at + 2), 16)); // a canvas tells colours as #rrggbb
  const mixed = [213, 94, 0].map((part, i) => parts[i] + (part - parts[i]) * (0.06 + 0.94 * share));
  return inkOn(mixed, 0);
}

const sides = (book) => (book.shape.length === 2 ? book.shape : [1, book.shape[0] ?? 1]);

function sized(canvas, ratio) {
  const width = canvas.clientWidth;
  const scale = Math.min(3, window.devicePixelRatio || 1);
  const [w, h] = [Math.round(width * scale), Math.round(width * ratio * scale)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  return canvas.getContext("2d");
}

function drawTile(pen, book, code, x, y, w, h) {
  const place = book.sheet?.places.get(code);
  pen.fillStyle = css(book.colours, code);
  pen.fillRect(x, y, w, h);
  if (place === undefined || !book.sheet.image.complete || !book.sheet.image.naturalWidth) return false;
  const [th, tw] = book.sheet.tile;
  const [column, row] = [place % book.sheet.columns, Math.floor(place / book.sheet.columns)];
  pen.imageSmoothingEnabled = false;
  pen.drawImage(book.sheet.image, column * tw, row * th, tw, th, x, y, w, h);
  return true;
}

function text(pen, said, x, y, w, h, ink) {
  let size = Math.min(0.46 * h, (1.5 * w) / Math.max(2, said.length));
  if (size < 6) return;
  size = Math.min(size, 40 * (window.devicePixelRatio || 1));
  pen.font = `600 ${size}px ${getComputedStyle(pen.canvas).fontFamily}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillStyle = ink;
  pen.fillText(said, x + w / 2, y + h / 2 + size * 0.05);
}

function drawCell(self, pen, code, x, y, w, h, bits) {
  const { book, store } = self;
  const view = store.view === "surprise" && !bits ? "colours" : store.view;
  if (view === "tiles") {
    if (!drawTile(pen, book, code, x, y, w, h)) text(pen, String(code), x, y, w, h, inkOn(book.colours, code));
    const edge = Math.max(1, Math.round(w / 18)); // one code, one colour: on tiles as their frame
    pen.strokeStyle = css(book.colours, code);
    pen.lineWidth = edge;
    pen.strokeRect(x + edge / 2, y + edge / 2, w - edge, h - edge);
  } else if (view === "surprise") {
    const share = Math.min(1, bits.value / bits.most);
    pen.fillStyle = self.ground;
    pen.fillRect(x, y, w, h);
    pen.globalAlpha = 0.06 + 0.94 * share;
    pen.fillStyle = "#d55e00";
    pen.fillRect(x, y, w, h);
    pen.globalAlpha = 1;
    text(pen, bits.value >= 9.95 ? bits.value.toFixed(0) : bits.value.toFixed(1), x, y, w, h, inkOnShare(pen, self.ground, share));
  } else {
    pen.fillStyle = css(book.colours, code);
    pen.fillRect(x, y, w, h);
    pen.fillStyle = "rgba(0,0,0,0.28)"; // equal neighbours are cells of their own
    pen.fillRect(x, y, w, 1);
    pen.fillRect(x, y, 1, h);
    if (view === "numbers") text(pen, String(code), x, y, w, h, inkOn(book.colours, code));
  }
}

function framed(pen, x, y, w, h, thick, dashed = false) {
  // two lines, so that it is seen on any ground
  for (const [colour, width] of [["#000", thick * 2], ["#fff", thick]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.setLineDash(dashed ? [4 * thick, 2 * thick] : []);
    pen.strokeRect(x + thick, y + thick, w - 2 * thick, h - 2 * thick);
  }
  pen.setLineDash([]);
}

function drawBoard(self) {
  const { board } = self.ui;
  const { book, store } = self;
  const [rows, columns] = sides(book);
  const style = getComputedStyle(self.node);
  self.ground = style.getPropertyValue("--st-background-color");
  const pen = sized(board, rows / columns);
  if (!board.width) return;
  const [w, h] = [board.width / columns, board.height / rows];
  const grid = gridNow(self);
  const scores = self.bitsNow();
  const most = scores && Math.max(Math.log2(book.K), 1);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const cell = book.start + row * columns + column;
      const [x, y] = [Math.round(column * w), Math.round(row * h)];
      const [right, bottom] = [Math.round((column + 1) * w), Math.round((row + 1) * h)];
      drawCell(self, pen, grid[cell], x, y, right - x, bottom - y, scores && { value: scores[cell], most });
      if (store.chosen.has(cell)) {
        pen.fillStyle = `rgba(255,255,255,${store.view === "surprise" ? 0 : 0.45})`;
        pen.fillRect(x, y, right - x, bottom - y);
        framed(pen, x, y, right - x, bottom - y, Math.max(1, w / 30), true);
      }
    }
  }
  const box = self.box && normal(self.box);
  const thick = Math.max(1.5, 1.5 * (window.devicePixelRatio || 1));
  if (box) framed(pen, box.left * w, box.top * h, (box.right - box.left + 1) * w, (box.bottom - box.top + 1) * h, thick, true);
  if (self.cursor && (self.hovering || self.keyboard)) framed(pen, self.cursor[1] * w, self.cursor[0] * h, w, h, thick);
}

const normal = ({ from, to }) => ({
  top: Math.min(from[0], to[0]), left: Math.min(from[1], to[1]), bottom: Math.max(from[0], to[0]), right: Math.max(from[1], to[1]),
});

// ── palette ──

const SWATCH = 42; // pixels: a fingertip

function arrangePalette(self) {
  const { swatches } = self.ui;
  const codes = self.book.orders[self.store.order];
  const width = swatches.parentElement.clientWidth;
  const columns = Math.max(4, Math.floor(width / SWATCH));
  const side = width / columns;
  self.palette = { codes, columns, side, rows: Math.ceil(codes.length / columns) };
  drawPalette(self);
}

// What is wrong with the number typed for the brush, in words; "" when nothing is.
function refuse(self, why) {
  const { number, wrong } = self.ui;
  wrong.textContent = why;
  wrong.hidden = !why;
  number.setAttribute("aria-invalid", String(Boolean(why)));
}

function drawPalette(self) {
  const { swatches, brushtile, number } = self.ui;
  const { codes, columns, side, rows } = self.palette;
  const pen = sized(swatches, (rows * side) / (columns * side));
  const scale = swatches.width / (columns * side);
  pen.clearRect(0, 0, swatches.width, swatches.height);
  codes.forEach((code, i) => {
    const [x, y] = [(i % columns) * side * scale, Math.floor(i / columns) * side * scale];
    const size = side * scale;
    drawCell({ ...self, store: { ...self.store, view: self.store.view === "surprise" ? "tiles" : self.store.view } }, pen, code, x + 1, y + 1, size - 2, size - 2);
    if (code === self.store.brush) framed(pen, x, y, size, size, 2 * scale);
  });
  Object.assign(brushtile, { width: 88, height: 88 });
  const face = brushtile.getContext("2d");
  if (self.store.view === "numbers") drawCell(self, face, self.store.brush, 0, 0, 88, 88);
  else drawCell({ ...self, store: { ...self.store, view: "tiles" } }, face, self.store.brush, 0, 0, 88, 88);
  if (number !== self.root().activeElement) {
    number.value = self.store.brush;
    refuse(self, "");
  }
  self.ui.swatches.setAttribute("aria-activedescendant", "");
  self.ui.swatches.setAttribute("aria-label", `Palette of codes; code ${self.store.brush} is taken. Arrow keys move.`);
}
