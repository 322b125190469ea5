// A plotly chart that keeps its node, its zoom and its hidden curves while new data arrive, and can be saved as a picture or as data.

const instances = new WeakMap(); // parentElement → what was drawn there
const touch = matchMedia("(pointer: coarse)").matches;
const TABLE = "M3 4h18v16H3zM5 9v3h5V9zM12 9v3h7V9zM5 14v4h5v-4zM12 14v4h7v-4z"; // 24 × 24
const TYPES = { i1: Int8Array, u1: Uint8Array, i2: Int16Array, u2: Uint16Array, i4: Int32Array, u4: Uint32Array, f4: Float32Array, f8: Float64Array };

let library = null; // one script tag for all charts of the window
function plotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject());
    script.onerror = reject;
    document.head.append(script);
  }).catch((problem) => {
    library = null; // the next tick tries again
    throw problem;
  });
  return library;
}

function configured(Plotly) {
  const icon = { width: 24, height: 24, path: TABLE };
  return {
    displaylogo: false,
    doubleClick: "reset",
    modeBarButtons: [
      [
        "zoom2d",
        "pan2d",
        "resetScale2d",
        { name: "png", title: "Save the picture (PNG)", icon: Plotly.Icons.camera, click: (node) => save(node, "png") },
        { name: "csv", title: "Save the data (CSV)", icon, click: (node) => save(node, "csv") },
      ],
    ],
    displayModeBar: touch ? false : "hover",
  };
}

// ── saving ──

// a list, or numbers packed as base64 with their shape, as nested lists
function unpacked(values) {
  if (!values || !values.bdata) return values;
  const bytes = Uint8Array.from(atob(values.bdata), (letter) => letter.charCodeAt(0));
  const flat = Array.from(new TYPES[values.dtype](bytes.buffer));
  const [rows, columns] = String(values.shape ?? flat.length).split(",").map(Number);
  return columns === undefined ? flat : Array.from({ length: rows }, (_, row) => flat.slice(row * columns, (row + 1) * columns));
}

function words(text) {
  const node = document.createElement("template");
  node.innerHTML = text ?? "";
  return node.content.textContent.trim();
}

// one line a mark: which series it belongs to, where it lies, how high it is
function table(traces, layout) {
  const [x, y] = [layout.xaxis, layout.yaxis].map((axis) => words(axis?.title?.text));
  const flat = traces.some((trace) => trace.type === "heatmap");
  const said = /(\w+)\W*%{customdata/.exec(traces.map((trace) => trace.hovertemplate ?? "").join(" "));
  const height = traces.map((trace) => words(trace.colorbar?.title?.text)).find(Boolean);
  const rows = [["series", x || "x", y || "y", ...(flat ? [height || "value"] : []), ...(said ? [said[1]] : [])]];
  for (const trace of traces) {
    // a heat map whose colours are not its numbers carries these as its text
    const [xs, ys, zs, extra] = [trace.x, trace.y, trace.text ?? trace.z, trace.customdata].map(unpacked);
    const name = words(trace.name);
    const end = (at) => (said ? [[at].flat().join(" ")] : []);
    if (trace.type === "heatmap") {
      zs.forEach((line, row) => line.forEach((z, column) => rows.push([name, xs[column], ys[row], z, ...end(extra?.[row]?.[column])])));
    } else {
      (xs ?? []).forEach((value, i) => value !== null && rows.push([name, value, ys[i], ...(flat ? [""] : []), ...end(extra?.[i])]));
    }
  }
  return rows.map((row) => row.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function save(node, kind) {
  const name = node.layout.meta.name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").toLowerCase();
  if (kind === "csv") {
    const link = document.createElement("a");
    // the mark at the front tells spreadsheets that it is UTF-8
    link.href = URL.createObjectURL(new Blob(["\ufeff", table(node.data, node.layout)], { type: "text/csv" }));
    link.download = `${name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
    return Promise.resolve();
  }
  // the page's style sheet does not reach the file: dark on white, for paper
  const { width, height } = node.getBoundingClientRect();
  const layout = { ...node.layout, paper_bgcolor: "#fff", plot_bgcolor: "#fff", font: { ...node.layout.font, color: "#222" }, width, height };
  return window.Plotly.downloadImage({ data: node.data, layout }, { format: "png", scale: 2, width, height, filename: name });
}

function menu(node, details) {
  const summary = details.querySelector("summary");
  for (const button of details.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      save(node, button.dataset.save);
      details.open = false;
      summary.focus();
    });
  }
  details.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !details.open) return;
    details.open = false;
    summary.focus();
  });
  details.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !details.contains(event.relatedTarget)) details.open = false;
  });
  const elsewhere = (event) => event.composedPath().includes(details) || (details.open = false);
  document.addEventListener("pointerdown", elsewhere);
  return () => document.removeEventListener("pointerdown", elsewhere);
}

// ── for a room ──

const GROWS = new Set(["size", "l", "r", "t", "b", "standoff", "ticklen", "width"]); // of letters, margins, lines

function enlarged(value, by, key = "") {
  if (typeof value === "number") return GROWS.has(key) ? value * by : value;
  if (Array.isArray(value)) return value.map((entry) => (typeof entry === "object" ? enlarged(entry, by) : entry));
  if (!value || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, enlarged(entry, by, name)]));
}

function thicker(trace, by) {
  const more = {};
  for (const part of ["line", "marker"]) if (trace[part]) more[part] = enlarged(trace[part], by);
  return { ...trace, ...more };
}

export default function ({ data, parentElement }) {
  const node = parentElement.querySelector(".vq-chart");
  const problem = parentElement.querySelector(".vq-chart-problem");
  const details = parentElement.querySelector(".vq-chart-save");
  let instance = instances.get(parentElement);
  if (!instance) {
    instance = { drawn: null, wanted: null, forget: menu(node, details) };
    instance.observer = new ResizeObserver(() => instance.drawn && window.Plotly.Plots.resize(node));
    instance.observer.observe(node);
    instances.set(parentElement, instance);
  }
  node.style.height = problem.style.height = `${data.height}px`; // reserved before anything is drawn
  if (instance.scale !== data.scale) instance.drawn = null;
  [instance.wanted, instance.scale] = [data.figure, data.scale];

  const url = new URL(data.library, document.baseURI).href;
  plotly(url).then(
    (Plotly) => {
      if (instance.closed || instance.drawn === instance.wanted) return;
      const figure = JSON.parse(instance.wanted);
      const layout = data.scale === 1 ? figure.layout : enlarged(figure.layout, data.scale);
      const traces = data.scale === 1 ? figure.data : figure.data.map((trace) => thicker(trace, data.scale));
      instance.drawn = instance.wanted;
      problem.hidden = true;
      node.hidden = details.hidden = false;
      node.setAttribute("aria-label", layout.meta.name);
      details.querySelector("summary").setAttribute("aria-label", `Save this chart: ${layout.meta.name}`);
      layout.uirevision += data.of; // another run is another view
      layout.font.family = getComputedStyle(node).fontFamily; // plotly measures its legend with it
      // by touch a drag must scroll the page
      const shown = { ...layout, height: data.height, autosize: true, ...(touch && { dragmode: false }) };
      return Plotly.react(node, traces, shown, configured(Plotly));
    },
    () => {
      node.hidden = details.hidden = true;
      problem.hidden = false;
      problem.textContent = `This chart needs ${url}, which did not load. Start the app with: streamlit run app.py`;
    },
  );

  return () => {
    instance.closed = true;
    instance.observer.disconnect();
    instance.forget();
    instances.delete(parentElement);
    window.Plotly?.purge(node);
  };
}
