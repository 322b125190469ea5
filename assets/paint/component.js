// Painting with codes. The grid and its history live here; the server is told of each edit and answers with the picture that it decodes to.

const instances = new WeakMap(); // parentElement → what is shown there
const PAUSE = 60; // milliseconds between two messages during a stroke, at least
const PATIENCE = 4000; // milliseconds after which a message counts as lost

const gridNow = (self) => self.stroke?.grid ?? self.playing ?? entryNow(self.store).grid;

// ── what the server is told ──

function wanted(self, grid) {
  const { store } = self;
  const image = blobs.get(entryNow(store).image);
  const before = entryBefore(store);
  const keys = self.stroke ? [keyOf(grid)] : [keyOf(grid), image.grid, ...(before ? [keyOf(before.grid)] : [])];
  return [...new Set(keys)].filter((key) => !store.pictures.has(key));
}

function tell(self, more = {}) {
  const { store } = self;
  const grid = gridNow(self);
  store.seq += 1;
  Object.assign(self, { waits: store.seq, toldAt: performance.now(), toldGrid: keyOf(grid), late: false, owes: false });
  self.setStateValue("told", {
    of: self.of, seq: store.seq, grid: keyOf(grid), want: wanted(self, grid), image: entryNow(store).image, stroke: Boolean(self.stroke),
    scored: store.bits.has(keyOf(grid)), chosen: [...store.chosen].sort((a, b) => a - b), has: [...self.parts, ...Object.values(self.names)].filter((name) => blobs.has(name)),
    token: store.token, ...more,
  });
}

const underWay = (self) => self.answered < self.waits && performance.now() - self.toldAt < PATIENCE;

// After an edit. A message under way that holds this very grid brings its picture; another one now would only delay it.
function tellAfter(self) {
  self.owes = underWay(self) && self.toldGrid === keyOf(gridNow(self));
  clearTimeout(self.soon);
  if (!self.owes) tell(self);
  else self.soon = setTimeout(() => self.owes && tell(self), PATIENCE);
}

// During a stroke one message is under way at most; the newest state follows as soon as it is answered.
function tellSoon(self) {
  const since = performance.now() - (self.toldAt ?? 0);
  if (underWay(self)) self.late = true;
  else if (since >= PAUSE) tell(self);
  else {
    self.late = true;
    clearTimeout(self.soon);
    self.soon = setTimeout(() => self.late && self.stroke && tell(self), PAUSE - since);
  }
}

// ── edits ──

function commit(self, grid, label) {
  const { store } = self;
  const entry = entryNow(store);
  if (!same(grid, entry.grid)) pushEntry(store, { grid, label, image: entry.image });
  refresh(self);
  tellAfter(self);
}

function travel(self, by) {
  const { store } = self;
  const to = Math.max(0, Math.min(store.entries.length - 1, store.at + by));
  if (to === store.at || self.stroke) return;
  store.at = to;
  self.released = performance.now();
  refresh(self);
  tell(self);
}

function reset(self) {
  self.released = performance.now();
  commit(self, gridOf(blobs.get(entryNow(self.store).image).grid), "Reset");
}

// An image, or the grid rearranged: the server answers with a push.
function ask(self, what) {
  self.released = performance.now();
  self.store.asked += 1;
  tell(self, { ask: { ...what, n: self.store.asked } });
}

// What Python did to the whole grid: one entry of the history; the steps of Gibbs sweeps are played first.
function take(self, push) {
  const { store } = self;
  store.token = push.token;
  self.stroke = null;
  const grid = gridOf(push.grid);
  const image = push.image || entryNow(store)?.image;
  if (!store.entries.length || !same(grid, entryNow(store).grid) || image !== entryNow(store).image) pushEntry(store, { grid, label: push.label, image });
  const steps = matchMedia("(prefers-reduced-motion: reduce)").matches ? [] : push.frames.map(gridOf);
  clearInterval(self.play);
  if (steps.length > 1) {
    let i = 0;
    self.playing = steps[0];
    self.play = setInterval(() => {
      i += 1;
      self.playing = i < steps.length ? steps[i] : null;
      if (!self.playing) clearInterval(self.play);
      refresh(self);
    }, Math.min(200, 2400 / steps.length));
  }
}

