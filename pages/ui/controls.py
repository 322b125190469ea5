"""What may be done to a run while it trains: pause, step, stop, speed, treatments. Session keys owned here: `control_*`.

A click is written to the run's folder at once, and shown as sent until the trainer answers: every viewer sees both.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from pages.ui import number, session, start
from pages.ui.fields import CHOICES
from pages.ui.live import View
from pages.ui.parts import hidden
from pages.ui.terms import field_help, help_text
from vqcore.config.base import Config
from vqcore.config.paths import gathered
from vqcore.config.run import treatable_paths
from vqcore.control import Command, CommandKind
from vqcore.errors import VQError

SPEEDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 0.0)  # steps per second; 0: no limit
SPEED = "train.speed_limit"
AT_A_TIME = number.Range(1, 100_000)  # steps
FIELD = 210  # pixels of a treatment's widget
STEADY = ("running", "paused")
TREAT = "Change the run from its next step on: revive codes, or change a setting. It leaves a mark on the curves."
WIDTH = 108  # pixels of a button: the same for every word, so that nothing moves
SENT: dict[CommandKind, str] = {
    "pause": "Pausing …",
    "resume": "Resuming …",
    "step": "Stepping …",
    "stop": "Stopping …",
    "treat": "Changing …",
    "revive": "Reviving …",
    "kmeans": "Running k-means …",
    "late": "Starting codes anew …",
}


def bar(view: View, answer: str) -> None:
    """The controls, for who may use them, with the trainer's last `answer` (markdown); for others a sentence that says why not."""
    mine = not view.folder.read_only and session.may_control(view.about)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="control_bar"):
        if view.folder.read_only:
            st.caption("An example that comes with the program: watch it, or train one like it.", width="stretch")
        elif not session.may_control(view.about):
            who = session.plain(view.about.nickname) or "someone else"
            st.caption(f"You are watching: {who} started this run, and only they or a teacher may control it.", width="stretch")
        else:
            _controls(view)
    if mine:
        if view.state in STEADY and st.session_state.get("control_treat") and not hidden("treatments"):
            with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="control_treatments"):
                _treatments(view)
        with st.container(key="control_answer"):
            st.caption(answer or "\u00a0")


def _controls(view: View) -> None:
    asked = {command.kind for command in view.waiting}
    if view.state == "finished":
        return
    if view.ended:
        if view.state == "failed":
            start.change_and_try_again(view.config, view.about.name, view.status.error or "")
        _button("Resume", ":material/play_arrow:", Command("resume"), view, primary=view.state != "failed", disabled="resume" in asked)
        return
    steady = view.state in STEADY
    if view.state == "paused":
        _button("Resume", ":material/play_arrow:", Command("resume"), view, primary=True, disabled="resume" in asked)
    else:
        _button("Pause", ":material/pause:", Command("pause"), view, disabled=not steady or "pause" in asked)
    _button("Stop", ":material/stop:", Command("stop"), view, disabled="stop" in asked)
    steps = number.whole("control_steps", 1)
    st.button(
        f"Step {steps}" if steps and steps > 1 else "Step",
        icon=":material/skip_next:",
        width=WIDTH,
        disabled=not steady or steps is None,
        key="control_step",
        on_click=_step,
        args=(view,),
    )
    with st.popover("Speed", icon=":material/speed:", width=WIDTH, disabled=not steady):
        _speed(view)
    if not hidden("treatments"):
        # beside the picture, not over it: what is treated stays in view
        st.toggle("Treat", key="control_treat", disabled=not steady, help=TREAT)


def _step(view: View) -> None:
    # read now: a number typed just before the click arrives together with it
    if steps := number.whole("control_steps", 1):
        _send(view, Command("step", steps=steps))


def _send(view: View, command: Command) -> None:
    who = session.owner()
    command = Command(command.kind, author=who.hash, nickname=who.nickname, steps=command.steps, changes=command.changes)
    try:
        session.engine().send(view.folder.id, command)
    except VQError as error:
        st.session_state["control_problem"] = str(error)


