"""What is kept of numbers that float16 does not hold, and lines of earlier versions."""

from __future__ import annotations

import numpy as np
import pytest

from vqcore.records import BookStep, Step, compact, from_json, to_json

NORMAL = np.random.default_rng(0).normal(size=(256, 4)).astype(np.float32)


def test_ordinary_numbers_take_half_the_room() -> None:
    assert compact(NORMAL).dtype == np.float16
    assert compact(NORMAL * 1000).dtype == np.float16
    assert compact(np.zeros((0, 4), dtype=np.float32)).dtype == np.float16
    assert compact(np.zeros((5, 4), dtype=np.float32)).dtype == np.float16


@pytest.mark.parametrize("scale", [1e6, 1e38, 1e-7])
def test_numbers_out_of_its_range_keep_their_values(scale: float) -> None:
    values = NORMAL[:, :2] * np.float32(scale)
    assert np.array_equal(compact(values), values)


@pytest.mark.parametrize("shift", [100.0, 2_000.0, -60_000.0])
def test_rows_that_would_become_equal_stay_apart(shift: float) -> None:
    values = NORMAL + np.float32(shift)
    kept = compact(values)
    assert np.array_equal(kept, values)
    assert len(np.unique(kept, axis=0)) == len(values)


def test_what_is_not_finite_stays_so() -> None:
    values = NORMAL.copy()
    values[0], values[1, 2] = np.nan, np.inf
    kept = compact(values)
    assert kept.dtype == np.float16
    assert np.array_equal(np.isfinite(kept), np.isfinite(values))
    assert np.isnan(kept[0]).all() and kept[1, 2] == np.inf
    values[2] = 1e9
    assert np.array_equal(compact(values), values, equal_nan=True)


def test_a_line_that_does_not_say_how_many_codes_is_understood() -> None:
    book = BookStep("codes", 3.5, used_epoch=5, used_ever=6, dead=3, ema_alive=None, e_norm=0.7, K=8)
    step = Step(1, 0.1, 32, 1.0, 32.0, 1e-3, 0.5, {}, 1.0, (book,))
    line = to_json(step)
    assert from_json(line) == step
    del line["books"][0]["K"]
    assert from_json(line) == step
