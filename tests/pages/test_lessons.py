"""A lesson as a student meets it: predict, act at the preset, check what was done, read what it means."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from pages.ui.lessons import chooser
from vqcore.jobs import worker
from vqcore.lessons.answers import Answers
from vqcore.lessons.link import of_act
from vqcore.lessons.loader import FOLDER, lesson, lessons
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

from .conftest import ADA, BOB, MAIN, FakeEngine

Page = Callable[..., AppTest]
OWNER = session.owner_hash(ADA)
QUICK: dict[str, Any] = {"train.steps": 60, "train.speed_limit": 0.0, "train.evaluate_every": 30, "train.evaluation_images": 64}


def said(at: AppTest) -> str:
    parts: list[Any] = [*at.success, *at.error, *at.warning, *at.info, *at.caption, *at.markdown]
    return "\n".join(part.value.replace("\\", "").replace("\u2060", "").replace("*", "") for part in parts)


def keys(at: AppTest) -> set[str]:
    return {button.key for button in at.button if button.key}


def visit(key: str = "", *, cookie: str = ADA) -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.session_state["guest"] = cookie
    at.switch_page("lessons.py")
    if key:
        at.query_params["lesson"] = key
    return at.run()


def predicted(key: str, choice: int = 0) -> AppTest:
    at = visit(key)
    at.radio(key=f"lessons_choice_{key}").set_value(choice).run()
    return at.button(key=f"lessons_keep_{key}").click().run()


def trained(store: RunStore, key: str, act: str, *, owner: str = OWNER, **changes: Any) -> RunFolder:
    config = lesson(key).act(act).config
    assert config is not None
    folder = store.create(config.edited(QUICK | changes), name=lesson(key).act(act).name, owner=owner)
    assert worker.run(folder, "cli") == "finished"
    return folder


def on(key: str, act: str) -> AppTest:
    """The lesson's act, opened."""
    at = predicted(key, 1)
    at.button(key=f"lessons_open_{act}").click().run()
    return there(at, lesson(key).act(act).screen)


def there(at: AppTest, screen: str) -> AppTest:
    """As a browser does after a page sent it elsewhere: the next click happens on that screen."""
    title = at.title[0].value
    at.switch_page(f"{screen}.py").run()
    assert at.title[0].value == title
    return at


# ── the list ──


def test_it_opens_on_the_first_unfinished_lesson(store: RunStore) -> None:
    at = visit()
    assert not at.exception and not at.error
    assert at.subheader[0].value == "1. Sixteen answers"
    for key in ("snap", "straight_through"):
        Answers(store.root).checked(OWNER, key, True, "All of it.")
    assert visit().subheader[0].value.startswith("3. ")
    assert visit(cookie=BOB).subheader[0].value.startswith("1. "), "each student has a state of their own"


def test_all_are_listed_with_question_screens_and_state(store: RunStore) -> None:
    answers = Answers(store.root)
    answers.predict(OWNER, "bits", 0)
    answers.checked(OWNER, "ladder", True, "All of it.")
    told = said(visit())
    for entry in lessons().values():
        assert entry.question in told and entry.title in told
    assert "Train, Priors" in told and "Train, Paint" in told
    assert sum(text in told for text in ("New", "Predicted", "Passed")) == 3


def test_every_lesson_can_be_shown(store: RunStore) -> None:
    for key, entry in lessons().items():
        at = visit(key)
        assert not at.exception and not at.error
        assert at.subheader[0].value == f"{entry.number}. {entry.title}"
        assert (FOLDER / f"{key}.svg").read_text(encoding="utf-8").startswith("<svg ")


def test_cards_and_next_lead_to_the_others() -> None:
    at = visit()
    at.button(key="lessons_go_bits").click().run()
    assert at.subheader[0].value.startswith("6. ")
    assert at.query_params["lesson"] in ("bits", ["bits"])
    at.button(key="lessons_next").click().run()
    assert at.subheader[0].value.startswith("7. ")
    assert "lessons_next" not in keys(visit(list(lessons())[-1]))


@pytest.mark.parametrize("bad", ["nothing", "../snap", "<b>", "x" * 300])
def test_an_unknown_lesson_is_said_and_the_list_shown(bad: str) -> None:
    at = visit(bad)
    assert not at.exception
    assert "There is no lesson called" in said(at)
    assert at.subheader[0].value.startswith("1. ")


# ── predict, do, check, read ──


def test_the_act_opens_once_the_prediction_is_kept_and_that_is_final(store: RunStore) -> None:
    at = visit("snap")
    assert at.button(key="lessons_open_one").disabled and at.button(key="lessons_keep_snap").disabled
    assert "lessons_check" not in keys(at)
    at = predicted("snap", 2)
    assert not at.exception
    kept = Answers(store.root).get(OWNER, "snap")
    assert kept.prediction == 2 and kept.predicted
    assert not at.button(key="lessons_open_one").disabled and "lessons_keep_snap" not in keys(at)
    assert lesson("snap").prediction.choices[2] in said(at)
    for paragraph in lesson("snap").after:
        assert paragraph not in said(at), "the explanation waits for the check"


