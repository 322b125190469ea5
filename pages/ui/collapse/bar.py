"""How a case stands, and the controls that reach both of its runs. Session keys owned here: `collapse_steps`, `collapse_problem`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import streamlit as st

from pages.ui import controls, number, session, state
from pages.ui.collapse.case import CaseView
from pages.ui.controls import SPEED, SPEEDS, WIDTH
from pages.ui.live import View
from vqcore.clinic import arms
from vqcore.clinic.causes import CAUSES
from vqcore.control import Command
from vqcore.errors import VQError
from vqcore.plots.marks import treatments
from vqcore.runs.status import RunState

STEADY = ("running", "paused")
_STYLE = """<style>
.st-key-collapse_line { min-height: 2.5rem; }
</style>"""


def line(view: CaseView) -> None:
    """Whose case it is and how it stands, one badge while both runs do the same; and the controls that reach both."""
    st.html(_STYLE)
    states = [_shown(view, side) for side in view.views]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="collapse_line"):
        for title, side in zip(view.titles, view.views, strict=True):
            if side is view.views[0] or len(set(states)) > 1:
                word, colour, icon = state.BADGES[_shown(view, side)]
                word = _sent(view) or word
                st.badge(word if len(set(states)) == 1 else f"{title}: {word}", color=colour, icon=icon)
        about = view.patient.about
        cause = CAUSES.get(view.case.cause)
        name = session.plain(cause.patient if cause else arms.TITLE if view.case.arms else about.name)
        who = "an example" if view.patient.folder.read_only else session.plain(about.nickname)
        st.markdown(f"**{name}**{f' · {who}' if who else ''}", width="content")
        st.markdown(f"Step {view.at:,} of {view.steps:,}{_left(view.seconds_left)}", width="stretch")
        if view.case.several and not why_not(view):
            with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key="collapse_bar", width="content"):
                _controls(view)


def _shown(view: CaseView, side: View) -> RunState:
    """A run that is held beside its paused partner does what that one does."""
    held = side.state == "running" and any(other.state == "paused" for other in view.views)
    return "paused" if held else side.state


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f" · {seconds:.0f} s left" if seconds < 90 else f" · {seconds / 60:.0f} min left"


def _sent(view: CaseView) -> str:
    """What has been asked for and not yet been answered, in a word."""
    waiting = [command for side in view.views if side.state in STEADY for command in side.waiting if command.kind in controls.SENT]
    return controls.SENT[waiting[-1].kind] if waiting else ""


def answer(view: CaseView) -> None:
    """What the last press has done; for who may not control the case, a sentence that says why."""
    if text := why_not(view) or _answer(view.patient):
        st.caption(text)


def _ready(view: CaseView) -> bool:
    """Whether the next thing to do at a pause is to go on: before that come the guess and the treatment."""
    return not view.case.paired or view.patient.at == 0 or bool(treatments(view.patient.events))


def _answer(patient: View) -> str:
    """What was done to the patient last, as markdown; else what goes on."""
    done = next((event for event in reversed(patient.events) if event.kind in ("treated", "refused")), None)
    return state.said(done) if done and patient.state not in ("queued", "starting") else state.answer(patient)


def why_not(view: CaseView) -> str:
    """Why this browser may not control the case, as markdown; "" when it may."""
    if view.patient.folder.read_only:
        return "An example: look at it, then press **New patient** for a run whose codes die, to treat yourself."
    refused = next((side for side in view.views if not session.may_control(side.about)), None)
    if refused is None:
        return ""
    who = session.plain(refused.about.nickname) or "someone else"
    return f"You are watching: {who} started this, and only they or a teacher may control it."


def note(view: CaseView) -> None:
    """Why a side does not train, and what to do about it. Nothing while all goes well."""
    if problem := str(st.session_state.pop("collapse_problem", "")):
        st.error(session.plain(problem), icon=":material/error:")
    messages: dict[str, list[str]] = {}  # what both sides say is said once
    for title, side in zip(view.titles, view.views, strict=True):
        message = side.status.error or side.status.message
        if side.state == "failed":
            messages.setdefault(message or "The run failed without saying why.", []).append(title)
        elif side.state == "interrupted":
            message = message or f"Its process ended at step {side.at:,}. Resume goes on from the last checkpoint."
            messages.setdefault(message, []).append(title)
    lines = "  \n".join(f"{' and '.join(titles)}: {session.plain(message)}" for message, titles in messages.items())
    if any(side.state == "failed" for side in view.views):
        st.error(lines, icon=":material/error:")
    elif lines:
        st.warning(lines, icon=":material/power_off:")


def settle(view: CaseView) -> None:
    """Pause the patient where its partner paused and holds it: then what is done to it is done at once, not when both go on."""
    if not view.case.paired or why_not(view) or any(command.kind == "pause" for command in view.patient.waiting):
        return
    other = view.views[0]
    if other.state == "paused" and not other.waiting and view.patient.state == "running" and view.patient.at >= other.at:
        treat(view.patient, [Command("pause")])


def send(view: CaseView, command: Command) -> None:
    """Give the command to every side, signed. What is refused is said at the next look."""
    with _told():
        session.engine().send_all(view.patient.folder.id, _signed(command))


def treat(patient: View, commands: Sequence[Command]) -> None:
    """Give the commands, in their order and signed, to one side alone."""
    with _told():
        for command in commands:
            session.engine().send(patient.folder.id, _signed(command))


def _signed(command: Command) -> Command:
    who = session.owner()
    return replace(command, author=who.hash, nickname=who.nickname)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except VQError as error:
        st.session_state["collapse_problem"] = str(error)


def _controls(view: CaseView) -> None:
    going = [side for side in view.views if not side.ended]
    asked = {command.kind for side in going or view.views for command in side.waiting}
    if not going:
        if any(side.state != "finished" for side in view.views):
            _button("Resume", ":material/play_arrow:", Command("resume"), view, primary=True, disabled="resume" in asked)
        return
    steady = all(side.state in STEADY for side in going)
    if any(side.state == "paused" for side in going):
        if not waits(view):  # then it stands where the treatment was applied
            resume(view, primary=_ready(view))
    else:
        _button("Pause", ":material/pause:", Command("pause"), view, disabled=not steady or "pause" in asked)
    _button("Stop", ":material/stop:", Command("stop"), view, disabled="stop" in asked)
    steps = number.whole("collapse_steps", _steps(view))
    st.button(
        f"Step {steps}" if steps else "Step",
        icon=":material/skip_next:",
        width=WIDTH,
        disabled=not steady or steps is None,
        key="collapse_step",
        on_click=_step,
        args=(view,),
    )
    with st.popover("Speed", icon=":material/speed:", width=WIDTH, disabled=not steady):
        _speed(view)


def waits(view: CaseView) -> bool:
    """Whether the patient was treated and is paused: what it did shows when both go on."""
    return view.case.paired and view.treated_since and view.patient.state == "paused"


def resume(view: CaseView, *, primary: bool) -> None:
    """The button that lets both sides go on."""
    asked = any(command.kind == "resume" for side in view.views if not side.ended for command in side.waiting)
    _button("Resume", ":material/play_arrow:", Command("resume"), view, primary=primary, disabled=asked)


def _button(label: str, icon: str, command: Command, view: CaseView, *, primary: bool = False, disabled: bool = False) -> None:
    st.button(
        label,
        icon=icon,
        type="primary" if primary else "secondary",
        width=WIDTH,
        disabled=disabled,
        key=f"collapse_{command.kind}",
        on_click=send,
        args=(view, command),
    )


def _step(view: CaseView) -> None:
    # read now: a number typed just before the click arrives together with it
    if steps := number.whole("collapse_steps", _steps(view)):
        send(view, Command("step", steps=steps))


def _steps(view: CaseView) -> int:
    """As many as lie between two moments of the films."""
    return view.patient.config.train.evaluate_every


def _speed(view: CaseView) -> None:
    now = float(view.patient.config.at(SPEED))
    # named after the value, so that the widget follows it by whomever it is changed
    key = f"collapse_speed_{view.case.key}_{now:g}"

    def changed() -> None:
        send(view, Command("treat", changes={SPEED: st.session_state[key]}))

    st.select_slider(
        "Speed limit (steps per second)",
        sorted({*SPEEDS, now}, key=lambda limit: limit or float("inf")),
        value=now,
        format_func=lambda limit: f"{limit:g}" if limit else "none",
        key=key,
        on_change=changed,
        help="Slow both down to watch them. It changes nothing in what is learnt.",
    )
    number.number(
        "Steps at a time",
        controls.AT_A_TIME,
        _steps(view),
        key="collapse_steps",
        help="The button Step trains both this many steps, and then pauses.",
    )
