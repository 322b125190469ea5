"""An image's whole message, drawn: one square a bit, in the cell of the grid that it describes.

Axes: h w the latent grid's, H W C a picture's.
"""

from __future__ import annotations

import base64
import html
import math

import numpy as np
from numpy.typing import NDArray

from pages.ui.pictures import Pixels, data_uri
from vqcore.plots.figure import GREY

STYLE = """<style>
.vq-message { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 1rem; margin: 0; }
.vq-message figure { margin: 0; }
.vq-message figcaption { font-size: 0.9375rem; line-height: 1.4; margin-top: 0.25rem; }
.vq-message img { display: block; width: 7rem; height: auto; image-rendering: pixelated; border-radius: 4px; }
.vq-message .grid { width: min(14rem, 80vw); }
@media (max-width: 640px) {
  .vq-message { gap: 0.5rem; flex-wrap: nowrap; }
  .vq-message img { width: 5rem; }
  .vq-message .grid { width: 9rem; }
  .vq-message figcaption { font-size: 0.875rem; }
}
.vq-message .figure { font-size: 1.25rem; font-weight: 650; font-variant-numeric: tabular-nums; }
</style>"""


def shown(
    side: tuple[int, int],
    bits: int,
    *,
    picture: Pixels | None = None,
    redrawn: Pixels | None = None,
    index: NDArray[np.int32] | None = None,
    colours: Pixels | None = None,
) -> str:
    """HTML of the original, its message of `side` (h, w) cells with `bits` bits each, and what the decoder makes of it.

    `picture`, `redrawn` (H, W, C); `index` (h, w) the true numbers and `colours` (h, w, 3) of their codes: without them all squares are
    hollow, for the message is not known, only its length.
    """
    h, w = side
    cells = f"{h}×{w} cells" if h * w > 1 else "1 cell"
    total = h * w * bits
    parts = []
    if picture is not None:
        H, W, C = picture.shape
        parts.append(
            _figure(_image(picture, "Original picture"), f"{H * W * C * 8:,} bits", f"{H}×{W} pixels{', colour' if C == 3 else ''}")
        )
    known = "the numbers of this picture's codes" if index is not None else "the length of the message; its squares are not filled in"
    drawing = _grid(h, w, bits, index, colours, f"{cells} of {bits} bits: {known}")
    parts.append(_figure(drawing, f"{total:,} bits", f"{cells} × {bits} {'bit' if bits == 1 else 'bits'}"))
    if redrawn is not None and index is not None:
        parts.append(_figure(_image(redrawn, "Reconstruction"), "redrawn", "from these bits"))
    return f'{STYLE}<div class="vq-message">{"".join(parts)}</div>'


def _figure(inner: str, figure: str, rest: str) -> str:
    return f'<figure>{inner}<figcaption><span class="figure">{html.escape(figure)}</span><br>{html.escape(rest)}</figcaption></figure>'


def _image(picture: Pixels, alt: str) -> str:
    return f'<img src="{data_uri(picture)}" alt="{html.escape(alt)}">'


def _ink(colour: NDArray[np.uint8]) -> str:
    """Black or white, whichever can be read on the colour."""
    return "#000" if float((colour / 255.0) ** 2.2 @ (0.2126, 0.7152, 0.0722)) > 0.2 else "#fff"


def _grid(h: int, w: int, bits: int, index: NDArray[np.int32] | None, colours: Pixels | None, alt: str) -> str:
    """Cells of side 1, each in its code's colour; in it the bits from the highest to the lowest, line by line: ones filled, zeros hollow.

    An image of its own, as a page's HTML may hold no drawing: so it has no theme, and grey where there is no code.
    """
    columns = math.ceil(math.sqrt(bits))
    pitch = 0.84 / columns
    side = pitch * 0.72
    drawn: list[str] = []
    for row, column in np.ndindex(h, w):
        colour = None if colours is None else colours[row, column]
        fill, ink = ("none", GREY) if colour is None else (f"rgb({','.join(map(str, colour.tolist()))})", _ink(colour))
        drawn.append(
            f'<rect x="{column + 0.03:.2f}" y="{row + 0.03:.2f}" width=".94" height=".94" rx=".06" fill="{fill}" stroke="{GREY}"/>'
        )
        number = 0 if index is None else int(index[row, column])
        squares: dict[bool, list[str]] = {True: [], False: []}
        for place in range(bits):
            x = column + 0.08 + pitch * (place % columns) + (pitch - side) / 2
            y = row + 0.08 + pitch * (place // columns) + (pitch - side) / 2
            squares[bool(number >> (bits - 1 - place) & 1)].append(f"M{x:.2f} {y:.2f}h{side:.2f}v{side:.2f}h-{side:.2f}z")
        drawn.append(f'<path fill="none" stroke="{ink}" stroke-width="{side / 7:.3f}" d="{"".join(squares[True] + squares[False])}"/>')
        if squares[True]:
            drawn.append(f'<path fill="{ink}" d="{"".join(squares[True])}"/>')
    size = f'width="{w * 40}" height="{h * 40}" viewBox="0 0 {w} {h}"'
    drawing = f'<svg xmlns="http://www.w3.org/2000/svg" {size} stroke-width=".02">{"".join(drawn)}</svg>'
    source = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    return f'<img class="grid" src="{source}" alt="{html.escape(alt)}">'
