"""Sheets and grids to take home. Session keys owned here: none."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import streamlit as st

from pages.ui.asked import Answer
from pages.ui.invent.drawing import columns_of, contact, png
from pages.ui.invent.family import Family, Member
from pages.ui.invent.wanted import Answers, Wanted
from vqcore.runs.invented import Redrawn, Sheet


def show(family: Family, answers: Answers, want: Wanted) -> None:
    """The tab."""
    member = family.member(want.rung)
    answer = answers.sheets.get(want.rung)
    if member is None or answer is None or answer.data is None:
        st.info("There is something to save once the samples are drawn.", icon=":material/hourglass_top:")
        return
    found = Sheet.of(answer.data)
    name = f"{member.rung.key}-{family.source.id}-seed{want.seed}"
    with st.container(horizontal=True):
        st.download_button(
            "Sheet (PNG)",
            lambda: png(contact(found.pictures, columns_of(len(found.pictures)))),
            f"samples-{name}.png",
            "image/png",
            icon=":material/image:",
            key="invent_png",
            on_click="ignore",
        )
        st.download_button(
            "Grids (NPZ)",
            lambda: npz(found, family, member, want),
            f"grids-{name}.npz",
            "application/octet-stream",
            icon=":material/data_array:",
            key="invent_npz",
            on_click="ignore",
            help="One array of codes a book, with labels, bits and the settings. numpy.load reads it.",
        )
        st.download_button(
            "The whole ladder (PNG)",
            lambda: png(whole(answers, family, want.number)),
            f"ladder-{family.source.id}-seed{want.seed}.png",
            "image/png",
            icon=":material/view_column:",
            key="invent_ladder_png",
            on_click="ignore",
        )
    st.caption(
        f"{member.rung.title}: choose another prior by tapping one of its samples. The ladder: real images first, then prior by prior."
    )


def npz(found: Sheet, family: Family, member: Member, want: Wanted) -> bytes:
    """`codes_0` (n, *S) int32 and its neighbours, one a book; `labels` (n,), −1: none; `bits` (n,); `about`: JSON."""
    about = {
        "prior": member.rung.key,
        "prior_run": member.run.id if member.run is not None and member.run.id != family.source.id else "",
        "model_run": family.model or family.source.id,
        "model_step": family.step,
        **{name: value for name, value in want.drawing(member).items() if name not in ("rung", "number")},
    }
    grids = {f"codes_{i}": grid for i, grid in enumerate(found.ground.layout.split(found.codes))}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, labels=found.labels, bits=found.bits, about=np.array(json.dumps(about)), **grids)
    return buffer.getvalue()


def whole(answers: Answers, family: Family, number: int) -> Any:
    """All sheets that are there, side by side, (H, W, 3) uint8."""
    sheets = []
    if answers.redrawn.data is not None:
        sheets.append(Redrawn.of(answers.redrawn.data).pictures[:number])
    sheets += [
        Sheet.of(answer.data).pictures for member in family.members if (answer := _ready(answers, member)) and answer.data is not None
    ]
    rows = [contact(pictures, columns_of(len(pictures))) for pictures in sheets]
    height = max(row.shape[0] for row in rows)
    gap = np.full((height, 24, 3), 255, dtype=np.uint8)
    parts = []
    for row in rows:
        padded = np.full((height, row.shape[1], 3), 255, dtype=np.uint8)
        padded[: row.shape[0]] = row
        parts += [padded, gap]
    return np.concatenate(parts[:-1], axis=1)


def _ready(answers: Answers, member: Member) -> Answer | None:
    answer = answers.sheets.get(member.rung.key)
    return answer if answer is not None and answer.state == "ready" else None
