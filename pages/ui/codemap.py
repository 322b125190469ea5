"""The map of a codebook: its codes among the encoder's outputs, as they move through training, and how much each is used.

Everything that moves is drawn in the browser; the server hears only which code was chosen. Axes: T moments, K codes, V encoder
outputs, L lines. Session keys owned here: `<key>_map`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui.component import component
from pages.ui.pictures import data_uri
from pages.ui.serial import serial
from pages.ui.wire import Part, counts, flags, part_of, places, shades, text
from vqcore.film import Film
from vqcore.plots.figure import Mark
from vqcore.plots.projection import Basis

SHEET = 64  # tiles abreast in a sheet of pictures
# one module, in the order in which its parts need each other
_PARTS = ("wire", "scene", "geometry", "axes", "marks", "bars", "tools", "time", "hands", "component")

_component = component("codemap", *_PARTS)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Pictures of codes in one: `picture` is a PNG as a data URI, its tiles of `tile` (height, width) pixels stand `columns` abreast.

    The i-th tile shows code `codes[i]`; without `codes`, code i.
    """

    picture: str
    tile: tuple[int, int]
    columns: int
    codes: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the legend: what a colour means."""

    label: str
    colour: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Ramp:
    """A legend for colours that run from `low` to `high`: `colours` uint8 (n, 3) from one end to the other, `title` names what."""

    title: str
    low: str
    high: str
    colours: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What a map shows. Only `steps`, `points` and `colours` are needed. Whatever is not finite is not drawn.

    `points` (T, K, 2) and `cloud` (T, V, 2) are places on one plane. `usage` counts (T, K) of any window: it sizes the marks and
    is drawn as bars. `dead` bool (T, K): grey crosses, whatever their colour. `age` (T, K) steps since the last hit, −1 never.
    `colours` uint8 (K, 3) or (T, K, 3); `cloud_code` (T, V) the code that each output chose (−1 none): outputs take its colour,
    unless `cloud_colours` (V, 3) or (T, V, 3) gives them their own. `labels`: for each code more lines for its tooltip, or "".
    `cells`: draw each code's cell (Voronoi; true only where D = 2). `x`, `y`: names of the axes; both empty: no numbers, for
    projections whose distances mean nothing. `still`: one moment, without film controls. `marks`: what was done, by step.
    `explained`: beside the map the page says what the selected code is, so no tooltip stays on the map where there is room for both.
    `selected`: the code that the page wants selected; `show`: the step that it wants shown (None: the latest). Both are taken over
    when they change, and else left to the person who looks. Arrays must not change once they are here.
    """

    steps: NDArray[np.int64]
    points: NDArray[Any]
    colours: NDArray[np.uint8]
    usage: NDArray[Any] | None = None
    dead: NDArray[np.bool_] | None = None
    age: NDArray[np.int64] | None = None
    cloud: NDArray[Any] | None = None
    cloud_code: NDArray[np.int32] | None = None
    cloud_colours: NDArray[np.uint8] | None = None
    labels: Sequence[str] = ()
    sheet: Sheet | None = None
    cells: bool = False
    x: str = ""
    y: str = ""
    note: str = ""
    title: str = "Codes"
    usage_title: str = "How often each code is chosen"
    legend: tuple[Key, ...] = ()
    ramp: Ramp | None = None
    marks: tuple[Mark, ...] = ()
    selected: int | None = None
    show: int | None = None
    still: bool = False
    explained: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for arrays whose axes do not fit each other."""
        T, K = len(self.steps), self.points.shape[1] if self.points.ndim == 3 else -1
        V = self.cloud.shape[1] if self.cloud is not None and self.cloud.ndim == 3 else 0
        allowed: dict[str, tuple[tuple[int, ...], ...]] = {
            "points": ((T, K, 2),),
            "colours": ((K, 3), (T, K, 3)),
            "usage": ((T, K),),
            "dead": ((T, K),),
            "age": ((T, K),),
            "cloud": ((T, V, 2),),
            "cloud_code": ((T, V),),
            "cloud_colours": ((V, 3), (T, V, 3)),
        }
        if T < 1 or K < 1:
            raise ValueError(f"a map needs one moment and one code at least, not steps {T} and points {self.points.shape}")
        for name, shapes in allowed.items():
            array = getattr(self, name)
            if array is not None and array.shape not in shapes:
                raise ValueError(f"{name} has shape {array.shape}; here it must be {' or '.join(map(str, shapes))}")
        if len(self.labels) not in (0, K):
            raise ValueError(f"{len(self.labels)} labels for {K} codes")


@dataclass(slots=True)
class _Memory:
    """What this session's map of one key has been told, and has said."""

    of: str = ""
    sent: frozenset[str] = frozenset()  # blobs that its browser holds
    missing: float = 0.0  # the last complaint of a browser that held none
    pick: float = 0.0  # the last click that was taken over
    wanted: int | None = None  # what the page last wanted selected
    selected: int | None = None
    token: int = 0  # grows when the browser must take over `selected`
    fresh: bool = True


