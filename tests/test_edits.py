"""Edits of whole grids keep what they promise, for any grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from vqcore import edits
from vqcore.errors import GridError

K = 7
shapes = st.one_of(st.just(()), array_shapes(min_dims=1, max_dims=2, max_side=6))
grids = shapes.flatmap(lambda shape: arrays(np.int64, shape, elements=st.integers(0, K - 1)))
codes = st.integers(0, K - 1)
seeds = st.integers(0, 2**32 - 1)
shares = st.floats(0, 1)


@given(grids, codes, codes)
def test_replacing_leaves_none_and_touches_no_other(grid: np.ndarray, old: int, new: int) -> None:
    found = edits.replaced(grid, old, new)
    assert (found == np.where(grid == old, new, grid)).all()
    assert found is not grid


@given(grids, codes, codes)
def test_exchanging_twice_is_once_back(grid: np.ndarray, one: int, other: int) -> None:
    once = edits.exchanged(grid, one, other)
    assert ((once == one) == (grid == other)).all() and ((once == other) == (grid == one)).all()
    assert (edits.exchanged(once, one, other) == grid).all()


@given(grids, seeds)
def test_shuffling_keeps_the_vocabulary(grid: np.ndarray, seed: int) -> None:
    before = grid.copy()
    found = edits.shuffled(grid, seed)
    assert found.shape == grid.shape
    assert (np.bincount(found.ravel(), minlength=K) == np.bincount(grid.ravel(), minlength=K)).all()
    assert (found == edits.shuffled(grid, seed)).all()
    assert (grid == before).all()


@given(grids, st.integers(-9, 9), st.integers(-9, 9))
def test_shifting_back_gives_the_grid_again(grid: np.ndarray, down: int, right: int) -> None:
    by = (down, right)[: grid.ndim]
    assert (edits.shifted(edits.shifted(grid, *by), *(-step for step in by)) == grid).all()


def test_shifting_goes_the_way_that_it_says() -> None:
    grid = np.arange(6).reshape(2, 3)
    assert edits.shifted(grid, 0, 1).tolist() == [[2, 0, 1], [5, 3, 4]]
    assert edits.shifted(grid, 1, 0).tolist() == [[3, 4, 5], [0, 1, 2]]
    with pytest.raises(GridError, match="along 1 axes"):
        edits.shifted(grid, 1)


@given(grids, shares, seeds)
def test_noise_changes_exactly_its_share(grid: np.ndarray, share: float, seed: int) -> None:
    found = edits.noised(grid, share, K, seed)
    assert int((found != grid).sum()) == round(share * grid.size)
    assert found.min(initial=0) >= 0 and found.max(initial=0) < K


@given(grids, shares, shares, seeds)
def test_more_noise_changes_the_same_cells_and_more(grid: np.ndarray, one: float, other: float, seed: int) -> None:
    less, more = sorted((one, other))
    few, many = edits.noised(grid, less, K, seed), edits.noised(grid, more, K, seed)
    changed = few != grid
    assert (many[changed] == few[changed]).all()


def test_noise_needs_a_second_code() -> None:
    with pytest.raises(GridError, match="single code"):
        edits.noised(np.zeros((2, 2), dtype=int), 0.5, 1, 0)


@given(grids, shares, st.sampled_from(edits.PATTERNS), seeds)
def test_blends_take_every_cell_from_one_or_the_other(grid: np.ndarray, share: float, pattern: edits.Pattern, seed: int) -> None:
    other = grid + K  # nowhere the same
    found = edits.blended(grid, other, share, pattern, seed)
    assert ((found == grid) | (found == other)).all()
    assert int((found == other).sum()) == round(share * grid.size)
    assert (edits.blended(grid, other, 0, pattern, seed) == grid).all()
    assert (edits.blended(grid, other, 1, pattern, seed) == other).all()


def test_blends_have_the_patterns_that_they_say() -> None:
    one, other = np.zeros((4, 4), dtype=int), np.ones((4, 4), dtype=int)
    assert edits.blended(one, other, 0.5, "left and right").tolist() == [[0, 0, 1, 1]] * 4
    assert edits.blended(one, other, 0.5, "top and bottom").tolist() == [[0] * 4] * 2 + [[1] * 4] * 2
    assert edits.blended(one, other, 0.5, "checks").tolist() == [[1, 0, 1, 0], [0, 1, 0, 1]] * 2
    quarter = edits.blended(one, other, 0.25, "checks")
    assert sorted(quarter.sum(axis=0).tolist()) == sorted(quarter.sum(axis=1).tolist()) and quarter.sum() == 4


def test_what_is_no_grid_is_refused() -> None:
    with pytest.raises(GridError, match="whole numbers"):
        edits.shuffled(np.zeros((2, 2)), 0)
    with pytest.raises(GridError, match="cannot be blended"):
        edits.blended(np.zeros((2, 2), dtype=int), np.zeros((3, 2), dtype=int), 0.5, "checks")
    with pytest.raises(GridError, match="from 0 to 1"):
        edits.noised(np.zeros((2, 2), dtype=int), 1.5, K, 0)
    with pytest.raises(GridError, match="no pattern"):
        edits.blended(np.zeros((2, 2), dtype=int), np.zeros((2, 2), dtype=int), 0.5, "stars")  # type: ignore[arg-type]
