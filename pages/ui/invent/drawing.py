"""Small pictures on their way to the Invent screen's components: each is packed once, however often the page is drawn.

Axes: n pictures, H W C a picture's.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pages.ui.pictures import data_uri

_KEPT = 128

Pixels = NDArray[np.uint8]
T = TypeVar("T")

_guard = threading.Lock()
_made: OrderedDict[tuple[int, str], tuple[Any, Any]] = OrderedDict()


def once(source: object, name: str, make: Callable[[], T]) -> T:
    """What `make` gives, computed once for this very `source` (which must not change) and name."""
    key = (id(source), name)
    with _guard:
        if key in _made:
            _made.move_to_end(key)
            found: T = _made[key][1]
            return found
    made = make()
    with _guard:
        _made[key] = (source, made)  # the source is held, so that its id stays its own
        while len(_made) > _KEPT:
            _made.popitem(last=False)
    return made


def columns_of(count: int) -> int:
    """How many tiles of a sheet stand abreast: a square, where it can be one."""
    return max(1, int(np.ceil(np.sqrt(count))))


def sheet(pictures: Pixels, columns: int) -> Pixels:
    """Pictures (n, H, W, C), C 1 or 3, in rows of `columns`, without gaps: (rows · H, columns · W, C)."""
    n, H, W, C = pictures.shape
    rows = -(-max(1, n) // columns)
    padded = np.zeros((rows * columns, H, W, C), dtype=np.uint8)
    padded[:n] = pictures
    return padded.reshape(rows, columns, H, W, C).swapaxes(1, 2).reshape(rows * H, columns * W, C)


def sprite(pictures: Pixels, columns: int = 16) -> dict[str, Any]:
    """A sheet for a component: `picture` a PNG as a data URI, `columns`, `rows`."""
    abreast = min(columns, max(1, len(pictures)))
    return {"picture": data_uri(sheet(pictures, abreast)), "columns": abreast, "rows": -(-max(1, len(pictures)) // abreast)}


def contact(pictures: Pixels, columns: int, scale: int = 4, gap: int = 4) -> Pixels:
    """A sheet to keep: enlarged, with white room between the tiles, as colour."""
    large = pictures.repeat(scale, axis=1).repeat(scale, axis=2)
    if large.shape[-1] == 1:
        large = large.repeat(3, axis=-1)
    framed = np.full((len(large), large.shape[1] + gap, large.shape[2] + gap, 3), 255, dtype=np.uint8)
    framed[:, :-gap, :-gap] = large
    whole = sheet(framed, columns)
    edged = np.full((whole.shape[0] + gap, whole.shape[1] + gap, 3), 255, dtype=np.uint8)
    edged[gap:, gap:] = whole
    rows = -(-len(large) // columns)
    if rows * columns > len(large):  # no black where the last row ends
        edged[gap + (rows - 1) * framed.shape[1] :, gap + (len(large) - (rows - 1) * columns) * framed.shape[2] :] = 255
    return edged


def png(picture: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()
