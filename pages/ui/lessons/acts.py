"""Going to the screen of an act, in the state in which the act begins. Runs go on, and none is deleted."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from pages.ui import link, projector, session
from pages.ui.lessons import answering
from pages.ui.screens import page_of
from pages.ui.snap import bench
from vqcore.lessons.evidence import Seen
from vqcore.lessons.link import of_act
from vqcore.lessons.schema import Act, Lesson


def needed(key: str, lesson: Lesson, act: Act) -> tuple[Act | None, Seen | None]:
    """The earlier act whose run this one looks at, and that run; None where it needs none, and where there is none yet."""
    if act.config is not None or not lesson.check.acts:
        return None, None
    earlier = lesson.act(lesson.check.acts[0])
    return earlier, answering.run_of(key, earlier)


def begin(key: str, lesson: Lesson, act: Act) -> NoReturn:
    """Open the act's screen at its preset."""
    _, seen = needed(key, lesson, act)
    if seen is not None:
        session.open_run(seen.run.id)
    if act.screen == "snap" and act == lesson.acts[0]:
        bench.forget()
    link.open_state(of_act(key, act.key, projector=projector.on()))


def resume(key: str, act: Act, seen: Seen) -> NoReturn:
    """Open the act's screen with the run that this student has made or opened for it."""
    link.enter(of_act(key, act.key, projector=projector.on()))
    session.open_run(seen.run.id)
    st.switch_page(page_of(act.screen))
