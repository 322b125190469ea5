// Grids and pictures as text, and what is remembered of each run while the page lives. A grid is a row of 16-bit codes, book after book.

const stores = new Map(); // run → its history, its pictures; outlives visits to other screens
const blobs = new Map(); // name → what the server told once
const PICTURES = 4000; // decoded pictures kept a run

function toText(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(text);
}

const toBytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

function keyOf(grid) {
  const bytes = new Uint8Array(2 * grid.length);
  const view = new DataView(bytes.buffer);
  grid.forEach((code, i) => view.setUint16(2 * i, code, true));
  return toText(bytes);
}

function gridOf(text) {
  const bytes = toBytes(text);
  const view = new DataView(bytes.buffer);
  return Uint16Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true));
}

function floatsOf(text) {
  const bytes = toBytes(text);
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

function storeOf(of) {
  if (!stores.has(of)) {
    stores.set(of, {
      entries: [], at: -1, token: 0, seq: 0, asked: 0, pictures: new Map(), bits: new Map(), decodedBy: "", scoredBy: "",
      brush: null, brushTaken: false, chosen: new Set(), tool: "brush", view: "tiles", order: "usage", book: 0, whole: false,
    });
  }
  return stores.get(of);
}

// The history: entries[at] is what is seen. Nothing is ever dropped but what a new edit after an undo replaces.
function pushEntry(store, entry) {
  store.entries.splice(store.at + 1);
  store.entries.push(entry);
  store.at = store.entries.length - 1;
}

const entryNow = (store) => store.entries[store.at];
const entryBefore = (store) => (store.at > 0 && store.entries[store.at - 1].image === entryNow(store).image ? store.entries[store.at - 1] : null);

function same(a, b) {
  return a.length === b.length && a.every((code, i) => code === b[i]);
}

function cellsThatDiffer(a, b) {
  const found = [];
  for (let i = 0; i < b.length; i += 1) if (!a || a[i] !== b[i]) found.push(i);
  return found;
}

function remember(map, key, value) {
  map.set(key, value);
  if (map.size > PICTURES) map.delete(map.keys().next().value);
}
