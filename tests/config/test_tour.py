"""The tour's runs are ones that a newcomer can wait for, and configurations keep their identity."""

from __future__ import annotations

import hashlib
import json

import pytest

from vqcore.config.presets import PRESETS
from vqcore.config.run import RunConfig, treatable_paths
from vqcore.config.tour import BUNDLED, TOUR


@pytest.mark.parametrize("name", TOUR)
def test_the_cards_of_the_tour_share_their_codes(name: str) -> None:
    config = TOUR[name].config
    assert (config.model.quantizer.K, config.model.quantizer.D) == (16, 2)
    assert config.train.threads == 1, "everybody sees the same"
    assert config.train.steps // config.train.evaluate_every <= 120, "no snapshot of the run is thinned away"


def test_the_broken_run_differs_from_the_healthy_one_in_where_its_codes_start() -> None:
    healthy, broken = TOUR["train"].config, TOUR["broken"].config
    assert broken.model.quantizer.edited({"init": "data", "init_scale": 1.0}) == healthy.model.quantizer
    assert 0 < TOUR["broken"].pause_at < broken.train.steps


def test_the_bundled_run_is_the_one_of_card_3() -> None:
    assert BUNDLED.identity != TOUR["broken"].config.identity
    assert BUNDLED.model == TOUR["train"].config.model and BUNDLED.train.seed == TOUR["train"].config.train.seed
    assert "train.speed_limit" in treatable_paths(TOUR["train"].config)


def test_a_choice_that_came_later_leaves_identities_as_they_were() -> None:
    config = PRESETS["letters"].config
    as_before = config.model_dump(mode="json")
    del as_before["model"]["net"], as_before["model"]["freeze_encoder"], as_before["model"]["quantizer"]["start_after"]
    for name in ("device", "threads", "speed_limit", "record_every", "checkpoint_every"):
        del as_before["train"][name]
    assert config.identity == hashlib.sha256(json.dumps(as_before, sort_keys=True).encode()).hexdigest()[:16]
    vector = {"model.downsampling": "vector", "model.quantizer.D": 2}
    one, other = RunConfig().edited(vector), RunConfig().edited(vector | {"model.net": "mlp"})
    assert one.identity != other.identity
    assert config.identity != config.edited({"model.quantizer.start_after": 50}).identity
