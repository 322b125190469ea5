// Mouse, pen, touch and keyboard on the grid and on the palette. Whatever they do to codes goes through `beginStroke … endStroke`.

const LONG_PRESS = 450; // milliseconds
const STILL = 8; // pixels that a finger may wander in a long press
const TYPING = 1200; // milliseconds between digits of one number
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function placeOf(self, event) {
  const box = self.ui.board.getBoundingClientRect();
  const [rows, columns] = sides(self.book);
  const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
  const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
  return [Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(columns - 1, column))];
}

const cellAt = (self, [row, column]) => self.book.start + row * sides(self.book)[1] + column;

// All cells on the way from one to another, so that a fast hand leaves no gaps.
function between([r0, c0], [r1, c1]) {
  const steps = Math.max(Math.abs(r1 - r0), Math.abs(c1 - c0), 1);
  return Array.from({ length: steps + 1 }, (_, i) => [Math.round(r0 + ((r1 - r0) * i) / steps), Math.round(c0 + ((c1 - c0) * i) / steps)]);
}

function beginStroke(self, mode) {
  self.stroke = { mode, grid: gridNow(self).slice(), last: null };
  self.toldAt = performance.now(); // a dab is told once, at its end: a message under way would make its picture wait
}

function strokeTo(self, place) {
  const { stroke, store } = self;
  for (const at of stroke.last ? between(stroke.last, place) : [place]) {
    const cell = cellAt(self, at);
    if (stroke.mode === "brush") stroke.grid[cell] = store.brush;
    else if (stroke.adds === undefined) stroke.adds = !store.chosen.has(cell);
    if (stroke.mode === "choose") store.chosen[stroke.adds ? "add" : "delete"](cell);
  }
  stroke.last = place;
  drawBoard(self);
  if (stroke.mode === "brush") tellSoon(self);
}

function endStroke(self) {
  const { stroke } = self;
  self.stroke = null;
  if (!stroke) return;
  if (stroke.mode === "brush") commit(self, stroke.grid, "Brush");
  else {
    refresh(self);
    tell(self);
  }
}

function fillBox(self) {
  const { top, left, bottom, right } = normal(self.box);
  self.box = null;
  const grid = gridNow(self).slice();
  const { chosen } = self.store;
  const cells = [];
  for (let row = top; row <= bottom; row += 1) for (let column = left; column <= right; column += 1) cells.push(cellAt(self, [row, column]));
  if (self.store.tool === "choose") {
    const adds = cells.some((cell) => !chosen.has(cell));
    for (const cell of cells) chosen[adds ? "add" : "delete"](cell);
    refresh(self);
    tell(self);
  } else {
    for (const cell of cells) grid[cell] = self.store.brush;
    commit(self, grid, "Rectangle");
  }
}

function pick(self, place) {
  takeCode(self, gridNow(self)[cellAt(self, place)]);
  if (self.store.tool === "pick") chooseTool(self, "brush");
}

function takeCode(self, code) {
  Object.assign(self.store, { brush: Math.max(0, Math.min(self.book.K - 1, code)), brushTaken: true });
  drawPalette(self);
  describe(self);
}

function chooseTool(self, tool) {
  self.store.tool = tool;
  self.box = null;
  controls(self);
  drawBoard(self);
}

function startAt(self, place) {
  const { tool } = self.store;
  if (tool === "pick") pick(self, place);
  else if (tool === "rectangle") self.box = { from: place, to: place };
  else {
    beginStroke(self, tool);
    strokeTo(self, place);
  }
  drawBoard(self);
}

function listenToBoard(self) {
  const { board } = self.ui;
  const drop = () => {
    clearTimeout(self.press?.timer);
    self.press = null;
  };
  board.addEventListener("contextmenu", (event) => event.preventDefault());
  board.addEventListener("pointerdown", (event) => {
    if (!self.model || self.pointer !== undefined) return; // one finger paints
    event.preventDefault();
    board.focus({ preventScroll: true });
    self.keyboard = false;
    self.hovering = event.pointerType === "mouse";
    const place = (self.cursor = placeOf(self, event));
    if (event.button === 2 || (event.button === 0 && event.altKey)) {
      pick(self, place);
      return;
    }
    if (event.button > 0) return;
    self.pointer = event.pointerId;
    board.setPointerCapture(event.pointerId);
    if (event.pointerType === "mouse") startAt(self, place);
    else {
      // a finger that stays picks; one that moves or leaves paints
      const timer = setTimeout(() => {
        drop();
        self.pointer = undefined;
        pick(self, place);
        navigator.vibrate?.(20);
      }, LONG_PRESS);
      self.press = { place, x: event.clientX, y: event.clientY, timer };
    }
  });
  board.addEventListener("pointermove", (event) => {
    if (!self.model) return;
    if (self.pointer === undefined) {
      if (event.pointerType !== "mouse") return;
      self.hovering = true;
      const place = placeOf(self, event);
      if (String(place) !== String(self.cursor)) {
        self.cursor = place;
        describe(self);
        drawBoard(self);
      }
      return;
    }
    if (event.pointerId !== self.pointer) return;
    if (self.press) {
      if (Math.hypot(event.clientX - self.press.x, event.clientY - self.press.y) < STILL) return;
      const { place } = self.press;
      drop();
      startAt(self, place);
    }
    const coalesced = event.getCoalescedEvents?.() ?? [];
    for (const one of coalesced.length ? coalesced : [event]) {
      const place = placeOf(self, one);
      self.cursor = place;
      if (self.stroke) strokeTo(self, place);
      else if (self.box) self.box.to = place;
    }
    describe(self);
    drawBoard(self);
  });
  const up = (event) => {
    if (event.pointerId !== self.pointer) return;
    self.pointer = undefined;
    self.released = performance.now();
    if (self.press) {
      const { place } = self.press;
      drop();
      startAt(self, place);
    }
    if (self.box) fillBox(self);
    else endStroke(self);
  };
  board.addEventListener("pointerup", up);
  board.addEventListener("pointercancel", (event) => {
    if (event.pointerId !== self.pointer) return;
    drop();
    up(event);
  });
  board.addEventListener("pointerleave", (event) => {
    if (event.pointerType !== "mouse") return;
    self.hovering = false;
    drawBoard(self);
  });
  board.addEventListener("focus", () => {
    self.keyboard = board.matches(":focus-visible");
    self.cursor ??= [0, 0];
    describe(self);
    drawBoard(self);
  });
  board.addEventListener("blur", () => {
    self.keyboard = false;
    drawBoard(self);
  });
  board.addEventListener("keydown", (event) => self.model && onKey(self, event));
}

