// k-means of a photograph's colours. The same photograph and K always give the same colours. Values are 0 to 255, red green blue.

const SAMPLE = 4096; // pixels that the colours are computed from
const ROUNDS = 14;

// mulberry32: numbers in [0, 1) that are the same in every browser
function dice(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

// every so many pixels of an RGBA picture, as (n, 3)
function sampled(rgba, count = SAMPLE) {
  const pixels = rgba.length / 4, n = Math.min(count, pixels);
  const found = new Float32Array(n * 3);
  for (let i = 0; i < n; i++) {
    const at = Math.floor(((i + 0.5) * pixels) / n) * 4;
    for (let c = 0; c < 3; c++) found[i * 3 + c] = rgba[at + c];
  }
  return found;
}

function nearestColour(r, g, b, colours, K) {
  let best = 0, least = Infinity;
  for (let k = 0; k < K; k++) {
    const dr = r - colours[3 * k], dg = g - colours[3 * k + 1], db = b - colours[3 * k + 2];
    const distance = dr * dr + dg * dg + db * db;
    if (distance < least) {
      least = distance;
      best = k;
    }
  }
  return best;
}

// k-means++: each further colour is a pixel, drawn in proportion to its squared distance from those that are there
function seeded(x, K) {
  const n = x.length / 3, random = dice(7);
  const colours = new Float32Array(K * 3);
  const far = new Float32Array(n).fill(Infinity);
  let chosen = Math.floor(random() * n);
  for (let k = 0; k < K; k++) {
    colours.set(x.subarray(3 * chosen, 3 * chosen + 3), 3 * k);
    let total = 0;
    for (let i = 0; i < n; i++) {
      const dr = x[3 * i] - colours[3 * k], dg = x[3 * i + 1] - colours[3 * k + 1], db = x[3 * i + 2] - colours[3 * k + 2];
      far[i] = Math.min(far[i], dr * dr + dg * dg + db * db);
      total += far[i];
    }
    let left = random() * total;
    chosen = 0;
    while (chosen < n - 1 && left >= far[chosen]) left -= far[chosen++];
  }
  return colours;
}

// K colours as (K, 3), the darkest first
function kmeans(x, K) {
  const n = x.length / 3;
  const colours = seeded(x, K);
  for (let round = 0; round < ROUNDS; round++) {
    const sums = new Float64Array(K * 4);
    for (let i = 0; i < n; i++) {
      const k = 4 * nearestColour(x[3 * i], x[3 * i + 1], x[3 * i + 2], colours, K);
      sums[k]++;
      for (let c = 0; c < 3; c++) sums[k + 1 + c] += x[3 * i + c];
    }
    let moved = 0;
    for (let k = 0; k < K; k++) {
      if (!sums[4 * k]) continue;
      for (let c = 0; c < 3; c++) {
        const mean = sums[4 * k + 1 + c] / sums[4 * k];
        moved = Math.max(moved, Math.abs(mean - colours[3 * k + c]));
        colours[3 * k + c] = mean;
      }
    }
    if (moved < 0.25) break;
  }
  const light = (k) => 0.299 * colours[3 * k] + 0.587 * colours[3 * k + 1] + 0.114 * colours[3 * k + 2];
  const order = Array.from({ length: K }, (_, k) => k).sort((a, b) => light(a) - light(b));
  return Float32Array.from(order.flatMap((k) => [...colours.subarray(3 * k, 3 * k + 3)]));
}

// the palette, and for every pixel of an RGBA picture which of its colours is nearest
function quantised(rgba, x, K) {
  const colours = kmeans(x, K);
  const indices = new Uint8Array(rgba.length / 4);
  const counts = new Uint32Array(K);
  for (let i = 0; i < indices.length; i++) counts[(indices[i] = nearestColour(rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2], colours, K))]++;
  return { K, colours, indices, counts };
}
