"""Small pictures, shown large with sharp pixels.

Pictures are sent as small as they are and enlarged by the browser (`image-rendering: pixelated`). Axes: N pictures, H W C a
picture's, h w the latent grid's. All arrays are uint8.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray
from PIL import Image

from pages.ui.serial import serial
from vqcore.records import Gallery

Pixels = NDArray[np.uint8]

STYLE = """<style>
.vq-strip { margin: 0 0 0.5rem 0; }
.vq-strip figcaption { font-size: 0.875rem; line-height: 1.5rem; opacity: 0.85; }
.vq-strip img { display: block; width: 100%; height: auto; image-rendering: pixelated; }
</style>"""


def data_uri(picture: Pixels) -> str:
    """A PNG, inline. `picture` (H, W), (H, W, 1) grey, (H, W, 3) colour, or (H, W, 4) with transparency."""
    buffer = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.ndim == 3 and picture.shape[2] == 1 else picture).save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def side_by_side(tiles: Pixels, size: tuple[int, int] | None = None) -> Pixels:
    """Tiles (N, H, W, C) in a row, an eighth of a tile of transparent room between them, as (H, W', 4).

    `size` (height, width): enlarge each tile to it first, by its nearest pixel, so that rows of different grids line up.
    """
    N, H, W, C = tiles.shape
    height, width = size or (H, W)
    # the same rounding for every pixel of a tile keeps blocks whole
    tiles = tiles[:, np.arange(height) * H // height][:, :, np.arange(width) * W // width]
    gap = max(1, width // 8)
    row = np.zeros((height, N * width + (N - 1) * gap, 4), dtype=np.uint8)
    for i, tile in enumerate(tiles):
        left = i * (width + gap)
        row[:, left : left + width, :3] = tile if C == 3 else tile[..., :1]
        row[:, left : left + width, 3] = 255
    return row


def strip(title: str, row: Pixels, alt: str) -> str:
    """HTML of one row with its title above. The picture's proportions reserve its place before it is drawn."""
    height, width = row.shape[:2]
    image = f'<img src="{data_uri(row)}" width="{width}" height="{height}" alt="{html.escape(alt)}">'
    return f'<figure class="vq-strip"><figcaption>{html.escape(title)}</figcaption>{image}</figure>'


def gallery_rows(gallery: Gallery, chosen: Sequence[int]) -> str:
    """HTML: originals above reconstructions above the index grids in the colours of their codes. `chosen`: which pictures.

    Raises ValueError for a gallery of points, which has no pictures.
    """
    if gallery.inputs.ndim != 4:
        raise ValueError(f"a gallery of pictures is needed, not of shape {gallery.inputs.shape}")
    some = np.asarray(chosen, dtype=int)
    size = gallery.inputs.shape[1:3]
    count = len(some)
    h, w = gallery.z_q.shape[1:3]
    grid = f"{h}×{w} each" if h * w > 1 else "one each"
    rows: list[tuple[str, Any, str]] = [
        ("Originals", gallery.inputs, f"{count} original pictures"),
        (f"Reconstructions at step {gallery.step:,}", gallery.reconstructions, f"their reconstructions at step {gallery.step}"),
    ]
    if len(gallery.indices) > 1:
        told = f"z_q, {grid}: the {len(gallery.indices)} codes of a cell in one colour"
        rows.append((told, gallery.z_q, f"what the codes chosen for the {count} pictures give together, {grid}"))
    elif gallery.indices:
        rows.append((f"Codes, {grid}: one code, one colour", gallery.z_q, f"the codes chosen for the {count} pictures, {grid}"))
    return "".join(strip(title, side_by_side(pictures[some], size), alt) for title, pictures, alt in rows)


def show(rows: str, key: str = "pictures") -> None:
    """Draw what `gallery_rows` or `strip` gave; `key` names the place on the page."""
    st.html(f'{STYLE}<div data-serial="{serial(key, rows)}">{rows}</div>')
