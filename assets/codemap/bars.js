// How much each code is used at this moment, and how many were in use at every moment (behind the film's slider).

// the next of 1, 2, 5, 10 … percent: a scale that moves in few, large steps
function roundUp(share) {
  const power = 10 ** Math.floor(Math.log10(Math.max(share, 1e-6)));
  return Math.min(1, [1, 2, 5, 10].map((digit) => digit * power).find((size) => size >= share * 0.999));
}

function percent(share) {
  const value = 100 * share;
  return `${value >= 10 || value === 0 ? value.toFixed(0) : value >= 0.1 ? value.toFixed(1) : value.toPrecision(1)} %`;
}

// codes in use at a moment: not dead, or chosen at all where nothing is known of death
function inUse(scene, t) {
  const { K } = scene;
  let count = 0;
  for (let k = t * K; k < (t + 1) * K; k++) count += scene.dead ? 1 - scene.dead[k] : scene.usage[k] > 0 ? 1 : 0;
  return count;
}

function orderOf(scene, now, sorted) {
  const t = now.t, key = `${now.serial}/${t}/${sorted}`;
  if (now.order?.key === key) return now.order.codes;
  const order = Array.from({ length: scene.K }, (_, k) => k);
  if (sorted) order.sort((a, b) => scene.usage[t * scene.K + b] - scene.usage[t * scene.K + a] || a - b);
  now.order = { key, codes: order };
  return order;
}

// lying bars where the panel is high, standing ones where it is wide. Returns what lies where, for the pointer
function drawBars(ctx, scene, now, size, theme, options) {
  const { width, height, lying } = size;
  ctx.clearRect(0, 0, width, height);
  const { K } = scene, t = now.t;
  const total = scene.total[t] || 1;
  const foot = lying ? { left: 4, top: 4, right: 6, bottom: 22 } : { left: 46, top: 6, right: 4, bottom: 8 };
  const along = lying ? height - foot.top - foot.bottom : width - foot.left - foot.right; // pixels for all codes
  const across = lying ? width - foot.left - foot.right : height - foot.top - foot.bottom; // pixels for the largest share
  const group = Math.max(1, Math.ceil(K / Math.max(1, Math.floor(along / 1.5)))); // codes that share a bar, which shows the largest
  const bars = Math.ceil(K / group);
  const each = along / bars;
  const order = orderOf(scene, now, options.sorted);
  const share = (place) => Math.max(0, scene.usage[t * K + order[place]]) / total;
  let most = 0;
  for (let k = 0; k < K; k++) most = Math.max(most, share(k));
  const scale = roundUp(Math.max(most, 2 / K));
  const rect = (from, length, thick, at) =>
    lying ? ctx.fillRect(foot.left + at, foot.top + from, length, thick) : ctx.fillRect(foot.left + from, height - foot.bottom - at - length, thick, length);
  const gap = each > 5 ? 1.2 : 0;
  for (let bar = 0; bar < bars; bar++) {
    let best = bar * group;
    let alive = false;
    for (let i = bar * group; i < Math.min(K, (bar + 1) * group); i++) {
      if (share(i) > share(best)) best = i;
      alive ||= !now.dead?.[order[i]];
    }
    const code = order[best];
    const from = bar * each;
    if (code === options.selected || code === options.hovered) {
      ctx.fillStyle = theme.text;
      ctx.globalAlpha = code === options.selected ? 0.3 : 0.16;
      rect(from - 1, across, Math.max(each, 3) + 2, 0);
      ctx.globalAlpha = 1;
    }
    ctx.fillStyle = now.dead?.[code] ? DEAD : rgb(now.colours, 3 * code);
    const length = (across * share(best)) / scale;
    rect(from + gap / 2, Math.max(length, share(best) > 0 ? 1.5 : 0), Math.max(each - gap, 0.8), 0);
    if (!alive) drawStub(ctx, lying ? foot.left + 4 : foot.left + from + each / 2, lying ? foot.top + from + each / 2 : height - foot.bottom - 4, each, lying);
  }
  drawScale(ctx, { foot, width, height, lying, across, along, scale, K }, theme);
  return { foot, lying, each, group, order };
}