def test_the_act_opens_its_screen_at_its_preset_with_its_controls_hidden(store: RunStore, engine: FakeEngine) -> None:
    at = on("beta_zero", "without")
    assert not at.exception and at.title[0].value == "Train"
    assert "start_digits" not in keys(at) and "frame_run" not in {box.key for box in at.selectbox}
    assert "Commitment weight β: 0" in said(at)
    at.button(key="linked_train").click().run()
    (made,) = store.list()
    assert engine.submitted == [made.id]
    assert store.get(made.id).config() == lesson("beta_zero").act("without").config
    assert (made.name, made.owner) == ("With β = 0", OWNER)
    assert made.id in Answers(store.root).get(OWNER, "beta_zero").runs, "an opened run counts"


def test_a_check_fails_before_and_passes_after_and_explains(store: RunStore) -> None:
    at = predicted("snap", 1)
    at.button(key="lessons_check").click().run()
    assert "0 of 1 are there" in said(at) and "is missing: start it from this lesson" in said(at)
    run = trained(store, "snap", "one")
    at.button(key="lessons_check").click().run()
    assert not at.exception
    told = said(at)
    assert "Done. The lesson explains why." in told and "64 different pictures went in" in told
    assert all(paragraph in told for paragraph in lesson("snap").after)
    assert "Correct." in told
    assert at.button(key="lessons_run_one").label == "Open your run"
    kept = Answers(store.root).get(OWNER, "snap")
    assert kept.passed and kept.checks == 2
    at.button(key="lessons_run_one").click().run()
    assert at.title[0].value == "Train" and at.session_state["run_id"] == run.id


def test_a_wrong_prediction_stands_beside_what_came(store: RunStore) -> None:
    predicted("snap", 0)
    trained(store, "snap", "one")
    at = visit("snap")
    at.button(key="lessons_check").click().run()
    assert "Actually:" in said(at)
    assert all(lesson("snap").prediction.choices[i] in said(at) for i in (0, 1))


def test_beginning_anew_deletes_no_run_and_keeps_what_was_reached(store: RunStore) -> None:
    predicted("snap", 1)
    run = trained(store, "snap", "one")
    at = visit("snap")
    at.button(key="lessons_check").click().run()
    at.button(key="lessons_again").click().run()
    assert not at.exception
    kept = Answers(store.root).get(OWNER, "snap")
    assert kept.attempt == 2 and kept.passed and kept.prediction == 1 and kept.runs == ()
    assert [entry.id for entry in store.list()] == [run.id]


def test_an_act_that_looks_at_a_run_waits_for_it(store: RunStore) -> None:
    at = predicted("ladder", 3)
    assert at.button(key="lessons_open_prior").disabled
    assert "train it first" in said(at)
    run = trained(store, "ladder", "grid")
    at = visit("ladder")
    at.button(key="lessons_open_prior").click().run()
    assert not at.exception and at.title[0].value == "Priors"
    assert at.session_state["run_id"] == run.id


def test_a_run_that_is_to_be_treated_is_made_anew(store: RunStore, engine: FakeEngine) -> None:
    at = on("collapse", "far")
    for expected in (1, 2):
        at.button(key="linked_train").click().run()
        assert len(engine.submitted) == expected, "it is not offered as trained already"
        at.button(key="lesson_reset").click().run()
    on("snap", "one").button(key="linked_train").click().run()
    at = on("three_terms", "one")  # the same configuration
    at.button(key="linked_train").click().run()
    assert len(engine.submitted) == 3 and "start_open" in keys(at)


# ── the strip over other screens ──


def test_the_strip_is_on_every_screen_and_leaves_when_asked(store: RunStore) -> None:
    at = on("beta_zero", "with")
    for name in ("inside", "codes", "bits", "runs", "start"):
        at.switch_page(f"{name}.py").run()
        assert not at.exception
        assert lesson("beta_zero").question in said(at) and {"lesson_check", "lesson_back", "lesson_reset"} <= keys(at)
        assert "It is done on Train" in said(at)
    at.switch_page("lessons.py").run()
    assert "lesson_leave" not in keys(at), "the lesson itself says it all"
    at.query_params.clear()  # as a change of page does
    at.switch_page("train.py").run()
    at.button(key="lesson_leave").click().run()
    assert "lesson_check" not in keys(at) and "start_digits" in keys(at)
    assert "with" not in at.query_params
    assert Answers(store.root).get(OWNER, "beta_zero").prediction == 1


def test_checking_from_the_strip_says_what_is_missing(store: RunStore) -> None:
    at = on("beta_zero", "with")
    trained(store, "beta_zero", "with")
    at.button(key="lesson_check").click().run()
    assert "is missing: start it from this lesson" in said(at) and "“With β = 0” " in said(at)
    assert Answers(store.root).get(OWNER, "beta_zero").checks == 1


