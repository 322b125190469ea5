"""What this browser's student has done for a lesson: predicted, opened, saved, checked. Kept beside the runs, not in the session.

Session keys owned here: `lessons_verdict`, `lessons_problem`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from pages.ui import link, session
from vqcore.lessons import facts
from vqcore.lessons.answers import Answer, Answers
from vqcore.lessons.checks import Verdict, check
from vqcore.lessons.evidence import Evidence, Seen, gather
from vqcore.lessons.loader import lesson
from vqcore.lessons.schema import Act, Lesson

if TYPE_CHECKING:
    from vqcore.analysis.microscope import Frame


@dataclass(frozen=True, slots=True)
class Going:
    """The lesson that is on, and which of its acts; None before one was opened."""

    key: str
    lesson: Lesson
    act: Act | None

    @property
    def part(self) -> int:
        """The act's place, from 1; 0 without one."""
        return self.lesson.acts.index(self.act) + 1 if self.act else 0

    @property
    def next_act(self) -> Act | None:
        """The one after; None after the last."""
        return self.lesson.acts[self.part] if self.part < len(self.lesson.acts) else None


def going() -> Going | None:
    """None while no lesson is on."""
    state = link.active()
    if state is None or not state.lesson:
        return None
    found = lesson(state.lesson)
    return Going(state.lesson, found, found.act(state.act) if state.act else None)


def answers() -> Answers:
    return Answers(session.store().root)


def answer(key: str) -> Answer:
    """This student's, as kept."""
    return answers().get(session.owner().hash, key)


def predicted(key: str) -> bool:
    return answer(key).prediction >= 0


def predict(key: str, choice: int) -> None:
    """Keep the prediction. Raises LessonError when it cannot be written."""
    who = session.owner()
    answers().begin(who.hash, key, who.nickname)
    answers().predict(who.hash, key, choice)


def note_run() -> None:
    """Once a script run: the open run counts for the lesson that is on, whoever started it."""
    now, run = going(), str(st.session_state.get("run_id", ""))
    if now is not None and run and predicted(now.key):
        answers().opened(session.owner().hash, now.key, run)


def note_frame(frame: Frame) -> None:
    """A step under the microscope counts for the lesson that is on."""
    now = going()
    if now is not None and predicted(now.key):
        answers().note(session.owner().hash, now.key, *facts.of_frame(frame))


def evidence(key: str) -> Evidence:
    return gather(session.store(), session.owner().hash, answer(key), also=[str(st.session_state.get("run_id", ""))])


def look(key: str) -> Verdict:
    """How the check stands now, without counting as one."""
    return check(lesson(key), evidence(key))


def checked(key: str) -> Verdict:
    """Check, and keep how it went. Raises LessonError when that cannot be written."""
    verdict = look(key)
    answers().checked(session.owner().hash, key, verdict.passed, verdict.told)
    return verdict


def run_of(key: str, act: Act) -> Seen | None:
    """The newest run that this student has made or opened for an act."""
    found = evidence(key)
    return next((seen for treated in (False, True) for seen in found.of(act, treated=treated)), None)
