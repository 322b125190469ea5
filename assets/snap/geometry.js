// The arithmetic of a step in the plane, for vectors that are dragged to where the server has never seen them.
// Every number comes from the server's table of all vectors with all codes; nothing is learned or decoded here.

const PHASES = ["encode", "distances", "argmin", "z_q", "gradient", "move"];

const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];
const plus = (a, b) => [a[0] + b[0], a[1] + b[1]];
const times = (a, s) => [a[0] * s, a[1] * s];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1];
const norm = (a) => Math.hypot(a[0], a[1]);

function nearest(z, codes) {
  let best = 0;
  for (let k = 1; k < codes.length; k++) if (norm(minus(z, codes[k])) < norm(minus(z, codes[best]))) best = k;
  return best;
}

// The part of a box that is nearer to code k than to any other: corners of a polygon, perhaps none.
function cellOf(codes, k, [left, right, bottom, top]) {
  let corners = [[left, bottom], [right, bottom], [right, top], [left, top]];
  codes.forEach((other, j) => {
    if (j === k || !corners.length) return;
    const across = minus(other, codes[k]);
    const limit = (dot(other, other) - dot(codes[k], codes[k])) / 2;
    const side = (p) => dot(p, across) - limit; // at most 0 inside
    const kept = [];
    corners.forEach((p, i) => {
      const q = corners[(i + 1) % corners.length];
      const [a, b] = [side(p), side(q)];
      if (a <= 0) kept.push(p);
      if (a < 0 !== b < 0 && a !== b) kept.push(plus(p, times(minus(q, p), a / (a - b))));
    });
    corners = kept;
  });
  return corners;
}

// Which code is nearest along a horizontal line: [{from, to, code}], from left to right.
function stairs(codes, height, from, to) {
  const edges = [from, to];
  for (let i = 0; i < codes.length; i++) {
    for (let j = 0; j < i; j++) {
      const across = minus(codes[i], codes[j]);
      const x = ((dot(codes[i], codes[i]) - dot(codes[j], codes[j])) / 2 - across[1] * height) / across[0];
      if (x > from && x < to) edges.push(x);
    }
  }
  edges.sort((a, b) => a - b);
  const found = [];
  for (let i = 1; i < edges.length; i++) {
    if (edges[i] - edges[i - 1] < 1e-12) continue;
    const code = nearest([(edges[i] + edges[i - 1]) / 2, height], codes);
    const last = found[found.length - 1];
    if (last && last.code === code) last.to = edges[i];
    else found.push({ from: edges[i - 1], to: edges[i], code });
  }
  return found;
}

// The batch's reconstruction loss, were vector n given code k and all others left as they are.
function lossWith(frame, n, k) {
  return frame.terms.reconstruction + (frame.pairLoss[n][k] - frame.pairLoss[n][frame.index[n]]) / frame.z.length;
}

// What the decoder sends to z_q.
const atZq = (frame, n, k) => times(frame.pairGradient[n][k], 1 / frame.z.length);

// How the rotation trick turns and scales: as z_e was onto z_q (arXiv:2410.06424); null where there is no direction.
function turning(z, q) {
  const [zNorm, qNorm] = [norm(z), norm(q)];
  if (zNorm <= 1e-6) return null;
  const [zHat, qHat] = [times(z, 1 / zNorm), times(q, 1 / Math.max(qNorm, 1e-6))];
  const sum = plus(zHat, qHat);
  const r = times(sum, 1 / Math.max(norm(sum), 1e-6));
  const angle = (Math.atan2(z[1], z[0]) - Math.atan2(q[1], q[0])) * (180 / Math.PI);
  return {
    scale: qNorm / zNorm,
    angle: ((angle + 540) % 360) - 180, // from the code to z_e
    back: (g) => times(plus(minus(g, times(r, 2 * dot(r, g))), times(zHat, 2 * dot(qHat, g))), qNorm / zNorm),
  };
}

// What the estimator makes of it at z_e.
function passedOn(frame, z, k, gradient) {
  const turned = frame.estimator === "rotation" ? turning(z, frame.e[k]) : null;
  return turned ? turned.back(gradient) : gradient;
}

// The weighted commitment's gradient at z_e: 2 β (z_e − e) over the N · D numbers that its mean runs over, D = 2.
const commitmentAt = (frame, z, k) => times(minus(z, frame.e[k]), frame.beta / frame.z.length);

// The codebook term's gradient at code k, at weight 1, were vector n at z: the sum over those that choose it.
function codeGradient(frame, n, z, k) {
  const own = frame.z.map((p, i) => (i === n ? z : p)).filter((p) => nearest(p, frame.e) === k);
  return own.reduce((sum, p) => plus(sum, times(minus(frame.e[k], p), 1 / frame.z.length)), [0, 0]);
}

// Three significant figures, a true minus, no exponent that a class would stumble over.
function number(value) {
  if (value === null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const text = size === 0 ? "0" : size < 1e-5 ? value.toExponential(1) : value.toFixed(Math.max(0, Math.min(7, 2 - Math.floor(Math.log10(size)))));
  return text.replace("-", "−");
}

// Coordinates of the plane: two decimals, more where the plane is small.
function place(value, digits) {
  const text = value.toFixed(digits);
  return (Number(text) === 0 ? text.replace("-", "") : text).replace("-", "−");
}
