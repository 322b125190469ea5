"""The lessons as data, the answers as files, and what counts as a student's own."""

from __future__ import annotations

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from vqcore.config.presets import PRESETS
from vqcore.errors import ConfigError, LessonError
from vqcore.lessons.answers import Answer, Answers
from vqcore.lessons.bases import BASES, differences
from vqcore.lessons.checks import _CHECKS
from vqcore.lessons.evidence import gather
from vqcore.lessons.export import COLUMNS, to_csv
from vqcore.lessons.loader import FOLDER, lesson, lessons, load
from vqcore.lessons.schema import Lesson
from vqcore.runs.store import RunStore


def test_there_are_eleven_in_order() -> None:
    assert [entry.number for entry in lessons().values()] == list(range(1, 12))
    assert {entry.check.kind for entry in lessons().values()} == set(_CHECKS)
    assert len({entry.title for entry in lessons().values()}) == 11


def test_every_act_is_on_a_screen_that_exists() -> None:
    from pages.ui.screens import SCREENS

    assert {act.screen for entry in lessons().values() for act in entry.acts} <= set(SCREENS)


@pytest.mark.parametrize("key", list(lessons()))
def test_the_explanation_is_not_in_the_question(key: str) -> None:
    entry = lessons()[key]
    right = entry.prediction.choices[entry.prediction.right].casefold()
    assert right not in f"{entry.question} {' '.join(act.do for act in entry.acts)}".casefold()


def _changed(**changes: Any) -> dict[str, Any]:
    data = json.loads((FOLDER / "snap.json").read_text(encoding="utf-8"))
    return data | changes


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"check": {"kind": "few_pictures", "run": "two"}}, "needs an act 'two'"),
        ({"check": {"kind": "magic"}}, "check"),
        ({"words": ["ether"]}, "ether"),
        ({"prediction": {"asks": "Which one of the two?", "choices": ["a", "b"], "right": 2}}, "index of one of 2"),
        ({"acts": [{"key": "one", "screen": "train", "do": "Do this now.", "name": "x", "start": "lesson.nine"}]}, "lesson.nine"),
        ({"acts": [{"key": "one", "screen": "train", "do": "Do this now.", "hide": ["all"]}]}, "nothing is called all"),
        ({"acts": [{"key": "one", "screen": "train", "do": "Do this now.", "changes": {"train.steps": 3}}]}, "need 'start'"),
        ({"acts": [{"key": "one", "screen": "train", "do": "Do this now."}]}, "which starts none"),
        ({"code": "print()"}, "unknown field"),
    ],
)
def test_a_lesson_with_a_fault_is_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Lesson.parse(_changed(**changes))


def test_the_loader_names_the_file(tmp_path: Path) -> None:
    assert load(tmp_path) == {}
    (tmp_path / "good.json").write_text(json.dumps(_changed()), encoding="utf-8")
    assert list(load(tmp_path)) == ["good"]
    (tmp_path / "twin.json").write_text(json.dumps(_changed()), encoding="utf-8")
    with pytest.raises(LessonError, match="number 1"):
        load(tmp_path)
    (tmp_path / "twin.json").write_text("{", encoding="utf-8")
    with pytest.raises(LessonError, match=r"twin\.json"):
        load(tmp_path)
    with pytest.raises(LessonError, match="no lesson called 'none'"):
        lesson("none")


def test_differences_lead_from_one_to_the_other() -> None:
    for old in BASES.values():
        for preset in PRESETS.values():
            assert old.edited(differences(old, preset.config)) == preset.config
    assert differences(BASES["lesson.one"], BASES["lesson.one"]) == {}


# ── answers ──


def test_the_first_prediction_counts(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    assert answers.get("ada", "snap") == Answer("snap", "ada")
    answers.begin("ada", "snap", "Ada")
    answers.predict("ada", "snap", 2)
    found = answers.predict("ada", "snap", 1)
    assert (found.prediction, found.nickname, found.attempt) == (2, "Ada", 1) and found.predicted and found == answers.get("ada", "snap")
    with pytest.raises(LessonError):
        answers.predict("ada", "snap", -1)


def test_beginning_anew_keeps_what_was_learnt(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    answers.predict("ada", "snap", 0)
    answers.opened("ada", "snap", "20260101-000000-aaaa")
    answers.note("ada", "snap", "snap.rotation", {"apart": 0.5})
    first = answers.checked("ada", "snap", True, "All done.")
    answers.checked("ada", "snap", False, "Nothing.")
    found = answers.again("ada", "snap")
    assert (found.runs, found.notes, found.told) == ((), {}, "")
    assert (found.prediction, found.passed, found.checks, found.attempt) == (0, first.passed, 2, 2)


def test_what_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    answers.opened("ada", "snap", "run-1")
    path = tmp_path / ".lessons" / "ada" / "snap.json"
    before = path.stat().st_mtime_ns, path.stat().st_ino
    answers.begin("ada", "snap", "Another name")
    answers.opened("ada", "snap", "run-1")
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: answers.opened("ada", "snap", f"run-{i}"), range(20)))
    assert set(answers.get("ada", "snap").runs) == {f"run-{i}" for i in range(20)}


