"""Start as its visitors meet it: what it shows before and after the tour, what each card asks for and says, and what a click starts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from pages.ui.tour import answers, bundled, cards, frames, progress
from vqcore.config.tour import BUNDLED, TOUR
from vqcore.records import Event
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.runs.store import RunStore
from vqcore.runs.writer import RunWriter

from .conftest import ADA, BOB, MAIN, FakeEngine
from .touring import grown, write_look

Page = Callable[..., AppTest]
DEMO = Path(__file__).resolve().parents[2] / "assets" / "demo"
HIDDEN = "display: none !important"  # of the sidebar


@pytest.fixture(autouse=True)
def demo(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The examples that come with the program."""
    assert store.list() == []
    monkeypatch.setattr(session, "DEMO", DEMO)


def visit(card: int = 0, *, cookie: str = ADA, run: str = "") -> AppTest:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.session_state["guest"] = cookie
    if card:
        at.query_params["card"] = str(card)
    if run:
        at.query_params["run"] = run
    return at.run()


def alone(at: AppTest) -> bool:
    return any(HIDDEN in node.proto.body for node in at.get("html"))


def told(at: AppTest, key: str = "") -> dict[str, Any]:
    """What the card's component was sent."""
    found = [json.loads(node.proto.json) for node in at.get("bidi_component") if key in node.proto.id]
    return found[0]


def said(at: AppTest) -> str:
    return "\n".join(part.value.replace("\u2060", "").replace("\\", "") for part in (*at.markdown, *at.info, *at.error, *at.caption))


def kept(store: RunStore, cookie: str = ADA) -> dict[str, Any]:
    path = store.root / progress.FOLDER / f"{session.owner_hash(cookie)}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


# ── the frame ──


def test_a_newcomer_sees_the_first_card_alone() -> None:
    at = visit()
    assert not at.exception
    assert at.title[0].value == cards.CARDS[0].title
    assert alone(at)
    assert "card" not in at.query_params, "Back would lead here once more"


def test_start_names_the_program_and_the_model_and_promises_no_number_of_colours() -> None:
    first = said(visit())
    assert "**VQ Lab**" in first and "**VQ-VAE**" in first and "After five short cards you can say" in first
    assert "8 colours" not in first, "the slider gives another number at once"
    at = visit(len(cards.CARDS) + 1)
    assert "**VQ Lab**" in said(at) and "**VQ-VAE**" in said(at)


def test_next_and_back_change_the_card_and_the_address() -> None:
    at = visit()
    at.button(key="tour_next").click().run()
    assert at.title[0].value == cards.CARDS[1].title
    assert at.query_params["card"] in ("2", ["2"])
    at.button(key="tour_back").click().run()
    assert at.title[0].value == cards.CARDS[0].title
    assert not at.exception


@pytest.mark.parametrize("card", range(1, 6))
def test_a_reload_comes_back_to_the_card(card: int) -> None:
    assert visit(card).title[0].value == cards.CARDS[card - 1].title
    assert visit().title[0].value == cards.CARDS[card - 1].title, "without the address, what is kept of the owner counts"
    assert visit(cookie=BOB).title[0].value == cards.CARDS[0].title, "of this owner alone"


@pytest.mark.parametrize("bad", ["0", "-1", "7", "99999999999999999999", "x", "", "²", "1.5", "<b>"])
def test_a_wrong_card_in_the_address_is_passed_over(bad: str) -> None:
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.session_state["guest"] = ADA
    at.query_params["card"] = bad
    at.run()
    assert not at.exception
    assert at.title[0].value == cards.CARDS[0].title


def test_skipping_shows_everything_and_is_remembered(store: RunStore) -> None:
    at = visit()
    at.button(key="tour_skip").click().run()
    assert not alone(at)
    assert at.title[0].value == "Start"
    assert kept(store)["done"] is True
    again = visit()
    assert not alone(again)
    assert alone(visit(cookie=BOB))
    again.button(key="tour_again").click().run()
    assert again.title[0].value == cards.CARDS[0].title, "it can be taken again"
    assert not alone(again)


