"""The ladder: one sheet of samples a rung, side by side, and which sample is chosen.

Session keys owned here: `invent_pick`, `invent_told`, `invent_ladder`, `invent_images`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from pages.ui import asked, session
from pages.ui.asked import Answer
from pages.ui.component import component
from pages.ui.invent.drawing import Pixels, columns_of, once, sheet
from pages.ui.invent.family import REFERENCE, Family, Member
from pages.ui.invent.wanted import Answers, Wanted
from pages.ui.pictures import data_uri
from pages.ui.screens import SCREENS, page_of
from pages.ui.serial import serial
from vqcore.errors import RunError
from vqcore.runs.invented import Redrawn, Sheet

_component = component("ladder", "../shared/tiles", "component")


def settle(family: Family, want: Wanted) -> None:
    """Take over what was done in the ladder since the last run. Call it before anything is asked."""
    event = _event("invent_ladder")
    if event is None:
        return
    key = str(event.get("rung", ""))
    if "index" in event:
        st.session_state["invent_pick"] = (key, int(event["index"]))
        return
    member = next((member for member in family.members if member.rung.key == key), None)
    act = event.get("act")
    if act == "open" and member is not None and member.training:
        _go(member.training)
    elif act == "train":
        _go("")
    elif key == REFERENCE:
        (asked.cancel if act == "cancel" else asked.retry)(family.source, "redrawn")
    elif member is not None and member.run is not None:
        (asked.cancel if act == "cancel" else asked.retry)(member.run, "sheet", **want.drawing(member))


def ladder(family: Family, want: Wanted, answers: Answers) -> None:
    """Draw it."""
    rungs = [_reference(answers.redrawn, want)]
    rungs += [_rung(family, member, want, answers.sheets.get(member.rung.key)) for member in family.members]
    told = {
        "rungs": rungs,
        "views": [["pictures", "Pictures"], ["codes", "Codes"]],
        "of": family.source.id,
        "selected": {"rung": want.rung, "index": want.index},
        "token": f"{family.source.id} {want.rung} {want.index}",
    }
    _mount("invent_ladder", told)


def images(found: Redrawn, chosen: int, key: str, count: int = 32) -> int:
    """The first validation images to choose from; returns which one is chosen."""
    event = _event(key)
    if event is not None and "index" in event:
        chosen = int(event["index"])
    pictures = found.pictures[:count]
    columns = min(16, len(pictures))
    names = [f"validation image {i + 1}{_labelled(found, i)}" for i in range(len(pictures))]
    rung = {
        "key": "images",
        "title": "",
        "name": "validation image",
        "names": names,
        "sentence": "",
        "state": "ready",
        "sheet": once(found.pictures, f"strip {count}", lambda: data_uri(sheet(pictures, columns))),
        "tile": list(pictures.shape[1:3]),
        "columns": columns,
        "count": len(pictures),
    }
    _mount(key, {"rungs": [rung], "single": True, "of": key, "selected": {"rung": "images", "index": chosen}, "token": f"{key} {chosen}"})
    return chosen


def picked_image(*keys: str) -> None:
    """Before anything is asked: take over the image that was tapped in the pickers of these keys."""
    for key in keys:
        event = _event(key)
        if event is not None and "index" in event:
            st.session_state["invent_image"] = int(event["index"])


def _labelled(found: Redrawn, i: int) -> str:
    label = int(found.labels[i])
    names = found.ground.label_names
    return f", {names[label]}" if 0 <= label < len(names) else ""


# ---- what one rung says


def _reference(answer: Answer, want: Wanted) -> dict[str, Any]:
    rung = {"key": REFERENCE, "title": "Real", "name": "real image", "sentence": "Validation images, redrawn by the model.", "bits": ""}
    if answer.data is None:
        return rung | _waiting(answer)
    found = Redrawn.of(answer.data)
    count = min(want.number, len(found.pictures))
    return rung | {"reference": True} | _tiles(found, found.pictures[:count], found.codes[:count], count, want.book)


def _rung(family: Family, member: Member, want: Wanted, answer: Answer | None) -> dict[str, Any]:
    rung = {"key": member.rung.key, "title": member.rung.title, "name": f"{member.rung.title}, sample", "sentence": member.rung.sentence}
    if answer is None:
        return rung | _untrained(member, family)
    if answer.data is None or answer.state == "working":
        return rung | _waiting(answer)
    found = Sheet.of(answer.data)
    M = found.ground.layout.length
    given = ", class known" if found.conditional else ""  # the label's own bits are not in the figure
    note = ""
    if want.label >= 0 and not found.conditional:
        note = " Draws any class: it was not given labels." if member.rung.learns else " Knows no classes."
    names = None
    if found.ground.label_names and (found.labels >= 0).all():
        names = [f"{member.rung.title}, sample {i + 1}, {found.ground.label_names[label]}" for i, label in enumerate(found.labels)]
    return (
        rung
        | {"sentence": member.rung.sentence + note, "names": names}
        | {"bits": f"{found.real:.0f} bits{given}\n{found.real / M:.2f} a code"}
        | _tiles(found, found.pictures, found.codes, len(found.pictures), want.book)
    )


def _tiles(found: Sheet | Redrawn, pictures: Pixels, codes: Any, count: int, book: int) -> dict[str, Any]:
    columns = columns_of(count)
    layout = found.ground.layout
    grid, start = layout.grids[book], layout.starts()[book]
    h, w = grid.shape if len(grid.shape) == 2 else (1, grid.cells)

    def grids() -> str:
        painted = found.ground.painted(codes)[:, start : start + grid.cells]
        return data_uri(sheet(painted.reshape(len(codes), h, w, 3), columns))

    return {
        "state": "ready",
        "sheet": once(found.pictures, f"sheet {count}", lambda: data_uri(sheet(pictures, columns))),
        "codes": once(found.codes, f"grids {count} {book}", grids),
        "tile": list(pictures.shape[1:3]),
        "columns": columns,
        "count": count,
    }


def _waiting(answer: Answer) -> dict[str, Any]:
    if answer.state == "failed":
        label = "Draw again" if answer.message == asked.CANCELLED else "Try again"
        return {"state": "failed", "message": answer.message, "act": {"name": "retry", "label": label}}
    far = answer.progress
    share = far.done / far.total if far and far.total else 0.0
    waited = f" {answer.seconds:.0f} s" if answer.seconds >= 2 else ""
    left = f", about {answer.seconds * (1 - share) / share:.0f} s to go" if share > 0.1 and answer.seconds >= 3 else ""
    act = {"name": "cancel", "label": "Cancel"} if answer.state == "working" else None
    return {"state": answer.state, "message": f"{answer.message}{waited}{left}", "progress": round(share, 2), "act": act}


def _untrained(member: Member, family: Family) -> dict[str, Any]:
    if member.training:
        act = {"name": "open", "label": "Watch it train"} if "priors" in SCREENS else None
        return {"state": "missing", "message": "It is being trained.", "act": act}
    act = {"name": "train", "label": f"Train a {member.rung.title}"} if "priors" in SCREENS else None
    earlier = " Those that there are learnt the codes of an earlier checkpoint." if family.earlier else ""
    return {"state": "missing", "message": f"Not trained over these codes yet.{earlier}", "act": act}


# ---- the component


def _go(run_id: str) -> None:
    if run_id:
        try:
            session.open_run(run_id)
        except RunError as error:  # deleted since it was listed
            session.report(str(error))
            return
    st.switch_page(page_of("priors"))


def _event(key: str) -> dict[str, Any] | None:
    """What was last done in the component of that key, once."""
    told = (st.session_state.get(key) or {}).get("picked")
    if not isinstance(told, dict):
        return None
    seen: dict[str, float] = st.session_state.setdefault("invent_told", {})
    at = told.get("at")
    if not isinstance(at, int | float) or seen.get(key) == at:
        return None
    seen[key] = float(at)
    return told


def _mount(key: str, told: dict[str, Any]) -> None:
    text = json.dumps(told)
    _component(
        key=key,
        data={"told": text, "serial": serial(key, text)},
        default={"picked": None},
        on_picked_change=_nothing,
    )


def _nothing() -> None:
    """A state of a component needs a callback to have a default."""


def titled(family: Family, want: Wanted, answers: Answers) -> str:
    """The chosen sample in words."""
    name = f"{titles(family, [want.rung]).get(want.rung, '')}, sample {want.index + 1}"
    answer = answers.sheets.get(want.rung)
    if answer is None or answer.data is None:
        return name
    found = Sheet.of(answer.data)
    label = int(found.labels[want.index]) if want.index < len(found.labels) else -1
    return f"{name}, class {session.plain(found.ground.label_names[label])}" if label >= 0 else name


def titles(family: Family, keys: Sequence[str]) -> dict[str, str]:
    """The priors' names by key."""
    return {member.rung.key: member.rung.title for member in family.members if member.rung.key in keys}
