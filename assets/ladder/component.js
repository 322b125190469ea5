// Sheets of small pictures side by side, one a rung. A tile that is tapped, or reached with the arrow keys and Enter, is told to the page.

const instances = new WeakMap(); // parentElement → what is shown there
const shown = new Map(); // of the window, by place: pictures or codes

const tell = (self, told) => self.say("picked", { at: Date.now() + Math.random(), ...told });

function tilesOf(self, rung) {
  const codes = self.view === "codes" && rung.codes;
  const sheet = element("div", "sheet");
  sheet.setAttribute("role", rung.reference ? "group" : "listbox");
  sheet.setAttribute("aria-label", rung.reference ? rung.title : `${rung.title || "Images"}; arrow keys move, Enter chooses`);
  sheet.style.gridTemplateColumns = `repeat(${rung.columns}, minmax(0, 1fr))`;
  const rows = Math.ceil(rung.count / rung.columns);
  for (let i = 0; i < rung.count; i++) {
    const tile = element(rung.reference ? "div" : "button", "tile"); // what is there to compare with cannot be chosen
    if (!rung.reference) tile.type = "button";
    tile.setAttribute("role", rung.reference ? "img" : "option");
    tile.setAttribute("aria-label", rung.names?.[i] ?? `${rung.name} ${i + 1}`);
    tile.title = rung.names?.[i] ?? "";
    tile.style.aspectRatio = `${rung.tile[1]} / ${rung.tile[0]}`;
    tile.style.backgroundImage = `url("${codes ? rung.codes : rung.sheet}")`;
    tile.style.backgroundSize = `${100 * rung.columns}% ${100 * rows}%`;
    const [column, row] = [i % rung.columns, Math.floor(i / rung.columns)];
    tile.style.backgroundPosition = `${rung.columns > 1 ? (100 * column) / (rung.columns - 1) : 0}% ${rows > 1 ? (100 * row) / (rows - 1) : 0}%`;
    tile.dataset.index = i;
    sheet.append(tile);
  }
  if (rung.reference) return sheet;
  sheet.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    if (tile) choose(self, rung.key, Number(tile.dataset.index));
  });
  sheet.addEventListener("keydown", (event) => {
    const tile = event.target.closest(".tile");
    const all = [...sheet.children];
    const abreast = all.filter((other) => other.offsetTop === all[0].offsetTop).length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -abreast, ArrowDown: abreast }[event.key];
    const to = event.key === "Home" ? 0 : event.key === "End" ? all.length - 1 : step === undefined ? -1 : all.indexOf(tile) + step;
    if (step === undefined && to < 0) return;
    event.preventDefault();
    event.stopPropagation();
    if (!all[to]) return;
    tile.tabIndex = -1;
    all[to].tabIndex = 0;
    all[to].focus();
  });
  return sheet;
}

function choose(self, key, index) {
  self.selected = { rung: key, index };
  mark(self);
  tell(self, { rung: key, index });
}

function mark(self) {
  for (const [key, node] of self.nodes) {
    if (node.classList.contains("reference")) continue;
    const tiles = [...node.querySelectorAll(".tile")];
    const chosen = self.selected && self.selected.rung === key ? self.selected.index : -1;
    const focused = tiles.find((tile) => tile === tile.getRootNode().activeElement);
    tiles.forEach((tile, i) => {
      tile.setAttribute("aria-selected", String(i === chosen));
      tile.tabIndex = focused ? (tile === focused ? 0 : -1) : i === Math.max(0, chosen) ? 0 : -1; // one stop for the tab key
    });
  }
}

function waiting(self, rung) {
  const box = element("div", "empty");
  box.setAttribute("role", "status");
  if (rung.message) box.append(element("p", "", rung.message));
  if (rung.state === "working") {
    const bar = element("div", "bar");
    const part = element("i");
    part.style.width = `${Math.round(100 * (rung.progress ?? 0))}%`;
    bar.append(part);
    box.append(bar);
  }
  if (rung.act) {
    const act = element("button", "act", rung.act.label);
    act.type = "button";
    act.addEventListener("click", () => tell(self, { act: rung.act.name, rung: rung.key }));
    box.append(act);
  }
  return box;
}

function patch(node, rung) {
  node.querySelector(".empty p").textContent = rung.message;
  node.querySelector(".bar i").style.width = `${Math.round(100 * (rung.progress ?? 0))}%`;
  node.querySelector(".bits").textContent = rung.bits ?? "";
}

function draw(self, rung) {
  const node = element("section", `rung${rung.reference ? " reference" : ""}`);
  node.dataset.rung = rung.key;
  node.append(element("h3", "", rung.title));
  node.append(rung.state === "ready" ? tilesOf(self, rung) : waiting(self, rung));
  const bits = element("p", "bits");
  bits.textContent = rung.bits ?? "";
  node.append(bits, element("p", "sentence", rung.sentence));
  return node;
}

function refresh(self, again) {
  const { rungs, single } = self.data;
  const holder = self.root.querySelector(".rungs");
  holder.classList.toggle("single", Boolean(single));
  holder.style.setProperty("--count", rungs.length);
  for (const key of [...self.nodes.keys()]) {
    if (rungs.some((rung) => rung.key === key)) continue;
    self.nodes.get(key).remove();
    self.nodes.delete(key);
    self.drawn.delete(key);
  }
  rungs.forEach((rung, i) => {
    const text = JSON.stringify(rung);
    let node = self.nodes.get(rung.key);
    if (!node || again || self.drawn.get(rung.key) !== text) {
      const before = self.drawn.has(rung.key) ? JSON.parse(self.drawn.get(rung.key)) : null;
      if (!again && before?.state === "working" && rung.state === "working" && before.act?.name === rung.act?.name) {
        patch(node, rung); // in place: a button that has the focus keeps it
      } else {
        const fresh = draw(self, rung);
        node?.replaceWith(fresh);
        node = fresh;
      }
      self.nodes.set(rung.key, node);
      self.drawn.set(rung.key, text);
    }
    if (holder.children[i] !== node) holder.insertBefore(node, holder.children[i] ?? null);
  });
  mark(self);
}

function tools(self) {
  const bar = self.root.querySelector(".tools");
  bar.hidden = !self.data.views;
  bar.replaceChildren();
  for (const [name, label] of self.data.views ?? []) {
    const button = element("button", "view", label);
    button.type = "button";
    button.setAttribute("aria-pressed", String(self.view === name));
    button.addEventListener("click", () => {
      self.view = name;
      shown.set(self.data.of, name);
      tools(self);
      refresh(self, true);
      bar.querySelector('[aria-pressed="true"]').focus();
    });
    bar.append(button);
  }
}

export default function ({ data, parentElement, setStateValue }) {
  let self = instances.get(parentElement);
  const told = JSON.parse(data.told);
  if (!self) {
    self = { nodes: new Map(), drawn: new Map(), selected: null, token: null, view: shown.get(told.of) ?? "pictures" };
    self.root = parentElement.querySelector(".ladder");
    self.root.querySelector(".rungs").replaceChildren(); // what an earlier mounting left
    instances.set(parentElement, self);
  }
  const first = !self.data;
  self.data = told;
  self.say = setStateValue;
  if (self.token !== told.token) {
    self.token = told.token;
    self.selected = told.selected;
  }
  if (first) tools(self);
  refresh(self, false);
  return () => instances.delete(parentElement);
}
