// The plot itself: cells, outputs, trails, codes. Everything is drawn from `scene` (arrays of all moments) and `now`, which is where
// each code and output stands at this instant: places on the plane, in pixels, radii, colours.

const DEAD = "rgb(138, 138, 138)"; // 3.4 to 1 or better on white and on near-black
const TRAIL = 14; // moments
const rgb = (colours, at) => `rgb(${colours[at]}, ${colours[at + 1]}, ${colours[at + 2]})`;

// radii of marks in pixels: never chosen, and chosen as often as the average or four times so
function sizesFor(K, frame) {
  const room = Math.sqrt((frame.width * frame.height) / Math.max(K, 1));
  const most = clamp(0.2 * room, 2.2, 11);
  return { least: clamp(0.35 * most, 1.3, 4.5), most };
}

// where everything stands between moment t and the next, `part` of the way; nothing is allocated but at the first call
function placed(scene, now, view, frame, t, part) {
  const { K, V, T } = scene;
  const u = Math.min(t + 1, T - 1);
  if (!now.x || now.x.length !== K || now.vx.length !== V) {
    for (const name of ["x", "y", "px", "py", "r"]) now[name] = new Float32Array(K);
    for (const name of ["vx", "vy"]) now[name] = new Float32Array(V);
  }
  const between = (array, width, i) => {
    const here = array[t * width + i];
    return part ? here + part * (array[u * width + i] - here) : here;
  };
  const size = sizesFor(K, frame);
  now.size = size;
  const left = frame.left + frame.width / 2, top = frame.top + frame.height / 2;
  const total = scene.total ? scene.total[t] || 1 : 1;
  for (let k = 0; k < K; k++) {
    now.x[k] = between(scene.points, 2 * K, 2 * k);
    now.y[k] = between(scene.points, 2 * K, 2 * k + 1);
    now.px[k] = left + (now.x[k] - view.x) * view.scale;
    now.py[k] = top - (now.y[k] - view.y) * view.scale;
    const share = scene.usage ? (K * Math.max(0, scene.usage[t * K + k])) / total : 1; // 1: as often as the average
    now.r[k] = size.least + (size.most - size.least) * Math.min(1, Math.sqrt(share) / 2);
    if (scene.dead && scene.dead[t * K + k]) now.r[k] = clamp(0.5 * size.most, 2.2, 5.5);
  }
  for (let v = 0; v < V; v++) {
    now.vx[v] = left + (between(scene.cloud, 2 * V, 2 * v) - view.x) * view.scale;
    now.vy[v] = top - (between(scene.cloud, 2 * V, 2 * v + 1) - view.y) * view.scale;
  }
  now.colours = scene.colours.length > 3 * K ? scene.colours.subarray(3 * K * t, 3 * K * (t + 1)) : scene.colours;
  now.dead = scene.dead ? scene.dead.subarray(K * t, K * (t + 1)) : null;
  now.chosen = scene.cloudCode ? scene.cloudCode.subarray(V * t, V * (t + 1)) : null;
  const own = scene.cloudColours;
  now.cloudColours = own ? (own.length > 3 * V ? own.subarray(3 * V * t, 3 * V * (t + 1)) : own) : null;
  now.t = t;
  return now;
}

// marks of one colour are drawn in one go: changing the colour costs more than drawing. Lists of members by colour, kept for as long
// as the moment lasts. Colours are whole numbers; −1: that of the text, null: not drawn
function byColour(now, name, count, colourOf) {
  const key = `${now.serial}/${now.t}`;
  if (now[name]?.key === key) return now[name].groups;
  const groups = new Map();
  for (let i = 0; i < count; i++) {
    const colour = colourOf(i);
    if (colour === null) continue;
    const members = groups.get(colour);
    if (members) members.push(i);
    else groups.set(colour, [i]);
  }
  now[name] = { key, groups: [...groups].map(([colour, members]) => [css(colour), members]) };
  return now[name].groups;
}

const packed = (colours, at) => (colours[at] << 16) | (colours[at + 1] << 8) | colours[at + 2];
const css = (colour) => (colour < 0 ? null : `rgb(${colour >> 16}, ${(colour >> 8) & 255}, ${colour & 255})`);

