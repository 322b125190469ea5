// Elements, and tiles cut out of one sheet of small pictures: for components that draw codes.

function element(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function sprite(node, sheet, i) {
  const [column, row] = [i % sheet.columns, Math.floor(i / sheet.columns)];
  const across = (at, count) => (count > 1 ? (100 * at) / (count - 1) : 0);
  node.style.backgroundImage = `url("${sheet.picture}")`;
  node.style.backgroundSize = `${100 * sheet.columns}% ${100 * sheet.rows}%`;
  node.style.backgroundPosition = `${across(column, sheet.columns)}% ${across(row, sheet.rows)}%`;
}
