"""Usage of codes, counted by hand and bounded by law."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vqcore.metrics.codebook import UsageMeter, entropy_bits, histogram, perplexity, used


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=50))
def test_perplexity_lies_between_one_and_k_and_follows_the_entropy(values: list[int]) -> None:
    counts = torch.tensor(values)
    assert 1 - 1e-5 <= perplexity(counts) <= len(values) * (1 + 1e-5)
    assert perplexity(counts) <= used(counts).clamp_min(1) * (1 + 1e-5)
    p = np.array([value for value in values if value]) / max(1, sum(values))
    assert entropy_bits(counts).item() == pytest.approx(-(p * np.log2(p)).sum(), abs=1e-4)


@pytest.mark.parametrize(("counts", "entropy"), [([5, 5, 5, 5], 2), ([7, 0, 0], 0), ([0, 0], 0), ([1, 1, 0, 2], 1.5)])
def test_known_entropies(counts: list[int], entropy: float) -> None:
    assert entropy_bits(torch.tensor(counts)).item() == pytest.approx(entropy)
    assert perplexity(torch.tensor(counts)).item() == pytest.approx(2**entropy)


def test_averages_count_as_well_as_integers() -> None:
    assert perplexity(torch.tensor([0.25, 0.25, 0.5])).item() == pytest.approx(2**1.5)


@given(st.lists(st.integers(0, 9), max_size=60))
def test_the_histogram_is_bincount(indices: list[int]) -> None:
    assert histogram(torch.tensor(indices, dtype=torch.int64), 10).tolist() == np.bincount(indices, minlength=10)[:10].tolist()


def test_the_meter_tells_since_when_ever_and_how_long_ago() -> None:
    meter = UsageMeter(5)
    assert meter.age(3).tolist() == [-1] * 5
    assert meter.update_(torch.tensor([[0, 1], [1, 1]]), 1).tolist() == [1, 3, 0, 0, 0]
    meter.update_(torch.tensor([1, 4]), 5)
    assert meter.counts.tolist() == [1, 4, 0, 0, 1]
    assert meter.last_hit.tolist() == [1, 5, -1, -1, 5]
    assert meter.age(7).tolist() == [6, 2, -1, -1, 2]
    assert int(meter.used_since(2)) == 2
    assert int(meter.used_since(0)) == int(meter.used_ever()) == 3
    meter.clear_()
    assert meter.counts.tolist() == [0] * 5
    assert int(meter.used_ever()) == 3


def test_the_meter_is_saved_whole() -> None:
    meter, other = UsageMeter(4), UsageMeter(4)
    meter.update_(torch.tensor([1, 2]), 9)
    other.load_state_dict(meter.state_dict())
    for one in (meter, other):
        one.update_(torch.tensor([2, 3]), 10)
    assert torch.equal(meter.counts, other.counts)
    assert torch.equal(meter.last_hit, other.last_hit)


def test_no_indices_are_no_hits() -> None:
    meter = UsageMeter(3)
    assert meter.update_(torch.zeros(0, 7, 7, dtype=torch.int64), 1).tolist() == [0, 0, 0]
    assert int(meter.used_ever()) == 0
