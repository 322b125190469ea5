"""All answers as one table for the teacher: who predicted what, what the check said, and with which settings. No torch."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from vqcore.config.run import PriorRunConfig
from vqcore.errors import RunError
from vqcore.lessons.answers import Answer
from vqcore.lessons.bases import BASES, differences
from vqcore.lessons.schema import Lesson
from vqcore.runs.store import RunStore

COLUMNS = (
    "nickname",
    "student",
    "lesson",
    "title",
    "attempts",
    "started",
    "predicted",
    "prediction",
    "right",
    "checks",
    "passed",
    "last_check",
    "runs",
    "settings",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_csv(answers: Iterable[Answer], lessons: Mapping[str, Lesson], store: RunStore | None = None) -> str:
    """One line an answer, with a line of titles (COLUMNS). `right` is yes, no, or empty before a prediction; times are ISO.

    With `store`, `settings` says for each opened run what it changes of the lesson's first configuration, where it is still there.
    Texts that a spreadsheet would take for formulas are quoted with an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for answer in answers:
        lesson = lessons.get(answer.lesson)
        choices = lesson.prediction.choices if lesson else ()
        chosen = choices[answer.prediction] if 0 <= answer.prediction < len(choices) else ""
        right = "" if lesson is None or answer.prediction < 0 else "yes" if answer.prediction == lesson.prediction.right else "no"
        cells = (
            answer.nickname,
            answer.owner,
            answer.lesson,
            lesson.title if lesson else "",
            answer.attempt,
            answer.started,
            answer.predicted,
            chosen,
            right,
            answer.checks,
            answer.passed,
            answer.told,
            " ".join(answer.runs),
            _settings(answer, lesson, store) if store else "",
        )
        writer.writerow([_plain(str(cell)) for cell in cells])
    return out.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _settings(answer: Answer, lesson: Lesson | None, store: RunStore) -> str:
    start = next((act.start for act in lesson.acts if act.start), "") if lesson else ""
    if not start:
        return ""
    told = []
    for run in answer.runs:
        try:
            config = store.get(run).config()
        except RunError:
            continue  # deleted meanwhile
        if not isinstance(config, PriorRunConfig):
            changes = differences(BASES[start], config)
            told.append(f"{run}: {', '.join(f'{path}={value}' for path, value in changes.items()) or 'as it is'}")
    return "; ".join(told)