def problem() -> str:
    """Why the last click could not be carried out; said once."""
    return str(st.session_state.pop("control_problem", ""))


def _button(label: str, icon: str, command: Command, view: View, *, primary: bool = False, disabled: bool = False) -> None:
    st.button(
        label,
        icon=icon,
        type="primary" if primary else "secondary",
        width=WIDTH,
        disabled=disabled,
        key=f"control_{command.kind}",
        on_click=_send,
        args=(view, command),
    )


def _speed(view: View) -> None:
    now = float(view.config.at(SPEED))
    # with the run's value in its name, the widget follows that value, by whomever it is changed; a closed popover hears of nothing else
    key = f"control_speed_{view.folder.id}_{now:g}"

    def changed() -> None:
        _send(view, Command("treat", changes={SPEED: st.session_state[key]}))

    if not hidden(SPEED):
        st.select_slider(
            "Speed limit (steps per second)",
            sorted({*SPEEDS, now}, key=lambda limit: limit or float("inf")),
            value=now,
            format_func=lambda limit: f"{limit:g}" if limit else "none",
            key=key,
            on_change=changed,
            help="Slow training down to watch it. It changes nothing in what is learnt.",
        )
    number.number("Steps at a time", AT_A_TIME, 1, key="control_steps", help="The button Step trains this many steps, and then pauses.")


def _treatments(view: View) -> None:
    current = {path: value for path, value in treatable_paths(view.config).items() if path != SPEED and not hidden(path)}
    learners = tuple(view.config.learners())
    if any(path.startswith(learners) for path in current):
        _act("Revive now", "revive", "revival", view)
        _act("k-means now", "kmeans", "kmeans", view)
    if not current:
        return
    together = gathered(current, learners)  # a setting of every codebook is changed in all of them
    path = st.selectbox(
        "Setting", list(together), format_func=lambda path: _field(view.config, path).title or path, key="control_setting", width=FIELD
    )
    key = f"control_{view.folder.id}_{path}_{current[path]}"  # named as in `_speed`
    with st.container(width=FIELD):
        _input(view.config, path, current[path], key)
    typed = _typed(view.config, path, key)
    st.button(
        "Apply",
        icon=":material/check:",
        type="primary",
        key="control_apply",
        disabled=typed is None or all(typed == current[one] for one in together[path]),
        on_click=_apply,
        args=(view, together[path], key),
        help="From the next step on, with a mark on the curves.",
    )


def _act(label: str, kind: CommandKind, word: str, view: View) -> None:
    st.button(
        label,
        key=f"control_{kind}",
        on_click=_send,
        args=(view, Command(kind)),
        help=help_text(word),
        disabled=kind in {command.kind for command in view.waiting},
    )


def _apply(view: View, paths: tuple[str, ...], key: str) -> None:
    wanted = _typed(view.config, paths[0], key)
    changes = {path: wanted for path in paths if wanted != view.config.at(path)}
    if wanted is None or not changes:
        return  # the field says why
    try:
        view.config.edited(changes)  # what is wrong is said now, not by the trainer later
    except VQError as error:
        st.session_state["control_problem"] = str(error)
        return
    _send(view, Command("treat", changes=changes))


def _input(config: Config, path: str, value: Any, key: str) -> None:
    field = _field(config, path)
    label = field.title or path
    common: dict[str, Any] = {"key": key, "help": field_help(path, field.description or "")}
    if get_origin(field.annotation) is Literal:
        options = list(get_args(field.annotation))
        st.segmented_control(label, options, default=value, required=True, format_func=lambda name: CHOICES.get(name, name), **common)
    else:
        number.number(label, number.Range.of(field), value, keep=False, **common)


def _typed(config: Config, path: str, key: str) -> Any:
    """What stands in a treatment's widget; None where that is no number it takes."""
    return number.value(key) if _field(config, path).annotation in (int, float) else st.session_state[key]


def _field(config: Config, path: str) -> FieldInfo:
    *parents, leaf = path.split(".")
    node = config.at(".".join(parents)) if parents else config
    return type(node).model_fields[leaf]