def codemap(
    scene: Scene,
    key: str,
    height: int = 420,
    *,
    of: str = "",
    group: str = "",
    share_view: bool = False,
    on_select: Callable[[], None] | None = None,
) -> int | None:
    """Draw the map, `height` pixels high without its controls, and return the selected code, None for none.

    The same `key` keeps frame, zoom and selection while data arrive; `of` names what is drawn, a run's id: another one starts anew.
    Maps of one `group` on a page show the same step and play together; with `share_view` they show the same part of the plane.
    `on_select` is called before the script runs again after a click; `selected_code(key)` gives the code in it. Call the map in the
    same place at every run: an element inserted above would mount it anew.
    """
    K = scene.points.shape[1]
    memory = _memory(key)
    _settle(memory, key, scene, of)
    parts = _parts(scene)
    chunks = {chunk.name: chunk.packed for part in parts.values() for chunk in part.chunks}
    blobs = {name: packed for name, packed in chunks.items() if name not in memory.sent}
    memory.sent = frozenset(chunks)
    data = {
        "scene": {**_static(scene), "parts": {name: part.described() for name, part in parts.items()}},
        "blobs": blobs,
        "height": height,
        "of": of,
        "group": group,
        "shareView": share_view,
        "selected": memory.selected,
        "token": memory.token,
        "answers": memory.pick,
    }
    data["serial"] = serial(key, json.dumps(data | {"blobs": list(blobs)}))
    _component(
        key=key,
        data=data,
        default={"selected": None, "missing": None},
        on_selected_change=on_select or _nothing,
        on_missing_change=_nothing,
    )
    return memory.selected if memory.selected is not None and memory.selected < K else None


def selected_code(key: str) -> int | None:
    """The code that is selected in the map of that key, as the browser last said. For `on_select`."""
    memory = _memory(key)
    pick, code = _picked(key)
    return code if pick and pick != memory.pick else memory.selected


def scene_of_film(film: Film, basis: Basis, colours: NDArray[np.uint8], **more: Any) -> Scene:
    """The scene of a film on a plane. `colours` uint8 (K, 3) or (T, K, 3); `more` are further fields of a Scene, which go first."""
    V = film.z.shape[1]
    x, y = basis.titles
    fields: dict[str, Any] = {
        "steps": film.steps,
        "points": basis.of(film.codebook),
        "colours": colours,
        "usage": film.hits,
        "dead": film.dead,
        "age": film.age,
        "cloud": basis.of(film.z) if V else None,
        "cloud_code": film.z_code if V else None,
        "cells": basis.exact and film.codebook.shape[2] == 2,
        "x": x,
        "y": y or " ",
        "note": basis.note,
    }
    return Scene(**(fields | more))


