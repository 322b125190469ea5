"""What is said of codebooks whose illness is known, because it was made here; and that nothing strange makes it fall over."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clinic.make import CONFIG, EPOCH, book, evaluation, step
from vqcore.clinic.diagnosis import Diagnosis, diagnose
from vqcore.clinic.treatments import TREATMENTS

K, D, V = 64, 4, 256
DEAD, ALIVE = [-1] * 56, [0] * 8
Q = "model.quantizer"


def cloud(D: int = D, scale: float = 1.0, V: int = V) -> Any:
    return np.random.default_rng(1).normal(size=(V, D)) * scale


def codes(scale: float, K: int = K, D: int = D) -> Any:
    return np.random.default_rng(2).normal(size=(K, D)) * scale


def examined(codebook: Any, z: Any, *, age: list[int] | None = None, steps: Any = None, nmse: float = 0.1, **changes: Any) -> Diagnosis:
    config = CONFIG.edited({f"{Q}.{name}" if name != "lr" else "train.lr": value for name, value in changes.items()})
    steps = [step(1, used=8), step(100, used=8), step(300, used=8)] if steps is None else steps
    return diagnose(config, book(codebook, age=age or DEAD + ALIVE, z=z), steps, [evaluation(300, nmse=nmse)], EPOCH)


def finding(found: Diagnosis, name: str) -> float:
    return next(entry.value for entry in found.findings if entry.name == name)


def test_nearly_all_in_use_is_healthy_and_needs_nothing() -> None:
    found = examined(codes(1), cloud(), age=[0] * 52 + [-1] * 12)
    assert found.healthy and not found.first and not found.also
    assert finding(found, "Dead codes") == pytest.approx(12 / 64)


def test_codes_far_out_are_out_of_reach() -> None:
    found = examined(codes(30), cloud())
    assert not found.healthy
    assert (found.pattern, found.first) == ("Codes out of reach", "kmeans")
    assert finding(found, "Distance of dead codes") > 10


def test_an_encoder_that_left_its_codes_behind_runs_away() -> None:
    steps = [step(1, z_norm=2), step(200, z_norm=300), step(300, z_norm=2000)]
    found = examined(codes(1), cloud(scale=1000), steps=steps, commitment_weight=0.0)
    assert found.pattern == "The encoder runs away"
    assert found.first in TREATMENTS


def test_a_commitment_weight_that_holds_is_given_the_benefit_of_the_doubt() -> None:
    start = [step(1, z_norm=0.3), step(60, z_norm=5)]
    assert examined(codes(0.3), cloud(scale=3), steps=start, commitment_weight=0.0).pattern == "The encoder runs away"
    found = examined(codes(0.3), cloud(scale=3), steps=start)
    assert (found.pattern, found.first, found.healthy) == ("Too early to say", "", False)
    # but not for ever
    far = [step(1, z_norm=0.3), step(600, z_norm=3000)]
    assert examined(codes(0.3), cloud(scale=2000), steps=far).pattern == "The encoder runs away"


def test_outputs_too_long_for_a_snapshot_are_told_by_what_training_saw() -> None:
    steps = [step(1, z_norm=2), step(300, z_norm=1e9)]
    found = examined(codes(1), np.full((V, D), 65_504.0), steps=steps, commitment_weight=0.0)
    assert found.pattern == "The encoder runs away"
    (lengths,) = (entry for entry in found.findings if entry.name == "Length of outputs over codes in use")
    assert "1.0e+09 long" in lengths.text
    assert lengths.value > 1e8


def test_a_growing_encoder_whose_codes_keep_up_does_not_run_away() -> None:
    steps = [step(1, z_norm=0.1), step(200, z_norm=2), step(300, z_norm=2)]
    assert examined(codes(1), cloud(), steps=steps).pattern != "The encoder runs away"


def test_as_many_directions_as_numbers_lose_codes_of_the_right_length() -> None:
    found = examined(codes(1, D=64), cloud(D=64), D=64)
    assert (found.pattern, found.first) == ("Lost in many dimensions", "l2")
    # compared by direction already, it is something else
    assert examined(codes(1, D=64), cloud(D=64), D=64, distance="l2").first != "l2"


def test_dead_codes_in_the_midst_of_the_crowd_are_too_many() -> None:
    found = examined(codes(0.5), cloud())
    assert found.pattern == "More codes than find work"
    assert found.first == "revive"


def test_large_steps_are_to_blame_before_what_they_do() -> None:
    found = examined(codes(0.5), cloud(), lr=0.05)
    assert (found.pattern, found.first) == ("Steps too large", "lr")


@pytest.mark.parametrize(("z", "nmse"), [(1 + 1e-3 * cloud(), 0.52), (cloud(), 0.998)])
def test_a_network_that_gave_up_is_not_to_be_cured_by_moving_codes(z: Any, nmse: float) -> None:
    found = examined(codes(1), z, nmse=nmse, lr=0.1)
    assert (found.pattern, found.first) == ("The network gave up", "")


def test_codes_that_come_back_are_seen() -> None:
    steps = [step(1, used=2), step(200, used=8), step(300, used=8 + 20)]
    found = examined(codes(0.5), cloud(), age=[-1] * 36 + [0] * 28, steps=steps)
    assert found.pattern == "Getting better by itself"


def test_more_codes_than_vectors_cannot_be_cured() -> None:
    # 22 steps of 64 images of 16 cells make 22,528 vectors
    many = 40_000
    found = diagnose(CONFIG, book(codes(1, many, 2), age=[-1] * many, z=cloud(2)), [step(300)], [evaluation(300)], EPOCH)
    assert (found.pattern, found.first) == ("More codes than vectors", "")


def test_nan_is_beyond_treatment() -> None:
    z = cloud()
    z[3, 1] = math.nan
    found = examined(codes(1), z)
    assert (found.healthy, found.pattern, found.first) == (False, "The numbers broke", "")


def test_findings_are_evidence_and_do_not_give_the_cause_away() -> None:
    found = examined(codes(1), cloud(), commitment_weight=0.0, lr=0.05)
    assert not any("β" in entry.text or "learning rate" in entry.text or "0.05" in entry.text for entry in found.findings)
    cures = next(entry for entry in found.findings if entry.name == "Revival threshold")
    assert cures.text == "Codes learn by gradient and are compared as they are; revival is off."
    told = examined(codes(1), cloud(), learning="ema", distance="l2", revival_threshold=0.1).findings
    assert any("EMA" in entry.text and "l2" in entry.text and "0.1" in entry.text for entry in told)


def test_the_findings_come_in_one_order_with_short_names_that_fit_a_table() -> None:
    names = [entry.name for entry in examined(codes(30), cloud()).findings]
    assert names[:2] == ["Dead codes", "Distance of dead codes"]
    assert len(names) == len(set(names)) == 8
    assert not any("|" in name or len(name) > 40 for name in names)


def test_before_the_first_record_it_says_what_it_can() -> None:
    found = diagnose(CONFIG, book(codes(30), age=[-1] * K, z=cloud()), [], [], 0)
    assert not found.healthy
    assert found.pattern == "Codes out of reach"
    assert {entry.name for entry in found.findings} >= {"Dead codes", "Distance of dead codes", "Spread of outputs"}


STRANGE = [0.0, 1.0, -2.5, 1e-7, 60_000.0, math.inf, -math.inf, math.nan]
NUMBERS = [0.0, 1e-30, 0.5, 3.0, 1e30, math.inf, math.nan]


@given(seed=st.integers(0, 2**32 - 1), strangeness=st.sampled_from([1, 4, len(STRANGE)]), distance=st.sampled_from(["l2", "euclidean"]))
def test_nothing_makes_it_fall_over(seed: int, strangeness: int, distance: str) -> None:
    random = np.random.default_rng(seed)
    K, D, V, count = random.integers(2, 7), random.integers(1, 6), random.integers(0, 5), random.integers(0, 4)
    codebook = random.choice(STRANGE[:strangeness], size=(K, D)) + random.normal(size=(K, D))
    z = random.choice(STRANGE[:strangeness], size=(V, D)) + random.normal(size=(V, D))
    age = random.integers(-1, 40, size=K)
    config = CONFIG.edited({f"{Q}.distance": distance, "train.lr": float(random.choice([1e-4, 0.1]))})
    steps = [
        step(i, z_norm=random.choice(NUMBERS), used=int(random.integers(0, K + 1)), loss=random.choice(NUMBERS))
        for i in range(1, count + 1)
    ]
    evaluations = [evaluation(i, nmse=random.choice(NUMBERS)) for i in range(count)]
    found = diagnose(config, book(codebook, age=list(age), z=z), steps, evaluations, int(random.choice([0, EPOCH])))
    assert found.first in ("", *TREATMENTS) and set(found.also) <= set(TREATMENTS) and found.first not in found.also
    assert found.healthy <= (not found.first)
    texts = [found.pattern, found.meaning, *(entry.text for entry in found.findings)]
    assert not any(re.search(r"\b(nan|inf)\b", text) for text in texts)
    assert all(math.isfinite(entry.value) for entry in found.findings)