// ── words ──

function describe(self) {
  const { ui, store, book } = self;
  if (!self.cursor) {
    ui.readout.textContent = "Take a code from the palette and paint. Right-click or a long press takes a cell's own code.";
    return;
  }
  const grid = gridNow(self);
  const cell = cellAt(self, self.cursor);
  const code = grid[cell];
  const [rows, columns] = sides(book);
  const where = rows * columns === 1 ? "The only cell" : `Row ${self.cursor[0] + 1}, column ${self.cursor[1] + 1}`;
  const use = book.usage ? `, chosen for ${Number((100 * book.usage[code]) / Math.max(1, book.total)).toPrecision(2)} % of validation cells` : "";
  const scores = self.bitsNow();
  const bits = scores ? ` Here it takes ${scores[cell].toFixed(1)} bits, given the cells before it: its surprise.` : "";
  const total = scores ? ` The whole grid: ${scores.reduce((sum, each) => sum + each, 0).toFixed(1)} bits under the prior.` : "";
  const box = self.box && normal(self.box);
  const rectangle = box ? ` Rectangle of ${box.bottom - box.top + 1}×${box.right - box.left + 1} cells: ${self.keyboard ? "Space fills it." : "let go to fill it."}` : "";
  const chosen = store.chosen.size ? ` ${many(store.chosen.size, "cell")} chosen.` : "";
  ui.readout.textContent = `${where}: code ${code}${use}.${bits}${total}${rectangle}${chosen} Brush: code ${store.brush}.`;
}

function controls(self) {
  const { store, book } = self;
  for (const [name, value] of [["tool", store.tool], ["view", store.view], ["order", store.order], ["book", String(store.book)]]) {
    for (const button of self.node.querySelectorAll(`[data-${name}]`)) {
      const on = button.dataset[name] === value;
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
    }
  }
  self.find(".undo").disabled = store.at <= 0;
  self.find(".redo").disabled = store.at >= store.entries.length - 1;
  const image = blobs.get(entryNow(store).image);
  self.find(".reset").disabled = keyOf(entryNow(store).grid) === image.grid;
  const [rows, columns] = sides(book);
  self.find(".arrange").hidden = rows * columns < 2;
  for (const press of self.node.querySelectorAll('[data-arrange="3"], [data-arrange="4"]')) press.hidden = rows < 2;
  self.find(".grid .note").textContent = `${rows * columns === 1 ? "one code" : `${rows}×${columns} codes`}, ${image.title}`;
  self.find(".picture .note").textContent = `${self.model.shape[0]}×${self.model.shape[1]} pixels`;
  const shown = book.orders[store.order].length;
  self.ui.count.textContent = shown < book.K ? `the ${shown.toLocaleString("en")} most used of ${book.K.toLocaleString("en")} codes` : `${book.K.toLocaleString("en")} codes`;
  for (const tile of self.ui.images.children) tile.setAttribute("aria-selected", String(tile.dataset.name === entryNow(store).image));
  self.ui.board.setAttribute("aria-label", `Index grid, ${rows} by ${columns} codes`);
  // for whoever waits for a state: tests, benchmarks
  Object.assign(self.node.dataset, { at: store.at, entries: store.entries.length, ready: String(self.ready), grid: keyOf(entryNow(store).grid) });
}

function refresh(self) {
  controls(self);
  drawBoard(self);
  drawPictures(self);
  describe(self);
  pin(self);
  const key = keyOf(gridNow(self));
  const picture = self.store.pictures.has(key);
  self.node.dataset.decoded = picture ? key : "";
  if (picture && self.released !== null) {
    const began = self.released;
    self.released = null;
    requestAnimationFrame(() => (self.node.dataset.milliseconds = String(performance.now() - began)));
  }
}

// ── what arrives ──

function unpacked(text) {
  const blob = JSON.parse(text);
  for (const book of blob.books ?? []) {
    book.colours = toBytes(book.colours);
    book.total = book.usage ? book.usage.reduce((sum, count) => sum + count, 0) : 0;
    if (book.sheet) {
      const image = new Image();
      image.src = book.sheet.picture;
      Object.assign(book.sheet, { image, places: new Map(book.sheet.codes.map((code, i) => [code, i])) });
    }
  }
  return blob;
}

