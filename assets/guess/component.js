// You are the prior: choose the next tile of a real picture, then see what the model gave it. All of it happens here.

const instances = new WeakMap(); // parentElement → what is shown there
const games = new Map(); // of the window, by game: what was guessed, so that it outlives a visit to another page
const SVG = "http://www.w3.org/2000/svg";

const percent = (p) => (p >= 0.0995 ? `${(100 * p).toFixed(0)} %` : p >= 0.001 ? `${(100 * p).toFixed(1)} %` : "< 0.1 %");
const bits = (value) => value.toFixed(1);
const sum = (values) => values.reduce((total, value) => total + value, 0);
const fresh = () => ({ guesses: [], picks: new Set(), other: false, revealed: false });

const ended = (self) => !self.game.revealed && self.game.guesses.length === self.shown.turns.length;
const turnAt = (self) => self.game.guesses.length - (self.game.revealed ? 1 : 0);

function veil(self, at) {
  const svg = self.find(".veil");
  svg.replaceChildren();
  const { book } = self.shown;
  if (!book || ended(self)) return;
  svg.setAttribute("viewBox", `0 0 ${book.columns} ${book.rows}`);
  svg.setAttribute("preserveAspectRatio", "none");
  const box = (className, x, y, width, height) => {
    const node = document.createElementNS(SVG, "rect");
    for (const [name, value] of Object.entries({ class: className, x, y, width, height })) node.setAttribute(name, value);
    svg.append(node);
  };
  const place = self.shown.first + at;
  const [row, column] = [Math.floor(place / book.columns), place % book.columns];
  const open = column + (self.game.revealed ? 1 : 0);
  box("hidden", open, row, book.columns - open, 1);
  box("hidden", 0, row + 1, book.columns, book.rows - row - 1);
  box("here", column, row, 1, 1);
}

function tiles(self, at) {
  const { shown, game } = self;
  const holder = self.find(".tiles");
  const focused = [...holder.children].indexOf(holder.getRootNode().activeElement);
  holder.replaceChildren();
  if (ended(self)) return;
  holder.classList.toggle("revealed", game.revealed);
  holder.classList.toggle("whole", !shown.book);
  const turn = shown.turns[at];
  const T = turn.palette.length;
  const add = (label, pressed, truth, under, press, paint) => {
    const tile = element("button", `tile${truth ? " true" : ""}${paint ? "" : " none"}`);
    tile.type = "button";
    tile.setAttribute("aria-label", label);
    tile.setAttribute("aria-pressed", String(pressed));
    tile.setAttribute("aria-disabled", String(game.revealed));
    if (paint) {
      const picture = element("i");
      paint(picture);
      tile.append(picture);
    } else tile.append(element("span", "", "None of these"));
    tile.append(element("span", "under", under));
    tile.addEventListener("click", () => {
      if (game.revealed) return;
      press();
      draw(self);
    });
    holder.append(tile);
  };
  turn.palette.forEach((code, i) => {
    if (code < 0) return;
    const truth = game.revealed && code === turn.truth;
    const press = () => (game.picks.has(i) ? game.picks.delete(i) : game.picks.add(i));
    const under = game.revealed ? percent(turn.chances[i]) : "";
    add(`tile ${i + 1}${truth ? ", the true one" : ""}${under ? `, the model gave it ${under}` : ""}`, game.picks.has(i), truth, under, press, (node) => sprite(node, shown.tiles, at * T + i));
  });
  if (turn.K > turn.palette.filter((code) => code >= 0).length) {
    const truth = game.revealed && !turn.palette.includes(turn.truth);
    add("none of these", game.other, truth, game.revealed ? percent(turn.other) : "", () => (game.other = !game.other), null);
  }
  if (focused >= 0) holder.children[Math.min(focused, holder.children.length - 1)]?.focus();
}

