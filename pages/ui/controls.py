"""What may be done to a run while it trains: pause, step, stop, speed, treatments. Session keys owned here: `control_*`.

A click is written to the run's folder at once, and shown as sent until the trainer answers: every viewer sees both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from pages.ui import number, session
from pages.ui.form import CHOICES
from pages.ui.live import View
from pages.ui.parts import hidden
from pages.ui.terms import field_help, help_text
from vqcore.config.base import Config
from vqcore.config.run import treatable_paths
from vqcore.control import Command, CommandKind
from vqcore.errors import VQError

SPEEDS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 0.0)  # steps per second; 0: no limit
SPEED = "train.speed_limit"
AT_A_TIME = number.Range(1, 100_000)  # steps
FIELD = 256  # pixels of a treatment's widget: two abreast where there is room
WIDTH = 108  # pixels of a button: the same for every word, so that nothing moves
SENT: dict[CommandKind, str] = {
    "pause": "Pausing …",
    "resume": "Going on …",
    "step": "Stepping …",
    "stop": "Stopping …",
    "treat": "Changing …",
    "revive": "Reviving …",
    "kmeans": "Running k-means …",
}

# one line, whatever the trainer answers: nothing below it moves
_STYLE = """<style>
.st-key-control_answer { min-width: 0; }
.st-key-control_answer p { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
</style>"""


def bar(view: View, answer: str) -> None:
    """The controls, for who may use them, with the trainer's last `answer` (markdown); for others a sentence that says why not."""
    st.html(_STYLE)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="control_bar"):
        if view.folder.read_only:
            st.caption("An example that comes with the program: watch it, or train one like it.", width="stretch")
        elif not session.may_control(view.about):
            who = session.plain(view.about.nickname) or "someone else"
            st.caption(f"You are watching: {who} started this run, and only they or a teacher may control it.", width="stretch")
        else:
            _controls(view)
            with st.container(key="control_answer"):
                st.caption(answer)


def _controls(view: View) -> None:
    asked = {command.kind for command in view.waiting}
    if view.state == "finished":
        return
    if view.ended:
        _button("Resume", ":material/play_arrow:", Command("resume"), view, primary=True, disabled="resume" in asked)
        return
    steady = view.state in ("running", "paused")
    if view.state == "paused":
        _button("Go on", ":material/play_arrow:", Command("resume"), view, primary=True, disabled="resume" in asked)
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
        with st.popover("Treat", icon=":material/healing:", width=WIDTH, disabled=not steady):
            _treatments(view)


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
    st.caption("A treatment changes the run from its next step on, and leaves a mark on the curves.")
    if any(path.startswith("model.quantizer.") for path in current):
        left, right = st.columns(2)
        _act(left, "Revive now", "revive", "revival", view)
        _act(right, "k-means now", "kmeans", "kmeans", view)
    keys = {path: f"control_{view.folder.id}_{path}_{value}" for path, value in current.items()}  # named as in `_speed`
    with st.form(f"control_treat_{view.folder.id}", border=False):
        with st.container(horizontal=True, gap="small"):
            for path, value in current.items():
                with st.container(width=FIELD):
                    _input(view.config, path, value, keys[path])
        st.form_submit_button(
            "Apply",
            icon=":material/check:",
            type="primary",
            width="stretch",
            key="control_apply",
            on_click=_apply,
            args=(view, current, keys),
        )


def _act(place: Any, label: str, kind: CommandKind, word: str, view: View) -> None:
    with place:
        st.button(
            label,
            width="stretch",
            key=f"control_{kind}",
            on_click=_send,
            args=(view, Command(kind)),
            help=help_text(word),
            disabled=kind in {command.kind for command in view.waiting},
        )


def _apply(view: View, current: Mapping[str, Any], keys: Mapping[str, str]) -> None:
    wanted = {path: _typed(view.config, path, key) for path, key in keys.items()}
    if None in wanted.values():
        return  # the field says why
    changes = {path: value for path, value in wanted.items() if value != current[path]}
    if not changes:
        return
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