def test_links_to_other_screens_and_runs_lead_there(finished: Callable[..., RunFolder]) -> None:
    folder = finished("Shared")
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.session_state["guest"] = ADA
    at.switch_page("inside.py").run()
    assert at.title[0].value == "Inside" and not alone(at)
    to_run = visit(run=folder.id)
    assert to_run.title[0].value == "Train" and not alone(to_run)
    assert to_run.session_state["run_id"] == folder.id


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema_version": 99}', '{"schema_version": 1, "card": "x", "runs": [], "tried": 3, "done": "yes"}']
)
def test_a_damaged_mark_means_that_nothing_was_done(store: RunStore, text: str) -> None:
    path = store.root / progress.FOLDER / f"{session.owner_hash(ADA)}.json"
    path.parent.mkdir(parents=True)
    path.write_text(text, encoding="utf-8")
    at = visit()
    assert not at.exception and alone(at)
    assert at.title[0].value == cards.CARDS[0].title


def test_the_marks_are_no_runs(store: RunStore) -> None:
    visit().button(key="tour_next").click().run()
    assert (store.root / progress.FOLDER).is_dir()
    assert all(entry.read_only for entry in session.store().list())


def test_every_card_names_words_of_the_glossary() -> None:
    from vqcore.glossary import GLOSSARY

    for card in cards.CARDS:
        assert card.words and set(card.words) <= set(GLOSSARY)


# ── cards 1 and 2: no engine ──


@pytest.mark.parametrize("state", ["starting", "failed"])
def test_the_first_two_cards_need_no_engine(engine: FakeEngine, state: Any) -> None:
    engine.state = replace(engine.state, state=state, message="No cluster answers.")
    for card in (1, 2):
        at = visit(card)
        assert not at.exception and not at.error
    assert engine.submitted == [] and engine.lights == []


def test_the_palette_sends_the_photograph_and_says_what_was_seen_once_it_was_tried(store: RunStore) -> None:
    at = visit(1)
    data = told(at)
    assert data["picture"].startswith("data:image/jpeg;base64,") and data["tried"] is False
    assert "You quantised" not in said(at)
    path = store.root / progress.FOLDER / f"{session.owner_hash(ADA)}.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"schema_version": 1, "card": 1, "tried": ["palette"]}), encoding="utf-8")
    at.run()
    assert told(at)["tried"] is True
    assert "You quantised" in said(at)


def test_the_bundled_run_is_what_its_configuration_says() -> None:
    run = bundled.run()
    assert run is not None
    assert run.config() == BUNDLED and run.about().name == "Sixteen digits"
    figures = run.status().figures
    assert figures is not None and figures.used == 16 and figures.nmse < 0.35
    snapshot = run.snapshot()
    assert snapshot is not None and snapshot.books[0].decoded.shape == (16, 8, 8, 1)


def test_digits_come_with_the_codes_that_the_model_gives_them() -> None:
    run = bundled.run()
    assert run is not None
    gallery, snapshot = run.gallery(), run.snapshot()
    assert gallery is not None and snapshot is not None
    data = json.loads(answers.message(gallery, snapshot.books[0]))
    assert data["labels"][:10] == [str(digit) for digit in range(10)]
    assert len(data["codes"]) == len(data["labels"]) == 64 and all(0 <= code < 16 for code in data["codes"])
    # what the model answers is the picture of the code: the reconstructions in the gallery are those of the sheet
    index = gallery.indices[0].reshape(-1)
    assert np.abs(gallery.reconstructions.astype(int) - snapshot.books[0].decoded[index]).max() <= 1


def test_without_the_bundled_run_card_2_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "DEMO", tmp_path / "nothing")
    monkeypatch.setattr(session, "store", lambda: RunStore(tmp_path / "other"))
    at = visit(2)
    assert not at.exception
    assert "missing" in at.warning[0].value


def test_the_example_of_the_other_screens_is_still_the_letters() -> None:
    assert session.store().get(session.example()).about().preset == "letters"


# ── cards 3 to 5: a run each ──


def begun(at: AppTest, card: str) -> RunFolder:
    at.button(key=f"tour_begin_{card}").click().run()
    assert not at.exception
    return session.store().get(next(entry.id for entry in session.store().list() if entry.preset == f"tour:{card}"))


@pytest.mark.parametrize(("number", "card"), [(3, "train"), (4, "broken"), (5, "grid")])
def test_a_click_starts_the_card_s_run_as_one_s_own(engine: FakeEngine, store: RunStore, number: int, card: str) -> None:
    at = visit(number)
    run = begun(at, card)
    assert run.config() == TOUR[card].config
    assert run.about().owner == session.owner_hash(ADA)
    assert engine.submitted == [run.id]
    assert kept(store)["runs"] == {card: run.id}
    assert "begins by itself" in said(at), "what it waits for is said"
    assert any(button.key == f"tour_begin_{card}" for button in visit(number, cookie=BOB).button), "others have runs of their own"