function adoptModel(self, name) {
  if (self.modelName === name && self.book) return;
  Object.assign(self, { modelName: name, model: blobs.get(name) });
  const { store, model } = self;
  store.book = Math.min(store.book, model.books.length - 1);
  chooseBook(self, store.book);
  for (const book of model.books) {
    if (book.sheet && !book.sheet.image.complete) {
      book.sheet.image.addEventListener("load", () => {
        if (instances.get(self.parentElement) !== self || self.book !== book) return;
        drawBoard(self);
        drawPalette(self);
      });
    }
  }
  const { books } = self.ui;
  books.hidden = model.books.length < 2;
  books.replaceChildren(
    ...model.books.map((book, i) => {
      const button = document.createElement("button");
      Object.assign(button, { type: "button", textContent: book.name });
      button.setAttribute("role", "radio");
      button.dataset.book = String(i);
      return button;
    }),
  );
}

function chooseBook(self, i) {
  const { store, model } = self;
  Object.assign(store, { book: i });
  self.book = model.books[i];
  self.cursor = self.box = null;
  if (!store.brushTaken || store.brush >= self.book.K) store.brush = self.book.orders.usage[0];
}

function adoptGallery(self, name) {
  if (self.galleryName === name) return;
  self.galleryName = name;
  const gallery = blobs.get(name);
  const { images } = self.ui;
  self.find(".imageshead .note").textContent = gallery.note;
  const [th, tw] = gallery.tile;
  const scale = 48 / Math.max(th, tw);
  images.replaceChildren(
    ...gallery.names.map((image, i) => {
      const tile = document.createElement("button");
      const [row, column] = [Math.floor(i / gallery.columns), i % gallery.columns];
      tile.type = "button";
      tile.setAttribute("role", "option");
      tile.setAttribute("aria-label", `Image ${i + 1} of ${gallery.names.length}`);
      tile.dataset.name = image;
      tile.tabIndex = i ? -1 : 0;
      tile.style.backgroundImage = `url(${gallery.picture})`;
      tile.style.backgroundSize = `${gallery.columns * tw * scale}px auto`;
      tile.style.backgroundPosition = `${-column * tw * scale}px ${-row * th * scale}px`;
      tile.addEventListener("click", () => ask(self, { image: i }));
      return tile;
    }),
  );
}

function receive(self, data) {
  for (const [name, text] of Object.entries(data.blobs)) if (!blobs.has(name)) blobs.set(name, unpacked(text));
  const { problem } = self.ui;
  problem.hidden = !data.problem;
  problem.textContent = data.problem;
  const fresh = self.of !== data.of;
  Object.assign(self, { of: data.of, parts: [data.start, data.push?.image].filter(Boolean), names: { model: data.model, gallery: data.gallery } });
  const store = (self.store = storeOf(data.of));
  if (fresh) Object.assign(self, { stroke: null, box: null, cursor: null, seen: null, waits: store.seq, answered: 0, modelName: null, galleryName: null });
  if (!blobs.has(data.model) || !blobs.has(data.gallery) || !blobs.has(data.start)) return; // asked for anew by the next message
  if (store.decodedBy !== data.by) Object.assign(store, { decodedBy: data.by, pictures: new Map() });
  if (store.scoredBy !== data.scoredBy) Object.assign(store, { scoredBy: data.scoredBy, bits: new Map() });
  for (const [key, text] of Object.entries(data.pictures)) remember(store.pictures, key, toBytes(text));
  for (const [key, text] of Object.entries(data.bits)) remember(store.bits, key, floatsOf(text));
  adoptModel(self, data.model);
  adoptGallery(self, data.gallery);
  if (!store.entries.length) pushEntry(store, { grid: gridOf(blobs.get(data.start).grid), label: "Start", image: data.start });
  if (data.push && data.push.token > store.token) take(self, data.push);
  const surprise = self.node.querySelector('[data-view="surprise"]');
  surprise.hidden = !data.scoredBy;
  if (store.view === "surprise" && !data.scoredBy) store.view = "tiles";
  Object.assign(self, { answered: data.answered, ready: data.ready });
  arrangePalette(self);
  refresh(self);
  const finished = data.answered >= self.waits;
  const lacks = data.ready && (wanted(self, gridNow(self)).length > 0 || (data.scoredBy && !store.bits.has(keyOf(gridNow(self))) && !self.stroke));
  if ((self.owes || (self.late && self.stroke)) && finished) tell(self);
  else if (lacks && finished && !data.problem && self.complained !== `${data.by} ${data.scoredBy} ${keyOf(gridNow(self))}`) {
    // once for each grid: a server that cannot answer is not asked for ever
    self.complained = `${data.by} ${data.scoredBy} ${keyOf(gridNow(self))}`;
    tell(self);
  } else if ((data.push && data.push.token !== data.token) || fresh) tell(self);
}

