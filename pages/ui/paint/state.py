"""What this browser paints: what the canvas told last, and what the page wants put on it. Session keys owned here: `paint_*`.

The canvas is the grid's home; here stands what it last told, as text: a row of 16-bit codes in base64.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui.paint.source import Source
from vqcore.errors import GridError
from vqcore.layout import Layout

CANVAS = "paint_canvas"  # the component's key
_LARGEST_K = 65_536
_WANTED = 6  # pictures that one message may ask for


@dataclass(frozen=True, slots=True)
class Picture:
    """Where a grid comes from: what the canvas goes back to, and the original beside it (None: there is none)."""

    name: str
    title: str
    codes: NDArray[np.int64]
    original: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True)
class Push:
    """A whole grid for the canvas, one entry of its history. `frames`: grids on the way, played first. `picture` None: as before."""

    token: int
    label: str
    codes: NDArray[np.int64]
    picture: Picture | None = None
    frames: tuple[NDArray[np.int64], ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """The last message of the canvas. `codes` (M,); `want`: grids whose pictures it lacks; `chosen`: cells, as positions."""

    seq: int
    codes: NDArray[np.int64]
    stroke: bool
    scored: bool
    token: int
    chosen: tuple[int, ...] = ()
    want: tuple[str, ...] = ()
    has: frozenset[str] = frozenset()
    ask: dict[str, int] = field(default_factory=dict)


def packed(codes: NDArray[Any]) -> str:
    return base64.b64encode(np.asarray(codes).astype("<u2").tobytes()).decode()


def unpacked(text: Any, layout: Layout) -> NDArray[np.int64]:
    """Codes (M,) that the layout takes. Raises GridError for anything else."""
    try:
        raw = base64.b64decode(text, validate=True)
        codes = np.frombuffer(raw, dtype="<u2").astype(np.int64)
    except (binascii.Error, TypeError, ValueError):
        raise GridError("The browser sent a grid that cannot be read. Reload the page.") from None
    found: NDArray[np.int64] = layout.checked(codes[None])[0]
    return found


def paintable(layout: Layout) -> None:
    """Raises GridError for a codebook whose indices are longer than a message holds."""
    if layout.vocabulary > _LARGEST_K:
        raise GridError(f"A codebook of {layout.vocabulary:,} codes is too large to paint with: at most {_LARGEST_K:,}.")


def told(of: str, layout: Layout) -> Told | None:
    """None until the canvas says something of this run. Raises GridError for what no canvas says."""
    state = (st.session_state.get(CANVAS) or {}).get("told")
    if not isinstance(state, dict) or state.get("of") != of:
        return None
    try:
        found = Told(
            seq=int(state["seq"]),
            codes=unpacked(state["grid"], layout),
            stroke=bool(state["stroke"]),
            scored=bool(state["scored"]),
            token=int(state["token"]),
            chosen=tuple(sorted({int(cell) for cell in state["chosen"] if 0 <= int(cell) < layout.length})),
            want=tuple(map(str, state["want"][:_WANTED])),
            has=frozenset(map(str, state["has"])),
            ask={str(name): int(value) for name, value in dict(state.get("ask") or {}).items()},
        )
    except (KeyError, TypeError, ValueError):
        raise GridError("The browser sent something that is no grid. Reload the page.") from None
    _kept("paint_last")[of] = found.codes
    return found


def current(source: Source) -> NDArray[np.int64]:
    """The codes (M,) on the canvas, as far as is known here."""
    last = pushed(source.of)
    found = told(source.of, source.layout)
    if last is not None and (found is None or found.token < last.token):
        return last.codes
    if found is not None:
        return found.codes
    known: NDArray[np.int64] | None = _kept("paint_last").get(source.of)
    return source.codes[0] if known is None else known


def chosen(source: Source) -> NDArray[np.bool_]:
    """The chosen cells, bool (M,)."""
    free = np.zeros(source.layout.length, dtype=bool)
    found = told(source.of, source.layout)
    free[list(found.chosen) if found else []] = True
    return free


def pushed(of: str) -> Push | None:
    """What was last put on the canvas of this run."""
    push: Push | None = _kept("paint_push").get(of)
    return push


def push(of: str, label: str, codes: NDArray[Any], picture: Picture | None = None, frames: tuple[NDArray[np.int64], ...] = ()) -> None:
    """Put a whole grid on the canvas at the next run of the page. What was there stays in its history."""
    token = st.session_state["paint_token"] = st.session_state.get("paint_token", 0) + 1
    _kept("paint_push")[of] = Push(token, label, np.asarray(codes, dtype=np.int64), picture, frames)
    st.session_state["paint_waiting"] = True


def taken() -> bool:
    """Whether something was put on the canvas since the last call: the whole page must then run, as the canvas is a fragment of its own."""
    return bool(st.session_state.pop("paint_waiting", False))


def asked(of: str, ask: dict[str, int]) -> dict[str, int]:
    """What a press on the canvas asked for, once; empty when there was none since."""
    handled = _kept("paint_asked")
    if not ask or handled.get(of) == ask.get("n"):
        return {}
    handled[of] = ask.get("n")
    return ask


def _kept(name: str) -> dict[str, Any]:
    kept: dict[str, Any] = st.session_state.setdefault(name, {})
    return kept
