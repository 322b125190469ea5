"""What a sweep varies: every combination once, nothing that cannot be run, and options as people type them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vqcore.config.presets import PRESETS
from vqcore.config.run import PriorRunConfig
from vqcore.errors import ConfigError
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import EXAMPLES
from vqcore.sweeps.spec import SweepSpec, parse_arms, parse_vary

BASE = PRESETS["digits"].config


def test_every_combination_is_one_run_and_differs_in_nothing_else(spec: SweepSpec) -> None:
    points = spec.points()
    assert len(points) == spec.count == 8
    assert len({point.config.identity for point in points}) == 8
    for point in points:
        wanted = {"model.quantizer.D": int(point.levels[0]), "model.quantizer.distance": point.levels[1]}
        assert point.changes == wanted
        assert point.config == spec.base.edited({**wanted, "train.seed": point.seed})
    assert [point.seed for point in points[:2]] == [0, 1], "seeds of one combination stand together"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 4), max_size=3), st.integers(1, 3))
def test_the_count_is_the_number_of_points(sizes: list[int], seeds: int) -> None:
    paths = ("train.lr", "model.quantizer.K", "model.quantizer.commitment_weight")
    axes = [
        {"name": path, "levels": [{"label": str(i), "changes": {path: 2 + i}} for i in range(size)]}
        for path, size in zip(paths, sizes, strict=False)
    ]
    spec = SweepSpec.parse({"base": BASE, "axes": axes, "seeds": list(range(seeds))})
    points = spec.points()
    assert len(points) == spec.count
    assert len({(point.levels, point.seed) for point in points}) == spec.count


def test_a_spec_survives_json(spec: SweepSpec) -> None:
    assert SweepSpec.parse(spec.model_dump(mode="json")) == spec


def axes(*entries: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": name, "levels": [{"label": "one", "changes": changes}]} for name, changes in entries]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"axes": axes(("a", {"train.lr": 1e-3}), ("b", {"train.lr": 1e-2}))}, "changed by two axes"),
        ({"axes": axes(("a", {}), ("a", {}))}, "varied twice"),
        ({"axes": axes(("seeds", {"train.seed": 3}))}, "say how many seeds"),
        ({"axes": [{"name": "a", "levels": [{"label": "x"}, {"label": "x"}]}]}, "more than once"),
        ({"seeds": [1, 1]}, "a seed is given twice"),
        ({"seeds": []}, "seeds"),
        ({"seeds": list(range(2001))}, "more than the 2,000"),
    ],
)
def test_what_makes_no_sense_is_said(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SweepSpec.parse({"base": BASE, **changes})


def test_a_point_that_cannot_be_run_is_named() -> None:
    spec = SweepSpec.parse({"base": BASE, "axes": [parse_vary("model.quantizer.K=16,1")]})
    with pytest.raises(ConfigError, match=r"model\.quantizer\.K 1: .*given: 1"):
        spec.points()
    wrong = SweepSpec.parse({"base": BASE, "axes": [parse_vary("model.quantizer.KK=16")]})
    with pytest.raises(ConfigError, match="there is no 'KK'"):
        wrong.points()


def test_vary_reads_numbers_and_words() -> None:
    numbers = parse_vary("model.quantizer.D = 4, 16,64")
    assert [level.label for level in numbers.levels] == ["4", "16", "64"]
    assert [level.changes for level in numbers.levels] == [{"model.quantizer.D": value} for value in (4, 16, 64)]
    assert (numbers.path, numbers.numbers) == ("model.quantizer.D", (4.0, 16.0, 64.0))
    words = parse_vary("model.downsampling=2,vector")
    assert [level.changes["model.downsampling"] for level in words.levels] == [2, "vector"]
    assert words.numbers is None


def test_arms_are_named_sets_of_changes() -> None:
    arms = parse_arms(["plain", "cures: model.quantizer.learning=ema, model.quantizer.init = kmeans"])
    assert [level.label for level in arms.levels] == ["plain", "cures"]
    assert arms.levels[0].changes == {}
    assert arms.levels[1].changes == {"model.quantizer.learning": "ema", "model.quantizer.init": "kmeans"}
    assert (arms.name, arms.path, arms.numbers) == ("arm", None, None)


@pytest.mark.parametrize("text", ["K", "=3", "model.quantizer.K=", ""])
def test_vary_says_how_it_is_written(text: str) -> None:
    with pytest.raises(ConfigError, match=r"PATH=VALUE,VALUE"):
        parse_vary(text)


def test_arms_say_how_they_are_written() -> None:
    with pytest.raises(ConfigError, match="NAME: PATH=VALUE"):
        parse_arms(["l2: distance"])
    with pytest.raises(ConfigError, match="more than once"):
        parse_arms(["plain", "plain"])


def test_a_prior_is_no_base_of_a_sweep() -> None:
    example = next(config for path in EXAMPLES.iterdir() if isinstance(config := RunFolder(path).config(), PriorRunConfig))
    with pytest.raises(ConfigError, match="a sweep varies the training of a model"):
        SweepSpec.parse({"base": example, "seeds": [0, 1]})