// a dead code has no bar: a small cross says that it is there
function drawStub(ctx, x, y, each, lying) {
  const r = clamp(each / 2 - 1, 0.5, 3.5);
  ctx.strokeStyle = DEAD;
  ctx.lineWidth = each > 6 ? 1.6 : 1;
  ctx.beginPath();
  if (each > 6) {
    ctx.moveTo(x - r, y - r);
    ctx.lineTo(x + r, y + r);
    ctx.moveTo(x + r, y - r);
    ctx.lineTo(x - r, y + r);
  } else if (lying) {
    ctx.moveTo(x - 4, y);
    ctx.lineTo(x, y);
  } else {
    ctx.moveTo(x, y);
    ctx.lineTo(x, y + 4);
  }
  ctx.stroke();
}

function drawScale(ctx, { foot, width, height, lying, across, along, scale, K }, theme) {
  ctx.strokeStyle = theme.text;
  ctx.globalAlpha = 0.3;
  ctx.lineWidth = 1;
  ctx.beginPath();
  if (lying) {
    ctx.moveTo(foot.left + 0.5, foot.top);
    ctx.lineTo(foot.left + 0.5, height - foot.bottom);
  } else {
    ctx.moveTo(foot.left, height - foot.bottom + 0.5);
    ctx.lineTo(width - foot.right, height - foot.bottom + 0.5);
  }
  ctx.stroke();
  ctx.globalAlpha = 0.75;
  ctx.setLineDash([2, 4]);
  ctx.beginPath();
  const even = across / K / scale; // what each would have if all were chosen alike
  if (lying) {
    ctx.moveTo(foot.left + even, foot.top);
    ctx.lineTo(foot.left + even, height - foot.bottom);
  } else {
    ctx.moveTo(foot.left, height - foot.bottom - even);
    ctx.lineTo(width - foot.right, height - foot.bottom - even);
  }
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
  ctx.fillStyle = theme.text;
  ctx.font = `13px ${theme.font}`;
  ctx.textAlign = lying ? "left" : "right";
  if (lying) {
    ctx.fillText("0", foot.left, height - 5);
    ctx.textAlign = "right";
    ctx.fillText(percent(scale), width - foot.right, height - 5);
  } else {
    ctx.fillText("0", foot.left - 6, height - foot.bottom);
    ctx.fillText(percent(scale), foot.left - 6, foot.top + 10);
  }
  ctx.textAlign = "left";
}

// which code's bar a point of the panel belongs to; −1: none
function barAt(layout, scene, x, y) {
  if (!layout) return -1;
  const at = layout.lying ? y - layout.foot.top : x - layout.foot.left;
  const bar = Math.floor(at / layout.each);
  if (bar < 0 || bar * layout.group >= scene.K) return -1;
  return layout.order[bar * layout.group];
}

// the share of codes in use at every moment, under the slider's thumb; what was done to the run stands in it
function drawStrip(ctx, scene, width, height, theme, t, thumb) {
  ctx.clearRect(0, 0, width, height);
  const { T, K } = scene;
  const place = (moment) => thumb / 2 + ((width - thumb) * moment) / Math.max(1, T - 1);
  const level = (moment) => height - 2 - ((height - 6) * scene.inUse[moment]) / K;
  ctx.fillStyle = theme.soft;
  ctx.fillRect(thumb / 2, 2, width - thumb, height - 4);
  ctx.beginPath();
  ctx.moveTo(place(0), height - 2);
  for (let moment = 0; moment < T; moment++) {
    // counts hold until the next snapshot
    if (moment) ctx.lineTo(place(moment), level(moment - 1));
    ctx.lineTo(place(moment), level(moment));
  }
  ctx.lineTo(place(T - 1), height - 2);
  ctx.closePath();
  ctx.fillStyle = theme.primary;
  ctx.globalAlpha = 0.28;
  ctx.fill();
  ctx.globalAlpha = 0.55;
  ctx.save();
  ctx.clip();
  ctx.fillRect(0, 0, place(t), height);
  ctx.restore();
  ctx.globalAlpha = 1;
  ctx.strokeStyle = theme.text;
  ctx.setLineDash([3, 3]);
  ctx.lineWidth = 1.5;
  for (const mark of scene.doneAt) {
    ctx.beginPath();
    ctx.moveTo(place(mark.at), 0);
    ctx.lineTo(place(mark.at), height);
    ctx.stroke();
  }
  ctx.setLineDash([]);
}