@pytest.mark.parametrize(("owner", "key"), [("../ada", "snap"), ("ada", "../snap"), ("", "snap"), ("ada", "")])
def test_names_stay_in_the_folder(tmp_path: Path, owner: str, key: str) -> None:
    with pytest.raises(LessonError, match="no student and lesson"):
        Answers(tmp_path).begin(owner, key)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema_version": 1, "runs": 5}', '{"schema_version": 1, "notes": []}', '{"schema_version": 9}']
)
def test_a_damaged_answer_counts_as_not_begun(tmp_path: Path, text: str) -> None:
    answers = Answers(tmp_path)
    answers.begin("ada", "snap")
    (tmp_path / ".lessons" / "ada" / "snap.json").write_text(text, encoding="utf-8")
    assert answers.get("ada", "snap") == Answer("snap", "ada") and answers.all() == []
    assert answers.begin("ada", "snap").attempt == 1


def test_notes_are_bounded(tmp_path: Path) -> None:
    answers = Answers(tmp_path)
    with pytest.raises(LessonError, match="too long"):
        answers.note("ada", "snap", "x", "y" * 10_000)
    for i in range(60):
        answers.note("ada", "snap", f"n{i}", i)
    assert len(answers.get("ada", "snap").notes) == 50


def test_the_table_for_the_teacher(tmp_path: Path, room: Any) -> None:
    answers = Answers(tmp_path)
    run = room.act("snap", "one", train__steps=200)
    answers.begin("ada", "snap", "=HYPERLINK(1)")
    answers.predict("ada", "snap", 1)
    answers.opened("ada", "snap", run.id)
    answers.opened("ada", "snap", "gone")
    answers.checked("ada", "snap", True, "[x] Done, all of it.")
    answers.predict("bob", "bits", 0)
    rows = list(csv.DictReader(io.StringIO(to_csv(answers.all(), lessons(), room.store), newline="")))
    assert tuple(rows[0]) == COLUMNS and len(rows) == 2
    ada, bob = rows
    assert (ada["nickname"], ada["right"], ada["checks"]) == ("'=HYPERLINK(1)", "yes", "1") and ada["passed"]
    assert ada["prediction"] == lessons()["snap"].prediction.choices[1] and "train.steps=200" in ada["settings"]
    assert (bob["student"], bob["right"], bob["passed"], bob["settings"]) == ("bob", "no", "", "")


# ── whose ──


def test_own_runs_since_the_beginning_count_and_opened_ones(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    config = BASES["lesson.one"]
    old = store.create(config, name="before", owner="ada")
    about = json.loads((old.path / "about.json").read_text(encoding="utf-8"))
    (old.path / "about.json").write_text(json.dumps(about | {"created": "2020-01-01T00:00:00+00:00"}), encoding="utf-8")
    own, other, shared = (store.create(config, name=name, owner=name) for name in ("ada", "bob", "eve"))
    answer = Answers(tmp_path).begin("ada", "snap")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "config.json").write_text("{", encoding="utf-8")

    def found(answer: Answer, *also: str) -> set[str]:
        return {seen.run.id for seen in gather(store, "ada", answer, also).runs}

    assert found(answer) <= {own.id}  # made in the same second, perhaps before
    begun = Answers(tmp_path).opened("ada", "snap", shared.id)
    assert shared.id in found(begun) and other.id not in found(begun) and old.id not in found(begun)
    assert other.id in found(begun, other.id)
    assert found(Answer("snap", "ada")) == set()


def test_saved_grids_are_ones_own(room: Any) -> None:
    from vqcore.lessons.checks import check
    from vqcore.lessons.evidence import layout_of
    from vqcore.runs.grids import SavedGrid

    run = room.act("shuffle", "grid", train__steps=200)
    layout = layout_of(run)
    gallery = run.gallery()
    codes = layout.join(gallery.indices)[0]
    kept = SavedGrid(codes[::-1].copy(), run.id, "0" * 12, name="backwards", owner="somebody")
    room.grids.save(kept, layout)
    assert not room.gathered(run).grids[run.id]
    room.grids.save(SavedGrid(codes[::-1].copy(), run.id, "0" * 12, name="backwards", owner="cafe"), layout)
    evidence = room.gathered(run)
    assert len(evidence.grids[run.id]) == 1
    assert check(lesson("shuffle"), evidence).passed
