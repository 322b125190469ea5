// Planes and pixels, cells, ticks, directions. A view is { x, y, scale }: the middle of the plot on the plane, and pixels per unit.

const clamp = (value, low, high) => Math.max(low, Math.min(high, value));

// the smallest box around finite places [x0, y0, x1, y1]; null without any
function boxOf(places, from = 0, to = places.length, box = null) {
  let [x0, y0, x1, y1] = box ?? [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = from; i < to; i += 2) {
    const x = places[i], y = places[i + 1];
    if (!(Number.isFinite(x) && Number.isFinite(y))) continue;
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
    if (y < y0) y0 = y;
    if (y > y1) y1 = y;
  }
  return x0 <= x1 ? [x0, y0, x1, y1] : null;
}

// the view that shows a box whole, with room for the marks at its edge
function viewOf(box, frame) {
  const [x0, y0, x1, y1] = box ?? [-1, -1, 1, 1];
  const most = Math.max(x1 - x0, y1 - y0, 1e-9 * Math.max(Math.abs(x0), Math.abs(y0)), 1e-12);
  const wide = Math.max(x1 - x0, 0.05 * most), high = Math.max(y1 - y0, 0.05 * most);
  const room = Math.min(40, 0.1 * Math.min(frame.width, frame.height));
  const clear = frame.clear ?? 0;
  const scale = Math.max(Math.min((frame.width - clear - 2 * room) / wide, (frame.height - 2 * room) / high), 1e-30);
  return { x: (x0 + x1) / 2 + clear / 2 / scale, y: (y0 + y1) / 2, scale };
}

function toScreen(view, frame, x, y) {
  return [frame.left + frame.width / 2 + (x - view.x) * view.scale, frame.top + frame.height / 2 - (y - view.y) * view.scale];
}

function toPlane(view, frame, px, py) {
  return [view.x + (px - frame.left - frame.width / 2) / view.scale, view.y - (py - frame.top - frame.height / 2) / view.scale];
}

// around a pixel that stays where it is
function zoomed(view, frame, factor, px, py, home) {
  const scale = clamp(view.scale * factor, home.scale / 30, home.scale * 3000);
  const [x, y] = toPlane(view, frame, px, py);
  const ratio = view.scale / scale;
  return { x: x + (view.x - x) * ratio, y: y + (view.y - y) * ratio, scale };
}

// round numbers, about `gap` pixels apart
function ticks(low, high, pixels, gap = 80) {
  const rough = ((high - low) * gap) / Math.max(pixels, 1);
  if (!(rough > 0) || !Number.isFinite(rough)) return [];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high && found.length < 50; i++) found.push(i * step);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const small = Math.abs(Math.log10(step)) > 4;
  return found.map((value) => ({ value, text: small ? value.toExponential(0) : (Math.abs(value) < step / 2 ? 0 : value).toFixed(digits).replace("-", "−") }));
}

// the cell of every place: the part of the plane that is nearer to it than to any other, as [x, y, x, y, …]; null for no place.
// Codes are met in the order of their x, outwards; when they are further away than the cell reaches, it is done.
function cellsOf(xs, ys, box) {
  const K = xs.length;
  const [x0, y0, x1, y1] = box;
  const pad = 20 * Math.max(x1 - x0, y1 - y0, 1e-9);
  const border = [x0 - pad, y0 - pad, x1 + pad, y0 - pad, x1 + pad, y1 + pad, x0 - pad, y1 + pad];
  const order = [];
  for (let k = 0; k < K; k++) if (Number.isFinite(xs[k]) && Number.isFinite(ys[k])) order.push(k);
  order.sort((a, b) => xs[a] - xs[b]);
  const cells = new Array(K).fill(null);
  order.forEach((k, place) => {
    const x = xs[k], y = ys[k];
    let cell = border;
    let reach = 2 * reachOf(cell, x, y);
    let left = place - 1, right = place + 1;
    while (left >= 0 || right < order.length) {
      const toLeft = left >= 0 ? x - xs[order[left]] : Infinity;
      const toRight = right < order.length ? xs[order[right]] - x : Infinity;
      if (Math.min(toLeft, toRight) > reach) break;
      const other = toLeft <= toRight ? order[left--] : order[right++];
      const dx = xs[other] - x, dy = ys[other] - y;
      const square = dx * dx + dy * dy;
      if (square === 0 || square > reach * reach) continue; // codes in one place share a cell
      const cut = cutOff(cell, dx, dy, (dx * (x + xs[other]) + dy * (y + ys[other])) / 2);
      if (cut !== cell) {
        cell = cut;
        reach = 2 * reachOf(cell, x, y);
      }
    }
    cells[k] = cell;
  });
  return cells;
}

function reachOf(cell, x, y) {
  let most = 0;
  for (let i = 0; i < cell.length; i += 2) most = Math.max(most, (cell[i] - x) ** 2 + (cell[i + 1] - y) ** 2);
  return Math.sqrt(most);
}

// what of a convex polygon lies where a·x + b·y ≤ c; the polygon itself when all of it does
function cutOff(cell, a, b, c) {
  let outside = false;
  for (let i = 0; i < cell.length && !outside; i += 2) outside = a * cell[i] + b * cell[i + 1] > c;
  if (!outside) return cell;
  const kept = [];
  for (let i = 0; i < cell.length; i += 2) {
    const j = (i + 2) % cell.length;
    const here = a * cell[i] + b * cell[i + 1] - c, there = a * cell[j] + b * cell[j + 1] - c;
    if (here <= 0) kept.push(cell[i], cell[i + 1]);
    if (here < 0 !== there < 0 && here !== there) {
      const at = here / (here - there);
      if (at > 0 && at < 1) kept.push(cell[i] + at * (cell[j] - cell[i]), cell[i + 1] + at * (cell[j + 1] - cell[i + 1]));
    }
  }
  return kept;
}

// the nearest place to (px, py), its mark's radius counted off; −1 beyond `limit` pixels
function nearestTo(xs, ys, radii, px, py, limit) {
  let best = -1, least = limit;
  for (let k = 0; k < xs.length; k++) {
    const distance = Math.hypot(xs[k] - px, ys[k] - py) - radii[k];
    if (distance < least) {
      least = distance;
      best = k;
    }
  }
  return best;
}

// the nearest place that lies in a direction (−1, 0 or 1 each way on the screen) from `from`; −1 when none does
function nearestToward(xs, ys, from, dx, dy) {
  let best = -1, least = Infinity;
  for (let k = 0; k < xs.length; k++) {
    if (k === from) continue;
    const along = (xs[k] - xs[from]) * dx + (ys[k] - ys[from]) * dy;
    const across = Math.abs((xs[k] - xs[from]) * dy) + Math.abs((ys[k] - ys[from]) * dx);
    if (!(along > 1e-6)) continue;
    // what lies ahead goes before what lies aside, unless it is much further
    const cost = along + 2 * across + (across > along ? 4 * across : 0);
    if (cost < least) {
      least = cost;
      best = k;
    }
  }
  return best;
}
