"""One sample as it fills, cell by cell. Everything that moves, moves in the browser. Session keys owned here: none."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from pages.ui import asked, session
from pages.ui.asked import Answer
from pages.ui.component import component
from pages.ui.invent.drawing import once, sprite
from pages.ui.invent.wanted import Question, Wanted
from pages.ui.serial import serial
from vqcore.layout import Layout
from vqcore.runs.invented import Filling

_component = component("fill", "../shared/tiles", "../shared/ink", "component")


def show(answer: Answer | None, question: Question | None, want: Wanted, title: str) -> None:
    """The tab."""
    st.markdown(f"**{title}.** Tap another sample in the ladder to watch that one.")
    if answer is None or question is None:
        st.info("It can be watched once the samples are drawn.", icon=":material/hourglass_top:")
        return
    if answer.data is None:
        waiting(answer, question, "invent_fill_wait")
        return
    arrays = answer.data
    of = f"{question.run.id} {sorted(question.settings.items())}"
    text = once(arrays["codes"], f"fill {of}", lambda: json.dumps(message(Filling.of(arrays), of)))
    _component(key="invent_fill", data={"told": text, "serial": serial("invent_fill", text)})
    tempered = " The bars show the chances after temperature and top-k, from which it was drawn." if _changed(want) else ""
    st.caption(
        "Cells that are not drawn yet hold the commonest code, and their part of the picture is veiled. A cell cannot know what comes "
        f"after it, and is never changed again.{tempered}"
    )


def _changed(want: Wanted) -> bool:
    return want.temperature != 1.0 or want.top_k > 0


def message(found: Filling, of: str) -> dict[str, Any]:
    """What the component is told."""
    height, width = found.frames.shape[1:3]
    T = found.candidates.shape[1]
    flat = found.tiles.reshape(-1, *found.tiles.shape[2:])
    return {
        "of": of,
        "height": height,
        "width": width,
        "books": books_of(found.ground.layout, [shades.tolist() for shades in found.ground.colours]),
        "codes": found.codes.tolist(),
        "colours": found.ground.painted(found.codes).tolist(),
        "bits": _rounded(found.cell_bits),
        "entropy": _rounded(found.entropy),
        "chance": _rounded(found.chance, 6),
        "chances": [_rounded(row, 6) for row in found.chances],
        "candidates": found.candidates.tolist(),
        "frames": sprite(found.frames),
        "frameOf": found.frame_of.tolist(),
        "tiles": sprite(flat, 2 * T) if len(flat) else None,
    }


def books_of(layout: Layout, palettes: list[Any]) -> list[dict[str, Any]]:
    """The books' grids: where each starts, its rows and columns, its codes' colours."""
    out = []
    for start, grid, palette in zip(layout.starts(), layout.grids, palettes, strict=True):
        rows, columns = grid.shape if len(grid.shape) == 2 else (1, grid.cells)
        out.append({"name": grid.name, "start": start, "rows": rows, "columns": columns, "palette": palette})
    return out


def _rounded(values: Any, digits: int = 4) -> list[float]:
    return [round(float(value), digits) for value in values]


def waiting(answer: Answer, question: Question, key: str) -> None:
    """In the place of a result: how far it is, with a way to end it; or why it failed, with a way to try again."""
    if answer.state == "failed":
        cancelled = answer.message == asked.CANCELLED
        (st.info if cancelled else st.warning)(session.plain(answer.message), icon=":material/block:" if cancelled else ":material/error:")
        if st.button("Try again", icon=":material/refresh:", key=f"{key}_retry"):
            asked.retry(question.run, question.kind, **question.settings)
            st.rerun()
        return
    far = answer.progress
    share = far.done / far.total if far and far.total else 0.0
    left = f", about {answer.seconds * (1 - share) / share:.0f} s to go" if share > 0.1 and answer.seconds >= 3 else ""
    st.progress(min(1.0, share), text=f"{session.plain(answer.message)} {answer.seconds:.0f} s so far{left}.")
    if answer.state == "working" and st.button("Cancel", icon=":material/close:", key=f"{key}_cancel"):
        asked.cancel(question.run, question.kind, **question.settings)
        st.rerun()
