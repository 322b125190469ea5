// What a person can press on a page, and what a person sees of it. Shadow roots are walked as the rest is.
(() => {
  const PRESSABLE =
    'button, summary, a[href], input[type="checkbox"], input[type="radio"], ' +
    '[role="button"], [role="tab"], [role="radio"], [role="switch"], [role="checkbox"], [role="option"]';
  // what Streamlit puts around every app and every element, and what only explains
  const STREAMLITS =
    '[data-testid="stToolbarActions"], [data-testid="stMainMenu"], [data-testid="stAppDeployButton"], ' +
    '[data-testid="stElementToolbar"], [data-testid="stCodeCopyButton"], [data-testid="stTooltipIcon"], ' +
    '[data-testid="stHeaderActionElements"], [data-testid="stLogo"], [data-testid="stLogoLink"], .modebar';
  const UNSEEN = '[data-testid="stStatusWidget"], [data-baseweb="tooltip"], [role="tooltip"], [data-testid="stTooltipContent"], script, style, template';
  const ENGINE = /Engine (starting|ready|failed).*|\d+ of \d+ busy.*/g; // moves by itself

  const up = node => node.parentElement || (node.getRootNode() instanceof ShadowRoot ? node.getRootNode().host : null);
  const within = (node, selector) => {
    for (let at = node; at; at = up(at)) if (at.matches(selector)) return at;
    return null;
  };
  const visible = node => {
    const box = node.getBoundingClientRect();
    return box.width > 1 && box.height > 1 && node.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  };
  function* everything(root) {
    for (const node of root.children) {
      if (node.matches(UNSEEN)) continue;
      yield node;
      if (node.shadowRoot) yield* everything(node.shadowRoot);
      yield* everything(node);
    }
  }
  const hash = text => {
    let value = 5381;
    for (let at = 0; at < text.length; at += 1) value = (value * 33 + text.charCodeAt(at)) | 0;
    return value;
  };
  const keyOf = node => {
    for (let at = node; at; at = up(at)) for (const name of at.classList) if (name.startsWith("st-key-")) return name.slice(7);
    return "";
  };
  const words = node => {
    const copy = node.cloneNode(true);
    copy.querySelectorAll('[data-testid*="Icon"], style').forEach(icon => icon.remove());
    return copy.textContent.replace(/\s+/g, " ").trim();
  };
  const nameOf = node =>
    (node.getAttribute("aria-label") || words(node) || node.title || node.querySelector("img[alt]")?.alt || "").slice(0, 60);
  const target = node => (node.matches("input") && node.closest("label")) || node; // Streamlit hides the box itself
  const off = node =>
    getComputedStyle(node).pointerEvents === "none" ||
    node.disabled || node.getAttribute("aria-disabled") === "true" || Boolean(within(node, "fieldset[disabled], label[disabled]"));
  const one = node => node.matches('[role="radio"], [role="tab"], [role="option"], input[type="radio"]') || /^(segmented|pills)/.test(node.getAttribute("kind") || "");
  const chosen = node =>
    one(node) &&
    (node.checked || ["aria-checked", "aria-selected", "aria-pressed"].some(name => node.getAttribute(name) === "true") ||
      /Active$/.test(node.getAttribute("kind") || ""));
  const region = node =>
    within(node, '[role="dialog"]') ? "dialog"
    : within(node, '[data-testid="stPopoverBody"], [data-baseweb="popover"]') ? "popover"
    : within(node, '[data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stSidebarCollapsedControl"]') ? "frame"
    : within(node, '[data-testid="stMain"]') ? "main" : "other";

  function* pressable() {
    const counts = new Map();
    for (const node of everything(document.body)) {
      if (!node.matches(PRESSABLE) || within(node, STREAMLITS)) continue;
      const outer = up(node) && within(up(node), 'button, summary, a[href]');
      if (outer) continue; // one control, not two
      const at = target(node);
      if (!visible(at)) continue;
      const facts = {
        region: region(node),
        role: node.getAttribute("role") || node.type || node.tagName.toLowerCase(),
        key: keyOf(node),
        name: nameOf(at),
        look: [...node.classList].filter(name => !/^(st-|st[A-Z]|e[0-9a-z]{4,}|css-)/.test(name))[0] || "",
        off: off(node),
        chosen: Boolean(chosen(node)),
        href: node.getAttribute("href") || "",
      };
      const same = [facts.region, facts.role, facts.key, facts.name].join("|");
      facts.nth = counts.get(same) || 0;
      counts.set(same, facts.nth + 1);
      yield [facts, at];
    }
  }

  const active = () => {
    let node = document.activeElement;
    while (node && node.shadowRoot && node.shadowRoot.activeElement) node = node.shadowRoot.activeElement;
    return node && node !== document.body ? node : null;
  };

  window.vqPress = {
    controls: () => [...pressable()].map(([facts]) => facts),
    find: wanted => {
      for (const [facts, at] of pressable())
        if (["region", "role", "key", "name", "nth"].every(part => facts[part] === wanted[part])) return at;
      return null;
    },
    // `live`: without figures and pictures, which move by themselves while a run trains
    look: ([live, pressed]) => {
      const lines = [];
      for (const node of everything(document.body)) {
        if (node.closest("svg") && node.tagName.toLowerCase() !== "svg") continue;
        if (!node.checkVisibility({ visibilityProperty: true })) continue;
        const parts = [];
        for (const child of node.childNodes) if (child.nodeType === 3 && child.textContent.trim()) parts.push(child.textContent.trim());
        for (const name of ["aria-checked", "aria-selected", "aria-pressed", "aria-expanded", "aria-valuenow", "aria-invalid", "disabled", "open", "placeholder", "kind"])
          if (node.hasAttribute(name)) parts.push(`${name}=${node.getAttribute(name)}`);
        if (node.matches("input, textarea, select")) parts.push(`value=${node.value}`, `checked=${node.checked}`);
        if (node.tagName === "PROGRESS") parts.push(`value=${node.value}`);
        if (within(node, '[data-testid^="stBidi"]')) {
          const look = [...node.classList].filter(name => !/^(st-|st[A-Z]|css-)/.test(name)).join(" ");
          if (look) parts.push(`class=${look}`);
          if (node.hasAttribute("style") && !live) parts.push(`style=${hash(node.getAttribute("style"))}`);
        }
        if (!live) {
          if (node.matches("img[src], video[src], audio[src]")) parts.push(`src=${hash(node.src)}`);
          if (node.tagName === "CANVAS" && node.width && node.height) parts.push(`pixels=${hash(node.toDataURL())}`);
          if (node.tagName.toLowerCase() === "svg") parts.push(`drawn=${hash(node.outerHTML.replace(/(id|class|clip-path|href)="[^"]*"/g, ""))}`);
        }
        if (!parts.length) continue;
        let text = parts.join(" ").replace(ENGINE, "");
        if (live) text = text.replace(/[\d.,–]+/g, "#");
        lines.push(`${node.tagName.toLowerCase()} ${text}`.slice(0, 400));
      }
      const at = active();
      const focus = at && !(pressed && (at === pressed || at.contains(pressed) || pressed.contains(at) || (keyOf(at) && keyOf(at) === keyOf(pressed)))) ? `${at.tagName} ${keyOf(at)} ${nameOf(at)}` : "";
      const main = document.querySelector('[data-testid="stMain"]');
      return { lines, focus, scroll: main ? Math.round(main.scrollTop) : 0, url: location.pathname + location.search, title: document.querySelector("h1")?.innerText || "" };
    },
    // for the next press to count its own focus alone; a field keeps it, or what was typed would be sent
    calm: () => { const at = active(); if (at && !at.matches("input, textarea, select")) at.blur(); },
  };
})()
