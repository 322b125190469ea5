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
    view = runs.view(NAME)
    figures = _before_and_after(view) if view is not None and _cured(view) else None
    if view is None or figures is None:
        return ""
    before, after = figures
    was, now = before.books[0], after.books[0]
    # while it goes on the error under the plane falls on, and a figure here would soon be another
    error = (
        f"the error fell from {before.nmse:.2f} to {frames.error(view.folder, after):.2f}." if view.ended else "the error is still falling."
    )
    return (
        f"Only {was.used} of {was.K} codes {'was' if was.used == 1 else 'were'} chosen: **codebook collapse**; the others were "
        f"**dead codes**. **Revival** put them where the digits are: {now.used} of {now.K} in use, and {error}"
    )


def _body(view: live.View | None) -> None:
    with stage.row():
        if view is None or stage.broken_off(view):
            stage.act("Start far away", ":material/play_arrow:", f"tour_begin_{NAME}", runs.begin, NAME)
            stage.note("**Press Start far away**: the same model and the same digits; only the codes start elsewhere.")
        elif view.ended:
            stage.act("Break it again", ":material/replay:", f"tour_begin_{NAME}", runs.begin, NAME, first=False)
            stage.note("Finished.")
        else:
            ready = view.state == "paused" and not _asked(view)
            commands = (Command("revive"), Command("resume"))
            stage.act("Revive", ":material/healing:", f"tour_revive_{NAME}", runs.send, NAME, *commands, off=not ready)
            _hasten(view)
            stage.note(runs.waits(view) or _moment(view, ready))
    stage.problem(view)
    if view is not None and view.evaluation is not None:
        frames.plane(view.folder, "tour_far", HINT)
    else:
        healthy = bundled.run()
        if healthy is not None:
            frames.plane(healthy, "tour_far", BEFORE)
    if view is not None and _cured(view) and NAME not in progress.read().tried:
        progress.tried(NAME)
        st.rerun()


def _cured(view: live.View) -> bool:
    return _revived(view) is not None and (view.state == "finished" or stage.clear(view))


def _hasten(view: live.View) -> None:
    """After the revival: slowly at first, then faster."""
    event = _revived(view)
    if event is not None and view.state == "running":
        runs.set_pace(NAME, view, next(pace for since, pace in reversed(PACES.items()) if view.at >= event.step + since))


def _moment(view: live.View, ready: bool) -> str:
    used = view.evaluation.books[0].used if view.evaluation is not None else 0
    K = TOUR[NAME].config.plain_vq().K
    if ready:
        times = frames.distance_of_unused(view.snapshot)
        far = f" The others lie at least {times:.0f} times as far from the digits as the digits are spread." if times > 1 else ""
        return f"Paused: only {used} of {K} codes {'is' if used == 1 else 'are'} chosen.{far} **Press Revive.**"
    if _revived(view) is not None:
        return "Revived: each dead code was put on a digit. Watch the plane unfold."
    return "Reviving." if _asked(view) else "Watch which codes are chosen."


def _asked(view: live.View) -> bool:
    return _revived(view) is not None or any(command.kind == "revive" for command in view.waiting)


def _revived(view: live.View) -> Event | None:
    return next((event for event in view.events if event.kind == "treated" and event.data.get("command") == "revive"), None)


def _before_and_after(view: live.View) -> tuple[Evaluation, Evaluation] | None:
    """The last evaluation before the treatment, and the last one of all."""
    event = _revived(view)
    every = shared_tail(view.folder).evaluations
    before = [evaluation for evaluation in every if event is not None and evaluation.step <= event.step]
    return (before[-1], every[-1]) if before else None
