"""Charts of sweeps: the numbers of the results, plotly's approval, and places in proportion."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import pytest

from vqcore.config.presets import PRESETS
from vqcore.plots.figure import to_json
from vqcore.plots.sweeps import MEASURES, against, described_levels, seeds_only
from vqcore.sweeps.results import Result, cells
from vqcore.sweeps.spec import SweepSpec, parse_arms, parse_vary

SPEC = SweepSpec.parse(
    {
        "base": PRESETS["digits"].config,
        "axes": [parse_vary("model.quantizer.D=4,16,64"), parse_vary("model.quantizer.distance=euclidean,l2")],
        "seeds": [0, 1],
    }
)


def found(**changes: Any) -> list[Result]:
    """D/seed give 100 %, 50 %, 25 % of 32 codes with Euclidean, all with l2; one code fewer for seed 1."""
    results = []
    for point in SPEC.points():
        used = {"4": 32, "16": 16, "64": 8}[point.levels[0]] if point.levels[1] == "euclidean" else 32
        figures = {"K": 32, "M": 16, "used": used - point.seed, "images": 9, "psnr": 18.0 + point.seed, "nmse": 0.1, "perplexity": 8.0}
        results.append(Result(point.levels, point.changes, point.seed, state="finished", **(figures | changes)))
    return results


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("place", [0, 1])
def test_plotly_takes_every_chart(measure: str, place: int) -> None:
    drawn = against(SPEC.axes, cells(found()), place, measure)
    go.Figure(drawn)
    to_json(drawn)
    assert len(drawn["data"]) == (2 if place == 0 else 3)


def test_marks_are_means_and_bars_reach_from_lowest_to_highest() -> None:
    euclidean, l2 = against(SPEC.axes, cells(found()), 0, "used")["data"]
    assert euclidean["name"] == "distance = Euclidean" and l2["name"] == "distance = l2"
    assert euclidean["x"] == [4, 16, 64]
    assert euclidean["y"] == [98.438, 48.438, 23.438]
    for trace in (euclidean, l2):
        for y, up, down, (low, high, count, _) in zip(
            trace["y"], trace["error_y"]["array"], trace["error_y"]["arrayminus"], trace["customdata"], strict=True
        ):
            assert (y + up, y - down) == pytest.approx((high, low), abs=2e-3) and count == 2
    assert l2["customdata"][0][:2] == [96.875, 100.0]


def test_numbers_far_apart_stand_on_a_log_axis_with_their_own_ticks() -> None:
    axis = against(SPEC.axes, cells(found()), 0, "used")["layout"]["xaxis"]
    assert (axis["type"], axis["tickvals"], axis["ticktext"]) == ("log", [4, 16, 64], ["4", "16", "64"])
    near = SweepSpec.parse({"base": PRESETS["digits"].config, "axes": [parse_vary("model.quantizer.commitment_weight=0,0.25,1")]})
    assert "type" not in against(near.axes, [], 0, "used")["layout"]["xaxis"]


def test_words_stand_in_their_order() -> None:
    drawn = against(SPEC.axes, cells(found()), 1, "psnr")
    assert drawn["layout"]["xaxis"]["categoryarray"] == ["Euclidean", "l2"]
    assert drawn["data"][0]["x"] == ["Euclidean", "l2"]
    assert drawn["data"][0]["y"] == [18.5, 18.5]


def test_what_has_not_finished_is_left_out() -> None:
    results = found()
    half = [result if result.levels != ("16", "l2") else Result(result.levels, {}, result.seed, state="running") for result in results]
    _, l2 = against(SPEC.axes, cells(half), 0, "used")["data"]
    assert l2["x"] == [4, 64]
    empty = against(SPEC.axes, cells([Result(result.levels, {}, 0) for result in results]), 0, "used")
    assert empty["data"] == [] and empty["layout"]["xaxis"]["tickvals"] == [4, 16, 64], "the axis stands before anything has finished"
    assert against(SPEC.axes, [], 0, "psnr")["layout"]["yaxis"]["showticklabels"] is False
    go.Figure(empty)


def test_typed_labels_become_no_tags() -> None:
    spec = SweepSpec.parse({"base": PRESETS["digits"].config, "axes": [parse_arms(["<b>x</b>", "y"]), parse_vary("model.quantizer.D=4,8")]})
    results = [Result(point.levels, point.changes, 0, state="finished", K=4, used=2, images=1) for point in spec.points()]
    drawn = against(spec.axes, cells(results), 1, "used")
    assert drawn["data"][0]["name"] == "&lt;b&gt;x&lt;/b&gt;"
    across = against(spec.axes, cells(results), 0, "used")
    assert across["data"][0]["x"] == ["&lt;b&gt;x&lt;/b&gt;", "y"]


def test_seeds_alone_are_marks() -> None:
    results = [Result((), {}, seed, state="finished", K=32, used=16 + seed, images=1) for seed in (3, 4)]
    (trace,) = seeds_only(cells(results), "used")["data"]
    assert (trace["x"], trace["y"]) == (["3", "4"], [59.375, 62.5])


def test_levels_are_told_in_few_words() -> None:
    assert described_levels(SPEC.axes, ("4", "euclidean")) == "D = 4, distance = Euclidean"
    assert described_levels((parse_vary("model.quantizer.commitment_weight=1"),), ("1",)) == "β = 1"
    assert described_levels((), ()) == "All runs"
