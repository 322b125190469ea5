// One step of training, looked at phase by phase. Choosing a vector and dragging it happen here; the server hears nothing of it.

const instances = new WeakMap(); // parentElement → what is shown there
const kept = new Map(); // of the window, by what is looked at: the chosen vector outlives a visit to another page
const GLIDE = 450; // milliseconds

const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function drawMoving(self) {
  const { map, width, height } = mapOf(self);
  if (width < 2) return;
  const shown = { codes: self.shown.codes, vectors: self.shown.vectors.map((p, i) => (i === self.n && self.moved && !moving(self) ? self.moved : p)) };
  const z = moving(self) ? shown.vectors[self.n] : standing(self);
  self.times = magnified(self.frame, map, Math.min(width, height));
  self.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  self.picture.innerHTML = drawPlane(self.frame, self.phase, shown, self.n, z, map, width, height);
  const [x, y] = map.to(z);
  self.handle.style.left = `${x}px`;
  self.handle.style.top = `${y}px`;
}

// Marks glide from where they were to where they belong.
function settle(self, glide) {
  cancelAnimationFrame(self.timer);
  const target = positions(self);
  const from = self.shown;
  const same = glide && !calm() && from && from.codes.length === target.codes.length && from.vectors.length === target.vectors.length;
  if (!same) {
    self.shown = target;
    drawMoving(self);
    return;
  }
  const sameBatch = self.shownBatch === self.frame.batch;
  const began = performance.now();
  const between = (a, b, share) => b.map((p, i) => plus(times(a[i], 1 - share), times(p, share)));
  const tick = (now) => {
    const linear = Math.min(1, (now - began) / GLIDE);
    const share = 1 - (1 - linear) ** 3;
    self.shown = {
      codes: between(from.codes, target.codes, share),
      vectors: sameBatch ? between(from.vectors, target.vectors, share) : target.vectors,
    };
    drawMoving(self);
    if (linear < 1) self.timer = requestAnimationFrame(tick);
  };
  self.timer = requestAnimationFrame(tick);
}

function refresh(self, glide = false) {
  settle(self, glide);
  const walk = moving(self) && self.frame.frozen;
  self.find(".sentence").textContent = walk ? "Frozen encoder: codes walk onto cell means." : self.sentence;
  const used = self.frame.count.filter((count) => count > 0).length;
  const figures = `Step <b>${self.frame.step}</b> · codes chosen <b>${used} of ${self.frame.e.length}</b> · loss <b>${number(self.frame.loss)}</b>`;
  if (self.note) self.find(".state").textContent = self.note;
  else self.find(".state").innerHTML = figures;
  drawWho(self);
  drawLegend(self);
  drawData(self);
  drawEquation(self);
  drawSource(self);
  drawChips(self);
  drawBelow(self);
  drawReadout(self);
}

// ── hands ──

// The distance to the closest of some places, and which it is.
const closest = (places, touched) => places.map((p, i) => [norm(minus(p, touched)), i]).sort((a, b) => a[0] - b[0])[0];

function choose(self, n) {
  const count = self.frame.z.length;
  self.n = ((n % count) + count) % count;
  self.moved = null;
  self.focus = null;
  kept.set(self.of, self.n);
  refresh(self);
}

function moveTo(self, p) {
  const { map } = mapOf(self);
  const [left, right, bottom, top] = map.box;
  self.moved = [Math.min(right, Math.max(left, p[0])), Math.min(top, Math.max(bottom, p[1]))];
  self.focus = null;
  refresh(self);
}

