"""The line over every screen while a lesson is on: what to do now, the check, and a menu with the lesson and the ways out.

It stands in the page's own flow, so that it covers nothing, and is slim, so that it leaves the screen its place.
Session keys owned here: `lesson_*`.
"""

from __future__ import annotations

import streamlit as st

from pages.ui import link, session
from pages.ui.lessons import acts, answering, predict, verdict
from pages.ui.lessons.answering import Going
from pages.ui.screens import SCREENS, page_of
from vqcore.errors import LessonError

# half-transparent, so that it suits a light and a dark ground
_STYLE = """<style>
.st-key-lesson_banner { padding: 0.2rem 0.5rem; border-left: 4px solid #2A918A; background: #2A918A24; border-radius: 0.4rem; }
.st-key-lesson_line p { font-size: 0.85rem; line-height: 1.2; }
.st-key-lesson_line > :has(> .stMarkdown) { flex: 1 1 0; min-width: 0; }
@media (min-width: 641px) { .st-key-lesson_line { flex-wrap: nowrap; } }
@media (max-width: 640px) {
  .st-key-lesson_line { row-gap: 0.2rem; }
  .st-key-lesson_line > :has(> .stMarkdown) { order: 1; flex-basis: 100%; }
}
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
        st.html(_STYLE)
        with st.container(key="lesson_banner"), st.container(horizontal=True, vertical_alignment="center", gap="small", key="lesson_line"):
            _lesson(now, here) if now is not None else _link()


def _link() -> None:
    st.markdown(":material/link: **Opened by a link**, which chose settings and what is shown here.", width="stretch")
    st.button("Show everything", icon=":material/close:", key="lesson_leave", on_click=link.leave, help="Leave what the link set up.")


def _lesson(now: Going, here: str) -> None:
    answer = answering.answer(now.key)
    predicted = answer.prediction >= 0
    _menu(now)
    st.markdown(_next(now, here, predicted=predicted, passed=bool(answer.passed)), width="stretch")
    if not predicted:
        with st.popover("Predict", icon=":material/lock_open:", type="primary", key="lesson_predict"):
            predict.ask(now.key, now.lesson)
        return
    if answer.passed and st.button("Read why", icon=":material/school:", type="primary", key="lesson_why"):
        _open_lesson(now)
    if st.button("Check", icon=":material/fact_check:", type="secondary" if answer.passed else "primary", key="lesson_check"):
        _check(now)
    if now.next_act and st.button(f"Part {now.part + 1}", icon=":material/arrow_forward:", key="lesson_next"):
        acts.begin(now.key, now.lesson, now.next_act)


def _next(now: Going, here: str, *, predicted: bool, passed: bool) -> str:
    """What the student does next, as markdown."""
    if not predicted:
        return f"**First predict:** {now.lesson.prediction.asks}"
    if passed:
        return "**Done.** The lesson explains why."
    if now.act is None:
        return now.lesson.question
    part = f" (part {now.part} of {len(now.lesson.acts)})" if len(now.lesson.acts) > 1 else ""
    where = "" if now.act.screen == here else f" It is done on {SCREENS[now.act.screen].title}."
    return f"**Now{part}:** {now.act.do}{where}"


def _menu(now: Going) -> None:
    """What the lesson asks, and the ways back, to the part's beginning, and out."""
    with st.popover(f"Lesson {now.lesson.number}", icon=":material/school:", key="lesson_menu"):
        st.markdown(f"**{now.lesson.title}**  \n{now.lesson.question}")
        if st.button("Back to the lesson", icon=":material/arrow_back:", key="lesson_back", width="stretch", help="The lesson stays on."):
            _open_lesson(now)
        if now.act and st.button(
            "Start this part again",
            icon=":material/restart_alt:",
            key="lesson_reset",
            width="stretch",
            help="To the state in which this part began. No run is deleted.",
        ):
            acts.begin(now.key, now.lesson, now.act)
        st.button(
            "Leave the lesson",
            icon=":material/close:",
            key="lesson_leave",
            width="stretch",
            on_click=link.leave,
            help="Every control is shown again.",
        )


def _open_lesson(now: Going) -> None:
    st.session_state["lessons_wanted"] = now.key
    st.switch_page(page_of("lessons"), query_params={link.LESSON: now.key})


@st.dialog("Check", icon=":material/fact_check:", on_dismiss="rerun")  # the line may have become "Done."
def _check(now: Going) -> None:
    try:
        found = answering.checked(now.key)
    except LessonError as error:
        st.error(session.plain(str(error)), icon=":material/error:")
        return
    verdict.show(found)
    label = "Read why" if found.passed else "To the lesson"
    if st.button(label, icon=":material/school:", type="primary" if found.passed else "secondary", key="lesson_read"):
        _open_lesson(now)
