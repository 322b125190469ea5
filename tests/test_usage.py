"""Usage from counts, against PyTorch's definitions, against every draw counted, and against laws that must hold."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vqcore.metrics import codebook
from vqcore.records import BookSnapshot, BookStep, Step
from vqcore.usage import (
    Ages,
    counts_to_try,
    dead_codes,
    entropy_bits,
    epoch_steps,
    first_deaths,
    hits,
    nearest,
    perplexity,
    perplexity_by_count,
)


def book(usage: list[int], age: list[int], validation: list[int] | None = None) -> BookSnapshot:
    K = len(usage)
    return BookSnapshot(
        "codes",
        np.zeros((K, 2), dtype=np.float16),
        np.array(usage, dtype=np.int64),
        np.array(validation or [0] * K, dtype=np.int64),
        np.array(age, dtype=np.int64),
        np.ones(K, dtype=np.float32),
    )


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40))
def test_entropy_and_perplexity_are_those_of_the_metrics(counts: list[int]) -> None:
    array = np.array(counts)
    assert entropy_bits(array) == pytest.approx(float(codebook.entropy_bits(torch.tensor(counts))), abs=1e-4)
    assert perplexity(array) == pytest.approx(float(codebook.perplexity(torch.tensor(counts))), rel=1e-3)
    assert 1 <= perplexity(array) <= len(counts) + 1e-9


def test_expected_perplexity_is_the_mean_over_all_draws() -> None:
    counts = np.array([4, 2, 1])
    vectors = [0, 0, 0, 0, 1, 1, 2]
    for n in (1, 2, 3, 5):
        every = [perplexity(np.bincount([vectors[i] for i in draw], minlength=3)) for draw in combinations(range(7), n)]
        found = np.mean([perplexity_by_count(counts, [n], seed=seed)[0] for seed in range(60)])
        assert found == pytest.approx(np.mean(every), rel=0.02), n


def test_perplexity_grows_with_the_vectors_counted_and_ends_at_the_true_value() -> None:
    # 512 codes of unequal use, true perplexity about 250: a batch of 64 vectors cannot show more than 64 codes
    weights = np.random.default_rng(0).dirichlet(np.full(512, 0.55))
    counts = (weights * 1e6).astype(np.int64)
    true = perplexity(counts)
    found = perplexity_by_count(counts, [64, 256, 1024, 6272, int(counts.sum())])
    assert 200 < true < 300
    assert found[0] < 64 and (np.diff(found) > 0).all()
    assert found[0] < 0.3 * true and found[3] > 0.9 * true
    assert found[-1] == true


def test_one_vector_has_perplexity_one_and_the_same_seed_the_same_numbers() -> None:
    counts = np.array([5, 0, 9, 1])
    np.testing.assert_array_equal(perplexity_by_count(counts, [1, 4], seed=3), perplexity_by_count(counts, [1, 4], seed=3))
    assert perplexity_by_count(counts, [1])[0] == pytest.approx(1)


@pytest.mark.parametrize("n", [0, 16])
def test_more_vectors_than_there_are_cannot_be_drawn(n: int) -> None:
    with pytest.raises(ValueError, match="1 to 15"):
        perplexity_by_count(np.array([5, 0, 9, 1]), [n])


def test_a_billion_hits_are_counted_too() -> None:
    counts = np.array([3_000_000_000, 3_000_000_000, 1])
    assert perplexity_by_count(counts, [1024])[0] == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("total", [0, 1, 2, 100, 5744, 10**7])
def test_numbers_to_try_go_up_to_all(total: int) -> None:
    ns = counts_to_try(total)
    assert ns == sorted(set(ns)) and len(ns) <= 24
    assert (not ns) if total == 0 else ns[-1] == total


def test_a_code_is_dead_an_epoch_after_its_last_hit() -> None:
    shot = book(usage=[3, 1, 0, 0, 0], age=[0, 9, 10, 30, -1])
    assert dead_codes(shot, epoch_steps=10).tolist() == [False, False, True, True, True]
    assert hits(shot).tolist() == [3, 1, 0, 0, 0]


def test_before_the_first_training_step_validation_data_tell() -> None:
    shot = book(usage=[0, 0, 0], age=[-1, -1, -1], validation=[4, 0, 1])
    assert dead_codes(shot, epoch_steps=10).tolist() == [False, True, False]
    assert dead_codes(shot, epoch_steps=0).tolist() == [False, True, False]
    assert hits(shot).tolist() == [4, 0, 1]
    assert dead_codes(book(usage=[2, 0], age=[0, -1]), epoch_steps=0).tolist() == [False, True]


def test_the_epoch_comes_from_the_record() -> None:
    step = Step(50, 2.5, 3200, 1.0, 3200.0, 1e-3, 0.5, {}, 1.0, (BookStep("codes", 1.0, 1, 1, 1, 1, 1.0),))
    assert epoch_steps(step) == 20
    assert epoch_steps(None) == 0
    assert epoch_steps(Step(0, 0.0, 0, 0.0, 0.0, 1e-3, 0.5, {}, 1.0)) == 0


def test_first_deaths_are_told_from_codes_that_never_lived() -> None:
    alive = np.array([[1, 1, 0, 0, 1], [1, 0, 0, 0, 0], [1, 0, 0, 1, 1], [1, 1, 0, 1, 0]], dtype=bool)
    #         never dies, dies at 1 and revives, never lives, born at 2, dies at 1 and again
    assert first_deaths(~alive).tolist() == [4, 1, -1, 4, 1]
    assert first_deaths(np.zeros((0, 3), dtype=bool)).tolist() == [-1, -1, -1]


def test_ages_leave_out_what_never_lived() -> None:
    assert Ages.of(np.array([0, 4, 100, -1])) == Ages(median=4, oldest=100, never=1)
    assert Ages.of(np.array([-1, -1])) == Ages(-1, -1, 2)


def test_nearest_codes_by_distance_in_all_dimensions() -> None:
    codes = np.array([[0, 0, 0], [0, 0, 3], [4, 3, 0], [np.nan, 0, 0], [0, 0, 0]], dtype=np.float32)
    assert nearest(codes, 0, 3) == [(4, 0.0), (1, 3.0), (2, 5.0)]
    assert [k for k, _ in nearest(codes, 1)] == [0, 4, 2]
    assert nearest(codes, 3) == [] and nearest(codes[:1], 0) == []
