"""What is asked for on the Invent screen, and the light worker's answers to it. Session keys owned here: `invent_*` of the settings."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from pages.ui import asked, book, number
from pages.ui.asked import Answer, Setting
from pages.ui.invent.family import Family, Member
from vqcore.config.needs import Need
from vqcore.runs.folder import RunFolder
from vqcore.runs.invented import HISTOGRAM, POSITIONS, REDRAWN, UNIFORM, Sheet

SEED = "invent_seed"  # the key of its field
NUMBERS = (16, 36, 64)
TABS = ("Watch it fill", "You are the prior", "Complete an image", "Does it copy?", "Bits", "Download")
FILL, GUESS, COMPLETE, COPY, BITS, FILES = TABS
NEEDS: dict[str, tuple[Need, ...]] = {COMPLETE: ("grid",)}  # of tabs that need more than the screen does


@dataclass(frozen=True, slots=True)
class Wanted:
    """The settings as they stand. `rung`, `index`: the sample that was chosen. `image`: the validation image; `by`: whose guess.

    `book`: the place of the codebook whose grids are shown.
    """

    number: int
    label: int
    temperature: float
    top_k: int
    seed: int
    rung: str
    index: int
    tab: str
    image: int
    by: str
    kept: int
    first: int
    book: int = 0

    def drawing(self, member: Member) -> dict[str, Setting]:
        """The settings of that rung's sheet."""
        listens = member.conditional or (member.number in (HISTOGRAM, POSITIONS) and self.label >= 0)
        blind = member.number == UNIFORM  # every code alike, at any temperature
        return {
            "rung": member.number,
            "number": self.number,
            "label": self.label if listens else -1,
            "temperature": 1.0 if blind else self.temperature,
            "top_k": self.top_k,
            "seed": self.seed,
        }


def _seed() -> int:
    """The seed that is typed; while that is none, the last that was."""
    typed = number.whole(SEED, 0)
    if typed is not None:
        st.session_state["invent_seed_drawn"] = typed
    return int(st.session_state.get("invent_seed_drawn", 0))


def wanted(family: Family) -> Wanted:
    """What the widgets say, or their defaults before they were drawn."""
    state = st.session_state
    rung, index = state.get("invent_pick", ("", 0))
    if family.member(rung) is None:
        rung = family.best
    by = state.get("invent_by") or ""
    number = int(state.get("invent_number") or NUMBERS[0])
    return Wanted(
        number=number,
        label=int(state.get("invent_label", -1) if state.get("invent_label") is not None else -1),
        temperature=float(state.get("invent_temperature", 1.0)),
        top_k=int(state.get("invent_top_k") or 0),
        seed=_seed(),
        rung=rung,
        index=min(int(index), number - 1),
        tab=str(state.get("invent_tab") or FILL),
        image=min(int(state.get("invent_image", 0)), REDRAWN - 1),
        by=by if family.member(by) else family.best,
        kept=int(state.get("invent_kept", 50)),
        first=int(state.get("invent_first", -1)),
        book=book.chosen(family.source),
    )


def begin(family: Family) -> None:
    """What was chosen for another model's codes is forgotten: its classes, its images and its samples are not these."""
    of = family.model or family.source.id
    if st.session_state.get("invent_of") != of:
        st.session_state["invent_of"] = of
        for key in ("label", "top_k", "pick", "image", "first", "by"):
            st.session_state.pop(f"invent_{key}", None)


@dataclass(frozen=True, slots=True)
class Answers:
    """`sheets` by rung; `redrawn`: the validation images; `below`: of the open tab, None where that asks for nothing."""

    sheets: dict[str, Answer]
    redrawn: Answer
    below: Answer | None

    @property
    def pending(self) -> bool:
        """Whether anything is still on its way."""
        every = [*self.sheets.values(), self.redrawn, *([self.below] if self.below else [])]
        return any(answer.state in ("working", "waiting") for answer in every)


def answers(family: Family, want: Wanted) -> Answers:
    """Ask for all that the screen shows now. Nothing here waits."""
    redrawn = asked.ask(family.source, "redrawn")
    sheets = {
        member.rung.key: asked.ask(member.run, "sheet", **want.drawing(member)) for member in family.members if member.run is not None
    }
    question = below(family, want, sheets)
    return Answers(sheets, redrawn, None if question is None else asked.ask(question.run, question.kind, **question.settings))


@dataclass(frozen=True, slots=True)
class Question:
    """One question for `asked.ask`."""

    run: RunFolder
    kind: str
    settings: dict[str, Setting]


def below(family: Family, want: Wanted, sheets: dict[str, Answer]) -> Question | None:
    """What the open tab needs, once what it builds on is there."""
    member = family.member(want.rung)
    if want.tab in (FILL, COPY):
        if member is None or member.run is None or sheets[want.rung].state != "ready":
            return None
        if want.tab == COPY:
            return Question(member.run, "nearest", want.drawing(member))
        return Question(member.run, "filling", {**want.drawing(member), "which": want.index})
    chosen = family.member(want.by)
    if chosen is None or chosen.run is None:
        return None
    if want.tab == COMPLETE:
        settings: dict[str, Setting] = {"rung": chosen.number, "image": want.image, "kept": want.kept, "number": 8}
        return Question(chosen.run, "completions", settings | {"temperature": want.temperature, "top_k": want.top_k, "seed": want.seed})
    if want.tab == GUESS:
        return Question(chosen.run, "game", {"rung": chosen.number, "image": want.image, "first": first_cell(want, sheets), "seed": 0})
    return None


def first_cell(want: Wanted, sheets: dict[str, Answer]) -> int:
    """Where the game begins: as chosen, else after two sevenths of the grid, where something can be seen."""
    data = next((answer.data for answer in sheets.values() if answer.data is not None), None)
    if data is None:
        return max(0, want.first)
    layout = Sheet.of(data).ground.layout
    rows, across = (*layout.grids[0].shape, 1, 1)[:2]
    start = rows * 2 // 7 if want.first < 0 else min(want.first, rows - 1)
    return start * across
