"""How a run stands, in words and plain figures. Every part keeps its place and its height, whatever it has to say."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from pages.ui import controls, projector, session, share, start
from pages.ui.live import View
from pages.ui.parts import hidden
from pages.ui.terms import help_text
from vqcore.plots.marks import aftermath, described, reason
from vqcore.records import Event
from vqcore.runs.folder import RunState
from vqcore.runs.tail import shared_tail

Colour = Literal["green", "orange", "blue", "gray", "red"]

BADGES: dict[RunState, tuple[str, Colour, str]] = {
    "queued": ("Waiting", "orange", ":material/hourglass_empty:"),
    "starting": ("Starting", "orange", ":material/hourglass_top:"),
    "running": ("Training", "green", ":material/play_arrow:"),
    "paused": ("Paused", "blue", ":material/pause:"),
    "finished": ("Finished", "green", ":material/check_circle:"),
    "stopped": ("Stopped", "gray", ":material/stop:"),
    "interrupted": ("Interrupted", "orange", ":material/power_off:"),
    "failed": ("Failed", "red", ":material/error:"),
}
NONE = "–"
ANSWERS = ("paused", "continued", "treated", "refused")  # events that tell what a click has done
_STYLE = """<style>
[data-testid="stMetricValue"] { font-variant-numeric: tabular-nums; }
</style>"""


def line(view: View, *, another: bool = True) -> None:
    """The run's state and name, and (`another`) the way to another."""
    title, colour, icon = BADGES[view.state]
    sent = controls.SENT[view.waiting[-1].kind] if view.waiting and not view.ended and view.waiting[-1].kind in controls.SENT else title
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="train_line"):
        st.badge(sent, color=colour, icon=icon)
        who = f" · {session.plain(view.about.nickname)}" if view.about.nickname else ""
        st.markdown(f"**{session.plain(view.about.name)}**{who}", width="stretch")
        if view.evaluation:
            start.links()
        if view.prior is None and not projector.on():
            share.of_settings("train", view.folder.config, "run")
        if another:
            start.another()


def figures(view: View) -> None:
    """Plain figures first. A figure that is not known yet is a dash."""
    st.html(_STYLE)
    step, evaluation, config = view.step, view.evaluation, view.config
    K = sum(book.K for book in config.books())
    used = f"{sum(book.used_epoch for book in step.books):,} of {K:,}" if step and step.books else starting(view) or NONE
    error = f"{evaluation.nmse:.3f}" if evaluation else NONE
    noun = config.data.noun
    reference = f" Here the mean {noun}'s is {evaluation.nmse_mean_picture:.2f}." if evaluation else ""
    with st.container(horizontal=True, gap="small", key="train_figures"):
        if K and not hidden("figures"):
            figure("Codes used", used, help_text("used_epoch", "dead"), 140 if K < 1000 else 200)
        figure(f"Step of {config.train.steps:,}", f"{view.at:,}", help_text("step"), 130)
        if not hidden("figures"):
            figure("Error", error, f"{help_text('nmse')}\n\nMeasured on validation {noun}s.{reference}")
        figure(
            f"{noun.capitalize()}s/s",
            f"{step.images_per_s:,.0f}" if step and step.step else NONE,
            f"How many {noun}s a second are trained on, pauses left out.",
        )
        figure("Time left", time_left(view.seconds_left), "At the present speed, in hours, minutes and seconds.")
    if not projector.on():
        st.progress(min(1.0, view.at / config.train.steps))


def starting(view: View) -> str:
    """From which step on there are codes to look at, as in "from step 50"; "" once there are, and for models without."""
    start = view.config.codes_start
    return f"from step {start:,}" if view.at < start else ""


def figure(label: str, value: str, shown: str, width: int = 106) -> None:
    """One figure in a place of fixed width (pixels); `shown` explains it."""
    st.metric(label, value, help=shown, width=width)


def time_left(seconds: float | None) -> str:
    """In hours, minutes and seconds; a dash for what is not known."""
    if seconds is None:
        return NONE
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def note(view: View) -> None:
    """Why a run does not train, and what to do about it. Nothing while all goes well."""
    if problem := controls.problem() or start.problem():
        st.error(session.plain(problem), icon=":material/error:")
    match view.state:
        case "failed":
            st.error(session.plain(view.status.error or "The run failed without saying why."), icon=":material/error:")
        case "interrupted":
            st.warning(session.plain(_interrupted(view)), icon=":material/power_off:")
        case _:
            pass


def _interrupted(view: View) -> str:
    return view.status.error or view.status.message or f"Its process ended at step {view.at:,}. Resume goes on from the last checkpoint."


def answer(view: View) -> str:
    """What the trainer answered last, as markdown; else what goes on."""
    if view.ended:  # how it ended is said by the event, not by the last command before it
        return session.plain(view.events[-1].message) if view.events and view.state == "finished" else ""
    latest = next((event for event in reversed(view.events) if event.kind in ANSWERS), None)
    if latest is None or view.state in ("queued", "starting"):
        return session.plain(view.status.message)
    treated = next((event for event in reversed(view.events) if event.kind in ("treated", "refused")), None)
    if treated is None:
        return said(latest)
    of_codes = treated.kind == "treated" and not treated.data.get("changes")
    measured = aftermath(treated, shared_tail(view.folder).steps) if of_codes else ""
    return " ".join(filter(None, ("" if latest is treated else said(latest), said(treated), measured)))


def coming(view: View) -> None:
    """In the place of pictures that are not there yet: what comes, and what it waits for."""
    match view.state:
        case "queued":
            st.info(session.plain(view.status.message or "Waiting for a free place."), icon=":material/hourglass_empty:")
            st.caption("It begins by itself, even when this page is closed.")
        case "starting":
            st.info(session.plain(view.status.message or "Starting."), icon=":material/hourglass_top:")
        case "running" | "paused":
            st.caption("Pictures come with the first evaluation.")
        case _:
            st.caption("This run ended before its first pictures.")


def said(event: Event) -> str:
    """An event as one line of markdown."""
    changes = event.data.get("changes") or {}
    words = session.plain(described(changes, silent=True) or event.message)
    who = session.plain(str(event.data.get("nickname") or ""))
    if event.kind not in ("treated", "refused"):
        return words
    refused = event.kind == "refused"
    why = "" if refused else reason(changes)
    return f"Step {event.step:,}: {'refused: ' if refused else ''}{words}{f' ({who})' if who else ''}{f'. {why}' if why else ''}"


def history(view: View) -> None:
    """All that happened to the run, the newest first."""
    with st.expander("What happened so far", icon=":material/history:", key="train_history"):
        for event in reversed(view.events[-50:]):
            st.markdown(said(event))
