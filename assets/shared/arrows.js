// Arrow keys within a group of buttons that stand `wide()` abreast: `moved(to, nodes)` is told which one comes next.

function arrows(group, wide, moved = focusOn) {
  group.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowDown: wide(), ArrowLeft: -1, ArrowUp: -wide() }[event.key];
    if (!way || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const nodes = [...group.children];
    const from = nodes.indexOf(group.getRootNode().activeElement);
    moved(Math.max(0, Math.min(nodes.length - 1, from + way)), nodes);
  });
}

// one of them is reached by Tab, the one that had the focus last
function focusOn(to, nodes) {
  nodes.forEach((node, k) => (node.tabIndex = k === to ? 0 : -1));
  nodes[to].focus();
}