def test_card_3_opens_on_the_untrained_plane() -> None:
    data = told(visit(3))
    assert [frame["step"] for frame in data["frames"]] == [0]
    assert len(data["frames"][0]["colours"]) == 16 and data["mean"] == pytest.approx(0.52, abs=0.02)


def test_faster_lifts_the_speed_limit(engine: FakeEngine) -> None:
    at = visit(3)
    run = begun(at, "train")
    assert at.button(key="tour_faster_train").label == "Faster"
    at.button(key="tour_faster_train").click().run()
    ((run_id, command),) = engine.sent
    assert run_id == run.id and command.kind == "treat" and command.changes == {"train.speed_limit": 0.0}
    assert command.author == session.owner_hash(ADA)


def test_card_3_says_what_was_seen_with_the_run_s_own_figures(store: RunStore) -> None:
    at = visit(3)
    run = begun(at, "train")
    grown(run, used=16, error=0.31, last="finished")
    at.run()
    assert "16 of 16 codes are in use; the error fell to 0.31" in said(at) and "0.52" in said(at)
    assert "train" in kept(store)["tried"]
    assert at.button(key="tour_next").proto.type == "primary"


def test_card_4_breaks_waits_and_revives(engine: FakeEngine) -> None:
    at = visit(4)
    run = begun(at, "broken")
    assert [(command.kind, command.steps) for _, command in engine.sent] == [("step", TOUR["broken"].pause_at)]
    grown(run, used=2, error=0.52)
    run.set_status(state="paused")
    at.run()
    assert "only 2 of 16 codes are chosen" in said(at)
    at.button(key="tour_revive_broken").click().run()
    assert [command.kind for _, command in engine.sent[1:]] == ["revive", "resume"], "it goes on as slowly as it went"


@contextmanager
def revived(run: RunFolder, to: int) -> Iterator[RunWriter]:
    """While a run trains that collapsed, was revived at step 40, and has come to step `to`."""
    with acquire(run, "cli") as lease:
        writer = RunWriter(run, lease)
        writer.write(Event(0, "started", "."))
        for step, used, nmse in ((0, 1, 1.4), (40, 1, 0.52)):
            write_look(writer, run, step, used, nmse)
        data = {"command": "revive", "changes": {}, "config": run.config().model_dump(mode="json")}
        writer.write(Event(40, "treated", "Revived 15 dead codes.", 1, data))
        write_look(writer, run, to, 16, 0.30)
        run.set_status(state="running", step=to)
        yield writer


@pytest.mark.parametrize(("to", "pace"), [(60, None), (100, 40.0), (400, 0.0)])
def test_the_cure_is_slow_at_first_and_then_faster(engine: FakeEngine, to: int, pace: float | None) -> None:
    at = visit(4)
    run = begun(at, "broken")
    before = len(engine.sent)
    with revived(run, to):
        at.run()
    assert not at.exception
    sent = [command.changes for _, command in engine.sent[before:]]
    assert sent == ([] if pace is None else [{"train.speed_limit": pace}] * len(sent)) and bool(sent) == (pace is not None)


def test_a_sentence_gives_the_error_that_stands_under_the_plane_or_none(store: RunStore) -> None:
    at = visit(4)
    run = begun(at, "broken")
    with revived(run, 400) as writer:
        at.run()
        assert "the error is still falling" in said(at) and "to 0.30" not in said(at), "a figure would soon be another than the plane's"
        write_look(writer, run, 800, 16, 0.2949)
        writer.write(Event(800, "finished", "."))
    at.run()
    assert told(at)["frames"][-1]["error"] == 0.2949
    assert "fell from 0.52 to 0.29" in said(at)


def test_card_4_says_how_far_the_unused_codes_lie() -> None:
    at = visit(4)
    run = begun(at, "broken")
    grown(run, used=2, error=0.52)
    snapshot = run.snapshot()
    assert snapshot is not None
    book = snapshot.books[0]
    z = np.array([[1.0, 0.0], [-1.0, 0.0]], dtype=np.float32)
    codes = np.full((16, 2), 100, dtype=np.float32)
    codes[:2], codes[5] = 0, (0, 12)
    far = replace(snapshot, books=(replace(book, z=z, codebook=codes),))
    assert frames.distance_of_unused(far) == pytest.approx(12)
    assert frames.distance_of_unused(None) == 0
    everything = replace(far, books=(replace(far.books[0], validation_usage=np.ones(16, dtype=np.int64)),))
    assert frames.distance_of_unused(everything) == 0, "there is no unused code"


