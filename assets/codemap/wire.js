// What the server sent, as arrays. The parts of this folder are one module, in the order that pages/ui/codemap.py gives.

// one place for all maps of the window, whichever copy of this module they run
const shared = (window.vqCodemap ??= { blobs: new Map(), bytes: 0, groups: new Map() });
const KEPT_BYTES = 128 * 2 ** 20; // of decoded chunks: a map that comes back finds its own again
const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array };
const NOT_FINITE = 65535;

async function inflated(packed) {
  const raw = Uint8Array.from(atob(packed), (sign) => sign.charCodeAt(0));
  const stream = new Blob([raw]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// bytes sorted by significance, moments as differences → moments × width numbers
function unsorted(octets, part) {
  const numbers = new ARRAYS[part.kind](octets.length / ARRAYS[part.kind].BYTES_PER_ELEMENT);
  const n = numbers.length;
  for (let plane = 0; plane < ARRAYS[part.kind].BYTES_PER_ELEMENT; plane++) {
    const shift = 8 * plane;
    for (let i = 0; i < n; i++) numbers[i] |= octets[plane * n + i] << shift;
  }
  for (let i = part.width; i < n; i++) numbers[i] += numbers[i - part.width];
  return numbers;
}

// the decoded chunk behind a name, or null when this window does not hold it
function unpack(part, name, blobs) {
  let entry = shared.blobs.get(name);
  if (entry) shared.blobs.delete(name); // to the end: last used
  else if (!(name in blobs)) return null;
  else {
    entry = { bytes: 0, value: decoded(part, blobs[name]) };
    // kept while it is on its way, so that a message that comes meanwhile finds it
    entry.value.then(
      (value) => grow(entry, value.byteLength ?? 2 * blobs[name].length),
      () => shared.blobs.delete(name),
    );
  }
  shared.blobs.set(name, entry);
  return entry.value;
}

async function decoded(part, packed) {
  const octets = await inflated(packed);
  return part.kind === "json" ? JSON.parse(new TextDecoder().decode(octets)) : unsorted(octets, part);
}

function grow(entry, bytes) {
  entry.bytes = bytes;
  shared.bytes += bytes;
  for (const [oldest, { bytes: freed }] of shared.blobs) {
    if (shared.bytes <= KEPT_BYTES) break;
    shared.blobs.delete(oldest);
    shared.bytes -= freed;
  }
}

// places as float32, counts as they were (−1 for none), colours and flags as bytes: moments × width
function joined(part, chunks) {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (part.kind === "u16") {
    const all = new Float32Array(length);
    let at = 0;
    chunks.forEach((chunk, c) => {
      const [x, perX, y, perY] = part.ranges[c];
      for (let i = 0; i < chunk.length; i += 2) {
        const finite = chunk[i] !== NOT_FINITE;
        all[at++] = finite ? x + perX * chunk[i] : NaN;
        all[at++] = finite ? y + perY * chunk[i + 1] : NaN;
      }
    });
    return all;
  }
  const all = part.kind === "u32" ? new Int32Array(length) : new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  if (part.kind === "u32") for (let i = 0; i < length; i++) all[i] -= 1;
  return all;
}

// { name of a part: array }, or null when the server must send again what this window no longer has; parts that did not change
// are taken from `before`
async function arrive(parts, blobs, before) {
  const names = Object.keys(parts);
  const got = await Promise.all(
    names.map(async (name) => {
      const part = parts[name];
      const id = part.chunks.join();
      if (before?.[name]?.id === id) return before[name];
      const chunks = await Promise.all(part.chunks.map((chunk) => unpack(part, chunk, blobs)));
      if (chunks.includes(null)) return null;
      return { id, value: part.kind === "json" ? chunks[0] : joined(part, chunks) };
    }),
  );
  return got.includes(null) ? null : Object.fromEntries(names.map((name, i) => [name, got[i]]));
}