function drawPlot(ctx, scene, now, view, frame, theme, options) {
  ctx.save();
  ctx.beginPath();
  ctx.rect(frame.left, frame.top, frame.width, frame.height);
  ctx.clip();
  ctx.fillStyle = theme.ground;
  ctx.fillRect(frame.left, frame.top, frame.width, frame.height);
  if (scene.cells && options.cells) drawCells(ctx, scene, now, view, frame, theme, options);
  if (scene.numbered) drawGrid(ctx, view, frame, theme);
  drawCloud(ctx, scene, now, theme, options);
  if (options.trails) drawTrails(ctx, scene, now, view, frame, options);
  drawCodes(ctx, scene, now, frame, theme, options);
  drawChosen(ctx, scene, now, frame, theme, options);
  ctx.restore();
  drawAxes(ctx, scene, view, frame, theme);
}

function drawCells(ctx, scene, now, view, frame, theme, options) {
  const cells = cellsOf(now.x, now.y, scene.box);
  const path = new Path2D();
  cells.forEach((cell, k) => {
    if (!cell || cell.length < 6) return;
    const own = new Path2D();
    for (let i = 0; i < cell.length; i += 2) {
      const [px, py] = toScreen(view, frame, cell[i], cell[i + 1]);
      if (i) own.lineTo(px, py);
      else own.moveTo(px, py);
    }
    own.closePath();
    path.addPath(own);
    if (now.dead?.[k]) return;
    ctx.globalAlpha = k === options.hovered || k === options.selected ? 0.42 : 0.17;
    ctx.fillStyle = rgb(now.colours, 3 * k);
    ctx.fill(own);
  });
  ctx.globalAlpha = 0.5;
  ctx.strokeStyle = theme.text;
  ctx.lineWidth = cells.length > 200 ? 0.6 : 1;
  ctx.stroke(path);
  ctx.globalAlpha = 1;
}

function drawCloud(ctx, scene, now, theme, options) {
  const { V } = scene;
  if (!V) return;
  const r = V > 1200 ? 1.6 : 2.2;
  const marked = options.hovered >= 0 ? options.hovered : options.selected;
  const lit = now.chosen && marked >= 0;
  const groups = byColour(now, "outputs", V, (v) => {
    if (now.cloudColours) return packed(now.cloudColours, 3 * v);
    return now.chosen && now.chosen[v] >= 0 ? packed(now.colours, 3 * now.chosen[v]) : -1;
  });
  ctx.globalAlpha = lit ? 0.35 : 0.62;
  for (const [colour, members] of groups) {
    ctx.fillStyle = colour ?? theme.text;
    for (const v of members) {
      if (!(lit && now.chosen[v] === marked)) ctx.fillRect(now.vx[v] - r, now.vy[v] - r, 2 * r, 2 * r); // NaN draws nothing
    }
  }
  ctx.globalAlpha = 1;
  if (!lit) return;
  const path = new Path2D(), lines = new Path2D();
  for (let v = 0; v < V; v++) {
    if (now.chosen[v] !== marked || !Number.isFinite(now.vx[v])) continue;
    lines.moveTo(now.px[marked], now.py[marked]);
    lines.lineTo(now.vx[v], now.vy[v]);
    path.moveTo(now.vx[v] + r + 1.4, now.vy[v]);
    path.arc(now.vx[v], now.vy[v], r + 1.4, 0, 2 * Math.PI);
  }
  ctx.strokeStyle = theme.text;
  ctx.globalAlpha = 0.35;
  ctx.lineWidth = 1;
  ctx.stroke(lines);
  ctx.globalAlpha = 1;
  ctx.fillStyle = now.cloudColours ? theme.text : rgb(now.colours, 3 * marked);
  ctx.fill(path);
  ctx.lineWidth = 1.2;
  ctx.stroke(path);
}

