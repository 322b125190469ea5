"""The Invent screen: what it asks of the light worker, what it draws of the answers, and what it says while something is missing."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import asked
from pages.ui.asked import Answer
from pages.ui.invent import copies, drawing, files, guess
from pages.ui.invent.family import family_of
from pages.ui.invent.wanted import Wanted
from vqcore.config.prior import PixelCNNConfig, TransformerConfig
from vqcore.config.run import TrainConfig
from vqcore.errors import RunError
from vqcore.layout import Grid, Layout
from vqcore.records import State
from vqcore.runs import arrays
from vqcore.runs.analysis import checkpoint_stamp
from vqcore.runs.folder import RunFolder
from vqcore.runs.invented import TRAINED, Game, Nearest, Sheet, layout_arrays, tempered
from vqcore.runs.progress import Progress
from vqcore.runs.store import RunStore

from .conftest import BOB, FakeEngine
from .inventing import K, M, Worker, game, nearest, sheet, told

Page = Callable[..., AppTest]
Finished = Callable[..., RunFolder]


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> Worker:
    found = Worker()
    monkeypatch.setattr(asked, "ask", found.ask)
    monkeypatch.setattr(asked, "cancel", lambda run, kind, **settings: found.ended.append(kind))
    monkeypatch.setattr(asked, "retry", lambda run, kind, **settings: found.again.append(kind))
    return found


@pytest.fixture
def model(finished: Finished) -> RunFolder:
    """A finished run with a checkpoint."""
    return checkpointed(finished(cookie=BOB))


def checkpointed(folder: RunFolder, value: float = 1.0) -> RunFolder:
    meta = {"config": folder.config().model_dump(mode="json"), "step": 100, "shape": [1, 8, 8], "modality": "image"}
    arrays.write_state(folder.checkpoint_path, State({"model.x": np.full(3, value, dtype=np.float32)}, meta))
    return folder


def a_prior(store: RunStore, parent: RunFolder, config: Any = None, name: str = "Prior", *, ready: bool = True) -> RunFolder:
    folder = store.create_prior(parent, config or PixelCNNConfig(), TrainConfig(steps=5), name=name)
    if ready:
        folder.set_status(state="finished")
        checkpointed(folder)
    return folder


def ladder(at: AppTest) -> dict[str, Any]:
    """What the ladder was last told."""
    return told(at, "rungs", single=False)


def rung(at: AppTest, key: str) -> dict[str, Any]:
    return next(found for found in ladder(at)["rungs"] if found["key"] == key)


def do(at: AppTest, key: str, **event: Any) -> AppTest:
    at.session_state[key] = {"picked": {"at": float(np.random.default_rng().random()), **event}}
    return at.run()


def words(at: AppTest) -> str:
    elements = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error]
    return "\n".join(str(element.value) for element in elements)


# ---- whose codes


@pytest.mark.usefixtures("worker")
def test_no_run_teaches(page: Page) -> None:
    at = page("invent")
    assert not at.exception and "Here priors draw new pictures" in at.info[0].value


@pytest.mark.usefixtures("worker")
def test_a_run_without_a_checkpoint_says_when_it_comes(page: Page, finished: Finished) -> None:
    at = page("invent", run=finished().id)
    assert not at.exception and "no checkpoint yet" in at.info[0].value


@pytest.mark.usefixtures("worker")
def test_points_are_no_pictures(page: Page, finished: Finished) -> None:
    at = page("invent", run=checkpointed(finished(points=True)).id)
    assert not at.exception and "Invent needs pictures, and this run's data are points" in at.info[0].value


def test_it_opens_on_the_ladder_and_offers_what_is_not_trained(page: Page, model: RunFolder, worker: Worker) -> None:
    at = page("invent", run=model.id)
    assert not at.exception and not at.error
    assert [found["key"] for found in ladder(at)["rungs"]] == ["real", "uniform", "histogram", "positions", "pixelcnn", "transformer"]
    assert [found["state"] for found in ladder(at)["rungs"]] == ["ready"] * 4 + ["missing"] * 2
    assert rung(at, "pixelcnn")["act"] == {"name": "train", "label": "Train a PixelCNN"}
    assert rung(at, "positions")["bits"] == "12 bits\n3.00 a code"
    assert ladder(at)["selected"] == {"rung": "positions", "index": 0}
    assert {(run, kind) for run, kind, _ in worker.asked} == {(model.id, "redrawn"), (model.id, "sheet"), (model.id, "filling")}
    assert told(at, "frameOf")["candidates"][0] == [1, 5, 6]


def test_trained_priors_stand_on_their_rungs(page: Page, model: RunFolder, store: RunStore, worker: Worker) -> None:
    older, newer = a_prior(store, model), a_prior(store, model, name="Newer")
    training = a_prior(store, model, TransformerConfig(), ready=False)
    at = page("invent", run=model.id)
    assert rung(at, "pixelcnn")["state"] == "ready" and rung(at, "transformer")["act"]["name"] == "open"
    asked_of = {run for run, kind, settings in worker.asked if kind == "sheet" and settings["rung"] == TRAINED}
    assert len(asked_of) == 1 and asked_of <= {older.id, newer.id} and training.id not in asked_of
    other = ({older.id, newer.id} - asked_of).pop()
    at.selectbox(key="invent_prior_pixelcnn").set_value(other).run()
    assert next(run for run, kind, settings in reversed(worker.asked) if kind == "sheet" and settings["rung"] == TRAINED) == other


@pytest.mark.usefixtures("worker")
def test_a_prior_of_another_checkpoint_stays_out(page: Page, model: RunFolder, store: RunStore) -> None:
    a_prior(store, model)
    checkpointed(model, 2.0)
    at = page("invent", run=model.id)
    assert rung(at, "pixelcnn")["state"] == "missing" and "earlier checkpoint" in rung(at, "pixelcnn")["message"]


def test_an_open_prior_shows_its_models_ladder_and_stands_on_it(page: Page, model: RunFolder, store: RunStore, worker: Worker) -> None:
    first = a_prior(store, model, name="First")
    a_prior(store, model, name="Second")
    at = page("invent", run=first.id)
    assert not at.exception and not at.info
    assert {run for run, kind, _ in worker.asked if kind == "redrawn"} == {model.id}
    assert {run for run, kind, settings in worker.asked if kind == "sheet" and settings["rung"] == TRAINED} == {first.id}


def test_a_prior_whose_model_was_deleted_works_from_its_own_copy(page: Page, model: RunFolder, store: RunStore, worker: Worker) -> None:
    prior = a_prior(store, model)
    store.delete(model.id)
    at = page("invent", run=prior.id)
    assert not at.exception and "was deleted. It works from its own copy" in at.info[0].value
    assert {run for run, _, _ in worker.asked} == {prior.id}
    assert rung(at, "uniform")["state"] == "ready" and rung(at, "pixelcnn")["state"] == "ready"


@pytest.mark.usefixtures("page")
def test_a_model_that_trained_on_is_not_the_one_that_was_learnt(model: RunFolder, store: RunStore) -> None:
    prior = a_prior(store, model)
    checkpointed(model, 2.0)
    family = family_of(prior)
    assert family.source.id == prior.id and "has trained on" in family.note
    waiting = a_prior(store, model, ready=False)
    store.delete(model.id)
    with pytest.raises(RunError, match="No prior over these codes has a checkpoint"):
        family_of(waiting)


# ---- how it is drawn


def test_settings_go_to_every_rung_that_they_concern(page: Page, model: RunFolder, store: RunStore, worker: Worker) -> None:
    a_prior(store, model)
    at = page("invent", run=model.id)
    at.slider(key="invent_temperature").set_value(0.5)
    at.selectbox(key="invent_top_k").set_value(4)
    at.selectbox(key="invent_label").set_value(1)
    at.text_input(key="invent_seed").set_value("9").run()
    assert not at.exception
    wanted = {"number": 16, "temperature": 0.5, "top_k": 4, "seed": 9}
    assert worker.last("sheet", TRAINED) == {"rung": TRAINED, "label": -1, **wanted}, "this prior was not given labels"
    assert worker.last("sheet", 2) == {"rung": 2, "label": 1, **wanted}
    assert worker.last("sheet", 0) == {"rung": 0, "label": -1, **wanted, "temperature": 1.0}, "no temperature changes equal chances"
    assert "not given labels" in rung(at, "pixelcnn")["sentence"]
    at.button(key="invent_dice").click().run()
    assert worker.last("sheet")["seed"] != 9


def test_another_model_forgets_the_class(page: Page, model: RunFolder, finished: Finished, worker: Worker) -> None:
    at = page("invent", run=model.id)
    at.selectbox(key="invent_label").set_value(1).run()
    assert worker.last("sheet", 2)["label"] == 1
    at.query_params["run"] = checkpointed(finished()).id
    at.run()
    assert worker.last("sheet", 2)["label"] == -1


def test_a_tapped_sample_is_watched(page: Page, model: RunFolder, worker: Worker) -> None:
    at = page("invent", run=model.id)
    do(at, "invent_ladder", rung="histogram", index=5)
    assert ladder(at)["selected"] == {"rung": "histogram", "index": 5}
    assert worker.last("filling")["rung"] == 1 and worker.last("filling")["which"] == 5
    assert "Histogram, sample 6" in words(at)


def test_progress_cancel_and_again(page: Page, model: RunFolder, worker: Worker) -> None:
    worker.instead["sheet"] = Answer("working", message="Drawing samples.", seconds=10, progress=Progress(10, 49))
    at = page("invent", run=model.id)
    found = rung(at, "positions")
    assert (found["state"], found["progress"]) == ("working", 0.2) and "to go" in found["message"]
    do(at, "invent_ladder", rung="positions", act=found["act"]["name"])
    assert worker.ended == ["sheet"]
    worker.instead["sheet"] = Answer("failed", message=asked.CANCELLED)
    at.run()
    assert rung(at, "positions")["act"]["label"] == "Draw again"
    do(at, "invent_ladder", rung="positions", act="retry")
    assert worker.again == ["sheet"] and worker.ended == ["sheet"], "what was done once is done once"


@pytest.mark.parametrize("tab", ["Watch it fill", "You are the prior", "Complete an image", "Does it copy?"])
def test_a_failure_below_is_told_with_a_way_on(page: Page, model: RunFolder, worker: Worker, tab: str) -> None:
    for kind in ("filling", "game", "completions", "nearest"):
        worker.instead[kind] = Answer("failed", message="The disk is full: nothing was kept. Make room.")
    at = page("invent", run=model.id)
    at.session_state["invent_tab"] = tab
    at.run()
    assert not at.exception and "The disk is full" in at.warning[0].value
    next(button for button in at.button if button.label == "Try again").click().run()
    assert len(worker.again) == 1


# ---- the parts below


def opened(page: Page, run: RunFolder, tab: str) -> AppTest:
    at = page("invent", run=run.id)
    at.session_state["invent_tab"] = tab
    at.run()
    assert not at.exception and not at.error
    return at


def test_completions_are_shown_with_their_bits(page: Page, model: RunFolder, worker: Worker) -> None:
    at = opened(page, model, "Complete an image")
    html = "\n".join(str(element.proto.body) for element in at.get("html"))
    assert html.count("5 bits") >= 8 and "What stays" in html
    assert "draws exactly" in words(at) and "take 4." in words(at)
    do(at, "invent_complete_images", rung="images", index=7)
    assert worker.last("completions")["image"] == 7
    at.select_slider(key="invent_kept").set_value(25).run()
    assert worker.last("completions")["kept"] == 25


def test_the_game_is_told_whole_and_begins_where_it_is_asked_to(page: Page, model: RunFolder, worker: Worker) -> None:
    at = opened(page, model, "You are the prior")
    turns = told(at, "turns")["turns"]
    assert [turn["truth"] for turn in turns] == [3, 1, 0, 7] and turns[0]["K"] == K
    at.select_slider(key="invent_first").set_value(1).run()
    assert worker.last("game")["first"] == 2
    do(at, "invent_guess_images", rung="images", index=3)
    assert worker.last("game")["image"] == 3 and worker.last("game")["first"] == 2


def test_nearness_and_bits_have_their_figures(page: Page, model: RunFolder, worker: Worker) -> None:
    at = opened(page, model, "Does it copy?")
    assert "as near as is usual" in words(at) and "300 of them" in words(at)
    at = opened(page, model, "Bits")
    names = [
        json.loads(json.loads(c.proto.json)["figure"])["layout"]["meta"]["name"]
        for c in at.get("bidi_component")
        if "figure" in json.loads(c.proto.json)
    ]
    assert names == ["Bits of a real image under each prior", "Bits of samples and of real images"]


def test_verdicts_follow_the_reference() -> None:
    usual = np.linspace(0.4, 0.6, 40).astype(np.float32)
    parts = nearest(4) | {"real_agreement": usual}
    parts["agreement"] = np.array([[1.0], [0.9], [0.5], [0.1]], dtype=np.float32)
    found = Nearest.of(parts)
    said = [copies.verdict(found, i, 20) for i in range(4)]
    assert "**a copy**" in said[0] and "nearer than is usual" in said[1] and "as near as is usual" in said[2] and "farther" in said[3]


def test_grids_come_down_with_what_made_them(model: RunFolder, page: Page, worker: Worker) -> None:
    at = opened(page, model, "Download")
    assert not at.exception
    family = family_of(model)
    want = Wanted(16, -1, 0.8, 4, 7, "positions", 0, "", 0, "positions", 50, -1)
    member = family.member("positions")
    assert member is not None
    found = Sheet.of(sheet())
    with np.load(io.BytesIO(files.npz(found, family, member, want)), allow_pickle=False) as data:
        assert np.array_equal(data["codes_0"].reshape(16, M), found.codes) and data["codes_0"].shape == (16, 2, 2)
        assert data["bits"] == pytest.approx(10) and data["labels"].tolist() == [-1] * 16
        about = json.loads(str(data["about"]))
    assert about["model_run"] == model.id and about["prior"] == "positions" and about["temperature"] == 0.8 and about["seed"] == 7


def test_a_sheet_to_keep_has_room_between_its_tiles() -> None:
    whole = drawing.contact(np.zeros((5, 8, 8, 1), dtype=np.uint8), 3, scale=2, gap=4)
    assert whole.shape == (2 * 20 + 4, 3 * 20 + 4, 3)
    assert (whole[:4] == 255).all() and (whole[24:, 44:] == 255).all(), "nothing where the last row ends"
    assert drawing.png(whole)[:4] == b"\x89PNG"


def test_a_game_of_several_books_has_no_single_grid() -> None:
    layout = Layout((Grid("top", 4, (1, 1)), Grid("bottom", K, (1, 3))), 2)
    parts = game() | layout_arrays(layout, [np.zeros((4, 3), dtype=np.uint8), np.zeros((K, 3), dtype=np.uint8)])
    message = guess.message(Game.of({**parts, "grids": np.array(2)}), "x", "pixelcnn")
    assert message["book"] is None and [turn["K"] for turn in message["turns"]] == [4, K, K, K]


# ---- the requests


def test_work_that_nobody_waits_for_is_ended(
    model: RunFolder, store: RunStore, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    requests = asked.Requests()
    monkeypatch.setattr(asked, "_requests", requests)
    monkeypatch.setattr(asked, "LEFT_S", 0.0)
    assert asked.ask(model, "sheet", seed=1).state == "working"
    assert asked.ask(model, "probe").state == "working"
    assert asked.ask(model, "sheet", seed=2).state == "working"
    cancelled = [path.name for path in (model.path / "analysis").glob("*.cancel")]
    assert len(cancelled) == 1 and cancelled[0].endswith("-s1.cancel"), "that of the earlier seed; what cannot be ended goes on"
    assert asked.ask(model, "sheet", seed=1).state == "working" and len(engine.lights) == 4, "who comes back asks anew"
    assert not list((model.path / "analysis").glob("*-s1.cancel"))


def test_cancelled_work_says_so_until_it_is_asked_for_again(model: RunFolder, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "_requests", asked.Requests())
    asked.ask(model, "sheet")
    asked.cancel(model, "sheet")
    answer = asked.ask(model, "sheet")
    assert (answer.state, answer.message) == ("failed", asked.CANCELLED) and len(engine.lights) == 1
    asked.retry(model, "sheet")
    assert asked.ask(model, "sheet").state == "working" and len(engine.lights) == 2
    assert checkpoint_stamp(model) is not None


def test_temperature_and_top_k() -> None:
    p = np.array([0.5, 0.25, 0.125, 0.125])
    assert tempered(p, 1.0, 0) == pytest.approx(p)
    assert tempered(p, 0.5, 0) == pytest.approx(p**2 / (p**2).sum())
    assert tempered(p, 1.0, 2) == pytest.approx([2 / 3, 1 / 3, 0, 0])
    assert tempered(np.array([[1.0, 0.0]]), 0.1, 1) == pytest.approx(np.array([[1.0, 0.0]]))


@pytest.mark.usefixtures("worker")
def test_what_is_not_trained_leads_to_where_it_is(page: Page, model: RunFolder) -> None:
    at = do(page("invent", run=model.id), "invent_ladder", rung="pixelcnn", act="train")
    assert not at.exception and not at.error and at.title[0].value == "Priors"


@pytest.mark.usefixtures("worker")
def test_the_open_prior_is_the_one_that_is_watched(page: Page, model: RunFolder, store: RunStore) -> None:
    cnn = a_prior(store, model)
    a_prior(store, model, TransformerConfig())
    assert ladder(page("invent", run=cnn.id))["selected"]["rung"] == "pixelcnn"
    assert ladder(page("invent", run=model.id))["selected"]["rung"] == "transformer"


@pytest.mark.usefixtures("worker")
def test_bits_of_priors_that_know_the_class_say_so(page: Page, model: RunFolder) -> None:
    at = page("invent", run=model.id)
    at.selectbox(key="invent_label").set_value(1).run()
    assert rung(at, "positions")["bits"] == "12 bits, class known\n3.00 a code"
