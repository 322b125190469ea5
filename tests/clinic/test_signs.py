"""The figures of a diagnosis against a plain computation, on books small enough to see through."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.clinic.make import CONFIG, EPOCH, book, evaluation, step
from vqcore.clinic.signs import Signs, signs

Z = np.array([[0, 0], [2, 0], [0, 2], [2, 2]], dtype=np.float16)  # spread √2 around (1, 1)


def looked(codes: list[list[float]], age: list[int], **changes: object) -> Signs:
    return signs(CONFIG, book(codes, age=age, z=Z, **changes), [step(1), step(100)], [evaluation(100)], EPOCH)


def test_distances_are_in_spreads_to_the_nearest_output() -> None:
    found = looked([[0, 0], [2, 5], [12, 0], [2, 2.5]], age=[0, -1, EPOCH, 3])
    assert (found.dead, found.never, found.lost, found.used) == (2, 1, 1, 2)
    assert found.spread == pytest.approx(math.sqrt(2))
    # dead: (2, 5) is 3 from (2, 2); (12, 0) is 10 from (2, 0); their median is 6.5. In use: 0 and 0.5
    assert found.dead_distance == pytest.approx(6.5 / math.sqrt(2))
    assert found.used_distance == pytest.approx(0.25 / math.sqrt(2))
    assert found.dead_length == pytest.approx((math.hypot(2, 5) + 12) / 2)
    assert found.z_length == pytest.approx((0 + 2 + 2 + math.sqrt(8)) / 4)


def test_outputs_are_compared_with_one_another_too() -> None:
    # each corner of the square is 2 from the next
    assert looked([[0, 0]], age=[0]).own_distance == pytest.approx(2 / math.sqrt(2))


def test_distances_agree_with_all_pairs_on_many_codes() -> None:
    random = np.random.default_rng(0)
    codes = random.normal(size=(3000, 8)).astype(np.float16)
    z = random.normal(size=(200, 8)).astype(np.float16)
    found = signs(CONFIG, book(codes, age=[-1] * 3000, z=z), [step(100)], [], EPOCH)
    wide = z.astype(np.float64)
    every = np.linalg.norm(codes[::2].astype(np.float64)[:, None] - wide[None], axis=2).min(axis=1)
    spread = np.sqrt(((wide - wide.mean(axis=0)) ** 2).sum(axis=1).mean())
    assert found.dead_distance == pytest.approx(np.median(every) / spread, rel=1e-6)
    assert math.isnan(found.used_distance)


def test_trends_compare_with_the_start_and_with_a_quarter_of_the_run_ago() -> None:
    steps = [step(1, z_norm=2.0, used=8), step(60, z_norm=4.0, used=2), step(75, z_norm=5.0, used=1), step(100, z_norm=20.0, used=3)]
    found = signs(CONFIG, book([[0, 0]] * 8, age=[0] * 8, z=Z), steps, [], EPOCH)
    assert found.z_growth == pytest.approx(10)
    assert found.z_trend == pytest.approx(4)
    assert found.use_trend == pytest.approx(2 / 8)


def test_losses_and_vectors_are_those_of_the_last_records() -> None:
    steps = [step(1), step(100, terms={"reconstruction": 0.5, "commitment": 0.25, "codebook": 0.25})]
    found = signs(CONFIG, book([[0, 0]] * 4, age=[0] * 4, z=Z), steps, [evaluation(50, nmse=0.9), evaluation(100, nmse=0.3)], EPOCH)
    assert found.commitment_ratio == pytest.approx(0.5)
    assert found.kept == pytest.approx(1 - 2 * 0.25 / 2)  # D · commitment over the squared spread
    assert found.nmse == 0.3
    assert found.vectors_per_code == pytest.approx(16 * CONFIG.train.batch_size * EPOCH / 4)


def test_what_cannot_be_known_is_nan_and_nothing_is_made_up() -> None:
    found = signs(CONFIG, book([[1, 1]], age=[-1], z=np.zeros((0, 0), dtype=np.float16)), [], [], 0)
    assert (found.K, found.dead, found.broken) == (1, 1, False)
    for value in (found.spread, found.z_length, found.dead_distance, found.z_growth, found.commitment_ratio, found.use_trend):
        assert math.isnan(value)


def test_a_code_too_long_for_a_snapshot_is_left_out_and_is_no_nan() -> None:
    found = looked([[np.inf, 0], [2, 5]], age=[-1, -1])
    assert not found.broken
    assert found.dead_distance == pytest.approx(3 / math.sqrt(2))


@pytest.mark.parametrize("where", ["codebook", "z", "loss"])
def test_nan_is_noticed(where: str) -> None:
    z = Z.copy()
    codes = [[0.0, 0.0], [1.0, 1.0]]
    if where == "z":
        z[0, 0] = np.nan
    if where == "codebook":
        codes[0][0] = math.nan
    loss = math.nan if where == "loss" else 1.0
    assert signs(CONFIG, book(codes, age=[0, 0], z=z), [step(100, loss=loss)], [], EPOCH).broken
