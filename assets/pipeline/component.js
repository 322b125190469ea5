// One image on its way through the model. Pointing at a tile, tapping it or going to it with the arrow keys marks it in every
// stage and says which code it got. All of it happens here: the server hears nothing of it.

const instances = new WeakMap(); // parentElement → what is shown there
const NUMBER_ROOM = 9; // pixels; smaller numbers are left out, the text below has them

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function place(mark, tile, stage) {
  mark.hidden = tile === null;
  if (tile === null) return;
  const [row, column] = tile;
  const [height, width] = stage.tile; // shares of the picture that one tile covers; the last may reach over the edge
  mark.style.top = `${100 * row * height}%`;
  mark.style.left = `${100 * column * width}%`;
  mark.style.height = `${100 * Math.min(height, 1 - row * height)}%`;
  mark.style.width = `${100 * Math.min(width, 1 - column * width)}%`;
}

function swatch(colour) {
  const node = element("span", "swatch");
  node.style.background = colour;
  return node;
}

function describe(about, shown, tile) {
  about.replaceChildren();
  if (tile === null) {
    about.append(element("p", "", shown.hint));
    return;
  }
  const [row, column] = tile;
  const index = shown.cells[row][column];
  const code = shown.codes[index];
  const where = shown.cells.length * shown.cells[0].length > 1 ? `Row ${row + 1}, column ${column + 1}: code ${index}` : `Code ${index}`;
  const lead = element("p", "lead");
  lead.append(swatch(shown.colours[row][column]), where);
  about.append(lead);
  if (!code) return;
  about.append(element("p", "", code.use));
  if (!code.near.length) return;
  const near = element("p", "", "Nearest codes: ");
  for (const other of code.near) {
    const entry = element("span", "near");
    entry.append(swatch(other.colour), `${other.index} (at ${other.distance})`);
    near.append(entry);
  }
  about.append(near);
}

function mark(instance, tile) {
  instance.tile = tile;
  for (const [node, stage] of instance.marks) place(node, tile, stage);
  const chosen = tile && instance.shown.cells[tile[0]][tile[1]];
  for (const { node, index, row, column } of instance.buttons) {
    node.classList.toggle("same", tile !== null && index === chosen);
    const here = tile ? row === tile[0] && column === tile[1] : row === 0 && column === 0;
    node.tabIndex = here ? 0 : -1; // one stop for the tab key, arrows inside
    node.setAttribute("aria-selected", String(tile !== null && here));
  }
  describe(instance.about, instance.shown, tile);
  instance.about.classList.toggle("marked", tile !== null);
}

function tileAt(frame, stage, event, shown) {
  const box = frame.getBoundingClientRect();
  const row = Math.floor((event.clientY - box.top) / box.height / stage.tile[0]);
  const column = Math.floor((event.clientX - box.left) / box.width / stage.tile[1]);
  return [Math.max(0, Math.min(shown.cells.length - 1, row)), Math.max(0, Math.min(shown.cells[0].length - 1, column))];
}

const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

function onKey(instance, event, row, column) {
  if (event.key === "Escape") {
    instance.pinned = null;
    mark(instance, null);
    return;
  }
  const step = ARROWS[event.key];
  if (!step) return;
  event.preventDefault();
  const target = instance.buttons.find((cell) => cell.row === row + step[0] && cell.column === column + step[1]);
  target?.node.focus();
}

function cellsOf(instance, shown) {
  const grid = element("div", "cells");
  grid.setAttribute("role", "grid");
  grid.setAttribute("aria-label", "Chosen codes; arrow keys move");
  const width = shown.cells[0].length;
  const digits = Math.max(2, ...shown.cells.flat().map((index) => String(index).length));
  grid.style.gridTemplate = `repeat(${shown.cells.length}, minmax(0, 1fr)) / minmax(0, 1fr)`;
  instance.fit = (pixels) => {
    const size = Math.min(28, (0.72 * pixels) / width / (0.62 * digits));
    grid.style.fontSize = size < NUMBER_ROOM ? "0" : `${size}px`;
  };
  shown.cells.forEach((line, row) => {
    const cells = element("div");
    cells.setAttribute("role", "row");
    cells.style.cssText = `display: grid; grid-template-columns: repeat(${width}, minmax(0, 1fr)); min-height: 0`;
    line.forEach((index, column) => {
      const node = element("div", "cell", String(index));
      node.setAttribute("role", "gridcell");
      node.setAttribute("aria-label", `row ${row + 1}, column ${column + 1}: code ${index}`);
      node.style.background = shown.colours[row][column];
      node.style.color = inkOn(shown.colours[row][column]);
      node.addEventListener("focus", () => mark(instance, (instance.pinned = [row, column])));
      node.addEventListener("keydown", (event) => onKey(instance, event, row, column));
      instance.buttons.push({ node, index, row, column });
      cells.append(node);
    });
    grid.append(cells);
  });
  return grid;
}

function draw(instance, parentElement, shown) {
  const focused = instance.buttons.findIndex(({ node }) => node === node.getRootNode().activeElement);
  instance.shown = shown;
  instance.marks = [];
  instance.buttons = [];
  instance.about = parentElement.querySelector(".about");
  instance.sizes.disconnect();
  const stages = shown.stages.map((stage) => {
    const item = element("li", "stage");
    const figure = element("figure");
    const caption = element("figcaption");
    caption.append(element("b", "", stage.title), element("span", "", stage.note));
    const frame = element("div", "frame");
    frame.style.aspectRatio = `${stage.width} / ${stage.height}`;
    if (stage.picture) {
      const picture = element("img");
      picture.src = stage.picture;
      picture.alt = `${stage.title}: ${stage.note}`;
      picture.draggable = false;
      frame.append(picture);
    } else {
      frame.append(cellsOf(instance, shown));
      instance.sizes.observe(frame);
    }
    const ring = element("div", "mark");
    frame.append(ring);
    instance.marks.push([ring, stage]);
    frame.addEventListener("pointermove", (event) => event.pointerType === "mouse" && mark(instance, tileAt(frame, stage, event, shown)));
    frame.addEventListener("pointerleave", () => mark(instance, instance.pinned));
    frame.addEventListener("click", (event) => mark(instance, (instance.pinned = tileAt(frame, stage, event, shown))));
    figure.append(caption, frame);
    item.append(figure);
    return item;
  });
  parentElement.querySelector(".stages").replaceChildren(...stages);
  const inside = instance.pinned && instance.pinned[0] < shown.cells.length && instance.pinned[1] < shown.cells[0].length;
  if (!inside) instance.pinned = null;
  mark(instance, instance.pinned);
  if (focused >= 0 && inside) instance.buttons.find(({ node }) => node.tabIndex === 0)?.node.focus();
}

export default function ({ data, parentElement }) {
  let instance = instances.get(parentElement);
  if (!instance) {
    instance = { marks: [], buttons: [], pinned: null, drawn: "", fit: () => {} };
    instance.sizes = new ResizeObserver((entries) => instance.fit(entries[0].contentRect.width));
    instances.set(parentElement, instance);
  }
  if (instance.drawn !== data.shown) {
    instance.drawn = data.shown;
    draw(instance, parentElement, JSON.parse(data.shown));
  }
  return () => {
    instance.sizes.disconnect();
    instances.delete(parentElement);
  };
}
