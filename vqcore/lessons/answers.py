"""What students answered: one small file a student and lesson, `<runs>/.lessons/<owner>/<lesson>.json`. No torch.

Files, not a session: they outlive a closed page, and the teacher reads them all. What is damaged counts as not begun.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from vqcore.errors import LessonError, RunError
from vqcore.runs.files import is_disk_full, locked, read_json, write_json
from vqcore.runs.names import NICKNAME_LENGTH, cleaned
from vqcore.runs.status import now

_OWNER = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_LESSON = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
MOST_RUNS = 50
MOST_NOTES = 50
_NOTE_LETTERS = 2_000


@dataclass(frozen=True, slots=True)
class Answer:
    """One student's way through one lesson. Times are ISO, "" for not yet.

    `prediction` is the index of the first choice made, −1 before it. `checks` counts how often it was checked, `passed` says when it
    first held, `told` is what the last check said. `runs` are those opened meanwhile; `notes` what screens left for the check.
    `attempt` counts the beginnings.
    """

    lesson: str
    owner: str
    nickname: str = ""
    started: str = ""
    prediction: int = -1
    predicted: str = ""
    checks: int = 0
    passed: str = ""
    told: str = ""
    runs: tuple[str, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    attempt: int = 0


class Answers:
    """The answers under `root`, the folder of all runs. Threads and processes may share it. Raises LessonError for impossible names."""

    def __init__(self, root: Path | str) -> None:
        self._root = Path(root) / ".lessons"

    def get(self, owner: str, lesson: str) -> Answer:
        """As kept; an empty one before the lesson was begun."""
        try:
            return _read(self._path(owner, lesson))
        except (OSError, RunError, ValueError, TypeError):
            return Answer(lesson, owner)

    def all(self) -> list[Answer]:
        """Of every student, by owner and lesson. Damaged files are left out."""
        found = []
        for path in sorted(self._root.glob("*/*.json")):
            if _OWNER.fullmatch(path.parent.name) and _LESSON.fullmatch(path.stem):
                try:
                    found.append(_read(path))
                except (OSError, RunError, ValueError, TypeError):
                    continue
        return found

    def begin(self, owner: str, lesson: str, nickname: str = "") -> Answer:
        """Begin, unless begun: what is done from now on counts."""
        return self._change(owner, lesson, lambda old: _begun(old, nickname) if not old.started else old)

    def again(self, owner: str, lesson: str, nickname: str = "") -> Answer:
        """Start over: earlier runs and notes no longer count. The first prediction and the first success stay; no run is deleted."""
        return self._change(owner, lesson, lambda old: _begun(replace(old, runs=(), notes={}, told=""), nickname))

    def predict(self, owner: str, lesson: str, choice: int) -> Answer:
        """Keep the prediction; a second one changes nothing, for it would be no prediction."""
        if choice < 0:
            raise LessonError(f"Choice {choice} is none: they count from 0.")
        return self._change(
            owner, lesson, lambda old: replace(old, prediction=choice, predicted=now()) if old.prediction < 0 else old, begun=True
        )

    def opened(self, owner: str, lesson: str, run: str) -> Answer:
        """The student opened this run during the lesson."""

        def change(old: Answer) -> Answer:
            return old if run in old.runs else replace(old, runs=(*old.runs, run)[-MOST_RUNS:])

        return self._change(owner, lesson, change, begun=True)

    def note(self, owner: str, lesson: str, name: str, value: Any) -> Answer:
        """Leave something for the check: plain JSON, at most 2,000 letters of it. The last one of a name counts."""
        if len(repr(value)) > _NOTE_LETTERS or len(name) > 64:
            raise LessonError(f"The note {name[:40]!r} is too long to be kept.")

        def change(old: Answer) -> Answer:
            if old.notes.get(name) == value or (name not in old.notes and len(old.notes) >= MOST_NOTES):
                return old
            return replace(old, notes={**old.notes, name: value})

        return self._change(owner, lesson, change, begun=True)

    def checked(self, owner: str, lesson: str, passed: bool, told: str) -> Answer:
        """Keep how a check went."""

        def change(old: Answer) -> Answer:
            return replace(old, checks=old.checks + 1, told=told[:_NOTE_LETTERS], passed=old.passed or (now() if passed else ""))

        return self._change(owner, lesson, change, begun=True)

    def _change(self, owner: str, lesson: str, change: Callable[[Answer], Answer], *, begun: bool = False) -> Answer:
        """Read, change and write. `begun`: first begin it, when it is not. Nothing is written where nothing changes."""
        path = self._path(owner, lesson)
        present = self.get(owner, lesson)
        if (present.started or not begun) and change(present) == present:
            return present  # most callers are screens that say the same at every look

        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with locked(path):
                old = self.get(owner, lesson)
                new = change(_begun(old, "") if begun and not old.started else old)
                if new != old:
                    write_json(path, asdict(new))
                return new
        except OSError as error:
            if is_disk_full(error):
                raise LessonError(f"The disk of {path.parent} is full: the answer was not kept. Make room, then try again.") from None
            raise LessonError(f"{path} cannot be written ({error.strerror or error}). Make the folder writable.") from None

    def _path(self, owner: str, lesson: str) -> Path:
        if not _OWNER.fullmatch(owner) or not _LESSON.fullmatch(lesson):
            raise LessonError(f"{owner[:40]!r}, {lesson[:40]!r}: no student and lesson are called so.")
        return self._root / owner / f"{lesson}.json"


def _begun(old: Answer, nickname: str) -> Answer:
    return replace(old, started=now(), attempt=old.attempt + 1, nickname=cleaned(nickname, NICKNAME_LENGTH) or old.nickname)


def _read(path: Path) -> Answer:
    """Raises OSError, RunError, ValueError, TypeError."""
    data = read_json(path)
    texts = {name: str(data.get(name, "")) for name in ("nickname", "started", "predicted", "passed", "told")}
    notes = data.get("notes", {})
    if not isinstance(notes, dict):
        raise ValueError("notes are no object")
    return Answer(
        lesson=path.stem,
        owner=path.parent.name,
        prediction=int(data.get("prediction", -1)),
        checks=int(data.get("checks", 0)),
        attempt=int(data.get("attempt", 0)),
        runs=tuple(str(run) for run in data.get("runs", ())),
        notes=notes,
        **texts,
    )
