"""What the tests look for on a page, and how they wait for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

CHARTS_MS = 10_000

_POINTS = """key => {
  const chart = document.querySelector(`.st-key-${key} .js-plotly-plot`);
  return chart && chart.data ? Math.max(0, ...chart.data.map(trace => (trace.x ? trace.x.length : 0))) : 0;
}"""
# what a person would have to scroll sideways for; what scrolls inside its own box, as wide tables do, is fine
_OVERFLOW = """() => {
  const wide = document.documentElement.clientWidth;
  const scrolls = node => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(node).overflowX);
  const main = document.querySelector('[data-testid="stMain"]');
  const found = [];
  if (document.documentElement.scrollWidth > wide) found.push(`document: ${document.documentElement.scrollWidth} > ${wide}`);
  if (main.scrollWidth > main.clientWidth) found.push(`main: ${main.scrollWidth} > ${main.clientWidth}`);
  for (const node of main.querySelectorAll("*")) {
    const box = node.getBoundingClientRect();
    if (box.width === 0 || box.right <= wide + 1) continue;
    let parent = node.parentElement;
    while (parent !== main && !scrolls(parent)) parent = parent.parentElement;
    if (parent === main) found.push(`${node.tagName}.${node.className}: ends at ${Math.round(box.right)} of ${wide}`);
  }
  return found.slice(0, 5);
}"""
# the server has answered, no old element is left, fonts and charts are there, colours have faded in; two frames later this still holds
_DRAWN = """async () => {
  const shown = node => node.checkVisibility();
  const still = () =>
    document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState === "notRunning" &&
    (window.vqAsked?.sent ?? 0) <= (window.vqAsked?.ended ?? 0) &&
    ![...document.querySelectorAll('[data-stale="true"], [data-testid="stSkeleton"]')].some(shown) &&
    !document.getAnimations().some(animation => animation instanceof CSSTransition) &&
    [...document.querySelectorAll(".vq-chart")].every(
      chart => chart.hidden || !shown(chart) || chart.classList.contains("js-plotly-plot"));
  if (!still()) return false;
  await document.fonts.ready;
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
  return still();
}"""
# Plotly follows its box a moment after the box has changed
_FITTED = """() => [...document.querySelectorAll(".js-plotly-plot")].every(chart => {
  const drawn = chart.querySelector(".main-svg");
  return !drawn || !chart.checkVisibility() || drawn.clientWidth <= chart.clientWidth + 1;
})"""
# nothing has scrolled for ten frames
_RESTS = """async () => {
  const main = document.querySelector('[data-testid="stMain"]');
  for (let still = 0, last = main.scrollTop; still < 10; last = main.scrollTop) {
    await new Promise(done => requestAnimationFrame(done));
    still = main.scrollTop === last ? still + 1 : 0;
  }
}"""
_COLOURS = """selector => {
  const node = document.querySelector(selector);
  let behind = node;
  while (behind && getComputedStyle(behind).backgroundColor === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  return [rgb(getComputedStyle(node).color), rgb(getComputedStyle(behind).backgroundColor)];
}"""


def button(page: Page, key: str) -> Locator:
    """The button with that key."""
    return page.locator(f".st-key-{key} button").first


def badge(page: Page, text: str) -> None:
    """Wait until the run's line says so."""
    expect(page.locator(".st-key-train_line")).to_contain_text(text)


def points(page: Page, key: str = "train_loss") -> int:
    """How many points the longest curve of a chart has; 0 without the chart."""
    return int(page.evaluate(_POINTS, key))


def wait_for_points(page: Page, more_than: int = 0, key: str = "train_loss") -> int:
    """Wait until the longest curve has more points than that."""
    page.wait_for_function(f"([key, count]) => ({_POINTS})(key) > count", arg=[key, more_than])
    return points(page, key)


def run_id(page: Page) -> str:
    """The run in the address; "" without one."""
    return parse_qs(urlsplit(page.url).query).get("run", [""])[0]


def settled(page: Page) -> None:
    """Wait until Streamlit has drawn the page and nothing runs."""
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator('[data-testid="stStatusWidget"], [data-testid="stSkeleton"]')).to_have_count(0)
    page.wait_for_function(_DRAWN)


def no_problems(page: Page) -> None:
    """No traceback, no failed part, no chart that could not be drawn."""
    problems = page.locator('[data-testid="stException"], [data-testid="stAlertContentError"], .vq-chart-problem:visible')
    assert problems.all_inner_texts() == []


def scrolled(page: Page) -> float:
    """How far the page has been scrolled, once it no longer moves."""
    page.evaluate(_RESTS)
    return float(page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop"))


def overflow(page: Page) -> list[str]:
    """What sticks out at the right of the page at rest, as text; empty: nothing does. Charts alone may follow a little later."""
    settled(page)
    with contextlib.suppress(PlaywrightTimeout):
        page.wait_for_function(_FITTED, timeout=CHARTS_MS)
    return list(page.evaluate(_OVERFLOW))


def each_width(page: Page, widths: tuple[int, ...] = (390, 700, 1280)) -> Iterator[int]:
    """The window at each of the widths, the page at rest."""
    height = page.viewport_size["height"] if page.viewport_size else 720
    for width in widths:
        page.set_viewport_size({"width": width, "height": height})
        settled(page)
        yield width


def contrast(page: Page, selector: str) -> tuple[float, float]:
    """The contrast ratio of an element's text against what is behind it (1 to 21, WCAG 2), and the luminance behind it (0 to 1)."""
    text, behind = (_luminance(colour) for colour in page.evaluate(_COLOURS, selector))
    return (max(text, behind) + 0.05) / (min(text, behind) + 0.05), behind


def _luminance(colour: list[float]) -> float:
    parts = [value / 255 for value in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
