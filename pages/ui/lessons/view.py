"""One lesson, from its question to its explanation. Session keys owned here: `lessons_told_*`, `lesson_*` of its buttons."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from pages.ui import projector, session, share, terms
from pages.ui.lessons import acts, answering, picture, predict, verdict
from pages.ui.screens import SCREENS
from vqcore.errors import LessonError
from vqcore.lessons.answers import Answer
from vqcore.lessons.link import State, of_act
from vqcore.lessons.schema import Act, Lesson

Colour = Literal["gray", "orange", "green"]

STATES: dict[str, tuple[str, Colour, str]] = {
    "new": ("New", "gray", ":material/radio_button_unchecked:"),
    "predicted": ("Predicted", "orange", ":material/lock:"),
    "passed": ("Passed", "green", ":material/check_circle:"),
}


def state_of(answer: Answer) -> str:
    """A key of STATES."""
    return "passed" if answer.passed else "predicted" if answer.prediction >= 0 else "new"


def screens(lesson: Lesson) -> str:
    """The titles of the screens that it uses."""
    return ", ".join(dict.fromkeys(SCREENS[act.screen].title for act in lesson.acts))


def show(key: str, lesson: Lesson) -> None:
    """The question beside what is to be done next: predict, do and check, read what it means."""
    answer = answering.answer(key)
    passed, predicted = answer.passed, answer.prediction >= 0
    left, right = st.columns((2, 3), gap="medium")
    with left:
        picture.show(key, lesson.title)
        st.subheader(f"{lesson.number}. {lesson.title}", anchor=False)
        st.markdown(lesson.question)
        if predicted:
            predict.kept(lesson, answer)
    with right:
        if passed:
            _title("What it means")
            _meaning(lesson)
            with st.expander("What you did: do or check it again", icon=":material/replay:", key=f"lessons_done_{key}"):
                _do(key, lesson, answer)
        elif predicted:
            _title("Do, then check")
            _do(key, lesson, answer)
        else:
            _title("First predict")
            predict.ask(key, lesson)
        _about(key, lesson, answer)
    if not predicted:
        st.caption("Then, once your prediction is kept:")
        _acts(key, lesson, off=True)


def _do(key: str, lesson: Lesson, answer: Answer) -> None:
    _acts(key, lesson, off=False)
    _check(key, answer)


def _acts(key: str, lesson: Lesson, *, off: bool) -> None:
    for act in lesson.acts:
        _act(key, lesson, act, off=off)


def _title(text: str) -> None:
    st.subheader(text, anchor=False)


def _about(key: str, lesson: Lesson, answer: Answer) -> None:
    title, colour, icon = STATES[state_of(answer)]
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lessons_about"):
        st.badge(title, color=colour, icon=icon)
        st.caption(f"About {lesson.minutes} minutes · {screens(lesson)}")
        share.popover(State("lessons", lesson=key, projector=projector.on()), f"lesson_{key}", "Share the lesson")


def _act(key: str, lesson: Lesson, act: Act, *, off: bool) -> None:
    screen = SCREENS[act.screen]
    earlier, seen = acts.needed(key, lesson, act)
    waits = earlier is not None and seen is None
    own = None if off or act.config is None else answering.run_of(key, act)
    with st.container(border=True, key=f"lessons_act_{act.key}", gap="xsmall"):
        st.markdown(act.do)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            pressed = st.button(
                f"Open {screen.title}",
                icon=screen.icon,
                type="primary" if not off and not waits and own is None else "secondary",
                disabled=off or waits,
                key=f"lessons_open_{act.key}",
            )
            if pressed:
                acts.begin(key, lesson, act)
            if own is not None and st.button("Open your run", icon=":material/folder_open:", key=f"lessons_run_{act.key}"):
                acts.resume(key, act, own)
            share.popover(of_act(key, act.key, projector=projector.on()), f"act_{key}_{act.key}")
        if waits and not off:
            st.caption("This looks at the run of the part before: train it first.")
        elif own is not None:
            st.caption(f"Your run {session.plain(own.run.about().name)}: {own.state}.")


def _check(key: str, answer: Answer) -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.button("Check", icon=":material/fact_check:", type="primary", key="lessons_check", on_click=_checked, args=(key,))
        st.button(
            "Start over",
            icon=":material/restart_alt:",
            key="lessons_again",
            on_click=_again,
            args=(key,),
            help="What you did so far no longer counts for the check. The prediction stays, and no run is deleted.",
        )
    if told := st.session_state.pop("lessons_problem", ""):
        st.error(session.plain(told), icon=":material/error:")
    if answer.told:
        verdict.show(answering.look(key))
    else:
        st.caption("The check reads the runs that you have made or opened, and says what is still missing.")


def _checked(key: str) -> None:
    try:
        answering.checked(key)
    except LessonError as error:
        st.session_state["lessons_problem"] = str(error)


def _again(key: str) -> None:
    who = session.owner()
    try:
        answering.answers().again(who.hash, key, who.nickname)
    except LessonError as error:
        st.session_state["lessons_problem"] = str(error)


def _meaning(lesson: Lesson) -> None:
    for paragraph in lesson.after:
        st.markdown(paragraph)
    if lesson.sources:
        st.caption("Sources: " + ", ".join(session.plain(source) for source in lesson.sources))
    terms.words(*lesson.words, key=f"lesson_{lesson.number}")
