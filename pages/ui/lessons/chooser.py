"""Which lesson is shown, all of them as a list, and the answers as a file. Session keys owned here: `lessons_shown`, `lessons_wanted`."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.ui import link, query, session
from pages.ui.lessons import answering, picture, view
from vqcore.errors import LessonError
from vqcore.lessons.export import to_csv
from vqcore.lessons.loader import lesson as lesson_of
from vqcore.lessons.loader import lessons
from vqcore.lessons.schema import Lesson

PER_ROW = 3
_ICONS = {"new": "", "predicted": ":material/lock: ", "passed": ":material/check_circle: "}


def choose(every: Mapping[str, Lesson]) -> str:
    """The lesson to be shown: the one asked for, else the first that has not been passed. A row of numbers leads to the others."""
    _arrived()
    states = {key: view.state_of(answering.answer(key)) for key in every}
    default = next((key for key, state in states.items() if state != "passed"), next(iter(every)))
    if st.session_state.get("lessons_shown") not in every:
        st.session_state["lessons_shown"] = default
    shown = st.segmented_control(
        "Lesson",
        list(every),
        format_func=lambda key: f"{_ICONS[states[key]]}{every[key].number}",
        key="lessons_shown",
        label_visibility="collapsed",
        required=True,
        wrap=True,
        persist_state="session",
    )
    query.keep_place(link.LESSON, str(shown), default)
    return str(shown)


def _arrived() -> None:
    """Take what the address, a link, or the strip over another screen asks for, once."""
    state = link.active()
    wanted = str(st.session_state.pop("lessons_wanted", ""))
    if state is not None and state.page == "lessons" and st.session_state.get("lessons_link") != st.session_state["link_token"]:
        st.session_state["lessons_link"] = st.session_state["link_token"]
        wanted = wanted or state.lesson
    wanted = wanted or query.place(link.LESSON)
    if not wanted:
        return
    try:
        lesson_of(wanted)
        st.session_state["lessons_shown"] = wanted
    except LessonError as error:
        st.warning(session.plain(str(error)), icon=":material/link_off:")


def onward(every: Mapping[str, Lesson], key: str) -> None:
    """The way to the next lesson."""
    keys = list(every)
    after = keys[keys.index(key) + 1 :]
    if after and st.button(
        "Next lesson",
        icon=":material/arrow_forward:",
        icon_position="right",
        key="lessons_next",
        type="primary" if answering.answer(key).passed else "secondary",
    ):
        _go(after[0])


def _go(key: str) -> None:
    st.session_state["lessons_wanted"] = key
    st.rerun()


def table(every: Mapping[str, Lesson], shown: str) -> None:
    """All of them: question, screens, and how far this student is."""
    st.subheader("All lessons", anchor=False)
    keys = list(every)
    for first in range(0, len(keys), PER_ROW):
        for place, key in zip(st.columns(PER_ROW), keys[first : first + PER_ROW], strict=False):
            with place, st.container(border=True, height="stretch", gap="xsmall", key=f"lessons_card_{key}"):
                _card(key, every[key], here=key == shown)


def _card(key: str, lesson: Lesson, *, here: bool) -> None:
    picture.show(key, lesson.title)
    title, colour, icon = view.STATES[view.state_of(answering.answer(key))]
    st.badge(title, color=colour, icon=icon)
    st.markdown(f"**{lesson.number}. {lesson.title}**  \n{lesson.question}")
    st.caption(f"{view.screens(lesson)} · about {lesson.minutes} minutes")
    if st.button("Shown above" if here else "Open", key=f"lessons_go_{key}", disabled=here, width="stretch"):
        _go(key)


def files() -> None:
    """The answers as a table: one's own; for who holds the teacher's token everybody's."""
    who = session.owner()
    with st.container(horizontal=True, gap="small"):
        st.download_button(
            "My answers (CSV)",
            lambda: csv_of(who.hash),
            "answers.csv",
            "text/csv",
            icon=":material/table:",
            key="lessons_csv",
            on_click="ignore",
        )
        if who.teacher:
            st.download_button(
                "Everybody's answers (CSV)",
                lambda: csv_of(""),
                "all-answers.csv",
                "text/csv",
                icon=":material/groups:",
                key="lessons_csv_all",
                on_click="ignore",
            )


def csv_of(owner: str) -> bytes:
    """Of one student, or of all for "". With the mark by which spreadsheets know UTF-8."""
    found = [answer for answer in answering.answers().all() if not owner or answer.owner == owner]
    return to_csv(found, lessons(), session.store()).encode("utf-8-sig")
