"""The tour's runs: each owner's own, ordinary runs, started and treated by one click. Session keys owned here: `tour_problem`."""

from __future__ import annotations

import streamlit as st

from pages.ui import live, session
from pages.ui.tour import progress
from vqcore.config.tour import TOUR
from vqcore.control import Command
from vqcore.errors import RunError, VQError
from vqcore.runs.folder import RunFolder
from vqcore.runs.treatments import PACE


def folder(card: str) -> RunFolder | None:
    """This owner's run of that card; None before it is started, and where it was deleted since."""
    run_id = progress.read().runs.get(card, "")
    try:
        return session.store().get(run_id) if run_id else None
    except RunError:
        return None


def view(card: str) -> live.View | None:
    """How that run stands; None without one."""
    run = folder(card)
    try:
        return live.watch(run).look() if run is not None else None
    except RunError:  # deleted this moment
        return None


def begin(card: str) -> None:
    """Callback: a new run of that card. What this owner's other cards still train no longer waits for anybody to look."""
    tour, who = TOUR[card], session.owner()
    try:
        for other in TOUR:
            earlier = view(other) if other != card else None
            if earlier is not None and earlier.state == "running":
                set_pace(other, earlier, 0.0)
        run = session.store().create(tour.config, name=tour.name, owner=who.hash, nickname=who.nickname, preset=f"tour:{card}")
        session.engine().submit(run.id)
        if tour.pause_at:
            session.engine().send(run.id, _signed(Command("step", steps=tour.pause_at)))
        progress.change(runs=progress.read().runs | {card: run.id})
    except VQError as error:
        st.session_state["tour_problem"] = str(error)


def send(card: str, *commands: Command) -> None:
    """Callback: give commands to that run, in this order."""
    run = folder(card)
    if run is None:
        return
    try:
        for command in commands:
            session.engine().send(run.id, _signed(command))
    except VQError as error:
        st.session_state["tour_problem"] = str(error)


def set_pace(card: str, view: live.View, limit: float) -> None:
    """Let that run go at most `limit` steps a second, 0: without a limit, unless it does or was just asked to."""
    asked = any(PACE in command.changes for command in view.waiting)
    if not asked and float(view.config.at(PACE)) != limit:
        send(card, Command("treat", changes={PACE: limit}))


def _signed(command: Command) -> Command:
    who = session.owner()
    return Command(command.kind, author=who.hash, nickname=who.nickname, steps=command.steps, changes=command.changes)


def waits(view: live.View | None) -> str:
    """Why nothing moves, as markdown; "" when something does, or nothing was asked for."""
    health = session.engine().health()
    if view is None:
        return "The engine is still warming up; you may press the button all the same." if health.state == "starting" else ""
    match view.state:
        case "queued" | "starting":
            return session.plain(view.status.message or "Waiting for a free place.") + " It begins by itself."
        case "running" if view.evaluation is None:
            return "It has begun; its first pictures come in a moment."
        case _:
            return ""


def problem(view: live.View | None) -> str:
    """What went wrong, as markdown, or ""."""
    if said := str(st.session_state.pop("tour_problem", "")):
        return session.plain(said)
    health = session.engine().health()
    if health.state == "failed":
        return f"The engine failed, so nothing can be trained now. {session.plain(health.message)}"
    if view is not None and view.state in ("failed", "interrupted", "stopped"):
        why = view.status.error or view.status.message or "It ended before its last step."
        return f"{session.plain(why)} Press the button to start anew."
    return ""
