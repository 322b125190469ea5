"""The component: grid, pictures, palette. Here: what it is sent, and the answers to what it tells.

Sent once and known by name afterwards: the model's palette, the strip of images, each image with its codes. Sent each time: the pictures
that the canvas lacks, and the prior's bits of the grid that it shows. Axes as in `pages.ui.paint.source`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui.component import component
from pages.ui.paint import state
from pages.ui.paint.source import Palette, Source
from pages.ui.paint.state import Picture, Push, Told, packed, unpacked
from pages.ui.pictures import data_uri
from pages.ui.serial import serial
from vqcore import edits
from vqcore.errors import VQError

if TYPE_CHECKING:
    from vqcore.analysis.easel import Easel
    from vqcore.priors.base import Prior

_PARTS = ("codec", "board", "pictures", "hands", "component")
_COLUMNS = 16  # of a sheet of tiles
# what the buttons beside the palette do to all cells of a book, in the order of their `data-arrange`
ARRANGEMENTS: tuple[tuple[str, Callable[[NDArray[np.int64]], NDArray[np.int64]]], ...] = (
    ("Shuffle", lambda codes: edits.shuffled(codes, secrets.randbits(32))),
    ("Shift left", lambda codes: _shifted(codes, 0, -1)),
    ("Shift right", lambda codes: _shifted(codes, 0, 1)),
    ("Shift up", lambda codes: _shifted(codes, -1, 0)),
    ("Shift down", lambda codes: _shifted(codes, 1, 0)),
)

_component = component("paint", *_PARTS)


class Scorer:
    """A prior that says how surprising each code is; `name` tells it from others, its label included."""

    def __init__(self, prior: Prior, label: int | None, name: str) -> None:
        self._prior, self._label, self.name = prior, label, name

    def bits(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        from vqcore.analysis.easel import scored

        return scored(self._prior, codes, self._label)


def canvas(source: Source, easel: Easel | None, scorer: Scorer | None, problem: str = "") -> None:
    """Draw the canvas, and answer what it told. Without `easel` (the models are still being loaded) it shows stored pictures."""
    try:
        told = state.told(source.of, source.layout)
    except VQError as error:
        told, problem = None, str(error)
    if told is not None and (ask := state.asked(source.of, told.ask)):
        _answer(source, easel, told, ask)
        state.taken()  # it goes out with this very answer
    last = state.pushed(source.of)
    data = _message(source, easel, scorer, told, last, problem)
    data["serial"] = serial(state.CANVAS, json.dumps(data))
    _component(key=state.CANVAS, data=data, default={"told": None}, on_told_change=_nothing)


def _answer(source: Source, easel: Easel | None, told: Told, ask: dict[str, int]) -> None:
    """Put on the canvas what a press on it asked for: an image, or its own grid rearranged."""
    image, arrangement, book = ask.get("image", -1), ask.get("arrange", -1), ask.get("book", 0)
    if 0 <= image < len(source.pictures):
        chosen = picture_of(source, easel, image)
        state.push(source.of, chosen.title, chosen.codes, chosen)
    elif 0 <= arrangement < len(ARRANGEMENTS) and 0 <= book < len(source.layout.grids):
        label, rearranged = ARRANGEMENTS[arrangement]
        parts = [part[0] for part in source.layout.split(told.codes[None])]
        parts[book] = rearranged(parts[book])
        state.push(source.of, label, source.layout.join([part[None] for part in parts])[0])


def picture_of(source: Source, easel: Easel | None, image: int) -> Picture:
    """The image of that number with its codes. Raises GridError."""
    codes = source.codes[image] if easel is None or source.settled else easel.encode(source.pictures[image])
    title = f"image {image + 1} of {len(source.pictures)}"
    return Picture(picture_name(source, image), title, codes, source.pictures[image])


def picture_name(source: Source, image: int) -> str:
    return f"{source.of}-{source.stamp.hash}-{source.drawn_at}-{image}"


def _message(
    source: Source, easel: Easel | None, scorer: Scorer | None, told: Told | None, last: Push | None, problem: str
) -> dict[str, Any]:
    start = picture_of(source, easel, 0)
    new = last is not None and (told is None or told.token < last.token)
    model, gallery = _model(source, easel), _gallery(source)
    blobs = {model[0]: model[1], gallery[0]: gallery[1], start.name: _picture(start)}
    wanted: dict[str, NDArray[np.int64]] = {packed(start.codes): start.codes} if told is None else {}
    shown = source.codes[0] if told is None else told.codes
    if last is not None and new:
        wanted[packed(last.codes)] = shown = last.codes
        if last.picture is not None:
            blobs[last.picture.name] = _picture(last.picture)
            wanted[packed(last.picture.codes)] = last.picture.codes
    pictures, bits = {}, {}
    try:
        if told is not None:
            wanted |= {key: unpacked(key, source.layout) for key in told.want}
        if easel is not None:
            pictures = {key: _bytes(easel.decode(codes)) for key, codes in wanted.items()}
        elif source.settled:
            pictures = {key: _bytes(found) for key, codes in wanted.items() if (found := source.redrawn(codes)) is not None}
        if scorer is not None and easel is not None and (told is None or new or not (told.stroke or told.scored)):
            bits = {packed(shown): _bytes(scorer.bits(shown).astype("<f4"))}
    except VQError as error:
        problem = problem or str(error)
    has = told.has if told is not None else frozenset()
    return {
        "of": source.of,
        "by": source.stamp.hash if easel is not None else f"stored {source.stamp.hash}",
        "scoredBy": scorer.name if scorer is not None else "",
        "ready": easel is not None,
        "answered": told.seq if told is not None else 0,
        "token": told.token if told is not None else 0,
        "model": model[0],
        "gallery": gallery[0],
        "start": start.name,
        "push": None if last is None else _push(last, told),
        "blobs": {name: text for name, text in blobs.items() if name not in has},
        "pictures": pictures,
        "bits": bits,
        "problem": problem,
    }


def _push(last: Push, told: Told | None) -> dict[str, Any]:
    frames = last.frames if told is None or told.token < last.token else ()
    return {
        "token": last.token,
        "label": last.label,
        "grid": packed(last.codes),
        "image": last.picture.name if last.picture is not None else "",
        "frames": [packed(frame) for frame in frames],
    }


def _bytes(array: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _picture(picture: Picture) -> str:
    original = None if picture.original is None else _bytes(picture.original)
    return json.dumps({"title": picture.title, "grid": packed(picture.codes), "original": original})


def _shifted(codes: NDArray[np.int64], down: int, right: int) -> NDArray[np.int64]:
    return edits.shifted(codes, *(down, right)[2 - codes.ndim :])


# ── what is sent once ──


def _gallery(source: Source) -> tuple[str, str]:
    return _strip(f"{source.run.path} {source.stamp.hash} {source.drawn_at}", source)


@st.cache_resource(max_entries=8, show_spinner=False)
def _strip(key: str, _source: Source) -> tuple[str, str]:
    """The strip of images: its name, and the message."""
    N = len(_source.pictures)
    names = [picture_name(_source, i) for i in range(N)]
    sheet, columns = _sheet(_source.pictures)
    note = f"{N} {_source.what}: choose one to paint on"
    told = {"names": names, "note": note, "picture": sheet, "columns": columns, "tile": _source.pictures.shape[1:3]}
    return _named(told)


def _model(source: Source, easel: Easel | None) -> tuple[str, str]:
    return _books(f"{source.run.path} {source.stamp.hash} {source.drawn_at} {easel is not None}", source, easel)


@st.cache_resource(max_entries=8, show_spinner=False)
def _books(key: str, _source: Source, _easel: Easel | None) -> tuple[str, str]:
    """The books with their palettes, and how far each cell reaches: its name, and the message. Takes a moment once the model is there."""
    books = []
    for i, (grid, start, palette) in enumerate(zip(_source.layout.grids, _source.layout.starts(), _source.palettes, strict=True)):
        drawn = _tiles(_source, _easel, i, palette)
        orders = {"usage": palette.by_use, "similar": palette.by_likeness}
        if drawn is not None:
            orders = {name: palette.visible_first(order, *drawn) for name, order in orders.items()}
        books.append(
            {
                "name": grid.name,
                "K": grid.K,
                "shape": grid.shape,
                "start": start,
                "colours": _bytes(palette.colours),
                "usage": palette.usage.tolist(),
                "orders": {name: order.tolist() for name, order in orders.items()},
                "sheet": None if drawn is None else _tile_sheet(*drawn),
            }
        )
    shape = _source.pictures.shape[1:]
    return _named({"books": books, "shape": shape, "reach": [] if _easel is None else _easel.reach().tolist()})


def _tiles(source: Source, easel: Easel | None, book: int, palette: Palette) -> tuple[NDArray[np.uint8], NDArray[np.int64]] | None:
    """What codes draw, (n, h', w', C), and which codes they are, (n,); None while that is not known."""
    tiles, codes = palette.tiles, palette.tiled
    if tiles is None or codes is None:
        if easel is None:
            return None
        codes = palette.by_use
        tiles = easel.tiles(book, codes, source.codes[0])
    return tiles, codes


def _tile_sheet(tiles: NDArray[np.uint8], codes: NDArray[np.int64]) -> dict[str, Any]:
    sheet, columns = _sheet(tiles)
    return {"picture": sheet, "columns": columns, "tile": tiles.shape[1:3], "codes": codes.tolist()}


def _sheet(tiles: NDArray[np.uint8]) -> tuple[str, int]:
    """Pictures (n, H, W, C) as one PNG, and how many stand abreast."""
    n, H, W, C = tiles.shape
    rows = -(-max(1, n) // _COLUMNS)
    padded = np.zeros((rows * _COLUMNS, H, W, C), dtype=np.uint8)
    padded[:n] = tiles
    whole = padded.reshape(rows, _COLUMNS, H, W, C).swapaxes(1, 2).reshape(rows * H, _COLUMNS * W, C)
    return data_uri(whole), _COLUMNS


def _named(told: dict[str, Any]) -> tuple[str, str]:
    text = json.dumps(told, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest(), text


def _nothing() -> None:
    """A state of a component needs a callback to have a default."""
