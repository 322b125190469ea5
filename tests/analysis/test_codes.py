"""A data set as codes: those that the model itself gives, in the order that evaluations take, kept beside the run."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from vqcore.analysis.codes import codes, extract
from vqcore.analysis.load import Frozen, load_dataset, load_frozen, load_model
from vqcore.errors import RunError
from vqcore.models.draw import decode_codes, draw_codes
from vqcore.models.vqvae import VQVAE
from vqcore.runs.analysis import checkpoint_stamp, read, stamp_of
from vqcore.runs.codes import CodeSet
from vqcore.runs.folder import RunFolder
from vqcore.shape import Book, Level
from vqcore.training.evaluation import to_model, validation_order


def test_codes_are_the_models_own(digits: RunFolder) -> None:
    loaded, frozen = load_model(digits), load_frozen(digits)
    found = extract(frozen, loaded.dataset)
    assert found.layout.grids[0].shape == (4, 4)
    assert (found.layout.grids[0].K, found.layout.classes, found.label_set) == (16, 10, "digit")
    order = validation_order(loaded.dataset)
    assert np.array_equal(found.validation_images, order)
    assert np.array_equal(found.train_images, loaded.dataset.train)
    labels = loaded.dataset.labels["digit"].values
    assert np.array_equal(found.train_labels, labels[loaded.dataset.train])
    assert np.array_equal(found.validation_labels, labels[order])
    for rows, images in ((found.train, found.train_images), (found.validation, found.validation_images)):
        out = loaded.model(to_model(torch.from_numpy(loaded.dataset.x[images])))
        assert np.array_equal(rows, out.codes[0].flatten(1).numpy())


def test_codes_decode_to_the_reconstruction(digits: RunFolder) -> None:
    loaded, frozen = load_model(digits), load_frozen(digits)
    found = extract(frozen, loaded.dataset)
    x = to_model(torch.from_numpy(loaded.dataset.x[found.validation_images[:7]]))
    assert torch.allclose(decode_codes(frozen.model, found.layout, found.validation[:7]), loaded.model(x).x_hat, atol=1e-5)
    pictures = draw_codes(frozen.model, found.layout, found.validation[:7])
    assert pictures.shape == (7, 8, 8, 1) and pictures.dtype == np.uint8
    assert draw_codes(frozen.model, found.layout, found.validation[:0]).shape == (0, 8, 8, 1)


def test_points_have_one_code_each(rings: RunFolder) -> None:
    frozen = load_frozen(rings)
    found = extract(frozen, load_dataset(rings.config().data))
    assert found.train.shape == (800, 1)
    assert found.layout.grids[0].shape == ()
    assert draw_codes(frozen.model, found.layout, found.train[:3]).shape == (3, 2)


def test_the_result_is_kept_once(digits: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunFolder(Path(shutil.copytree(digits.path, tmp_path / digits.id)))
    name = codes(str(run.path), "")
    assert stamp_of(name) == checkpoint_stamp(run)
    arrays = read(run, Path(), name)
    assert arrays is not None
    found = CodeSet.of(arrays)
    assert (len(found.train), len(found.validation), found.step) == (1438, 359, 60)
    monkeypatch.setattr("vqcore.analysis.codes.extract", lambda *_: pytest.fail("computed again"))
    assert codes(str(run.path), "") == name


def test_a_model_is_back_without_its_data(digits: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vqcore.analysis.load.load", lambda _: pytest.fail("data were read"))
    frozen = load_frozen(digits)
    assert (frozen.step, frozen.shape, frozen.modality) == (60, (1, 8, 8), "image")
    assert not frozen.model.training
    assert not any(parameter.requires_grad for parameter in frozen.model.parameters())


def test_models_without_codes_or_with_too_many(digits: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen = load_frozen(digits)
    dataset = load_dataset(frozen.config.data)
    for books, said in (((Book("main", 70_000, 4),), "70,000 codes is too large"), ((), "no codebook")):
        monkeypatch.setattr(VQVAE, "levels", (Level("codes", (4, 4), 4, books),))
        with pytest.raises(RunError, match=said):
            extract(frozen, dataset)


def test_batches_make_no_difference(digits: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    frozen: Frozen = load_frozen(digits)
    dataset = load_dataset(frozen.config.data)
    whole = extract(frozen, dataset)
    monkeypatch.setattr("vqcore.analysis.codes._BATCH_NUMBERS", 7 * 16 * 4)
    assert (extract(frozen, dataset).validation == whole.validation).mean() > 0.999  # rounding differs with the batch


def test_a_run_without_a_checkpoint(tmp_path: Path, digits: RunFolder) -> None:
    bare = RunFolder.create(tmp_path, digits.config(), name="bare")
    with pytest.raises(RunError, match="no checkpoint"):
        codes(str(bare.path), "")
