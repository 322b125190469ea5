"""The slim strip over every screen while a lesson is on: the question, what to do now, the check, and the ways out.

It stands in the page's own flow, so that it covers nothing. Session keys owned here: `lesson_*`.
"""

from __future__ import annotations

import streamlit as st

from pages.ui import link, session
from pages.ui.lessons import acts, answering, predict, verdict
from pages.ui.lessons.answering import Going
from pages.ui.screens import SCREENS, page_of
from vqcore.errors import LessonError

_STYLE = """<style>
.st-key-lesson_banner { padding: 0.6rem 0.9rem; border-left: 4px solid var(--vq-lesson); background: var(--vq-lesson-ground);
  border-radius: 0.4rem; }
.st-key-lesson_banner p { line-height: 1.4; }
</style>"""


def show(here: str) -> None:
    """Once a script run, above the page `here`. Always one element, so that nothing below it changes its place."""
    place = st.container()
    problem, state, now = link.problem(), link.active(), answering.going()
    if not problem and (state is None or here == "lessons"):
        return
    with place:
        if problem:
            st.warning(session.plain(problem), icon=":material/link_off:")
        if state is None or here == "lessons":
            return
        ground, line = ("#1B2A2A", "#4FBDB3") if st.context.theme.type == "dark" else ("#E4EFEC", "#0B6E69")
        st.html(f"<style>:root {{ --vq-lesson-ground: {ground}; --vq-lesson: {line}; }}</style>{_STYLE}")
        with st.container(key="lesson_banner", gap="xsmall"):
            _lesson(now, here) if now is not None else _link()


def _link() -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(":material/link: **Opened by a link**, which chose settings and what is shown here.", width="stretch")
        st.button("Show everything", icon=":material/close:", key="lesson_leave", on_click=link.leave, help="Leave what the link set up.")


def _lesson(now: Going, here: str) -> None:
    st.markdown(f":material/school: **{now.lesson.number} · {now.lesson.title}** · {now.lesson.question}")
    known = answering.predicted(now.key)
    if not known:
        st.markdown("**First predict:**")
        predict.ask(now.key, now.lesson)
    elif now.act is not None:
        part = f" (part {now.part} of {len(now.lesson.acts)})" if len(now.lesson.acts) > 1 else ""
        where = "" if now.act.screen == here else f" It is done on {SCREENS[now.act.screen].title}."
        st.markdown(f"**Now{part}:** {now.act.do}{where}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="lesson_buttons"):
        if known and st.button("Check", icon=":material/fact_check:", type="primary", key="lesson_check"):
            _check(now)
        if known and now.next_act and st.button(f"Part {now.part + 1}", icon=":material/arrow_forward:", key="lesson_next"):
            acts.begin(now.key, now.lesson, now.next_act)
        if st.button("Lesson", icon=":material/arrow_back:", key="lesson_back", help="Back to the lesson. It stays on."):
            st.session_state["lessons_wanted"] = now.key
            st.switch_page(page_of("lessons"))
        if now.act and st.button(
            "Reset", icon=":material/restart_alt:", key="lesson_reset", help="To the state in which this part began. No run is deleted."
        ):
            acts.begin(now.key, now.lesson, now.act)
        st.button(
            "Leave",
            icon=":material/close:",
            key="lesson_leave",
            on_click=link.leave,
            help="Leave the lesson: every control is shown again.",
        )


@st.dialog("Check", icon=":material/fact_check:")
def _check(now: Going) -> None:
    try:
        found = answering.checked(now.key)
    except LessonError as error:
        st.error(session.plain(str(error)), icon=":material/error:")
        return
    verdict.show(found)
    label = "Read what it means" if found.passed else "To the lesson"
    if st.button(label, icon=":material/school:", type="primary" if found.passed else "secondary", key="lesson_read"):
        st.session_state["lessons_wanted"] = now.key
        st.switch_page(page_of("lessons"))
