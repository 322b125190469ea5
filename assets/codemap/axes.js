// The grid behind the plot, and the numbers and names at its edges.

function drawGrid(ctx, view, frame, theme) {
  const [x0, y0] = toPlane(view, frame, frame.left, frame.top + frame.height);
  const [x1, y1] = toPlane(view, frame, frame.left + frame.width, frame.top);
  ctx.strokeStyle = theme.text;
  ctx.globalAlpha = 0.1;
  ctx.lineWidth = 1;
  ctx.beginPath();
  for (const { value } of ticks(x0, x1, frame.width)) {
    const px = Math.round(toScreen(view, frame, value, 0)[0]) + 0.5;
    ctx.moveTo(px, frame.top);
    ctx.lineTo(px, frame.top + frame.height);
  }
  for (const { value } of ticks(y0, y1, frame.height, 64)) {
    const py = Math.round(toScreen(view, frame, 0, value)[1]) + 0.5;
    ctx.moveTo(frame.left, py);
    ctx.lineTo(frame.left + frame.width, py);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
}

function drawAxes(ctx, scene, view, frame, theme) {
  ctx.strokeStyle = theme.border;
  ctx.lineWidth = 1;
  ctx.strokeRect(frame.left + 0.5, frame.top + 0.5, frame.width - 1, frame.height - 1);
  if (!scene.numbered) return;
  const [x0, y0] = toPlane(view, frame, frame.left, frame.top + frame.height);
  const [x1, y1] = toPlane(view, frame, frame.left + frame.width, frame.top);
  ctx.fillStyle = theme.text;
  ctx.font = `13px ${theme.font}`;
  ctx.textAlign = "center";
  for (const { value, text } of ticks(x0, x1, frame.width)) {
    const px = toScreen(view, frame, value, 0)[0];
    if (px > frame.left + 8 && px < frame.left + frame.width - 8) ctx.fillText(text, px, frame.top + frame.height + 16);
  }
  ctx.textAlign = "right";
  for (const { value, text } of ticks(y0, y1, frame.height, 64)) {
    const py = toScreen(view, frame, 0, value)[1];
    if (py > frame.top + 6 && py < frame.top + frame.height - 2) ctx.fillText(text, frame.left - 6, py + 4.5, frame.left - 22);
  }
  ctx.font = `14px ${theme.font}`;
  ctx.textAlign = "center";
  ctx.fillText(scene.xTitle, frame.left + frame.width / 2, frame.top + frame.height + 34, frame.width);
  ctx.save();
  ctx.translate(13, frame.top + frame.height / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(scene.yTitle, 0, 0, frame.height);
  ctx.restore();
  ctx.textAlign = "left";
}
