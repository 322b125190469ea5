"""A model comes back as it was trained, and what cannot come back says why."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from vqcore.analysis import load
from vqcore.config.data import MnistConfig
from vqcore.config.prior import PixelCNNConfig
from vqcore.config.run import TrainConfig
from vqcore.errors import RunError
from vqcore.jobs import worker
from vqcore.models.draw import draw_codes
from vqcore.records import State
from vqcore.runs import arrays
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore
from vqcore.training.trainer import Trainer


@pytest.fixture
def copy(digits: RunFolder, tmp_path: Path) -> RunFolder:
    """The run of digits, to do as one likes with."""
    return RunFolder(Path(shutil.copytree(digits.path, tmp_path / digits.id)))


def test_the_model_answers_as_the_trainers_own(digits: RunFolder) -> None:
    loaded = load.load_model(digits)
    trainer = Trainer(loaded.config, loaded.dataset, digits.checkpoint())
    x = torch.from_numpy(loaded.dataset.x[loaded.dataset.validation]).float() / 255
    with load.one_thread(), torch.no_grad():
        ours, theirs = loaded.model(x), trainer.model.eval()(x)
    assert torch.equal(ours.x_hat, theirs.x_hat)
    assert torch.equal(ours.codes[0], theirs.codes[0])
    assert torch.equal(ours.loss, theirs.loss)  # the variance has come too
    assert (loaded.step, loaded.config) == (60, digits.config())


def test_it_is_frozen(digits: RunFolder) -> None:
    model = load.load_model(digits).model
    assert not model.training
    assert not any(parameter.requires_grad for parameter in model.parameters())


def test_loading_leaves_randomness_and_threads_alone(digits: RunFolder) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    before = torch.get_num_threads()
    load.load_model(digits)
    with load.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == before


def test_treatments_count(copy: RunFolder) -> None:
    state = copy.checkpoint()
    assert state is not None
    config = copy.config().edited({"model.quantizer.distance": "l2"})
    arrays.write_state(copy.checkpoint_path, State(state.tensors, {**state.meta, "config": config.model_dump(mode="json")}))
    loaded = load.load_model(copy)
    assert loaded.config == config
    assert loaded.model.codebooks()[0].norm(dim=1).numpy() == pytest.approx(1, rel=1e-5)


def test_without_a_checkpoint(copy: RunFolder) -> None:
    copy.checkpoint_path.unlink()
    with pytest.raises(RunError, match="no checkpoint yet"):
        load.load_model(copy)
    with pytest.raises(RunError, match="no checkpoint"):
        load.current_stamp(copy)


def test_a_damaged_checkpoint(copy: RunFolder) -> None:
    whole = copy.checkpoint_path.read_bytes()
    copy.checkpoint_path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(RunError, match="damaged"):
        load.load_model(copy)


def test_weights_that_do_not_fit_their_configuration(copy: RunFolder) -> None:
    state = copy.checkpoint()
    assert state is not None
    tensors = {name: value for name, value in state.tensors.items() if name != "model.quantizer.codebook"}
    arrays.write_state(copy.checkpoint_path, State(tensors, state.meta))
    with pytest.raises(RunError, match="does not fit its own configuration"):
        load.load_model(copy)


def test_a_checkpoint_that_is_replaced_meanwhile_is_read_again(copy: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    first = copy.checkpoint()
    assert first is not None
    later = State(first.tensors, {**first.meta, "step": 61})
    read = RunFolder.checkpoint
    replaced: list[int] = []

    def checkpoint(run: RunFolder) -> State | None:
        state = read(run)
        if not replaced:
            arrays.write_state(run.checkpoint_path, later)
            replaced.append(1)
        return state

    monkeypatch.setattr(RunFolder, "checkpoint", checkpoint)
    stamp, state = load.read_checkpoint(copy)
    assert (stamp.step, state.meta["step"]) == (61, 61)


def test_nothing_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQ_DATA", str(tmp_path))
    with pytest.raises(RunError, match="MNIST is not on this machine"):
        load.load_dataset(MnistConfig())
    assert not list(tmp_path.iterdir())


def test_the_last_data_set_stays_in_memory(digits: RunFolder, rings: RunFolder) -> None:
    first = load.load_dataset(digits.config().data)
    assert load.load_dataset(digits.config().data) is first
    load.load_dataset(rings.config().data)
    again = load.load_dataset(digits.config().data)
    assert again is not first
    assert np.array_equal(again.x, first.x)


def test_one_thread_is_given_back_after_an_error() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)

    def fail() -> None:
        with load.one_thread():
            raise RunError("no")

    try:
        with pytest.raises(RunError):
            fail()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_run_itself_is_not_touched(digits: RunFolder, train: Callable[..., RunFolder]) -> None:
    before = {path: path.stat().st_mtime_ns for path in digits.path.rglob("*")}
    load.load_model(digits)
    assert {path: path.stat().st_mtime_ns for path in digits.path.rglob("*")} == before


# ── priors ──


@pytest.fixture
def prior(digits: RunFolder, tmp_path: Path) -> RunFolder:
    """A small PixelCNN on the codes of the run of digits, trained for a moment; its parent can be deleted."""
    store = RunStore(tmp_path / "runs")
    parent = RunFolder(Path(shutil.copytree(digits.path, store.root / digits.id)))
    config = TrainConfig(steps=3, batch_size=32, threads=1, device="cpu", evaluate_every=100, evaluation_images=32, checkpoint_every=100)
    folder = store.create_prior(parent, PixelCNNConfig(hidden=8, layers=2), config, name="prior")
    threads = torch.get_num_threads()
    assert worker.run(folder, "cli") == "finished"
    torch.set_num_threads(threads)
    return folder


def test_a_prior_is_back_from_its_own_folder(prior: RunFolder, digits: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(prior.path.parent / digits.id)
    monkeypatch.setattr(load, "load", lambda _: pytest.fail("data were read"))
    loaded = load.load_prior(prior)
    assert (loaded.step, loaded.config.prior.kind) == (3, "pixelcnn")
    assert loaded.stamp == load.current_stamp(prior)
    assert not loaded.prior.training
    assert not any(parameter.requires_grad for parameter in loaded.prior.parameters())
    state = prior.checkpoint()
    assert state is not None
    for name, value in loaded.prior.state_dict().items():
        assert np.array_equal(value.numpy(), state.tensors[f"prior.{name}"])
    assert loaded.codes.layout == loaded.prior.layout
    # the frozen model is the parent's, and says whose it is
    original = load.load_frozen(digits)
    assert loaded.frozen.stamp == original.stamp
    rows = loaded.codes.validation[:5]
    ours, theirs = (draw_codes(frozen.model, loaded.codes.layout, rows) for frozen in (loaded.frozen, original))
    assert np.array_equal(ours, theirs)


def test_what_a_prior_lacks_is_said(prior: RunFolder, digits: RunFolder) -> None:
    with pytest.raises(RunError, match="trains a model, not a prior"):
        load.load_prior(digits)
    prior.codes_path.unlink()
    with pytest.raises(RunError, match="no codes yet"):
        load.load_prior(prior)
    prior.model_path.unlink()
    with pytest.raises(RunError, match="lost its copy of the model"):
        load.load_frozen(prior)
