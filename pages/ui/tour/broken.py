"""Card 4: codes that start far away, the collapse that follows, and the cure. Session keys owned here: `tour_far*`."""

from __future__ import annotations

import streamlit as st

from pages.ui import live
from pages.ui.tour import frames, progress, runs, stage
from vqcore.config.tour import TOUR
from vqcore.control import Command
from vqcore.records import Evaluation, Event
from vqcore.runs.tail import shared_tail

NAME = "broken"
HINT = "Crosses are codes that no digit chooses; discs are codes in use. Choose one to see its share."


def show() -> str:
    """Draw the card; what was seen, once the run was revived and the digits can be told apart."""
    stage.follow(NAME, _body)
    seen = runs.view(NAME)
    told = _told(seen) if seen is not None and _cured(seen) else None
    if told is None:
        return ""
    before, after = told
    was, now = before.books[0], after.books[0]
    return (
        f"Only {was.used} of {was.K} codes {'was' if was.used == 1 else 'were'} chosen: **codebook collapse**; the others were "
        f"**dead codes**. **Revival** put them where the digits are: {now.used} of {now.K} in use, "
        f"and the error fell from {before.nmse:.2f} to {after.nmse:.2f}."
    )


def _body(seen: live.View | None) -> None:
    with stage.row():
        if seen is None or stage.broken_off(seen):
            stage.act("Start far away", ":material/play_arrow:", f"tour_begin_{NAME}", runs.begin, NAME)
            stage.note("The same model and the same digits; only the codes start elsewhere.")
        elif seen.ended:
            stage.act("Break it again", ":material/replay:", f"tour_begin_{NAME}", runs.begin, NAME, first=False)
            stage.note("Finished.")
        else:
            ready = seen.state == "paused" and not _asked(seen)
            commands = (Command("revive"), Command("treat", changes={"train.speed_limit": 0.0}), Command("resume"))
            stage.act("Revive", ":material/healing:", f"tour_revive_{NAME}", runs.send, NAME, *commands, off=not ready)
            stage.note(runs.waits(seen) or _moment(seen, ready))
    stage.problem(seen)
    if seen is not None and seen.evaluation is not None:
        frames.plane(seen.folder, "tour_far", HINT)
    else:
        st.info("Here you will see the plane of the last card again, with the codes far from the digits.", icon=":material/scatter_plot:")
    if seen is not None and _cured(seen) and NAME not in progress.read().tried:
        progress.tried(NAME)
        st.rerun()


def _cured(seen: live.View) -> bool:
    return _revived(seen) is not None and (seen.state == "finished" or stage.clear(seen))


def _moment(seen: live.View, ready: bool) -> str:
    used = seen.evaluation.books[0].used if seen.evaluation is not None else 0
    if ready:
        K = TOUR[NAME].config.model.quantizer.K
        return f"Paused: {used} of {K} codes in use, so nearly all digits get the same answer. **Press Revive.**"
    return "Reviving." if _asked(seen) else "Watch which codes are chosen."


def _asked(seen: live.View) -> bool:
    return _revived(seen) is not None or any(command.kind == "revive" for command in seen.waiting)


def _revived(seen: live.View) -> Event | None:
    return next((event for event in seen.events if event.kind == "treated" and event.data.get("command") == "revive"), None)


def _told(seen: live.View) -> tuple[Evaluation, Evaluation] | None:
    """The last evaluation before the treatment, and the last one of all."""
    event = _revived(seen)
    every = shared_tail(seen.folder).evaluations
    before = [evaluation for evaluation in every if event is not None and evaluation.step <= event.step]
    return (before[-1], every[-1]) if before else None