function onKey(self, event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const done = () => {
    event.preventDefault();
    event.stopPropagation(); // the page has shortcuts of its own
  };
  if (event.ctrlKey || event.metaKey) {
    if (key === "z") travel(self, event.shiftKey ? 1 : -1);
    else if (key === "y") travel(self, 1);
    else return;
    done();
    return;
  }
  const step = ARROWS[key];
  const tool = { b: "brush", r: "rectangle", c: "choose" }[key];
  if (step) {
    const [rows, columns] = sides(self.book);
    const place = [self.cursor[0] + step[0], self.cursor[1] + step[1]];
    if (place[0] < 0 || place[1] < 0 || place[0] >= rows || place[1] >= columns) {
      done();
      return;
    }
    if (event.shiftKey) self.box = { from: self.box?.from ?? self.cursor, to: place };
    else if (self.box && self.store.tool === "rectangle") self.box.to = place;
    else self.box = null;
    Object.assign(self, { cursor: place, keyboard: true });
    drawBoard(self);
    describe(self);
  } else if (key === " " || key === "Enter") {
    self.released = performance.now();
    if (self.box) fillBox(self);
    else if (self.store.tool === "pick") pick(self, self.cursor);
    else if (self.store.tool === "rectangle") self.box = { from: self.cursor, to: self.cursor };
    else {
      beginStroke(self, self.store.tool);
      strokeTo(self, self.cursor);
      endStroke(self);
    }
    drawBoard(self);
  } else if (/^[0-9]$/.test(key)) {
    const recent = performance.now() - (self.typedAt ?? -Infinity) < TYPING;
    const typed = Number((recent ? self.typed : "") + key);
    self.typed = String(typed < self.book.K ? typed : Number(key));
    self.typedAt = performance.now();
    takeCode(self, Number(self.typed));
  } else if (key === "p") pick(self, self.cursor);
  else if (tool) chooseTool(self, tool);
  else if (key === "Escape" && self.box) {
    self.box = null;
    drawBoard(self);
  } else return;
  done();
}

function listenToPalette(self) {
  const { swatches, number } = self.ui;
  swatches.addEventListener("click", (event) => {
    if (!self.model) return;
    const box = swatches.getBoundingClientRect();
    const { codes, columns } = self.palette;
    const side = box.width / columns;
    const i = Math.floor((event.clientY - box.top) / side) * columns + Math.floor((event.clientX - box.left) / side);
    if (codes[i] !== undefined) {
      takeCode(self, codes[i]);
      if (self.store.tool === "pick") chooseTool(self, "brush");
    }
  });
  swatches.addEventListener("keydown", (event) => {
    if (!self.model) return;
    const { codes, columns, side } = self.palette;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -codes.length, End: codes.length }[event.key];
    if (!step) return;
    event.preventDefault();
    const i = Math.max(0, Math.min(codes.length - 1, Math.max(0, codes.indexOf(self.store.brush)) + step));
    takeCode(self, codes[i]);
    const box = swatches.parentElement;
    const top = Math.floor(i / columns) * side;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + side > box.scrollTop + box.clientHeight) box.scrollTop = top + side - box.clientHeight;
  });
  // not the browser's own number field, which hides what it does not take; the rules are those of pages/ui/number.py
  number.addEventListener("input", () => {
    if (!self.model) return;
    const typed = number.value.trim();
    const rule = `Type a whole number, 0 to ${(self.book.K - 1).toLocaleString("en")}.`;
    const code = Number(typed);
    if (!/^\+?\d+$/.test(typed)) refuse(self, typed ? `“${typed}” is not a whole number. ${rule}` : `Empty. ${rule}`);
    else if (code >= self.book.K) refuse(self, `${typed} is too large. ${rule}`);
    else {
      refuse(self, "");
      takeCode(self, code);
    }
  });
  number.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!self.model || !step) return;
    event.preventDefault();
    number.value = Math.max(0, Math.min(self.book.K - 1, self.store.brush + step));
    refuse(self, "");
    takeCode(self, Number(number.value));
  });
  number.addEventListener("blur", () => self.model && drawPalette(self));
}