// where codes came from: the last moments of all when they are few, the whole way of the chosen one
function drawTrails(ctx, scene, now, view, frame, options) {
  const { K } = scene;
  ctx.lineJoin = ctx.lineCap = "round";
  for (let k = 0; k < K; k++) {
    const one = k === options.selected || k === options.hovered;
    if (!one && (K > 512 || now.dead?.[k])) continue;
    const first = one ? 0 : Math.max(0, now.t - TRAIL);
    ctx.strokeStyle = now.dead?.[k] ? DEAD : rgb(now.colours, 3 * k);
    ctx.globalAlpha = one ? 0.95 : 0.5;
    ctx.lineWidth = one ? 2.5 : 1.4;
    ctx.beginPath();
    let drawing = false;
    for (let t = first; t <= now.t; t++) {
      const x = scene.points[2 * (t * K + k)], y = scene.points[2 * (t * K + k) + 1];
      if (!Number.isFinite(x)) continue;
      const [px, py] = toScreen(view, frame, x, y);
      if (drawing) ctx.lineTo(px, py);
      else ctx.moveTo(px, py);
      drawing = true;
    }
    if (drawing) ctx.lineTo(now.px[k], now.py[k]);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

function drawCodes(ctx, scene, now, frame, theme, options) {
  const { K } = scene;
  const seen = [], gone = [], outside = [];
  const right = frame.left + frame.width, bottom = frame.top + frame.height;
  for (let k = 0; k < K; k++) {
    const x = now.px[k], y = now.py[k];
    if (!Number.isFinite(x) || !Number.isFinite(y)) continue;
    if (x < frame.left - 2 || x > right + 2 || y < frame.top - 2 || y > bottom + 2) outside.push(k);
    else if (now.dead?.[k]) gone.push(k);
    else seen.push(k);
  }
  drawOutside(ctx, now, frame, theme, outside);
  if (options.pictures && scene.sheet?.image) {
    for (const k of gone) drawTile(ctx, scene, now, k, theme, options);
    seen.sort((a, b) => now.r[a] - now.r[b]);
    for (const k of seen) drawTile(ctx, scene, now, k, theme, options);
    drawCrosses(ctx, now, theme, gone.filter((k) => !scene.sheet.place.has(k)));
    return;
  }
  drawCrosses(ctx, now, theme, gone);
  if (K > 1024) {
    drawDust(ctx, now, frame);
    return;
  }
  seen.sort((a, b) => now.r[b] - now.r[a]); // small ones on top
  if (K > 160) {
    // the edges of all at once: marks that overlap are told apart by their colours
    const edges = new Path2D();
    for (const k of seen) {
      edges.moveTo(now.px[k] + now.r[k] + 1, now.py[k]);
      edges.arc(now.px[k], now.py[k], now.r[k] + 1, 0, 2 * Math.PI);
    }
    ctx.fillStyle = theme.text;
    ctx.fill(edges);
    for (const k of seen) disc(ctx, rgb(now.colours, 3 * k), now.px[k], now.py[k], now.r[k]);
    return;
  }
  for (const k of seen) {
    const x = now.px[k], y = now.py[k], r = now.r[k];
    disc(ctx, theme.ground, x, y, r + 2);
    disc(ctx, theme.text, x, y, r + 0.8);
    disc(ctx, rgb(now.colours, 3 * k), x, y, r);
  }
}

function disc(ctx, colour, x, y, r) {
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.arc(x, y, r, 0, 2 * Math.PI);
  ctx.fill();
}

// thousands of codes: small squares
function drawDust(ctx, now, frame) {
  const alike = 0xf0f0f0; // colours that differ by less are one
  const groups = byColour(now, "dust", now.px.length, (k) => (now.dead?.[k] ? null : packed(now.colours, 3 * k) & alike | 0x080808));
  const right = frame.left + frame.width, bottom = frame.top + frame.height;
  for (const [colour, members] of groups) {
    ctx.fillStyle = colour;
    for (const k of members) {
      const x = now.px[k], y = now.py[k], r = now.r[k];
      if (x > frame.left && x < right && y > frame.top && y < bottom) ctx.fillRect(x - r, y - r, 2 * r, 2 * r);
    }
  }
}

function drawCrosses(ctx, now, theme, codes) {
  if (!codes.length) return;
  const path = new Path2D();
  for (const k of codes) {
    const x = now.px[k], y = now.py[k], r = now.r[k];
    path.moveTo(x - r, y - r);
    path.lineTo(x + r, y + r);
    path.moveTo(x + r, y - r);
    path.lineTo(x - r, y + r);
  }
  const r = now.r[codes[0]];
  ctx.lineCap = "butt";
  const stroke = (colour, width) => {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.stroke(path);
  };
  if (r >= 4) {
    stroke(theme.ground, 6);
    stroke(DEAD, 2.8);
  } else {
    if (codes.length <= 2500) stroke(theme.ground, 3);
    stroke(DEAD, 1.3);
  }
}

// codes beyond the edge: a wedge at the edge, pointing there
function drawOutside(ctx, now, frame, theme, codes) {
  const cx = frame.left + frame.width / 2, cy = frame.top + frame.height / 2;
  const alive = new Path2D(), dead = new Path2D();
  for (const k of codes) {
    const dx = now.px[k] - cx, dy = now.py[k] - cy;
    const shrink = Math.min((frame.width / 2 - 4) / Math.abs(dx), (frame.height / 2 - 4) / Math.abs(dy));
    const x = cx + dx * shrink, y = cy + dy * shrink;
    const length = Math.hypot(dx, dy), ux = dx / length, uy = dy / length;
    const path = now.dead?.[k] ? dead : alive;
    path.moveTo(x + 3 * ux, y + 3 * uy);
    path.lineTo(x - 6 * ux - 4 * uy, y - 6 * uy + 4 * ux);
    path.lineTo(x - 6 * ux + 4 * uy, y - 6 * uy - 4 * ux);
    path.closePath();
  }
  ctx.fillStyle = DEAD;
  ctx.fill(dead);
  ctx.fillStyle = theme.text;
  ctx.fill(alive);
}

// how large a code's picture is drawn: its longer side 10 to 46 pixels, by usage
function tileSize(scene, now, k) {
  const [h, w] = scene.sheet.tile;
  const side = clamp(4.2 * now.size.most, 14, 46) * (now.dead?.[k] ? 0.6 : clamp(now.r[k] / now.size.most, 0.45, 1));
  return { wide: (side * w) / Math.max(h, w), high: (side * h) / Math.max(h, w) };
}

// a code's picture in place of its mark
function drawTile(ctx, scene, now, k, theme, options) {
  const place = scene.sheet.place.get(k);
  if (place === undefined) return;
  const [h, w] = scene.sheet.tile;
  const { wide, high } = tileSize(scene, now, k);
  const x = now.px[k] - wide / 2, y = now.py[k] - high / 2;
  ctx.fillStyle = theme.ground;
  ctx.fillRect(x - 3.5, y - 3.5, wide + 7, high + 7);
  ctx.fillStyle = now.dead?.[k] ? DEAD : rgb(now.colours, 3 * k);
  ctx.fillRect(x - 2.5, y - 2.5, wide + 5, high + 5);
  ctx.globalAlpha = now.dead?.[k] ? 0.55 : 1;
  ctx.imageSmoothingEnabled = wide < w;
  ctx.drawImage(scene.sheet.image, (place % scene.sheet.columns) * w, Math.floor(place / scene.sheet.columns) * h, w, h, x, y, wide, high);
  ctx.globalAlpha = 1;
  if (!now.dead?.[k]) return;
  ctx.strokeStyle = DEAD;
  ctx.lineWidth = 2;
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x + wide, y + high);
  ctx.stroke();
}

// rings around the code pointed at and the one selected, with its number
function drawChosen(ctx, scene, now, frame, theme, options) {
  for (const [k, width] of [[options.hovered, 2], [options.selected, 3]]) {
    if (!(k >= 0) || k >= scene.K || !Number.isFinite(now.px[k])) continue;
    const tile = options.pictures && scene.sheet?.image && scene.sheet.place.has(k) ? tileSize(scene, now, k) : null;
    const r = tile ? Math.max(tile.wide, tile.high) / 2 + 6 : now.r[k] + 5;
    const x = clamp(now.px[k], frame.left + 9, frame.left + frame.width - 9);
    const y = clamp(now.py[k], frame.top + 9, frame.top + frame.height - 9);
    ctx.beginPath();
    if (tile) ctx.rect(x - tile.wide / 2 - 5, y - tile.high / 2 - 5, tile.wide + 10, tile.high + 10);
    else ctx.arc(x, y, r, 0, 2 * Math.PI);
    ctx.strokeStyle = theme.ground;
    ctx.lineWidth = width + 3;
    ctx.stroke();
    ctx.strokeStyle = theme.text;
    ctx.lineWidth = width;
    ctx.stroke();
    if (k !== options.selected) continue;
    ctx.font = `600 15px ${theme.font}`;
    const text = String(k), wide = ctx.measureText(text).width;
    const tx = clamp(x + r + 5, frame.left + 2, frame.left + frame.width - wide - 4);
    const ty = clamp(y - r + 2, frame.top + 16, frame.top + frame.height - 6);
    ctx.lineWidth = 5;
    ctx.lineJoin = "round";
    ctx.strokeStyle = theme.ground;
    ctx.strokeText(text, tx, ty);
    ctx.fillStyle = theme.text;
    ctx.fillText(text, tx, ty);
  }
}
