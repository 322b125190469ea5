"""Card 4: codes that start far away, the collapse that follows, and the cure. Session keys owned here: `tour_far*`."""

from __future__ import annotations

import streamlit as st

from pages.ui import live
from pages.ui.tour import bundled, frames, progress, runs, stage
from vqcore.config.tour import FOLLOW, TOUR
from vqcore.control import Command
from vqcore.records import Evaluation, Event
from vqcore.runs.tail import shared_tail

NAME = "broken"
HINT = "Crosses are codes that no digit chooses; discs are codes in use. Choose one to see its share."
BEFORE = "The model of card 3, as it should be: its codes lie among the digits. What if they start elsewhere?"
# steps since the revival → steps a second at most from then on: the codes' leap is watched, the long rest is not
PACES = {0: FOLLOW, 40: 40.0, 180: 0.0}


def show() -> str:
    """Draw the card; its summary, once the run was revived and the digits can be told apart."""
    stage.follow(NAME, _body)
    seen = runs.view(NAME)
    figures = _before_and_after(seen) if seen is not None and _cured(seen) else None
    if seen is None or figures is None:
        return ""
    before, after = figures
    was, now = before.books[0], after.books[0]
    # while it goes on the error under the plane falls on, and a figure here would soon be another
    error = (
        f"the error fell from {before.nmse:.2f} to {frames.error(seen.folder, after):.2f}." if seen.ended else "the error is still falling."
    )
    return (
        f"Only {was.used} of {was.K} codes {'was' if was.used == 1 else 'were'} chosen: **codebook collapse**; the others were "
        f"**dead codes**. **Revival** put them where the digits are: {now.used} of {now.K} in use, and {error}"
    )


def _body(seen: live.View | None) -> None:
    with stage.row():
        if seen is None or stage.broken_off(seen):
            stage.act("Start far away", ":material/play_arrow:", f"tour_begin_{NAME}", runs.begin, NAME)
            stage.note("**Press Start far away**: the same model and the same digits; only the codes start elsewhere.")
        elif seen.ended:
            stage.act("Break it again", ":material/replay:", f"tour_begin_{NAME}", runs.begin, NAME, first=False)
            stage.note("Finished.")
        else:
            ready = seen.state == "paused" and not _asked(seen)
            commands = (Command("revive"), Command("resume"))
            stage.act("Revive", ":material/healing:", f"tour_revive_{NAME}", runs.send, NAME, *commands, off=not ready)
            _hasten(seen)
            stage.note(runs.waits(seen) or _moment(seen, ready))
    stage.problem(seen)
    if seen is not None and seen.evaluation is not None:
        frames.plane(seen.folder, "tour_far", HINT)
    else:
        healthy = bundled.run()
        if healthy is not None:
            frames.plane(healthy, "tour_far", BEFORE)
    if seen is not None and _cured(seen) and NAME not in progress.read().tried:
        progress.tried(NAME)
        st.rerun()


def _cured(seen: live.View) -> bool:
    return _revived(seen) is not None and (seen.state == "finished" or stage.clear(seen))


def _hasten(seen: live.View) -> None:
    """After the revival: slowly at first, then faster."""
    event = _revived(seen)
    if event is not None and seen.state == "running":
        runs.set_pace(NAME, seen, next(pace for since, pace in reversed(PACES.items()) if seen.at >= event.step + since))


def _moment(seen: live.View, ready: bool) -> str:
    used = seen.evaluation.books[0].used if seen.evaluation is not None else 0
    K = TOUR[NAME].config.model.quantizer.K
    if ready:
        times = frames.distance_of_unused(seen.snapshot)
        far = f" The others lie at least {times:.0f} times as far from the digits as the digits are spread." if times > 1 else ""
        return f"Paused: only {used} of {K} codes {'is' if used == 1 else 'are'} chosen.{far} **Press Revive.**"
    if _revived(seen) is not None:
        return "Revived: each dead code was put on a digit. Watch the plane unfold."
    return "Reviving." if _asked(seen) else "Watch which codes are chosen."


def _asked(seen: live.View) -> bool:
    return _revived(seen) is not None or any(command.kind == "revive" for command in seen.waiting)


def _revived(seen: live.View) -> Event | None:
    return next((event for event in seen.events if event.kind == "treated" and event.data.get("command") == "revive"), None)


def _before_and_after(seen: live.View) -> tuple[Evaluation, Evaluation] | None:
    """The last evaluation before the treatment, and the last one of all."""
    event = _revived(seen)
    every = shared_tail(seen.folder).evaluations
    before = [evaluation for evaluation in every if event is not None and evaluation.step <= event.step]
    return (before[-1], every[-1]) if before else None
