"""The easel against the model itself: codes and pictures, what a cell reaches, what a prior says, and cells drawn again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vqcore.analysis.easel import Easel, exact, frames, middle_cell, reaches, resampled, scored
from vqcore.analysis.load import Frozen, load_frozen, load_model
from vqcore.config.model import VQVAEConfig
from vqcore.config.prior import HistogramConfig, PixelCNNConfig, UniformConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig
from vqcore.errors import GridError
from vqcore.layout import Grid, Layout
from vqcore.models.base import Model
from vqcore.models.registry import build_model
from vqcore.priors.registry import build_prior
from vqcore.runs.analysis import Stamp
from vqcore.runs.folder import RunFolder

SHAPES = [((1, 8, 8), 2, 1), ((3, 32, 32), 8, 0), ((1, 28, 28), 4, 2), ((1, 13, 9), 2, 0), ((1, 11, 30), 4, 1)]


def make(shape: tuple[int, ...], downsampling: int | str, blocks: int, K: int = 6) -> Model:
    torch.manual_seed(0)
    config = VQVAEConfig(quantizer=VQConfig(K=K, D=3, init="normal"), downsampling=downsampling, hidden=8, residual_blocks=blocks)
    return build_model(config, shape, "image", 0.1).eval().requires_grad_(False)


def easel_of(shape: tuple[int, ...], downsampling: int | str = 2, blocks: int = 0, K: int = 6) -> Easel:
    return Easel(Frozen(make(shape, downsampling, blocks, K), RunConfig(), 7, Stamp(7, "0123456789ab"), shape, "image"))


def test_codes_and_pictures_are_the_models_own(digits: RunFolder) -> None:
    easel, loaded = Easel(load_frozen(digits)), load_model(digits)
    for row in loaded.dataset.validation[:5]:
        x = torch.from_numpy(loaded.dataset.x[row : row + 1])
        with torch.no_grad():
            output = loaded.model(x.float() / 255)
        codes = easel.encode(loaded.dataset.x[row].transpose(1, 2, 0))
        assert codes.tolist() == output.codes[0].ravel().tolist()
        assert np.abs(easel.decode(codes) / 255 - output.x_hat[0].permute(1, 2, 0).numpy()).max() <= 0.5 / 255 + 1e-6
    assert easel.checkpoint == loaded.stamp.hash


def test_the_same_codes_give_the_same_bytes(digits: RunFolder) -> None:
    easel = Easel(load_frozen(digits))
    random = np.random.default_rng(0)
    grids = [random.integers(0, 16, size=easel.layout.length) for _ in range(20)]
    first = [easel.decode(grid).tobytes() for grid in grids]
    assert len(set(first)) > 1
    easel._decoded.clear()  # undo must not depend on what is remembered
    assert [easel.decode(grid).tobytes() for grid in reversed(grids)] == first[::-1]
    assert [Easel(load_frozen(digits)).decode(grid).tobytes() for grid in grids[:3]] == first[:3]


def test_what_the_model_cannot_take_is_refused(digits: RunFolder, rings: RunFolder) -> None:
    easel = Easel(load_frozen(digits))
    good = np.zeros(easel.layout.length, dtype=int)
    for wrong in (good[:-1], good - 1, good + 16, good + 0.5):
        with pytest.raises(GridError):
            easel.decode(wrong)
    with pytest.raises(GridError, match="A picture of shape"):
        easel.encode(np.zeros((9, 9, 1), dtype=np.uint8))
    with pytest.raises(GridError, match="points"):
        Easel(load_frozen(rings))


@pytest.mark.parametrize(("shape", "downsampling", "blocks"), SHAPES)
def test_only_pixels_within_reach_change_and_all_of_them_can(shape: tuple[int, ...], downsampling: int, blocks: int) -> None:
    model = make(shape, downsampling, blocks)
    fields = reaches(model, shape)
    h, w = model.levels[0].grid
    assert fields.shape == (h, w, 4)
    random = torch.Generator().manual_seed(1)
    z = torch.randn(1, 3, h, w, generator=random)
    with torch.no_grad():
        before = model._raw(z)  # type: ignore[operator]
        for row, col in ((0, 0), (h // 2, w // 2), (h - 1, w - 1)):
            touched = torch.zeros(shape[1:], dtype=torch.bool)
            for _ in range(40):
                changed = z.clone()
                changed[0, :, row, col] = 9 * torch.randn(3, generator=random)
                touched |= (model._raw(changed) != before).any(dim=1)[0]  # type: ignore[operator]
            top, left, bottom, right = fields[row, col]
            inside = torch.zeros_like(touched)
            inside[top:bottom, left:right] = True
            assert not (touched & ~inside).any()
            ys, xs = np.nonzero(touched.numpy())
            # rounding may hide the faintest rim
            assert (ys.min() - top, bottom - 1 - ys.max(), xs.min() - left, right - 1 - xs.max()) <= (2, 2, 2, 2)


def test_a_single_vector_reaches_everything() -> None:
    easel = easel_of((1, 8, 8), "vector")
    assert easel.layout.length == 1
    assert easel.reach().tolist() == [[0, 0, 8, 8]]
    assert easel.tiles(0, np.arange(3), np.zeros(1, dtype=int)).shape == (3, 8, 8, 1)


def test_tiles_are_the_middle_of_a_grid_of_one_code() -> None:
    easel = easel_of((1, 12, 12), 4)
    tiles = easel.tiles(0, np.arange(6), np.zeros(9, dtype=int))
    assert tiles.shape == (6, 4, 4, 1)
    for code in range(6):
        whole = easel.decode(np.full(9, code)).astype(int)
        assert np.abs(tiles[code] - whole[4:8, 4:8]).max() <= 1  # a batch may round otherwise
    assert middle_cell((7, 7), (28, 28, 1)) == (12, 12, 16, 16)
    assert middle_cell((), (28, 28, 1)) == (0, 0, 28, 28)


LAYOUT = Layout((Grid("codes", 4, (3, 3)),))
CODES = np.arange(9) % 4


def test_surprise_is_the_priors() -> None:
    assert scored(build_prior(UniformConfig(), LAYOUT), CODES).tolist() == [2.0] * 9
    prior = build_prior(HistogramConfig(per_position=False, smoothing=1e-3), LAYOUT)
    prior.fit_(torch.zeros(10, 9, dtype=torch.int64), None)
    bits = scored(prior, CODES)
    assert bits[0] < 0.01 < 10 < bits[1]


def test_raster_order_is_exact_only_when_all_that_follows_is_free() -> None:
    free = np.zeros(9, dtype=bool)
    free[5:] = True
    assert exact(free)
    free[7] = False
    assert not exact(free)


@pytest.mark.parametrize("first", [0, 5])
def test_what_follows_is_drawn_in_one_pass(first: int) -> None:
    torch.manual_seed(0)
    prior = build_prior(PixelCNNConfig(hidden=8, layers=1), LAYOUT).eval()
    free = np.arange(9) >= first
    steps = list(resampled(prior, CODES, free, sweeps=3, seed=1))
    assert [(step.done, step.total) for step in steps] == [(i, 9 - first) for i in range(1, 10 - first)]
    assert (steps[-1].codes[:first] == CODES[:first]).all()
    assert [step.codes.tolist() for step in resampled(prior, CODES, free, sweeps=1, seed=1)] == [step.codes.tolist() for step in steps]


def test_scattered_cells_are_drawn_by_sweeps_and_the_others_stay() -> None:
    torch.manual_seed(0)
    prior = build_prior(PixelCNNConfig(hidden=8, layers=1), LAYOUT).eval()
    free = np.zeros(9, dtype=bool)
    free[[1, 4]] = True
    steps = list(resampled(prior, CODES, free, sweeps=3, seed=1))
    assert [(step.done, step.total) for step in steps] == [(i, 6) for i in range(1, 7)]
    assert all((step.codes[~free] == CODES[~free]).all() for step in steps)
    shown = frames(iter(steps), 2, lambda step: True)
    assert [grid.tolist() for grid in shown] == [steps[i].codes.tolist() for i in (1, 3, 5)]


def test_a_drawing_can_be_ended_and_needs_a_cell() -> None:
    prior = build_prior(UniformConfig(), LAYOUT)
    steps = resampled(prior, CODES, np.ones(9, dtype=bool), sweeps=1)
    assert frames(steps, 1, lambda step: step.done < 4) == []
    with pytest.raises(GridError, match="No cell is chosen"):
        next(resampled(prior, CODES, np.zeros(9, dtype=bool), sweeps=1))


def test_long_drawings_are_shown_in_a_dozen_steps() -> None:
    prior = build_prior(UniformConfig(), LAYOUT)
    free = np.zeros(9, dtype=bool)
    free[:2] = True
    shown = frames(resampled(prior, CODES, free, sweeps=50), 2, lambda step: True)
    assert len(shown) == 12
