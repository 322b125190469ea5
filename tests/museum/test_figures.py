"""The museum's curves: both runs on one pair of axes, as they are."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import pytest

from vqcore.museum.exhibits import EXHIBITS
from vqcore.museum.figures import BUGGY, ERROR, HEALTHY, TITLES, compared
from vqcore.museum.trial import BUNDLED, Pair, read
from vqcore.plots.figure import Figure, to_json


def bundled(key: str) -> Pair:
    found = read([BUNDLED], key, 0, EXHIBITS[key].run(0).identity)
    assert found is not None
    return found


def curve(figure: Figure, colour: str) -> dict[str, Any]:
    return next(trace for trace in figure["data"] if trace["line"]["color"] == colour)


@pytest.mark.parametrize("name", TITLES)
@pytest.mark.parametrize("key", EXHIBITS)
def test_each_series_is_a_figure_with_every_point_of_both(key: str, name: str) -> None:
    pair = bundled(key)
    figure = compared(pair, name, 16)
    go.Figure(figure)  # plotly refuses what it does not know
    to_json(figure)
    for colour, run in ((BUGGY, pair.buggy), (HEALTHY, pair.healthy)):
        values = run.nmse if name == ERROR else run.series[name]
        drawn = curve(figure, colour)["y"]
        if figure["layout"]["yaxis"].get("type") == "log":
            assert [value for value in drawn if value is not None] == pytest.approx([value for value in values if value > 0], rel=1e-4)
        else:
            assert drawn == pytest.approx(list(values), rel=1e-4)
            low, high = figure["layout"]["yaxis"]["range"]
            assert all(low <= value <= high for value in values), "cut off"


def test_a_curve_that_is_nothing_but_zeros_says_so() -> None:
    figure = compared(bundled("no_stop_gradient"), "picture_at_z", 16)
    assert curve(figure, BUGGY)["name"] == "With the bug: 0 throughout"
    assert curve(figure, HEALTHY)["name"] == "Without the bug"


def test_what_explodes_is_on_a_log_axis_and_counts_are_not() -> None:
    pair = bundled("loss_on_output")
    assert compared(pair, "z_norm", 16)["layout"]["yaxis"]["type"] == "log"
    assert "type" not in compared(pair, "used", 16)["layout"]["yaxis"]
    assert compared(pair, "used", 16)["layout"]["yaxis"]["range"][1] > 16


def test_an_unknown_series_is_refused() -> None:
    with pytest.raises(KeyError):
        compared(bundled("wrong_term"), "nothing", 16)
