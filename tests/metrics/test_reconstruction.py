"""Errors of reconstruction against NumPy and against known values."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from vqcore.metrics.reconstruction import mse, nmse, psnr


def test_mse_is_numpys() -> None:
    x, x_hat = torch.rand(2, 5, 3, 4, 4).unbind()
    assert mse(x, x_hat).item() == pytest.approx(np.mean((x.numpy() - x_hat.numpy()) ** 2), rel=1e-5)


def test_nmse_of_answering_with_the_mean_value_is_one() -> None:
    x = torch.rand(100, 1, 8, 8)
    variance = float(x.double().var(unbiased=False))
    assert nmse(mse(x, x.mean().expand_as(x)).item(), variance) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize(("error", "decibels"), [(1.0, 0), (0.01, 20), (0.001, 30)])
def test_psnr_in_decibels(error: float, decibels: float) -> None:
    assert psnr(error) == pytest.approx(decibels)


def test_a_perfect_picture_has_no_end_of_decibels() -> None:
    assert psnr(0.0) == math.inf
    assert psnr(0.04, peak=2.0) == pytest.approx(20)
