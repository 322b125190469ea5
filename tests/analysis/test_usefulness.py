"""The classifier on code counts, and the controls it is held against."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.contract.conftest import Gaussian, two_stages
from vqcore.analysis import usefulness as module
from vqcore.analysis.load import Loaded, load_model
from vqcore.analysis.usefulness import code_counts, judged, renamed, usefulness, usefulness_arrays
from vqcore.errors import RunError
from vqcore.models.vqvae import VQVAE
from vqcore.runs.analysis import read, scratch_of
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Usefulness
from vqcore.training.evaluation import to_model


@pytest.fixture(scope="module")
def loaded(digits: RunFolder) -> Loaded:
    return load_model(digits)


@pytest.fixture(scope="module")
def found(loaded: Loaded) -> Usefulness:
    return Usefulness.of(usefulness_arrays(loaded))


def test_codes_of_digits_tell_digits_and_shuffled_ones_do_not(found: Usefulness) -> None:
    assert (found.step, found.label_sets, found.trained_on, found.judged_on) == (60, ("digit",), 1438, 359)
    assert found.classes.tolist() == [10]
    share = found.correct[0] / 359
    assert share > 0.3  # a model of a second's training; chance is a tenth
    assert found.shuffled.shape == (1, module.SHUFFLES)
    assert (found.shuffled / 359 < 0.2).all()
    assert found.renamed[0] / 359 < share
    assert 0.05 < found.majority[0] / 359 < 0.2


def test_the_same_run_gives_the_same_figures(loaded: Loaded, found: Usefulness) -> None:
    again = Usefulness.of(usefulness_arrays(loaded))
    assert (again.correct == found.correct).all() and (again.shuffled == found.shuffled).all() and (again.renamed == found.renamed).all()


def test_counts_are_those_of_each_picture(loaded: Loaded) -> None:
    examples = loaded.dataset.train[[5, 900, 17]]
    counts = code_counts(loaded, examples)
    with torch.no_grad():
        codes = loaded.model(to_model(torch.from_numpy(loaded.dataset.x[examples]))).codes[0]
    for row, grid in zip(counts, codes, strict=True):
        assert row.tolist() == np.bincount(grid.reshape(-1).numpy(), minlength=16).tolist()


def test_several_books_stand_side_by_side(loaded: Loaded) -> None:
    torch.manual_seed(0)
    model = VQVAE(loaded.config.model, (1, 8, 8), "image", 0.1, two_stages()).eval().requires_grad_(False)
    counts = code_counts(replace(loaded, model=model), loaded.dataset.train[:7])
    assert counts.shape == (7, 8 + 5)
    assert (counts[:, :8].sum(1) == 16).all() and (counts[:, 8:].sum(1) == 16).all()


def test_renaming_keeps_what_a_pictures_counts_look_like() -> None:
    counts = np.random.default_rng(0).integers(0, 5, size=(50, 9)).astype(np.float32)
    mixed = renamed(counts, np.random.default_rng(1))
    assert np.array_equal(np.sort(mixed, axis=1), np.sort(counts, axis=1))
    assert not np.array_equal(mixed, counts)


def test_a_classifier_finds_what_is_there_and_only_that() -> None:
    random = np.random.default_rng(0)
    y, truth = random.integers(0, 3, size=300), random.integers(0, 3, size=200)
    told = [np.eye(3)[labels] * 4 + random.integers(0, 2, size=(len(labels), 3)) for labels in (y, truth)]
    correct, converged = judged(told[0].astype(np.float32), y, told[1].astype(np.float32), truth)
    assert (correct, converged) == (200, True)
    noise = [random.integers(0, 5, size=(count, 3)).astype(np.float32) for count in (300, 200)]
    assert 40 < judged(noise[0], y, noise[1], truth)[0] < 100  # a third, give or take
    # renaming all codes alike is no control: a linear classifier learns the same
    turned = [part[:, [2, 0, 1]].astype(np.float32) for part in told]
    assert judged(turned[0], y, turned[1], truth)[0] == correct


def test_one_label_only_and_codes_that_never_occur() -> None:
    x = np.zeros((20, 4), dtype=np.float32)
    assert judged(x, np.full(20, 2), x, np.array([2] * 15 + [1] * 5)) == (15, True)
    correct, _ = judged(x, np.arange(20) % 2, x, np.arange(20) % 2)
    assert correct == 10


def test_data_without_labels(loaded: Loaded) -> None:
    found = Usefulness.of(usefulness_arrays(replace(loaded, dataset=replace(loaded.dataset, labels={}))))
    assert (found.label_sets, len(found.correct)) == ((), 0)


def test_a_model_without_codes(loaded: Loaded) -> None:
    model = VQVAE(loaded.config.model, (1, 8, 8), "image", 0.1, Gaussian())
    with pytest.raises(RunError, match="no codebook"):
        usefulness_arrays(replace(loaded, model=model))


def test_large_books_are_judged_on_fewer(loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_COUNTS", 16 * 200)
    found = Usefulness.of(usefulness_arrays(loaded))
    assert (found.trained_on, found.judged_on) == (200, 200)


def test_points_are_kept_too(rings: RunFolder, tmp_path: Path) -> None:
    scratch = scratch_of(tmp_path)
    name = usefulness(str(rings.path), str(scratch))
    arrays = read(RunFolder(rings.path, read_only=True), scratch, name)
    assert arrays is not None
    found = Usefulness.of(arrays)
    assert (found.label_sets, found.judged_on) == (("ring",), 200)
    assert found.correct[0] >= found.shuffled[0].mean()
    # one code a point: with its name goes all that a count could say
    assert abs(found.renamed[0] - found.majority[0]) < 60
