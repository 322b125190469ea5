"""Pictures of what a code stands for, as HTML: what it draws, its real patches, where it fires.

Axes: N pictures, H W C a picture's, h w the latent grid's. Pictures are uint8; colours are RGB.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pages.ui.pictures import Pixels, data_uri

_EDGE = 32  # pixels that a picture is enlarged to, at least, so that frames stay thin
_DIM = 0.22  # opacity where the code does not fire
_PALE = f' style="opacity:{_DIM}"'

STYLE = """<style>
.st-key-codes_portrait { min-height: 15.5rem; }
.st-key-codes_status { min-height: 3rem; }
.vq-tiles { display: grid; gap: 6px; margin: 0; grid-template-columns: repeat(auto-fill, minmax(62px, 1fr)); }
.vq-about { display: grid; gap: 14px; grid-template-columns: 96px minmax(0, 1fr); margin: 0; }
.vq-about figure, .vq-tiles figure { margin: 0; }
.vq-about figcaption, .vq-figcaption { font-size: 0.875rem; line-height: 1.35; margin: 0 0 4px; opacity: 0.85; }
.vq-draws { display: block; width: 100%; height: auto; image-rendering: pixelated; outline: 3px solid var(--code); border-radius: 2px; }
.vq-patch { position: relative; overflow: hidden; border-radius: 2px; line-height: 0; }
.vq-patch img { width: 100%; height: auto; image-rendering: pixelated; }
.vq-patch span { position: absolute; box-sizing: border-box; pointer-events: none; }
.vq-field { border: 1px dashed #fff; box-shadow: 0 0 0 999px rgb(128 128 128 / 62%); }
.vq-cell { outline: 2px solid #fff; box-shadow: 0 0 0 3px #000; }
.vq-fires { display: grid; gap: 5px; margin: 0; grid-template-columns: repeat(auto-fill, minmax(44px, 1fr)); }
.vq-fires img { display: block; width: 100%; height: auto; image-rendering: pixelated; }
.vq-near { display: block; width: 100%; max-width: 64px; aspect-ratio: 1; image-rendering: pixelated; border-radius: 2px;
  outline: 2px solid var(--code); outline-offset: -1px; object-fit: contain; background: var(--code); }
.vq-swatch { display: inline-block; width: 0.95em; height: 0.95em; margin-right: 0.4em; border-radius: 2px; vertical-align: -0.1em;
  background: var(--code); outline: 1px solid rgb(128 128 128 / 60%); }
</style>"""

Box = tuple[int, int, int, int]  # top, left, bottom, right in pixels, the last two exclusive


def css(colour: Sequence[int] | NDArray[Any]) -> str:
    r, g, b = (int(part) for part in colour)
    return f"rgb({r}, {g}, {b})"


def cell_box(row: int, col: int, size: int | None, H: int, W: int) -> Box:
    """The pixels of a picture (H, W) that a cell of the latent grid draws; `size` pixels a side, None: one cell is the whole picture."""
    if size is None:
        return 0, 0, H, W
    return min(row * size, H), min(col * size, W), min((row + 1) * size, H), min((col + 1) * size, W)


def patch(picture: Pixels, cell: Box, field: Box | None, alt: str) -> str:
    """A whole picture (H, W, C) with a frame around its cell; what lies outside the receptive field is shaded."""
    H, W = picture.shape[:2]
    marks = ""
    if field is not None and field != (0, 0, H, W):
        marks += _frame("vq-field", field, H, W)
    if cell != (0, 0, H, W):
        marks += _frame("vq-cell", cell, H, W)
    image = f'<img src="{data_uri(picture)}" width="{W}" height="{H}" alt="{html.escape(alt)}" title="{html.escape(alt)}">'
    return f'<figure class="vq-patch">{image}{marks}</figure>'


def _frame(name: str, box: Box, H: int, W: int) -> str:
    top, left, bottom, right = box
    place = (
        f"top:{100 * top / H:.2f}%;left:{100 * left / W:.2f}%;height:{100 * (bottom - top) / H:.2f}%;width:{100 * (right - left) / W:.2f}%"
    )
    return f'<span class="{name}" style="{place}"></span>'


def draws(picture: Pixels, colour: Sequence[int] | NDArray[Any], alt: str) -> str:
    """One picture, enlarged, in a frame of the code's colour."""
    H, W = picture.shape[:2]
    return (
        f'<img class="vq-draws" style="--code: {css(colour)}" src="{data_uri(picture)}" width="{W}" height="{H}" alt="{html.escape(alt)}">'
    )


def swatch(colour: Sequence[int] | NDArray[Any]) -> str:
    return f'<span class="vq-swatch" style="--code: {css(colour)}"></span>'


def near(picture: Pixels | None, colour: Sequence[int] | NDArray[Any], alt: str) -> str:
    """A small picture of a neighbour; its colour alone where it draws nothing."""
    if picture is None:
        return f'<div class="vq-near" style="--code: {css(colour)}" role="img" aria-label="{html.escape(alt)}"></div>'
    return f'<img class="vq-near" style="--code: {css(colour)}" src="{data_uri(picture)}" alt="{html.escape(alt)}">'


def fires(pictures: Pixels, fired: NDArray[np.bool_], size: int | None, colour: Sequence[int] | NDArray[Any], alt: str) -> str:
    """Pictures (N, H, W, C) beside each other, as many in a row as there is room for; `alt` says what all of them show.

    All but the cells where `fired` (N, h, w) is pale; these stand in frames of the code's colour. `size`: pixels of a cell's side;
    None: one cell is the whole picture.
    """
    lit = np.flatnonzero(fired.reshape(len(fired), -1).any(axis=1))
    bright = dict(zip(lit.tolist(), firing(pictures[lit], fired[lit], size, colour), strict=True))
    H, W = pictures.shape[1:3]
    tiles = "".join(
        f'<img src="{data_uri(bright[i]) if i in bright else _pale(picture.tobytes(), picture.shape)}" width="{W}" height="{H}" alt=""'
        f"{'' if i in bright else _PALE}>"
        for i, picture in enumerate(pictures)
    )
    return f'<div class="vq-fires" role="img" aria-label="{html.escape(alt)}">{tiles}</div>'


@lru_cache(maxsize=1024)
def _pale(raw: bytes, shape: tuple[int, ...]) -> str:
    # the same for every code in which the picture does not fire
    return data_uri(np.frombuffer(raw, dtype=np.uint8).reshape(shape))


def firing(pictures: Pixels, fired: NDArray[np.bool_], size: int | None, colour: Sequence[int] | NDArray[Any]) -> Pixels:
    """Pictures (N, H, W, C), enlarged, as (N, H', W', 4): as `fires` says."""
    N, H, W = pictures.shape[:3]
    by = max(1, -(-_EDGE // max(H, W)))
    pixel = fired if size is None else fired.repeat(size, axis=1).repeat(size, axis=2)[:, :H, :W]
    shown = np.broadcast_to(pixel, (N, H, W)).repeat(by, axis=1).repeat(by, axis=2)
    drawn = np.empty((N, by * H, by * W, 4), dtype=np.uint8)
    drawn[..., :3] = pictures.repeat(by, axis=1).repeat(by, axis=2)
    drawn[..., 3] = np.where(shown, 255, round(255 * _DIM))
    drawn[_edges(shown), :3] = np.asarray(colour, dtype=np.uint8)
    return drawn


def _edges(shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The outermost pixels of what is shown (N, H, W), one for each 32 of its side."""
    wide = max(1, shown.shape[2] // 32)
    inner = shown.copy()
    for _ in range(wide):
        padded = np.pad(inner, ((0, 0), (1, 1), (1, 1)))
        inner = inner & padded[:, :-2, 1:-1] & padded[:, 2:, 1:-1] & padded[:, 1:-1, :-2] & padded[:, 1:-1, 2:]
    return shown & ~inner
