"""The lessons that come with the program, from their files. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from vqcore.errors import ConfigError, LessonError
from vqcore.jsontext import parse_json
from vqcore.lessons.schema import Lesson
from vqcore.runs.files import retried

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "lessons"


def load(folder: Path = FOLDER) -> dict[str, Lesson]:
    """Every lesson of the folder by its file's name, in the order of their numbers. Raises LessonError that names the file."""
    found: dict[str, Lesson] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            found[path.stem] = Lesson.parse(parse_json(retried(path.read_bytes)))
        except (OSError, ValueError) as error:
            raise LessonError(f"{path} cannot be read as a lesson: {error}. Mend the file, or take it away.") from None
        except ConfigError as error:
            raise LessonError(f"{path} is no lesson of this program:\n{error}") from None
    numbers = [lesson.number for lesson in found.values()]
    if twice := {number for number in numbers if numbers.count(number) > 1}:
        raise LessonError(f"Two lessons in {folder} have the number {min(twice)}. Give each its own.")
    return dict(sorted(found.items(), key=lambda item: item[1].number))


@cache
def lessons() -> Mapping[str, Lesson]:
    """Those of the program itself, read once."""
    return load()


def lesson(key: str) -> Lesson:
    """Raises LessonError for a name that none has."""
    if key not in lessons():
        raise LessonError(f"There is no lesson called {key[:40]!r}; there are: {', '.join(lessons())}.")
    return lessons()[key]
