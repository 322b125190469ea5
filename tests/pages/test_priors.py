"""The Priors screen, and every other screen with a prior open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from pages.ui.runtable import rows
from pages.ui.screens import SCREENS
from vqcore.config.prior import AnyPriorConfig, HistogramConfig, PixelCNNConfig
from vqcore.config.run import PriorRunConfig, TrainConfig
from vqcore.layout import Grid, Layout
from vqcore.records import Event, PriorEvaluation, Samples, State, Step
from vqcore.runs import arrays
from vqcore.runs.codes import CodeSet
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.runs.store import RunStore
from vqcore.runs.writer import RunWriter

from .conftest import ADA, BOB, D, FakeEngine, K

Page = Callable[..., AppTest]
Finished = Callable[..., RunFolder]
Trained = Callable[..., RunFolder]


def said(at: AppTest) -> str:
    parts: list[Any] = [*at.error, *at.warning, *at.info, *at.caption, *at.markdown]
    return "\n".join(part.value.replace("\\", "").replace("\u2060", "") for part in parts)


def figures(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def keys(at: AppTest) -> set[str]:
    return {button.key for button in at.button if button.key}


@pytest.fixture
def model(finished: Finished) -> RunFolder:
    """A finished run of a model, with a checkpoint."""
    folder = finished("Little digits", cookie=ADA)
    tensors = {"model.quantizer.codebook": np.zeros((K, D), np.float32)}
    meta = {"config": folder.config().model_dump(mode="json"), "step": 100, "last_command": 0}
    arrays.write_state(folder.checkpoint_path, State(tensors, meta))
    return folder


@pytest.fixture
def trained(store: RunStore, model: RunFolder) -> Trained:
    """Makes a prior of that model that has finished, with bits at three evaluations: `trained(PixelCNNConfig(), (2.9, 2.0, 2.4))`."""

    def make(config: AnyPriorConfig | None = None, bits: tuple[float, ...] = (2.9, 2.2, 2.0), name: str = "My prior") -> RunFolder:
        prior = config or PixelCNNConfig(hidden=8)
        folder = store.create_prior(model, prior, TrainConfig(steps=100), name=name, owner=session.owner_hash(ADA))
        rows, where = np.zeros((6, 4), np.uint16), np.arange(6)
        layout = Layout((Grid("codes", K, (2, 2)),), 2)
        labels = where % 2
        arrays.write_codes(
            folder.codes_path,
            CodeSet(layout, 100, rows, rows[:2], labels, labels[:2], where, where[:2], "digit", ("nought", "<b>one</b>")),
        )
        meta = {"config": folder.config().model_dump(mode="json"), "step": 100, "last_command": 0}
        arrays.write_state(folder.checkpoint_path, State({"prior.x": np.zeros(2, np.float32)}, meta))
        given = np.arange(16) % 2 if getattr(prior, "conditional", False) else np.full(16, -1)
        with acquire(folder, "cli") as lease:
            writer = RunWriter(folder, lease)
            writer.write(Event(0, "started", "On the processor."))
            for i, found in enumerate(bits):
                step = 100 * i // max(1, len(bits) - 1)
                writer.write(Step(step, 0.0, 64 * step, 1.0, 100.0, 1e-3, found * 0.7, {"cross_entropy": found * 0.7}, 0.0))
                writer.write(PriorEvaluation(step, 40, True, found * 0.693, found, found - 0.1 * i, 4, 3.0, 2.8, 2.5))
                pictures = np.full((16, 8, 8, 1), 40 * i, np.uint8)
                writer.write(Samples(step, pictures, (np.zeros((16, 2, 2), np.int32),), np.ones(16, np.float32), given))
            writer.write(Event(100, "finished", "Finished 100 steps."))
        return folder

    return make


def test_nothing_trained_yet_teaches(page: Page) -> None:
    at = page("priors")
    assert not at.exception and "needs a trained model" in said(at) and "empty_train" in keys(at)


def test_a_model_without_a_checkpoint_says_what_it_waits_for(page: Page, finished: Finished) -> None:
    at = page("priors", run=finished("No checkpoint").id)
    assert not at.exception and "first checkpoint" in said(at)


def test_a_rung_is_started_once_and_found_again(page: Page, model: RunFolder, store: RunStore, engine: FakeEngine) -> None:
    at = page("priors", run=model.id)
    assert not at.exception and "Learn the codes of Little digits" in said(at).replace("\u2060", "")
    at.button(key="priors_train_positions").click().run()
    (made,) = [entry for entry in store.list() if entry.kind == "prior"]
    config = store.get(made.id).config()
    assert isinstance(config, PriorRunConfig) and isinstance(config.prior, HistogramConfig) and config.prior.per_position
    assert engine.submitted == [made.id] and at.session_state["run_id"] == made.id
    assert made.name == "Histogram per cell of Little digits" and made.owner == session.owner_hash(ADA)
    assert "Waiting" in said(at) and "over the codes of Little digits at its step 100" in said(at)
    at = page("priors", run=model.id)
    at.button(key="priors_train_positions").click().run()
    assert at.session_state["run_id"] == made.id and engine.submitted == [made.id] and "trained already" in said(at)


def test_labels_and_steps_are_what_was_chosen(page: Page, model: RunFolder, store: RunStore) -> None:
    at = page("priors", run=model.id)
    at.toggle(key="priors_conditional").set_value(True)
    at.text_input(key="priors_steps_digits").set_value("321").run()
    at.button(key="priors_train_pixelcnn").click().run()
    (made,) = [entry for entry in store.list() if entry.kind == "prior"]
    config = store.get(made.id).config()
    assert isinstance(config, PriorRunConfig) and isinstance(config.prior, PixelCNNConfig)
    assert config.prior.conditional and config.train.steps == 321


def test_a_finished_prior_shows_its_bits_and_what_they_mean(page: Page, trained: Trained) -> None:
    at = page("priors", run=trained().id)
    assert not at.exception
    shown = figures(at)
    assert (shown["Bits per code"], shown["Bits per image"], shown["Gap"]) == ("2.00", "8", "+0.20")
    text = said(at)
    assert "8 bits** for the 4 codes" in text and "0.50 bits per code fewer than the histogram of each cell" in text
    assert "guessing blindly would take 12" in text and "needs 0.20 bits per code less" in text
    assert any("16 samples of this prior at step 100" in html.proto.body for html in at.get("html"))


def test_learning_by_heart_is_said_with_the_best_step(page: Page, trained: Trained) -> None:
    text = said(page("priors", run=trained(bits=(2.9, 2.0, 2.4)).id))
    assert "best at step 50 (2.00 bits per code)" in text and "learns single images by heart" in text


def test_the_best_of_a_rung_stands_on_its_card(page: Page, trained: Trained, model: RunFolder) -> None:
    trained(bits=(2.9, 2.4), name="Worse")
    best = trained(bits=(2.9, 2.1), name="Better")
    at = page("priors", run=model.id)
    assert "**2.10** bits per code" in said(at) and "Better" in said(at)
    at.button(key="priors_open_pixelcnn").click().run()
    assert at.session_state["run_id"] == best.id
    assert at.button(key="priors_open_pixelcnn").disabled, "it is open"


def test_labels_that_were_given_are_named_and_escaped(page: Page, trained: Trained) -> None:
    at = page("priors", run=trained(PixelCNNConfig(hidden=8, conditional=True)).id)
    drawn = "".join(html.proto.body for html in at.get("html"))
    assert "row by row: nought &lt;b&gt;one&lt;/b&gt;" in drawn and "<b>one" not in drawn


def test_a_prior_whose_parent_was_deleted_says_so_and_works(page: Page, trained: Trained, model: RunFolder, store: RunStore) -> None:
    prior = trained()
    store.delete(model.id)
    at = page("priors", run=prior.id)
    assert not at.exception and "deleted: this prior works with its own copy" in said(at)
    at.button(key="priors_train_histogram").click().run()
    made = next(entry for entry in store.list() if entry.prior == "histogram")
    assert store.get(made.id).model_state() is not None and made.name == "Histogram of Little digits"


def test_a_model_that_was_trained_on_is_told_apart(page: Page, trained: Trained, model: RunFolder) -> None:
    prior = trained()
    state = model.checkpoint()
    assert state is not None
    arrays.write_state(model.checkpoint_path, State(state.tensors, {**state.meta, "step": 200}))
    at = page("priors", run=prior.id)
    assert "trained since" in said(at)
    assert "priors_open_pixelcnn" not in keys(page("priors", run=model.id))


def test_others_may_watch_a_prior_not_stop_it(page: Page, trained: Trained) -> None:
    at = page("priors", cookie=BOB, run=trained().id)
    assert "You are watching" in said(at) and not any(key.startswith("control_") for key in keys(at))


@pytest.mark.parametrize("name", SCREENS)
def test_no_screen_fails_on_a_prior(name: str, page: Page, trained: Trained) -> None:
    at = page(name, run=trained().id)
    assert not at.exception and not at.error and at.title


@pytest.mark.parametrize("name", SCREENS)
def test_no_screen_fails_on_a_prior_without_its_parent(name: str, page: Page, trained: Trained, model: RunFolder, store: RunStore) -> None:
    prior = trained()
    store.delete(model.id)
    at = page(name, run=prior.id)
    assert not at.exception and not at.error and at.title


@pytest.mark.parametrize("name", ["inside", "codes", "collapse"])
def test_screens_of_models_show_the_parent_and_say_so(name: str, page: Page, trained: Trained, model: RunFolder, store: RunStore) -> None:
    prior = trained()
    text = said(page(name, run=prior.id))
    assert "My prior, is a prior" in text and "whose codes it learns: Little digits" in text
    store.delete(model.id)
    assert "whose model was deleted" in said(page(name, run=prior.id))


def test_the_table_of_runs_tells_priors_from_models(trained: Trained, store: RunStore) -> None:
    trained()
    table = rows(store.list(), "")
    assert table["Data"] == ["PixelCNN of Little digits", "Digits"] or table["Data"] == ["Digits", "PixelCNN of Little digits"]
    prior = table["Data"].index("PixelCNN of Little digits")
    assert table["NMSE"][prior] is None and table["Bits per image"][prior] == 8.0 and table["Bits per image"][1 - prior] is None
