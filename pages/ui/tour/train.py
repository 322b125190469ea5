"""Card 3: sixteen codes learn in the plane of their two numbers, first slowly. Session keys owned here: `tour_plane*`."""

from __future__ import annotations

import streamlit as st

from pages.ui import live
from pages.ui.tour import bundled, frames, progress, runs, stage
from vqcore.control import Command

NAME = "train"
SPEED = "train.speed_limit"
HINT = "Choose a code, here or in the plane, to find it in both."


def show() -> str:
    """Draw the card; its summary, once the digits can be told apart."""
    stage.follow(NAME, _body)
    view = runs.view(NAME)
    if view is None or view.evaluation is None or not _learnt(view):
        return ""
    now = view.evaluation
    # while it goes on the error under the plane falls on, and a figure here would soon be another
    error = (
        f"the error fell to {frames.error(view.folder, now):.2f}. Answering with the mean digit would give {now.nmse_mean_picture:.2f}."
        if view.ended
        else "the error is still falling."
    )
    return (
        "**Training** moved each code to the digits that chose it, those in its **cell**, while encoder and decoder moved too. "
        f"{now.books[0].used} of {now.books[0].K} codes are in use; {error}"
    )


def _body(view: live.View | None) -> None:
    with stage.row():
        if view is None or stage.broken_off(view):
            stage.act("Train", ":material/play_arrow:", f"tour_begin_{NAME}", runs.begin, NAME)
            stage.note("Sixteen codes of two numbers, placed on sixteen digits. **Press Train**: codes and pictures change together.")
        elif not view.ended:
            slow = float(view.config.at(SPEED)) > 0
            waiting = any(command.kind == "treat" for command in view.waiting)
            faster = Command("treat", changes={SPEED: 0.0})
            stage.act("Faster", ":material/fast_forward:", f"tour_faster_{NAME}", runs.send, NAME, faster, off=not slow or waiting)
            stage.note(runs.waits(view) or ("Ten steps a second: follow one disc. Then press Faster." if slow else "As fast as it goes."))
        else:
            stage.act("Train again", ":material/replay:", f"tour_begin_{NAME}", runs.begin, NAME, first=False)
            stage.note("Finished.")
    stage.problem(view)
    started = view is not None and view.evaluation is not None
    run = view.folder if view is not None and started else bundled.run()
    if run is not None:
        frames.plane(run, "tour_plane", HINT, untrained=not started)
    if view is not None and _learnt(view) and NAME not in progress.read().tried:
        progress.tried(NAME)
        st.rerun()


def _learnt(view: live.View) -> bool:
    return view.state == "finished" or stage.clear(view)
