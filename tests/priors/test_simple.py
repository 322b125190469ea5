"""The rungs that are counted: known counts give known probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vqcore.config.prior import HistogramConfig, UniformConfig
from vqcore.layout import Grid, Layout
from vqcore.priors.registry import build_prior
from vqcore.priors.sampling import predictions, sample, surprise

LAYOUT = Layout((Grid("top", 4, (2,)), Grid("bottom", 3, (2, 2))), classes=2)
CODES = np.array([[0, 1, 2, 2, 2, 0], [0, 3, 2, 2, 1, 0], [0, 1, 2, 2, 0, 0], [0, 3, 2, 1, 1, 0]])
LABELS = np.array([0, 0, 1, 1])


def fitted(**settings: object) -> torch.nn.Module:
    prior = build_prior(HistogramConfig(**settings), LAYOUT)
    prior.fit_(torch.from_numpy(CODES), torch.from_numpy(LABELS))
    return prior


def test_uniform_costs_the_fixed_length() -> None:
    prior = build_prior(UniformConfig(), LAYOUT)
    assert surprise(prior, CODES)[0] == pytest.approx([2, 2, *[np.log2(3)] * 4])


def test_before_counting_every_code_is_alike() -> None:
    assert surprise(build_prior(HistogramConfig(), LAYOUT), CODES)[0] == pytest.approx([2, 2, *[np.log2(3)] * 4])


def test_one_histogram_a_position() -> None:
    p = predictions(fitted(smoothing=0.5), CODES[:1])[0]  # (M, K)
    assert p[0] == pytest.approx([4.5 / 6, 0.5 / 6, 0.5 / 6, 0.5 / 6])
    assert p[1] == pytest.approx([0.5 / 6, 2.5 / 6, 0.5 / 6, 2.5 / 6])
    assert p[3] == pytest.approx([0.5 / 5.5, 1.5 / 5.5, 3.5 / 5.5, 0])


def test_one_histogram_a_book() -> None:
    p = predictions(fitted(per_position=False, smoothing=1), CODES[:1])[0]
    assert p[0] == pytest.approx([5 / 12, 3 / 12, 1 / 12, 3 / 12])
    assert np.array_equal(p[0], p[1])
    assert p[2] == pytest.approx([6 / 19, 4 / 19, 9 / 19, 0])
    assert np.array_equal(p[2], p[5])


def test_one_histogram_a_label() -> None:
    p = predictions(fitted(conditional=True, smoothing=0.5), CODES[:2], [0, 1])
    assert p[0, 4] == pytest.approx([0.5 / 3.5, 1.5 / 3.5, 1.5 / 3.5, 0])
    assert p[1, 4] == pytest.approx([1.5 / 3.5, 1.5 / 3.5, 0.5 / 3.5, 0])


def test_counting_in_blocks_counts_all(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fitted(conditional=True).counts
    monkeypatch.setattr("vqcore.priors.simple._COUNT_ROWS", 3)
    assert torch.equal(fitted(conditional=True).counts, whole)
    assert whole.sum() == CODES.size  # type: ignore[operator]


def test_samples_follow_the_counts() -> None:
    codes = sample(fitted(smoothing=0.001), 4000, seed=1)
    assert (codes[:, 0] == 0).mean() > 0.99
    assert (codes[:, 1] == 1).mean() == pytest.approx(0.5, abs=0.03)
    assert (codes[:, 3] == 2).mean() == pytest.approx(0.75, abs=0.03)


def test_nothing_is_left_to_gradients() -> None:
    assert not fitted().learns_by_gradient
