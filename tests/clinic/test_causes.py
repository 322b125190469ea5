"""The five patients: each differs from its healthy twin in what it says, and in nothing else."""

from __future__ import annotations

import pytest

from vqcore.clinic.causes import CAUSES, Cause
from vqcore.config.run import RunConfig

EVERY = pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)


def leaves(config: RunConfig) -> dict[str, object]:
    """Every value by its dotted path."""
    found: dict[str, object] = {}

    def walk(node: object, path: str) -> None:
        if isinstance(node, dict):
            for name, value in node.items():
                walk(value, f"{path}.{name}" if path else name)
        else:
            found[path] = node

    walk(config.model_dump(mode="json"), "")
    return found


def test_the_five_are_there() -> None:
    assert set(CAUSES) == {"far_init", "no_commitment", "large_k", "high_lr", "high_d"}
    assert len({cause.patient for cause in CAUSES.values()}) == len({cause.title for cause in CAUSES.values()}) == 5


@EVERY
def test_the_paths_are_all_that_differs(cause: Cause) -> None:
    ill, well = leaves(cause.config), leaves(cause.healthy)
    assert {path for path in ill if ill[path] != well[path]} == set(cause.paths)
    assert cause.healthy.edited(cause.changes) == cause.config


@EVERY
def test_everybody_gets_the_same_run(cause: Cause) -> None:
    train = cause.config.train
    assert (train.threads, train.device, train.precision, train.schedule) == (1, "cpu", "float32", "constant")
    assert train.speed_limit == 0


@EVERY
def test_there_is_a_film_and_time_to_see_the_treatment_work(cause: Cause) -> None:
    train = cause.config.train
    assert 40 <= train.steps / train.evaluate_every <= 60
    assert 5 * train.evaluate_every <= cause.treat_at <= 0.5 * train.steps
    assert cause.treat_at % train.evaluate_every == 0, "the diagnosis at that moment rests on a snapshot of that step"
    assert train.steps % train.evaluate_every == 0


@EVERY
def test_symptoms_do_not_give_the_cause_away(cause: Cause) -> None:
    shown = f"{cause.patient} {cause.symptom}".casefold()
    for word in ("β", "beta", "commitment", "learning rate", "dimension", "init", "too large", "many numbers", "far from", "64", "0.03"):
        assert word not in shown
    assert cause.symptom.endswith(".") and cause.reveal.endswith(".")
