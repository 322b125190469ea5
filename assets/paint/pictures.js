// The pictures beside the grid: decoded, original, reconstruction, and where an edit changed something. Pixels are bytes (H, W, C).

function paintPixels(canvas, pixels, [height, width, channels]) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  if (!pixels) {
    pen.clearRect(0, 0, width, height);
    return;
  }
  const image = pen.createImageData(width, height);
  for (let i = 0; i < width * height; i += 1) {
    for (let c = 0; c < 3; c += 1) image.data[4 * i + c] = pixels[channels * i + Math.min(c, channels - 1)];
    image.data[4 * i + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
}

// How much each pixel changed, 0 to 255: its most changed channel.
function change(before, after, channels) {
  const count = before.length / channels;
  return Uint8Array.from({ length: count }, (_, i) => {
    let most = 0;
    for (let c = 0; c < channels; c += 1) most = Math.max(most, Math.abs(before[channels * i + c] - after[channels * i + c]));
    return most;
  });
}

// All pixels that these cells can reach, as 0 and 1.
function reachOf(cells, reach, [height, width]) {
  const within = new Uint8Array(height * width);
  const seen = new Set();
  for (const cell of cells) {
    const box = reach[cell];
    if (!box || seen.has(String(box))) continue;
    seen.add(String(box));
    for (let y = box[0]; y < box[2]; y += 1) within.fill(1, y * width + box[1], y * width + box[3]);
  }
  return within;
}

const ZOOM = 6; // of the picture of changes, so that outlines are thin

function paintChange(canvas, after, changed, within, [height, width, channels]) {
  Object.assign(canvas, { width: width * ZOOM, height: height * ZOOM });
  const pen = canvas.getContext("2d");
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const i = y * width + x;
      let grey = 0;
      for (let c = 0; c < channels; c += 1) grey += after[channels * i + c] / channels;
      const dim = Math.round(40 + 0.35 * grey);
      const share = changed[i] ? 0.1 + 0.9 * Math.sqrt(changed[i] / 255) : 0;
      const mix = [230, 120, 0].map((part) => Math.round(dim + (part - dim) * share));
      pen.fillStyle = `rgb(${mix.join()})`;
      pen.fillRect(x * ZOOM, y * ZOOM, ZOOM, ZOOM);
    }
  }
  pen.fillStyle = "#fff";
  const inside = (y, x) => y >= 0 && x >= 0 && y < height && x < width && within[y * width + x] === 1;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      if (!inside(y, x)) continue;
      const thin = 1.5;
      if (!inside(y - 1, x)) pen.fillRect(x * ZOOM, y * ZOOM, ZOOM, thin);
      if (!inside(y + 1, x)) pen.fillRect(x * ZOOM, (y + 1) * ZOOM - thin, ZOOM, thin);
      if (!inside(y, x - 1)) pen.fillRect(x * ZOOM, y * ZOOM, thin, ZOOM);
      if (!inside(y, x + 1)) pen.fillRect((x + 1) * ZOOM - thin, y * ZOOM, thin, ZOOM);
    }
  }
}

// Grid and picture once more, small, in a corner of the window, for controls further down the page.
function pin(self) {
  self.pinned.hidden = !self.away || !self.model;
  if (self.pinned.hidden) return;
  for (const [name, from] of [["pinnedgrid", self.ui.board], ["pinnedpicture", self.ui.decoded]]) {
    const to = self.pinned.querySelector(`.${name}`);
    Object.assign(to, { width: from.width, height: from.height });
    if (from.width && from.height) to.getContext("2d").drawImage(from, 0, 0);
  }
}

const CLEARLY = 12; // of 255: what an eye sees at once

const many = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

function drawPictures(self) {
  const { ui, store, model } = self;
  const entry = entryNow(store);
  const image = blobs.get(entry.image);
  const now = store.pictures.get(keyOf(gridNow(self)));
  const base = store.pictures.get(image.grid);
  if (now) self.seen = now;
  const shown = now ?? self.seen;
  self.node.classList.toggle("waiting", !now);
  paintPixels(ui.decoded, shown, model.shape);
  paintPixels(ui.reconstruction, base, model.shape);
  paintPixels(ui.original, image.original ? image.pixels ?? (image.pixels = toBytes(image.original)) : null, model.shape);
  self.find(".was").hidden = !image.original;
  self.find(".base figcaption b").textContent = image.original ? "Before" : "As loaded";
  const first = gridOf(image.grid);
  const before = store.whole ? { grid: first } : entryBefore(store) ?? { grid: first };
  const since = store.pictures.get(keyOf(before.grid));
  ui.since.textContent = store.whole ? "Show the last edit" : "Show all edits";
  const cells = cellsThatDiffer(before.grid, gridNow(self));
  if (!since || !shown || !now) {
    if (shown && !since) paintPixels(ui.difference, null, model.shape);
    return;
  }
  const changed = change(since, shown, model.shape[2]);
  const within = reachOf(cells, model.reach, model.shape);
  paintChange(ui.difference, shown, changed, within, model.shape);
  tellChange(self, cells, changed, within);
}

const escaped = (text) => text.replace(/[&<>]/g, (sign) => `&#${sign.charCodeAt(0)};`);

function tellChange(self, cells, changed, within) {
  const { ui, store } = self;
  const count = changed.reduce((sum, value) => sum + (value > 0), 0);
  const most = Math.round((100 * changed.reduce((a, b) => Math.max(a, b), 0)) / 255);
  const clearly = changed.reduce((sum, value) => sum + (value > CLEARLY), 0);
  const reached = within.reduce((sum, value) => sum + value, 0);
  const which = store.whole ? "All edits" : `The last edit (${entryNow(store).label})`;
  self.node.dataset.changed = String(count);
  if (!cells.length) ui.told.textContent = store.at > 0 && !store.whole ? "The last entry changed no cell of this image." : "Nothing is changed yet.";
  else {
    const reach = `${reached === 1 ? "1 pixel" : many(reached, "pixel")} of ${within.length.toLocaleString("en")} are within reach (outlined)`;
    const strength = count ? `, ${clearly.toLocaleString("en")} of them by more than 5 % of full brightness, at most by ${most} %` : "";
    ui.told.innerHTML = `${escaped(which)}: <b>${many(cells.length, "cell")}</b>. ${reach}; <b>${many(count, "pixel")}</b> changed${strength}.`;
  }
}
