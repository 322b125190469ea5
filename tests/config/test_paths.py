"""Dotted paths in words and as a tree."""

from __future__ import annotations

from vqcore.config.paths import entry, gathered, leaf, nested, titled
from vqcore.config.run import RunConfig, treatable_paths

STAGE = "model.quantizer.stages.1.K"


def test_words() -> None:
    assert (leaf(STAGE), entry(STAGE), titled(STAGE, "Codes K")) == ("K", "stage 2", "Codes K, stage 2")
    assert (leaf("train.lr"), entry("train.lr"), titled("train.lr", "Learning rate")) == ("lr", "", "Learning rate")


def test_what_is_set_together() -> None:
    config = RunConfig().edited({"model.quantizer.kind": "residual"})
    groups = gathered(treatable_paths(config), config.learners())
    first = "model.quantizer.stages.0.commitment_weight"
    assert groups[first] == tuple(f"model.quantizer.stages.{place}.commitment_weight" for place in range(3))
    assert groups["train.lr"] == ("train.lr",) and groups["model.quantizer.stage_dropout"] == ("model.quantizer.stage_dropout",)
    assert sorted(path for paths in groups.values() for path in paths) == sorted(treatable_paths(config))


def test_a_tree() -> None:
    assert nested({"a.b": 1, "a.stages.1.K": 3, "a.stages.0.K": 2, "c": [4]}) == {"a": {"b": 1, "stages": [{"K": 2}, {"K": 3}]}, "c": [4]}
    places = {f"s.{place}.K": place for place in range(12)}
    assert [part["K"] for part in nested(places)["s"]] == list(range(12))
