// Words about a code, and what can be taken home: the picture and the numbers of the moment shown.

const numbers = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const whole = (value) => numbers.format(value);

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

// lines about code k at moment t
function linesOf(scene, t, k) {
  const at = t * scene.K + k;
  const lines = [];
  if (scene.usage) {
    const hits = Math.max(0, scene.usage[at]);
    lines.push(hits ? `${percent(hits / (scene.total[t] || 1))} of choices (${whole(hits)})` : "not chosen");
  }
  if (scene.dead?.[at]) lines.push("dead");
  if (scene.age) {
    const age = scene.age[at];
    if (age < 0 && scene.usage?.[at] > 0) lines.push("training has not begun"); // then hits are those on validation data
    else if (age < 0) lines.push("never chosen in training");
    else if (age > 0) lines.push(`last chosen ${whole(age)} ${age === 1 ? "step" : "steps"} earlier`);
  }
  if (scene.labels?.[k]) lines.push(...scene.labels[k].split("\n"));
  return lines;
}

function drawThumb(canvas, scene, k) {
  const place = scene.sheet?.image ? scene.sheet.place.get(k) : undefined;
  canvas.hidden = place === undefined;
  if (canvas.hidden) return;
  const [h, w] = scene.sheet.tile;
  const enlarged = Math.max(1, Math.round(56 / Math.max(h, w)));
  canvas.width = w * enlarged;
  canvas.height = h * enlarged;
  const ctx = canvas.getContext("2d");
  ctx.imageSmoothingEnabled = false;
  ctx.drawImage(scene.sheet.image, (place % scene.sheet.columns) * w, Math.floor(place / scene.sheet.columns) * h, w, h, 0, 0, canvas.width, canvas.height);
}

function quoted(value) {
  const text = String(value);
  // a spreadsheet would run what starts like a formula
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

// one line a code, of the moment shown
function csvOf(scene, t) {
  const { K } = scene;
  const columns = [["code", (k) => k], ["step", () => scene.steps[t]]];
  const number = (value) => (Number.isFinite(value) ? +value.toPrecision(6) : "");
  columns.push([scene.xTitle || "x", (k) => number(scene.points[2 * (t * K + k)])], [scene.yTitle || "y", (k) => number(scene.points[2 * (t * K + k) + 1])]);
  if (scene.usage) columns.push(["hits", (k) => scene.usage[t * K + k]], ["share", (k) => number(scene.usage[t * K + k] / (scene.total[t] || 1))]);
  if (scene.dead) columns.push(["dead", (k) => scene.dead[t * K + k]]);
  if (scene.age) columns.push(["steps since last hit", (k) => (scene.age[t * K + k] < 0 ? "never" : scene.age[t * K + k])]);
  const colours = scene.colours.length > 3 * K ? scene.colours.subarray(3 * K * t) : scene.colours;
  columns.push(["colour", (k) => `#${[0, 1, 2].map((i) => colours[3 * k + i].toString(16).padStart(2, "0")).join("")}`]);
  if (scene.labels) columns.push(["about", (k) => (scene.labels[k] ?? "").replaceAll("\n", "; ")]);
  const rows = [columns.map(([title]) => quoted(title.trim())).join(",")];
  for (let k = 0; k < K; k++) rows.push(columns.map(([, value]) => quoted(value(k))).join(","));
  return `${rows.join("\r\n")}\r\n`;
}

function download(blob, name) {
  const link = element("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  document.body.append(link); // outside the document some browsers do nothing
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function fileName(scene, t, ending) {
  const title = scene.title.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase() || "codes";
  return `${title}-step-${scene.steps[t]}.${ending}`;
}

// the colours of the page's theme, as they are now
function themeOf(node) {
  const style = getComputedStyle(node);
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const ground = read("--st-background-color", "#fff");
  const text = read("--st-text-color", "#20242a");
  return {
    text,
    ground,
    soft: read("--st-secondary-background-color", "#eee"),
    border: read("--st-border-color", "#ccc"),
    primary: read("--st-primary-color", "#0b6e69"),
    font: read("--st-font", "sans-serif"),
  };
}

// a canvas as sharp as the screen; sizes in CSS pixels
function fitted(canvas, width, height, sharpness) {
  const wide = Math.round(width * sharpness), high = Math.round(height * sharpness);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const ctx = canvas.getContext("2d");
  ctx.setTransform(sharpness, 0, 0, sharpness, 0, 0);
  return ctx;
}
