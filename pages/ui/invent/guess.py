"""You are the prior: guess the next tile of a real image, against the model. Session keys owned here: `invent_by`, `invent_first`."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from pages.ui.asked import Answer
from pages.ui.component import component
from pages.ui.invent import ladder
from pages.ui.invent.drawing import once, sprite
from pages.ui.invent.family import Family
from pages.ui.invent.fill import books_of, waiting
from pages.ui.invent.wanted import Answers, Question, Wanted, first_cell
from pages.ui.serial import serial
from pages.ui.terms import help_text
from vqcore.runs.invented import Game, Redrawn

_component = component("guess", "../shared/tiles", "bits", "component")
IMAGES = "invent_guess_images"


def show(family: Family, answers: Answers, question: Question | None, want: Wanted) -> None:
    """The tab."""
    alone = single(answers)
    st.markdown(
        "A prior says how likely each code is. Do the same: which picture is it? Fewer bits mean a better guess."
        if alone
        else "A prior says, cell after cell, how likely each code is. Do the same: which tile comes next? Fewer bits mean a better guess.",
        help=help_text("prior", "autoregressive", "surprise"),
    )
    with st.container(horizontal=True, vertical_alignment="bottom"):
        against(family, want)
        _start(answers, want)
    if answers.below is None or question is None:
        return
    if answers.below.data is None:
        waiting(answers.below, question, "invent_guess_wait")
    else:
        _play(answers.below, question, want)
        tiles = "pictures" if alone else "tiles"
        st.caption(
            f"Your confidence is shared equally by the {tiles} that you choose; what is left of 100 % goes equally to all other codes. "
            "Your bits are −log2 of what the true code was given in this way, the model's are −log2 of its own chance for it. Half of the "
            f"{tiles} are the model's likeliest, the others are drawn at random, and the true one may be missing. Some look alike and are "
            "different codes all the same: choose several where you cannot tell. You see pictures where the model sees code numbers; it "
            "has learnt from all training images."
        )
    _choose(answers.redrawn, want)


def single(answers: Answers) -> bool:
    """Whether an image has one code in all, as far as that is known."""
    data = answers.redrawn.data
    return data is not None and Redrawn.of(data).ground.layout.length == 1


def against(family: Family, want: Wanted) -> None:
    """Whose chances are asked."""
    able = [member.rung.key for member in family.members if member.run is not None and member.rung.key != "uniform"]
    names = ladder.titles(family, able)
    if st.session_state.get("invent_by") not in able:
        st.session_state["invent_by"] = want.by
    st.segmented_control("Prior", able, format_func=names.__getitem__, key="invent_by", required=True, persist_state="session")


def _start(answers: Answers, want: Wanted) -> None:
    if answers.redrawn.data is None:
        return
    shape = Redrawn.of(answers.redrawn.data).ground.layout.grids[0].shape
    if len(shape) != 2 or shape[0] < 2:
        return
    if not 0 <= st.session_state.get("invent_first", -1) < shape[0]:
        st.session_state["invent_first"] = first_cell(want, answers.sheets) // shape[1]
    st.select_slider(
        "Begin in row",
        list(range(shape[0])),
        format_func=lambda row: str(row + 1),
        key="invent_first",
        persist_state="session",
        width=230,
        help="All cells before it are given. The first rows show little yet.",
    )


def _play(answer: Answer, question: Question, want: Wanted) -> None:
    assert answer.data is not None
    arrays = answer.data
    of = f"{question.run.id} {answer.step} {sorted(question.settings.items())}"
    text = once(arrays["true"], f"game {of}", lambda: json.dumps(message(Game.of(arrays), of, want.by)))
    _component(key="invent_guess", data={"told": text, "serial": serial("invent_guess", text)})


def _choose(redrawn: Answer, want: Wanted) -> None:
    if redrawn.data is None:
        return
    st.markdown("**Another image**")
    ladder.images(Redrawn.of(redrawn.data), want.image, IMAGES)


def message(found: Game, of: str, by: str) -> dict[str, Any]:
    """What the component is told. `by`: the rung whose chances these are."""
    layout = found.ground.layout
    height, width = found.frames.shape[1:3]
    sizes = layout.sizes()
    books = books_of(layout, [[] for _ in layout.grids])
    single = len(books) == 1 and books[0]["rows"] * books[0]["columns"] > 1 and len(layout.grids[0].shape) == 2
    turns = [
        {
            "K": int(sizes[found.first + i]),
            "truth": int(found.true[i]),
            "palette": found.palette[i].tolist(),
            "chances": [round(float(p), 6) for p in found.chances[i]],
            "other": round(float(found.other[i]), 6),
            "bits": round(float(found.bits[i]), 4),
            "counted": round(float(found.counted[i]), 4),
        }
        for i in range(len(found.true))
    ]
    titles = {"pixelcnn": "PixelCNN", "transformer": "the Transformer", "histogram": "the histogram", "positions": "the histogram per cell"}
    return {
        "of": of,
        "height": height,
        "width": width,
        "first": found.first,
        "book": books[0] if single else None,
        "prior": titles.get(by, "the prior"),
        "counts": by == "positions",
        "turns": turns,
        "frames": sprite(found.frames),
        "tiles": sprite(found.tiles.reshape(-1, *found.tiles.shape[2:]), 12),
    }
