"""What a snapshot keeps of the model: what each code draws."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vqcore.colours import CodeColours
from vqcore.config.data import DigitsConfig, RingsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.run import RunConfig
from vqcore.data.registry import load
from vqcore.errors import DataError
from vqcore.film import film_of
from vqcore.metrics.codebook import UsageMeter
from vqcore.models.base import Model
from vqcore.models.registry import build_model
from vqcore.plots.projection import Basis
from vqcore.records import DECODED_BYTES, BookSnapshot, Snapshot
from vqcore.runs.arrays import read_snapshot, write_snapshot
from vqcore.training.evaluation import reference, snapshot, to_model
from vqcore.training.trainer import Trainer


def model_of(K: int, shape: tuple[int, ...], modality: str = "image", **settings: object) -> Model:
    torch.manual_seed(0)
    config = VQVAEConfig.parse({"quantizer": {"kind": "vq", "K": K, "D": 3, "init": "normal"}, "hidden": 8, **settings})
    return build_model(config, shape, modality, 0.1)


def book_of(model: Model, x: torch.Tensor, K: int) -> BookSnapshot:
    return snapshot(model, x, (UsageMeter(K),), (np.zeros(K, dtype=np.int64),), 0).books[0]


@pytest.mark.parametrize("settings", [{"downsampling": 2}, {"downsampling": "vector"}, {"downsampling": "vector", "net": "mlp"}])
def test_a_picture_of_one_code_everywhere_is_what_that_code_draws(settings: dict[str, object]) -> None:
    K, shape = 9, (3, 8, 8)
    model, x = model_of(K, shape, **settings), torch.randint(0, 256, (40, *shape), dtype=torch.uint8)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    decoded = book_of(model, x, K).decoded
    assert decoded.shape == (K, 8, 8, 3) and decoded.dtype == np.uint8
    with torch.no_grad():
        grid = torch.full((1, *model.grids[0]), 4)
        expected = model.decode_indices((grid,))[0].mul(255).round().movedim(0, -1).numpy()
    assert np.abs(decoded[4] - expected).max() <= 1
    assert len(np.unique(decoded.reshape(K, -1), axis=0)) == K
    assert model.training and all(torch.equal(value, before[name]) for name, value in model.state_dict().items()), "nothing has changed"


def test_for_single_vectors_it_is_the_reconstruction() -> None:
    model, x = model_of(5, (1, 8, 8), downsampling="vector"), torch.randint(0, 256, (20, 1, 8, 8), dtype=torch.uint8)
    decoded = book_of(model, x, 5).decoded
    with torch.no_grad():
        out = model.eval()(to_model(x))
    drawn = out.x_hat.mul(255).round().movedim(1, -1).numpy()
    assert np.abs(decoded[out.codes[0].numpy()] - drawn).max() <= 1


@pytest.mark.parametrize("size", [1e6, 1e30])
def test_codes_and_outputs_beyond_half_precision_are_kept_as_they_are(size: float, tmp_path: Path) -> None:
    model, x = model_of(9, (1, 8, 8), downsampling="vector"), torch.randint(0, 256, (40, 1, 8, 8), dtype=torch.uint8)
    with torch.no_grad():
        model.code_weights()[0].mul_(size)  # type: ignore[union-attr]
        (z_e,) = model.outputs(to_model(x))
        model.outputs = lambda x: (z_e[: len(x)] * size,)  # type: ignore[method-assign]
        book = book_of(model, x, 9)
    path = tmp_path / "0.npz"
    write_snapshot(path, Snapshot(0, (book,)))
    (kept,) = read_snapshot(path).books
    assert np.array_equal(kept.codebook, model.codebooks()[0].numpy())
    assert np.isfinite(kept.codebook).all()
    assert sorted(map(tuple, kept.z.tolist())) == sorted(map(tuple, (z_e * size).tolist()))
    film = film_of([0], [kept])
    assert np.array_equal(film.codebook[0], kept.codebook) and np.array_equal(film.z[0], kept.z)
    drawn = Basis.of_film(film)
    assert np.isfinite(drawn.of(film.codebook)).all() and np.isfinite(drawn.of(film.z)).all()
    assert len(np.unique(CodeColours.fit(kept.codebook).codes, axis=0)) > 4


def test_points_and_large_books_keep_none() -> None:
    points = model_of(4, (2,), "points", downsampling="vector")
    assert len(book_of(points, torch.randn(30, 2), 4).decoded) == 0
    K = DECODED_BYTES // 64 + 1
    assert len(book_of(model_of(K, (1, 8, 8), downsampling=2), torch.zeros(4, 1, 8, 8, dtype=torch.uint8), K).decoded) == 0


@pytest.mark.parametrize("value", [0, 77, 255])
def test_data_that_are_one_constant_are_refused_in_words(value: int) -> None:
    digits = load(DigitsConfig())
    flat = replace(digits, x=np.full_like(digits.x, value))
    with pytest.raises(DataError, match=rf"training examples of digits have the same value everywhere \({value}\).*Choose"):
        Trainer(RunConfig(), flat)


def test_points_that_are_all_one_are_refused_too() -> None:
    rings = load(RingsConfig())
    with pytest.raises(DataError, match="have the same value"):
        reference(replace(rings, x=np.full_like(rings.x, 0.3)))


def test_the_smallest_difference_is_enough() -> None:
    digits = load(DigitsConfig())
    x = np.zeros_like(digits.x)
    x[digits.train[0], 0, 0, 0] = 1
    assert reference(replace(digits, x=x)).variance > 0