def test_a_card_begun_no_longer_holds_back_the_one_before(engine: FakeEngine) -> None:
    at = visit(3)
    slow = begun(at, "train")
    grown(slow)
    with acquire(slow, "cli"):
        slow.set_status(state="running", step=40)
        begun(visit(4), "broken")
    assert (slow.id, {"train.speed_limit": 0.0}) in [(run_id, command.changes) for run_id, command in engine.sent]


def test_card_4_says_both_figures_once_it_is_cured(engine: FakeEngine, store: RunStore) -> None:
    at = visit(4)
    run = begun(at, "broken")
    with acquire(run, "cli") as lease:
        writer = RunWriter(run, lease)
        writer.write(Event(0, "started", "."))
        write_look(writer, run, 0, 1, 1.4)
        write_look(writer, run, 40, 1, 0.52)
        writer.write(
            Event(
                40,
                "treated",
                "Revived 15 dead codes.",
                1,
                {"command": "revive", "changes": {}, "config": run.config().model_dump(mode="json")},
            )
        )
        write_look(writer, run, 800, 16, 0.29)
        writer.write(Event(800, "finished", "."))
    at.run()
    assert not at.exception
    assert "Only 1 of 16 codes was chosen" in said(at) and "16 of 16 in use, and the error fell from 0.52 to 0.29" in said(at)
    assert "broken" in kept(store)["tried"]
    assert engine.sent[0][1].kind == "step"


def test_a_run_that_failed_is_said_and_can_be_started_anew() -> None:
    at = visit(3)
    run = begun(at, "train")
    run.set_status(state="failed", error="The loss is NaN at step 3.")
    at.run()
    assert "The loss is NaN at step 3." in at.error[0].value.replace("\\", "")
    assert any(button.key == "tour_begin_train" for button in at.button)


def test_a_run_that_was_deleted_can_be_started_anew(store: RunStore) -> None:
    at = visit(3)
    run = begun(at, "train")
    run.set_status(state="stopped")
    store.delete(run.id)
    at.run()
    assert not at.exception
    assert any(button.key == "tour_begin_train" for button in at.button)


def test_an_engine_that_failed_is_said_on_cards_with_a_run(engine: FakeEngine) -> None:
    engine.state = replace(engine.state, state="failed", message="No cluster answers.")
    for card in (3, 4, 5):
        assert "No cluster answers" in said(visit(card))


def test_the_grid_can_be_painted_once_it_is_trained(store: RunStore) -> None:
    at = visit(5)
    run = begun(at, "grid")
    grown(run, error=0.08)
    run.set_status(state="running")
    at.run()
    assert told(at)["ready"] is False
    run.set_status(state="finished")
    at.run()
    data = told(at)
    assert data["ready"] is True and len(data["own"]) == 16 and data["shape"] == [4, 4] and data["painted"] is None
    assert "grid" not in kept(store).get("tried", [])


@pytest.mark.parametrize("codes", [None, [0] * 15, [16] * 16, [-1] * 16, ["0"] * 16, "0" * 16, {"0": 1}])
def test_what_cannot_be_a_grid_is_passed_over(codes: Any) -> None:
    at = visit(5)
    run = begun(at, "grid")
    grown(run, error=0.08, last="finished")
    at.session_state["tour_mosaic"] = {"painted": {"codes": codes, "seq": 1, "of": f"{run.id} done"}}
    at.run()
    assert not at.exception and not at.error
    assert told(at)["painted"] is None


# ── frames ──


def test_frames_are_read_once_and_hold_what_the_run_recorded(store: RunStore) -> None:
    run = store.create(TOUR["train"].config, name="A run")
    grown(run, used=5, error=0.44)
    reader = frames.of(run)
    first, second = reader.look()
    assert (first["step"], second["step"], second["error"]) == (0, 40, 0.44)
    assert sum(count > 0 for count in second["used"]) == 5
    grey = [colour for colour, count in zip(second["colours"], second["used"], strict=True) if not count]
    assert grey == [[128, 128, 128]] * 11, "codes that nobody chose are grey"
    assert reader.look()[0] is first
    assert reader.tile == (8, 8, 1)


def test_a_run_from_before_codes_were_decoded_gives_no_frames(store: RunStore) -> None:
    run = store.create(TOUR["train"].config, name="Old")
    grown(run)
    shutil.rmtree(run.path / "snapshots")
    (run.path / "snapshots").mkdir()
    assert frames.of(run).look() == []
