// Which part of a box is nearer to code k than to any other: corners [[x, y], …] of a convex polygon, perhaps none.
function cellOf(codes, k, [left, right, bottom, top]) {
  let corners = [[left, bottom], [right, bottom], [right, top], [left, top]];
  codes.forEach((other, j) => {
    if (j === k || !corners.length) return;
    const [dx, dy] = [other[0] - codes[k][0], other[1] - codes[k][1]];
    if (dx === 0 && dy === 0) return;
    const limit = (other[0] ** 2 + other[1] ** 2 - codes[k][0] ** 2 - codes[k][1] ** 2) / 2;
    const side = (p) => p[0] * dx + p[1] * dy - limit; // at most 0 inside
    const kept = [];
    corners.forEach((p, i) => {
      const q = corners[(i + 1) % corners.length];
      const [a, b] = [side(p), side(q)];
      if (a <= 0) kept.push(p);
      if (a < 0 !== b < 0 && a !== b) kept.push([p[0] + ((q[0] - p[0]) * a) / (a - b), p[1] + ((q[1] - p[1]) * a) / (a - b)]);
    });
    corners = kept;
  });
  return corners;
}

// the box [left, right, bottom, top] around finite points; null without any
function boxOf(points) {
  const sides = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of points) {
    if (!(Number.isFinite(x) && Number.isFinite(y))) continue;
    sides[0] = Math.min(sides[0], x);
    sides[1] = Math.max(sides[1], x);
    sides[2] = Math.min(sides[2], y);
    sides[3] = Math.max(sides[3], y);
  }
  return sides[0] <= sides[1] ? sides : null;
}

const mix = (a, b, share) => a + (b - a) * share;
const between = (a, b, share) => a.map((p, i) => [mix(p[0], b[i][0], share), mix(p[1], b[i][1], share)]);
