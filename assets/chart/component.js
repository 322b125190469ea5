// A plotly chart that keeps its node, its zoom and its hidden curves while new data arrive.

const instances = new WeakMap(); // parentElement → what was drawn there
const touch = matchMedia("(pointer: coarse)").matches;
const config = {
  displaylogo: false,
  doubleClick: "reset",
  modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
  displayModeBar: touch ? false : "hover",
};

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

export default function ({ data, parentElement }) {
  const node = parentElement.querySelector(".vq-chart");
  const problem = parentElement.querySelector(".vq-chart-problem");
  let instance = instances.get(parentElement);
  if (!instance) {
    instance = { drawn: null, wanted: null };
    instance.observer = new ResizeObserver(() => instance.drawn && window.Plotly.Plots.resize(node));
    instance.observer.observe(node);
    instances.set(parentElement, instance);
  }
  node.style.height = problem.style.height = `${data.height}px`; // reserved before anything is drawn
  instance.wanted = data.figure;

  const url = new URL(data.library, document.baseURI).href;
  plotly(url).then(
    (Plotly) => {
      if (instance.closed || instance.drawn === instance.wanted) return;
      const { data: traces, layout } = JSON.parse(instance.wanted);
      instance.drawn = instance.wanted;
      problem.hidden = true;
      node.hidden = false;
      node.setAttribute("aria-label", layout.meta.name);
      layout.uirevision += data.of; // another run is another view
      layout.font.family = getComputedStyle(node).fontFamily; // plotly measures its legend with it
      // by touch a drag must scroll the page
      return Plotly.react(node, traces, { ...layout, height: data.height, autosize: true, ...(touch && { dragmode: false }) }, config);
    },
    () => {
      node.hidden = true;
      problem.hidden = false;
      problem.textContent = `This chart needs ${url}, which did not load. Start the app with: streamlit run app.py`;
    },
  );

  return () => {
    instance.closed = true;
    instance.observer.disconnect();
    instances.delete(parentElement);
    window.Plotly?.purge(node);
  };
}