def sheet_of(tiles: NDArray[np.uint8], codes: Sequence[int] | NDArray[Any] | None = None) -> Sheet:
    """Small pictures (n, H, W, C), C 1 or 3, as one sheet. `codes` (n,): whose they are; None: code i has the i-th."""
    n, H, W, C = tiles.shape
    columns = min(SHEET, max(1, n))
    rows = -(-max(1, n) // columns)
    padded = np.zeros((rows * columns, H, W, C), dtype=np.uint8)
    padded[:n] = tiles
    whole = padded.reshape(rows, columns, H, W, C).swapaxes(1, 2).reshape(rows * H, columns * W, C)
    return Sheet(data_uri(whole), (H, W), columns, None if codes is None else tuple(int(code) for code in codes))


# ---- what is sent


def _parts(scene: Scene) -> dict[str, Part]:
    with_cloud = scene.cloud is not None
    arrays: list[tuple[str, Callable[[Any], Part], Any]] = [
        ("points", places, scene.points),
        ("colours", shades, scene.colours),
        ("usage", counts, scene.usage),
        ("dead", flags, scene.dead),
        ("age", counts, scene.age),
        ("cloud", places, scene.cloud),
        ("cloudCode", counts, scene.cloud_code if with_cloud else None),
        ("cloudColours", shades, scene.cloud_colours if with_cloud else None),
        ("labels", text, scene.labels if any(scene.labels) else None),
        ("sheet", _sheet, scene.sheet),
    ]
    return {name: part_of(make, array) for name, make, array in arrays if array is not None}


def _sheet(sheet: Sheet) -> Part:
    return text({"picture": sheet.picture, "tile": sheet.tile, "columns": sheet.columns, "codes": sheet.codes})


def _static(scene: Scene) -> dict[str, Any]:
    ramp = scene.ramp
    return {
        "steps": [int(step) for step in scene.steps],
        "codes": int(scene.points.shape[1]),
        "outputs": int(scene.cloud.shape[1]) if scene.cloud is not None else 0,
        "cells": scene.cells,
        "x": scene.x,
        "y": scene.y,
        "note": scene.note,
        "title": scene.title,
        "usageTitle": scene.usage_title,
        "legend": [{"label": key.label, "colour": list(key.colour)} for key in scene.legend],
        "ramp": ramp and {"title": ramp.title, "low": ramp.low, "high": ramp.high, "colours": ramp.colours.tolist()},
        "marks": [{"step": mark.step, "label": mark.label} for mark in scene.marks],
        "show": scene.show,
        "still": scene.still,
        "explained": scene.explained,
    }


# ---- who selected what


def _memory(key: str) -> _Memory:
    memory: _Memory = st.session_state.setdefault(f"{key}_map", _Memory())
    return memory


def _picked(key: str) -> tuple[float, int | None]:
    """When the browser last said what is selected (its own clock; 0: never), and what."""
    state = st.session_state.get(key) or {}
    told = state.get("selected")
    if not isinstance(told, dict):
        return 0.0, None
    code, at = told.get("code"), told.get("at")
    return float(at) if isinstance(at, int | float) else 0.0, code if isinstance(code, int) else None


def _settle(memory: _Memory, key: str, scene: Scene, of: str) -> None:
    """Decide what is selected: a click that came since goes first, then what the page wants if that is new, then what was."""
    pick, code = _picked(key)
    missing = float((st.session_state.get(key) or {}).get("missing") or 0.0)
    if missing != memory.missing or key not in st.session_state:  # its place was left, or never entered
        memory.missing, memory.sent = missing, frozenset()
    if memory.fresh or memory.of != of:
        memory.fresh, memory.of = False, of
        memory.pick, memory.wanted, memory.selected = pick, scene.selected, scene.selected
        memory.token += 1
    elif pick and pick != memory.pick:
        memory.pick, memory.selected = pick, code
        memory.wanted = scene.selected
    elif scene.selected != memory.wanted:
        memory.wanted = scene.selected
        if memory.selected != scene.selected:
            memory.selected = scene.selected
            memory.token += 1


def _nothing() -> None:
    """A state of a component needs a callback to have a default."""
