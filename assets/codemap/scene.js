// What is shown: the arrays of all moments, and what follows from them.

function sceneOf(given, arrays, sheet) {
  const { steps, codes: K, outputs: V } = given;
  const T = steps.length;
  const part = (name) => arrays[name]?.value ?? null;
  const scene = {
    ...given, T, K, V, sheet,
    points: part("points"), colours: part("colours"), usage: part("usage"), dead: part("dead"), age: part("age"),
    cloud: part("cloud"), cloudCode: part("cloudCode"), cloudColours: part("cloudColours"), labels: part("labels"),
    xTitle: given.x.trim(), yTitle: given.y.trim(), numbered: Boolean(given.x || given.y),
  };
  scene.total = scene.usage && Float64Array.from({ length: T }, (_, t) => {
    let sum = 0;
    for (let k = t * K; k < (t + 1) * K; k++) sum += Math.max(0, scene.usage[k]);
    return sum;
  });
  scene.boxes = steps.map((_, t) => {
    const own = boxOf(scene.points, 2 * t * K, 2 * (t + 1) * K);
    return V ? boxOf(scene.cloud, 2 * t * V, 2 * (t + 1) * V, own) : own;
  });
  scene.box = scene.boxes.reduce((box, other) => (other ? boxOf(other, 0, 4, box) : box), null) ?? [-1, -1, 1, 1];
  scene.usual = usualBox(scene.boxes) ?? scene.box;
  scene.counted = Boolean(scene.usage || scene.dead);
  scene.inUse = scene.counted ? steps.map((_, t) => inUse(scene, t)) : [];
  // a mark stands at the moment from which on it is seen
  scene.doneAt = given.marks.filter((mark) => T > 1 && mark.step <= steps[T - 1]).map((mark) => ({ ...mark, at: positionOf(steps, mark.step) }));
  // where a film ends a hundred times as wide as it began, one view cannot show both
  const widths = scene.boxes.filter(Boolean).map((box) => Math.max(box[2] - box[0], box[3] - box[1])).sort((a, b) => a - b);
  scene.restless = widths.length > 2 && widths[widths.length - 1] > 6 * widths[widths.length >> 1];
  return scene;
}

// what most moments fit into; the few wildest widen the view only while they are shown
function usualBox(boxes) {
  const sound = boxes.filter(Boolean);
  if (!sound.length) return null;
  const within = (side, sign) => sign * sound.map((box) => sign * box[side]).sort((a, b) => a - b)[Math.floor(0.8 * (sound.length - 1))];
  return [within(0, -1), within(1, -1), within(2, 1), within(3, 1)];
}

// the (fractional) moment at which a step lies
function positionOf(steps, step) {
  let t = 0;
  while (t + 1 < steps.length && steps[t + 1] <= step) t++;
  const width = t + 1 < steps.length ? steps[t + 1] - steps[t] : 0;
  return width > 0 ? t + clamp((step - steps[t]) / width, 0, 1) : t;
}

function stepOf(steps, position) {
  const t = Math.floor(position);
  return t + 1 < steps.length ? steps[t] + (position - t) * (steps[t + 1] - steps[t]) : steps[steps.length - 1];
}

function loadSheet(instance, value) {
  if (!value) return null;
  if (instance.sheetOf === value) return instance.sheet;
  const image = new Image();
  const sheet = { ...value, image: null, place: new Map() };
  const codes = value.codes;
  image.onload = () => {
    sheet.image = image;
    const tiles = Math.floor(image.width / value.tile[1]) * Math.floor(image.height / value.tile[0]);
    for (let i = 0; i < (codes ? codes.length : tiles); i++) sheet.place.set(codes ? codes[i] : i, i);
    draw(instance);
  };
  image.src = value.picture;
  instance.sheetOf = value;
  instance.sheet = sheet;
  return sheet;
}
