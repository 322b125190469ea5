"""What the tests of the map look at: its parts, its picture, where a code stands."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.browser.maps import BOX, CORNERS

DRAWN = "canvas => canvas.toDataURL()"
_AT_REST = """async canvas => {
  const frame = () => new Promise(done => requestAnimationFrame(done));
  await frame();
  for (let still = 0, last = canvas.toDataURL(); ; ) {
    await frame();
    const now = canvas.toDataURL();
    still = now === last ? still + 1 : 0;
    if (still === 3) return now;
    last = now;
  }
}"""
INK = """canvas => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let i = 0; i < data.length; i += 4) colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
  return colours.size;
}"""


def part(page: Page, selector: str, key: str = "map") -> Locator:
    return page.locator(f".st-key-{key} {selector}")


def plot(page: Page, key: str = "map") -> Locator:
    return part(page, "canvas.plot", key)


def moment(page: Page, key: str = "map") -> int:
    """The moment that is shown, once what is under way has been drawn: a map draws with the next frame."""
    after = "node => new Promise(tell => requestAnimationFrame(() => requestAnimationFrame(() => tell(node.value))))"
    return int(part(page, ".strip input", key).evaluate(after))


# what an element said from now on, however short: a busy machine looks too late for the first moments of a film
SEEN = """node => {
  window.seen = [];
  new MutationObserver(() => window.seen.push(node.textContent)).observe(node, { childList: true, characterData: true, subtree: true });
}"""


def at_rest(canvas: Locator) -> str:
    """What a canvas shows, once three frames have left it as it is: a component draws with the next frame."""
    return str(canvas.evaluate(_AT_REST))


def drawn(page: Page, key: str = "map") -> str:
    """The picture as it stands, once what is under way has been drawn."""
    return at_rest(plot(page, key))


def place(page: Page, code: int) -> tuple[float, float]:
    """Where a code of the last moment stands in the window, while the whole film is in view."""
    box = plot(page).bounding_box()
    assert box is not None
    left, top, width, height = box["x"] + 60, box["y"] + 1, box["width"] - 61, box["height"] - 44
    room = min(40, 0.1 * min(width, height))
    x0, y0, x1, y1 = BOX
    clear = 48 if page.viewport_size and page.viewport_size["width"] > 800 else 0  # under the view's buttons nothing is placed
    scale = min((width - clear - 2 * room) / (x1 - x0), (height - 2 * room) / (y1 - y0))
    x, y = CORNERS[code]
    return left + (width - clear) / 2 + (x - (x0 + x1) / 2) * scale, top + height / 2 - (y - (y0 + y1) / 2) * scale


def selected(page: Page, code: int | None) -> None:
    """Wait until the server knows it."""
    expect(page.get_by_text(f"Selected: {code}.")).to_be_visible()