function build(parentElement, setStateValue) {
  const node = parentElement.querySelector(".paint");
  const find = (selector) => node.querySelector(selector);
  const names = ["problem", "board", "decoded", "original", "reconstruction", "difference", "readout", "told", "swatches", "brushtile", "number", "wrong", "count", "images", "since", "books"];
  const self = {
    parentElement, node, find, setStateValue, ui: Object.fromEntries(names.map((name) => [name, find(`.${name}`)])), root: () => node.getRootNode(),
    released: null, stroke: null, box: null, cursor: null, hovering: false, keyboard: false, waits: 0, answered: 0, playing: null,
  };
  self.bitsNow = () => (self.store.scoredBy ? self.store.bits.get(keyOf(gridNow(self))) : undefined);
  self.observer = new ResizeObserver(() => {
    if (!self.book) return;
    drawBoard(self);
    arrangePalette(self);
  });
  self.observer.observe(node);
  self.pinned = parentElement.querySelector(".pinned");
  self.sight = new IntersectionObserver(([seen]) => {
    self.away = !seen.isIntersecting && seen.boundingClientRect.bottom < innerHeight / 2;
    pin(self);
  });
  self.sight.observe(self.ui.board);
  listenToBoard(self);
  listenToPalette(self);
  find(".undo").addEventListener("click", () => travel(self, -1));
  find(".redo").addEventListener("click", () => travel(self, 1));
  find(".reset").addEventListener("click", () => reset(self));
  for (const press of node.querySelectorAll("[data-arrange]")) {
    press.addEventListener("click", () => self.model && ask(self, { arrange: Number(press.dataset.arrange), book: self.store.book }));
  }
  self.ui.since.addEventListener("click", () => {
    self.store.whole = !self.store.whole;
    refresh(self);
  });
  node.addEventListener("click", (event) => {
    const button = event.target.closest("[data-tool],[data-view],[data-order],[data-book]");
    if (!button || !self.model) return;
    const { tool, view, order, book } = button.dataset;
    if (tool) chooseTool(self, tool);
    if (view || order) Object.assign(self.store, view ? { view } : { order });
    if (book) chooseBook(self, Number(book));
    arrangePalette(self);
    refresh(self);
  });
  node.addEventListener("keydown", (event) => {
    // arrows within a group of choices, and among the images
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const group = event.target.closest('[role="radiogroup"], .images');
    if (!step || !group || event.target.tagName !== "BUTTON") return;
    event.preventDefault();
    const all = [...group.querySelectorAll("button:not([hidden])")];
    const next = all[(all.indexOf(event.target) + step + all.length) % all.length];
    all.forEach((button) => (button.tabIndex = button === next ? 0 : -1));
    next.focus();
    if (group.getAttribute("role") === "radiogroup") next.click();
  });
  return self;
}

export default function ({ data, parentElement, setStateValue }) {
  let self = instances.get(parentElement);
  if (!self) instances.set(parentElement, (self = build(parentElement, setStateValue)));
  self.setStateValue = setStateValue;
  receive(self, data);
  return () => {
    clearTimeout(self.soon);
    clearInterval(self.play);
    self.observer.disconnect();
    self.sight.disconnect();
    instances.delete(parentElement);
  };
}
