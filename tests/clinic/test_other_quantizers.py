"""What is said of residual codebooks, and of codes that nothing learns."""

from __future__ import annotations

import numpy as np

from tests.clinic.make import EPOCH, book, evaluation, step
from vqcore.clinic.diagnosis import Diagnosis, diagnose
from vqcore.clinic.treatments import TREATMENTS, why_not
from vqcore.config.run import RunConfig

FIXED = RunConfig().edited({"model.quantizer.kind": "fsq", "model.quantizer.levels": [8, 8]})
STAGES = RunConfig().edited({"model.quantizer.kind": "residual", "train.batch_size": 64})
STEPS = [step(number, used=8, terms={"reconstruction": 0.1}) for number in (22, 220)]


def examined(config: RunConfig, ages: list[int], name: str = "codes") -> Diagnosis:
    z = np.random.default_rng(1).normal(size=(256, 2))
    codes = np.random.default_rng(2).normal(size=(len(ages), 2))
    found = book(codes, age=ages, z=z)
    found = type(found)(**{field: getattr(found, field) for field in found.__slots__} | {"name": name})
    return diagnose(config, found, STEPS, [evaluation(220)], EPOCH)


def test_fixed_codes_can_only_go_unused() -> None:
    found = examined(FIXED, [-1] * 56 + [0] * 8)
    assert (found.pattern, found.first, found.also, found.healthy) == ("Codes without work", "", (), False)
    assert "56 of 64 codes are unused" in found.meaning and "no commitment" in found.meaning
    told = " ".join(finding.text for finding in found.findings)
    assert "nothing learns them" in told and "EMA" not in told and "commitment term is" not in told


def test_fixed_codes_that_are_used_are_healthy() -> None:
    assert examined(FIXED, [0] * 64).healthy


def test_there_is_nothing_to_treat_where_nothing_is_learned() -> None:
    assert "nothing to treat" in why_not(FIXED) and why_not(STAGES) == why_not(RunConfig()) == ""
    assert not [name for name, treatment in TREATMENTS.items() if treatment.commands(FIXED)]


def test_a_treatment_reaches_every_stage_and_leaves_a_valid_run() -> None:
    shared = STAGES.edited({"model.quantizer.shared": True})
    (command,) = TREATMENTS["revival"].commands(shared)
    assert command.changes == {f"model.quantizer.stages.{place}.revival_threshold": 0.1 for place in range(3)}
    treated = shared.edited(command.changes)
    assert TREATMENTS["revival"].commands(treated) == ()


def test_a_stage_is_judged_by_its_own_settings() -> None:
    config = STAGES.edited({"model.quantizer.stages.1.revival_threshold": 0.25})
    told = [" ".join(finding.text for finding in examined(config, [0] * 8, f"stage {place}").findings) for place in (1, 2)]
    assert "revival is off" in told[0] and "revival is under 0.25" in told[1]