function score(self) {
  const { guesses } = self.game;
  const { turns, prior } = self.shown;
  const n = guesses.length;
  const done = turns.slice(0, n);
  const head = self.find(".score thead");
  head.replaceChildren(element("tr"));
  for (const text of ["Bits for the true tiles", "last", n ? `all ${n}` : "all"]) head.firstChild.append(element("th", "", text));
  const body = self.find(".score tbody");
  body.replaceChildren();
  const line = (className, name, values) => {
    const row = element("tr", className);
    const title = element("th");
    title.append(element("b"), name);
    row.append(title, element("td", "", n ? bits(values[n - 1]) : "–"), element("td", "", n ? bits(sum(values)) : "–"));
    body.append(row);
  };
  line("you", "You", guesses);
  line("model", prior, done.map((turn) => turn.bits));
  if (!self.shown.counts) line("", "Histogram per cell", done.map((turn) => turn.counted));
  line("", "Blind guessing", done.map((turn) => Math.log2(turn.K)));
  const history = self.find(".history");
  history.replaceChildren();
  const most = Math.max(...turns.map((turn) => Math.log2(turn.K)), ...guesses);
  guesses.forEach((mine, i) => {
    const pair = element("span");
    pair.title = `Tile ${i + 1}: you ${bits(mine)} bits, ${prior} ${bits(turns[i].bits)} bits`;
    for (const [name, value] of [["you", mine], ["model", turns[i].bits]]) {
      const bar = element("i", name);
      bar.style.height = `${(100 * value) / most}%`;
      pair.append(bar);
    }
    history.append(pair);
  });
  history.setAttribute("aria-label", n ? `Bits for each of ${n} tiles: you ${bits(sum(guesses))} in all, ${prior} ${bits(sum(done.map((turn) => turn.bits)))}` : "Nothing guessed yet");
}

function question(self, at) {
  const { game, shown } = self;
  const n = game.guesses.length;
  if (ended(self)) {
    const [mine, its] = [sum(game.guesses), sum(shown.turns.map((turn) => turn.bits))];
    const who = mine < its ? `You took fewer bits than ${shown.prior}` : `${shown.prior} took fewer bits than you`;
    return `That was the last tile. ${who}: ${bits(mine)} against ${bits(its)} for ${n} tiles.`;
  }
  if (game.revealed) {
    const turn = shown.turns[at];
    const hit = turn.palette.some((code, i) => code === turn.truth && game.picks.has(i)) || (game.other && !turn.palette.includes(turn.truth));
    return `${hit ? "Right" : "It was the marked one"}: ${bits(game.guesses[n - 1])} bits for you, ${bits(turn.bits)} for ${shown.prior}. Under each tile: what ${shown.prior} gave it.`;
  }
  return `Tile ${n + 1} of ${shown.turns.length}: which one comes in the marked cell? Choose one, or several.`;
}

function draw(self) {
  const { shown, game } = self;
  const at = Math.min(turnAt(self), shown.turns.length - 1);
  sprite(self.find(".picture"), shown.frames, game.revealed ? at + 1 : game.guesses.length);
  self.find("figcaption").textContent = ended(self) ? "What was revealed" : "What is known so far";
  self.find(".question").textContent = question(self, at);
  tiles(self, at);
  veil(self, at);
  const main = self.find(".main");
  const chosen = game.picks.size > 0 || game.other;
  main.textContent = game.revealed ? (game.guesses.length === shown.turns.length ? "See the end" : "Next tile") : "Guess";
  main.disabled = ended(self) || (!game.revealed && !chosen);
  self.find(".pass").disabled = game.revealed || ended(self);
  self.find(".again").disabled = !game.guesses.length;
  self.find(".sure output").textContent = `${self.find(".sure input").value} %`;
  score(self);
}

function guess(self, blind) {
  const { game, shown } = self;
  const turn = shown.turns[game.guesses.length];
  if (blind) {
    game.picks.clear();
    game.other = false;
  }
  game.guesses.push(bitsOf(turn, game.picks, game.other, Number(self.find(".sure input").value) / 100));
  game.revealed = true;
  draw(self);
}

function listen(self) {
  self.find(".main").addEventListener("click", () => {
    const { game } = self;
    if (!game.revealed) return guess(self, false);
    game.revealed = false;
    game.picks.clear();
    game.other = false;
    draw(self);
  });
  self.find(".pass").addEventListener("click", () => {
    guess(self, true);
    self.find(".main").focus();
  });
  self.find(".again").addEventListener("click", () => {
    games.set(self.shown.of, (self.game = fresh()));
    draw(self);
  });
  self.find(".sure input").addEventListener("input", () => draw(self));
}

export default function ({ data, parentElement }) {
  let self = instances.get(parentElement);
  if (!self) {
    self = { drawn: "", find: (selector) => parentElement.querySelector(selector) };
    instances.set(parentElement, self);
    listen(self);
  }
  if (self.drawn !== data.told) {
    self.drawn = data.told;
    self.shown = JSON.parse(data.told);
    if (!games.has(self.shown.of)) games.set(self.shown.of, fresh());
    self.game = games.get(self.shown.of);
    self.find(".frame").style.aspectRatio = `${self.shown.width} / ${self.shown.height}`;
    draw(self);
  }
  return () => instances.delete(parentElement);
}
