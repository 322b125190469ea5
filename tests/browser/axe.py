"""Faults that axe-core calls serious or critical. It comes inside the package axe-playwright-python: no network."""

from __future__ import annotations

from importlib.resources import files

from playwright.sync_api import Page

from tests.browser.screen import settled

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

# What Streamlit draws itself and neither its theme, nor CSS, nor a label can change: the rule, and within what it is passed over.
PASSED = [
    # the names of the sidebar's sections stand in the list of pages, not beside it
    ("list", '[data-testid="stSidebarNavItems"]'),
    ("listitem", '[data-testid="stSidebarNavItems"]'),
]

_FAULTS = """async passed => {
  const results = await axe.run(document, { resultTypes: ["violations"] });
  const faults = [];
  for (const rule of results.violations.filter(rule => ["serious", "critical"].includes(rule.impact))) {
    for (const node of rule.nodes) {
      const outermost = document.querySelector([node.target[0]].flat()[0]);
      if (passed.some(([id, within]) => id === rule.id && outermost && outermost.closest(within))) continue;
      faults.push(`${rule.id}: ${node.html.slice(0, 240)} ${node.failureSummary.replaceAll("\\n", " ").slice(0, 240)}`);
    }
  }
  return faults;
}"""


def faults(page: Page) -> list[str]:
    """What axe-core finds on the page at rest. What it finds is looked at again: parts that just arrive fade in."""
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(AXE)
    faults: list[str] = []
    for _ in range(3):
        faults = list(page.evaluate(_FAULTS, PASSED))
        if not faults:
            break
        settled(page)
    return faults
