// A magnifier for the plane: where all encoder outputs fall onto a few pixels, they are drawn once more, enlarged, in a corner.

const SMALL = 56; // pixels: wider outputs need no magnifier
const MARK = 11; // pixels from the middle of the square that says what is enlarged to its side

// where the magnifier stands and what it enlarges; null: none is needed. `at` places a point of the plane, `wide` its scale
function lensOf(z, marks, at, scale, { width, height }) {
  const box = boxOf(z);
  if (!box) return null;
  const side = Math.max(box[1] - box[0], box[3] - box[2]);
  if (side * scale > SMALL) return null;
  const size = Math.round(Math.min(150, 0.46 * height, 0.34 * width));
  const middle = [(box[0] + box[1]) / 2, (box[2] + box[3]) / 2];
  const [x, y] = at(middle);
  const corners = [];
  for (const left of [8, width - size - 8]) for (const top of [8, height - size - 26]) corners.push({ left, top });
  const inside = ([px, py], { left, top }) => px > left - 8 && px < left + size + 8 && py > top - 8 && py < top + size + 26;
  const hidden = (corner) => marks.filter((mark) => inside(mark, corner)).length + (inside([x, y], corner) ? 100 : 0);
  const corner = corners.sort((a, b) => hidden(a) - hidden(b))[0];
  return { ...corner, size, middle, from: [x, y], scale: Math.min((0.72 * size) / Math.max(side, 1e-6), 1e5) };
}

function drawLens(pen, lens, { codes, z }, frame, ink, ground, selected) {
  const { left, top, size, middle, from, scale } = lens;
  const [x, y] = [left + size / 2, top + size / 2];
  const atLeft = x < from[0];
  pen.strokeStyle = ink;
  pen.lineWidth = 1.5;
  pen.globalAlpha = 0.6;
  pen.beginPath();
  for (const up of [-1, 1]) {
    pen.moveTo(from[0] + (atLeft ? -MARK : MARK), from[1] + up * MARK);
    pen.lineTo(atLeft ? left + size : left, y + (up * size) / 2);
  }
  pen.stroke();
  pen.globalAlpha = 1;
  pen.strokeRect(from[0] - MARK, from[1] - MARK, 2 * MARK, 2 * MARK);
  pen.save();
  pen.beginPath();
  pen.rect(left, top, size, size);
  pen.fillStyle = ground;
  pen.fill();
  pen.stroke();
  pen.clip();
  const place = ([a, b]) => [x + (a - middle[0]) * scale, y - (b - middle[1]) * scale];
  codes.forEach((code, k) => {
    if (!(frame.used[k] > 0)) return;
    const [px, py] = place(code);
    pen.beginPath();
    pen.arc(px, py, selected === k ? 11 : 8, 0, 7);
    pen.fillStyle = rgb(frame.colours[k]);
    pen.fill();
    pen.lineWidth = 2;
    pen.stroke();
  });
  z.forEach((output, i) => {
    const [px, py] = place(output);
    pen.beginPath();
    pen.arc(px, py, 2.5, 0, 7);
    pen.fillStyle = rgb(frame.colours[frame.chosen[i]] ?? [128, 128, 128]);
    pen.fill();
    pen.lineWidth = 0.6;
    pen.stroke();
  });
  pen.restore();
  pen.fillStyle = ink;
  pen.font = "600 13px sans-serif";
  pen.textAlign = atLeft ? "start" : "end";
  const words = [`The digits, ${Math.round(scale / lens.plain)}× larger`, atLeft ? left : left + size, top + size + 16];
  pen.strokeStyle = ground;
  pen.lineWidth = 4;
  pen.lineJoin = "round";
  pen.strokeText(...words);
  pen.fillText(...words);
  pen.textAlign = "start";
}