function listen(self) {
  const { handle, picture } = self;
  const point = (event) => {
    const box = self.plane.getBoundingClientRect();
    return mapOf(self).map.from(event.clientX - box.left, event.clientY - box.top);
  };
  handle.addEventListener("pointerdown", (event) => {
    if (moving(self) || event.button > 0) return;
    handle.setPointerCapture(event.pointerId);
    handle.classList.add("held");
    self.grip = minus(standing(self), point(event));
  });
  handle.addEventListener("pointermove", (event) => self.grip && moveTo(self, plus(point(event), self.grip)));
  for (const name of ["pointerup", "pointercancel"]) {
    handle.addEventListener(name, () => {
      self.grip = null;
      handle.classList.remove("held");
    });
  }
  handle.addEventListener("keydown", (event) => {
    const way = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    const turn = { n: 1, p: -1 }[event.key.toLowerCase()];
    if (event.ctrlKey || event.metaKey || event.altKey || !(way || turn || event.key === "Escape")) return;
    event.preventDefault();
    event.stopPropagation(); // the page has shortcuts of its own
    if (turn) choose(self, self.n + turn);
    else if (event.key === "Escape") choose(self, self.n);
    else if (!moving(self)) moveTo(self, plus(standing(self), times(way, ((event.shiftKey ? 40 : 8) / mapOf(self).map.unit))));
  });
  picture.addEventListener("click", (event) => {
    const box = self.plane.getBoundingClientRect();
    const touched = [event.clientX - box.left, event.clientY - box.top];
    const { map } = mapOf(self);
    const [vector, code] = [self.shown.vectors, self.shown.codes].map((points) => closest(points.map(map.to), touched));
    if (Math.min(vector[0], code[0]) > 26) return;
    if (vector[0] <= code[0]) choose(self, vector[1]);
    else {
      self.focus = code[1];
      refresh(self);
    }
  });
  self.find(".below").addEventListener("click", (event) => {
    const cell = event.target.closest("[data-row]");
    if (cell) {
      choose(self, Number(cell.dataset.row));
      if (cell.dataset.code) self.focus = Number(cell.dataset.code);
      refresh(self);
    } else if (self.phase === "encode" && self.inputPlaces) {
      const box = self.find(".inputs").getBoundingClientRect();
      const touched = [event.clientX - box.left, event.clientY - box.top];
      choose(self, closest(self.inputPlaces, touched)[1]);
    }
  });
  self.find(".previous").addEventListener("click", () => choose(self, self.n - 1));
  self.find(".next").addEventListener("click", () => choose(self, self.n + 1));
  self.find(".back").addEventListener("click", () => {
    choose(self, self.n);
    handle.focus({ preventScroll: true });
  });
}

// A vector that is asked for much, and far from its code: there is most to see there.
function telling(frame) {
  const score = frame.passed.map((g, i) => norm(g) * norm(minus(frame.z[i], frame.e[frame.index[i]])));
  return score.indexOf(Math.max(...score));
}

function receive(self, data) {
  const told = [data.phase, data.of, data.note, data.frame].join();
  if (self.told === told) return;
  self.told = told;
  const fresh = self.of !== data.of;
  const frame = data.frame === self.raw ? self.frame : JSON.parse(data.frame);
  const other = frame !== self.frame;
  self.shownBatch = fresh ? null : self.frame?.batch;
  Object.assign(self, { frame, raw: data.frame, of: data.of, phase: data.phase, sentence: data.sentence, lines: data.lines, note: data.note });
  if (fresh) {
    self.view = self.shown = null;
    self.n = kept.get(data.of) ?? telling(frame);
  }
  if (other) self.moved = self.focus = null;
  self.n = Math.min(self.n, frame.z.length - 1);
  if (other || fresh) {
    self.view = viewFor(self.view, [...frame.z, ...frame.e, ...frame.zAfter, ...frame.eAfter]);
    if (frame.x.points) self.inputView = viewFor(fresh ? null : self.inputView, [...frame.x.points, ...frame.decoded.points]);
  }
  refresh(self, !fresh);
}

export default function ({ data, parentElement }) {
  let self = instances.get(parentElement);
  if (!self) {
    const find = (selector) => parentElement.querySelector(selector);
    self = { find, plane: find(".plane"), picture: find(".picture"), handle: find(".handle"), moved: null, focus: null, grip: null, n: 0 };
    self.sizes = new ResizeObserver(() => {
      if (!self.frame) return;
      drawMoving(self);
      drawBelow(self);
    });
    self.sizes.observe(self.plane);
    listen(self);
    instances.set(parentElement, self);
  }
  receive(self, data);
  return () => {
    cancelAnimationFrame(self.timer);
    self.sizes.disconnect();
    instances.delete(parentElement);
  };
}