def test_the_next_part_and_reset_open_presets_and_delete_nothing(store: RunStore, engine: FakeEngine) -> None:
    at = on("beta_zero", "with")
    at.button(key="linked_train").click().run()
    (first,) = store.list()
    at.button(key="lesson_next").click().run()
    assert "With β = 0" in said(at) and "run_id" not in at.session_state
    at.button(key="linked_train").click().run()
    assert len(engine.submitted) == 2 and "lesson_next" not in keys(at)
    at.button(key="lesson_reset").click().run()
    assert not at.exception
    assert "run_id" not in at.session_state and "linked_train" in keys(at), "the state in which the part began"
    assert len(store.list()) == 2 and first.id in {entry.id for entry in store.list()}
    assert len(Answers(store.root).get(OWNER, "beta_zero").runs) == 2, "what was done still counts"
    at.button(key="lesson_back").click().run()
    there(at, "lessons")
    assert at.subheader[0].value.startswith("4. ")


def test_a_reload_finds_the_lesson_again(store: RunStore) -> None:
    at = on("bits", "few")
    token = at.query_params["with"]
    again = AppTest.from_file(str(MAIN), default_timeout=60)
    again.session_state["guest"] = ADA
    again.query_params["with"] = token if isinstance(token, str) else token[-1]
    again.switch_page("bits.py").run()
    assert not again.exception and again.title[0].value == "Bits"
    assert lesson("bits").question in said(again)


def test_snap_notes_steps_for_the_lesson_alone(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    from pages.ui import models
    from pages.ui.snap.setups import Setup
    from vqcore.analysis.microscope import Microscope
    from vqcore.data.registry import load

    def microscope(config: Any, steps: int) -> Microscope:
        return Microscope(config, load(config.data), 2)

    monkeypatch.setattr(models, "ready", lambda: True)
    monkeypatch.setattr(models, "one_thread", lambda: None)
    monkeypatch.setattr(models, "microscope", microscope)
    assert Setup().config().model.quantizer.estimator == "straight_through"
    at = on("straight_through", "copied")
    assert at.title[0].value == "Snap" and not at.exception
    assert Answers(store.root).get(OWNER, "straight_through").notes == {}, "opening is not doing"
    at.button(key="snap_step").click().run()
    assert set(Answers(store.root).get(OWNER, "straight_through").notes) == {"snap.straight_through"}
    at.button(key="lesson_next").click().run()
    at.segmented_control(key="snap_estimator").set_value("rotation").run()
    at.button(key="snap_step").click().run()
    assert not at.exception
    at.button(key="lesson_check").click().run()
    assert "Done. The lesson explains why." in said(at)
    assert Answers(store.root).get(OWNER, "straight_through").passed


# ── what lessons say of screens ──


def test_buttons_that_lessons_name_exist() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in Path(MAIN).parent.rglob("*.py"))
    fields = "\n".join(path.read_text(encoding="utf-8") for path in (Path(MAIN).parents[1] / "vqcore" / "config").glob("*.py"))
    components = "\n".join(path.read_text(encoding="utf-8") for path in (Path(MAIN).parents[1] / "assets").glob("*/component.html"))
    for entry in lessons().values():
        for act in entry.acts:
            for name in re.findall(r"“([^”]+)”", act.do):
                named = (f'"{name}"', f'"**{name}**"')  # a control, or a heading
                assert any(word in sources + fields for word in named) or f">{name}<" in components, f"{entry.title}: {name}"
    assert '"Treat"' in sources and '"Apply"' in sources and '"Step"' in sources


def test_hidden_controls_leave_what_the_act_asks_for() -> None:
    for key, entry in lessons().items():
        for act in entry.acts:
            assert not ("Treat" in act.do and "treatments" in act.hide)
            assert not ("Customise" in act.do and "customise" in act.hide)
            assert of_act(key, act.key).page == act.screen


# ── files ──


def table(owner: str) -> list[dict[str, str]]:
    text = chooser.csv_of(owner).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_answers_are_ones_own_and_everybodys_for_the_teacher(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    predicted("snap", 1)
    Answers(store.root).predict(session.owner_hash(BOB), "bits", 0)
    assert [row["lesson"] for row in table(OWNER)] == ["snap"]
    assert {row["student"] for row in table("")} == {OWNER, session.owner_hash(BOB)}
    at = visit()
    labels = [button.proto.label for button in at.get("download_button")]
    assert labels == ["My answers (CSV)"]
    at.session_state["teacher"] = True
    at.run()
    labels = [button.proto.label for button in at.get("download_button")]
    assert labels == ["My answers (CSV)", "Everybody's answers (CSV)"]


def test_a_full_disk_is_said_and_nothing_breaks(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    at = visit("snap")
    at.radio(key="lessons_choice_snap").set_value(0).run()
    store.root.mkdir(parents=True, exist_ok=True)
    (store.root / ".lessons").write_text("in the way", encoding="utf-8")
    at.button(key="lessons_keep_snap").click().run()
    assert not at.exception
    assert "cannot be written" in said(at)
