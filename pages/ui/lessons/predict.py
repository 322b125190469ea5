"""The prediction: made before anything is done, kept, and laid beside what came of it. Session keys owned here: `lessons_choice_*`."""

from __future__ import annotations

import streamlit as st

from pages.ui import session
from pages.ui.lessons import answering
from vqcore.errors import LessonError
from vqcore.lessons.answers import Answer
from vqcore.lessons.schema import Lesson


def ask(key: str, lesson: Lesson) -> None:
    """The question and its choices, and the button that keeps one of them."""
    choices = lesson.prediction.choices
    chosen = st.radio(lesson.prediction.asks, range(len(choices)), index=None, format_func=choices.__getitem__, key=f"lessons_choice_{key}")
    st.button(
        "Keep my prediction",
        icon=":material/lock:",
        type="primary",
        disabled=chosen is None,
        key=f"lessons_keep_{key}",
        on_click=_keep,
        args=(key,),
        help=None if chosen is not None else "Choose one first. A guess is fine: it cannot be changed afterwards.",
    )
    if told := st.session_state.pop("lessons_problem", ""):
        st.error(session.plain(told), icon=":material/error:")


def _keep(key: str) -> None:
    chosen = st.session_state.get(f"lessons_choice_{key}")
    if chosen is None:
        return
    try:
        answering.predict(key, int(chosen))
    except LessonError as error:
        st.session_state["lessons_problem"] = str(error)


def kept(lesson: Lesson, answer: Answer) -> None:
    """What was predicted; once the check has held, beside what came of it."""
    told = lesson.prediction
    st.markdown(told.asks)
    if not 0 <= answer.prediction < len(told.choices):  # the lesson was changed since
        return
    own = told.choices[answer.prediction]
    if not answer.passed:
        st.markdown(f":material/lock: You predicted: **{own}**")
    elif answer.prediction == told.right:
        st.markdown(f":material/check_circle: You predicted: **{own}** Correct.")
    else:
        st.markdown(f":material/call_split: You predicted: **{own}**  \nActually: **{told.choices[told.right]}**")
