"""A prior's run: what it is given when it is made, what it keeps, and that it outlives its parent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vqcore.config.prior import HistogramConfig, PixelCNNConfig, UniformConfig
from vqcore.config.run import PriorRunConfig, RunConfig, TrainConfig
from vqcore.errors import RunError
from vqcore.layout import Grid, Layout
from vqcore.records import Event, PriorEvaluation, Samples
from vqcore.runs import analysis, arrays
from vqcore.runs.codes import CodeSet
from vqcore.runs.folder import RunFolder
from vqcore.runs.frozen import CODES
from vqcore.runs.lease import acquire
from vqcore.runs.store import RunStore
from vqcore.runs.tail import MetricsTail
from vqcore.runs.writer import RunWriter

TRAIN = TrainConfig(steps=5)


def code_set() -> CodeSet:
    random = np.random.default_rng(0)
    rows, where = random.integers(0, 8, (6, 4)).astype(np.uint16), np.arange(6)
    layout = Layout((Grid("codes", 8, (2, 2)),), 2)
    return CodeSet(layout, 40, rows[:4], rows[4:], where[:4] % 2, where[4:] % 2, where[:4], where[4:], "digit", ("a", "b"))


def evaluation(step: int, bits: float = 2.0) -> PriorEvaluation:
    return PriorEvaluation(step, 100, False, 1.4, bits, 1.8, 4, 3.0, 2.9, 2.7)


@pytest.fixture
def parent(folder: RunFolder, make: Any) -> RunFolder:
    """A model's run with a checkpoint and a picture."""
    with acquire(folder, "cli") as lease:
        writer = RunWriter(folder, lease)
        writer.write(make.gallery(40))
        writer.checkpoint(make.state(40))
    return folder


@pytest.fixture
def prior(store: RunStore, parent: RunFolder) -> RunFolder:
    return store.create_prior(parent, PixelCNNConfig(hidden=8), TRAIN, name="Mine", owner="cafe", nickname="Ada")


def test_it_begins_with_the_frozen_model_and_nothing_else_of_the_checkpoint(prior: RunFolder, parent: RunFolder) -> None:
    config, stamp, state = prior.config(), analysis.checkpoint_stamp(parent), prior.model_state()
    assert isinstance(config, PriorRunConfig) and stamp is not None and state is not None
    assert (config.parent.run, config.parent.name, config.parent.checkpoint, config.parent.step) == (parent.id, "A run", stamp.hash, 40)
    assert (config.data, config.model, config.train) == (RunConfig().data, RunConfig().model, TRAIN)
    assert set(state.tensors) == {"model.codebook"} and np.array_equal(
        state.tensors["model.codebook"],
        parent.checkpoint().tensors["model.codebook"],  # type: ignore[union-attr]
    )
    assert (state.meta["step"], state.meta["shape"], state.meta["modality"]) == (40, [1, 8, 8], "image")
    assert prior.status().state == "queued" and prior.codes() is None and prior.sample_steps() == []


def test_it_outlives_its_parent(store: RunStore, prior: RunFolder, parent: RunFolder) -> None:
    store.delete(parent.id)
    assert prior.model_state() is not None and isinstance(store.get(prior.id).config(), PriorRunConfig)
    again = store.create_prior(prior, UniformConfig(), TRAIN, name="From the copy")
    first, second = prior.config(), again.config()
    assert isinstance(first, PriorRunConfig) and isinstance(second, PriorRunConfig) and second.parent == first.parent
    assert again.model_path.read_bytes() == prior.model_path.read_bytes()


def test_codes_that_are_known_are_taken_along(store: RunStore, parent: RunFolder, tmp_path: Path) -> None:
    stamp = analysis.checkpoint_stamp(parent)
    assert stamp is not None
    analysis.write(parent, tmp_path, analysis.name_of(CODES, stamp), code_set().arrays())
    made = store.create_prior(parent, HistogramConfig(), TRAIN, name="Counted")
    found = made.codes()
    assert found is not None and found.layout == code_set().layout and np.array_equal(found.train, code_set().train)
    store.delete(parent.id)
    copied = store.create_prior(made, UniformConfig(), TRAIN, name="Copied").codes()
    assert copied is not None and np.array_equal(copied.validation, code_set().validation)


def test_a_run_without_a_checkpoint_has_no_codes_to_learn(store: RunStore, folder: RunFolder) -> None:
    with pytest.raises(RunError, match="no checkpoint yet"):
        store.create_prior(folder, UniformConfig(), TRAIN, name="Too early")
    assert [entry.id for entry in store.list()] == [folder.id]


def test_a_copy_that_was_lost_is_said(store: RunStore, prior: RunFolder) -> None:
    prior.model_path.unlink()
    with pytest.raises(RunError, match="lost its copy"):
        store.create_prior(prior, UniformConfig(), TRAIN, name="No copy")


def test_a_line_of_the_table_says_what_it_is(store: RunStore, prior: RunFolder, parent: RunFolder) -> None:
    with acquire(prior, "cli") as held:
        RunWriter(prior, held).write(evaluation(5, bits=2.25))
    lines = {entry.id: entry for entry in store.list()}
    line = lines[prior.id]
    assert (line.kind, line.prior, line.parent, line.what) == ("prior", "pixelcnn", parent.id, "PixelCNN of A run")
    assert line.figures is not None and (line.figures.bits, line.figures.bits_per_image) == (2.25, 9.0)
    assert (lines[parent.id].kind, lines[parent.id].what) == ("model", "")


def test_the_same_prior_of_the_same_checkpoint_is_the_same_experiment(store: RunStore, prior: RunFolder, parent: RunFolder) -> None:
    again = store.create_prior(parent, PixelCNNConfig(hidden=8), TRAIN, name="Another name")
    wider = store.create_prior(parent, PixelCNNConfig(hidden=16), TRAIN, name="Mine")
    assert again.config().identity == prior.config().identity != wider.config().identity


def test_what_it_records_is_read_again_and_rewound(prior: RunFolder) -> None:
    samples = Samples(
        10, np.zeros((2, 8, 8, 1), np.uint8), (np.ones((2, 2, 2), np.int32),), np.array([9.5, 8], np.float32), np.array([0, -1])
    )
    tail = MetricsTail(prior)
    with acquire(prior, "cli") as held:
        writer = RunWriter(prior, held)
        for record in (evaluation(5), evaluation(10), samples):
            writer.write(record)
        tail.refresh()
        assert [found.step for found in tail.prior_evaluations] == [5, 10] and tail.evaluations == ()
        assert tail.prior_evaluations[-1] == evaluation(10) and tail.skipped == 0
        found = prior.samples()
        assert found is not None and prior.sample_steps() == [10]
        assert np.array_equal(found.codes[0], samples.codes[0]) and np.array_equal(found.bits, samples.bits)
        writer.write(Event(5, "resumed", "Again."))
        tail.refresh()
        assert [found.step for found in tail.prior_evaluations] == [5] and prior.sample_steps() == []


def test_damaged_codes_are_an_error_that_names_the_file(prior: RunFolder) -> None:
    arrays.write_codes(prior.codes_path, code_set())
    prior.codes_path.write_bytes(prior.codes_path.read_bytes()[:100])
    with pytest.raises(RunError, match=r"codes\.npz is damaged"):
        prior.codes()
