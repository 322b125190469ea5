"""The usage histogram and the plane, checked against the counts that they draw."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from vqcore.plots.codebook import BARS, plane, usage_histogram
from vqcore.plots.figure import to_json

HITS = np.array([10, 0, 70, 20, 0])
DEAD = np.array([False, True, False, False, False])
COLOURS = np.arange(15, dtype=np.uint8).reshape(5, 3)


def test_by_use_the_most_chosen_code_is_first_and_the_dead_are_last() -> None:
    bars, _, marks = usage_histogram(HITS, DEAD, COLOURS)["data"]
    assert bars["customdata"] == [2, 3, 0, 4, 1]
    assert bars["y"] == [70.0, 20.0, 10.0, 0.0, 0.0]
    assert marks["x"] == [4] and marks["name"] == "Dead: 1", "not chosen in this window is not yet dead"


def test_by_index_every_code_keeps_its_place_and_its_colour() -> None:
    bars, _, marks = usage_histogram(HITS, DEAD, COLOURS, sort=False)["data"]
    assert bars["customdata"] == [0, 1, 2, 3, 4]
    assert bars["marker"]["color"][2] == "rgb(6,7,8)"
    assert marks["x"] == [1]


@pytest.mark.parametrize("sort", [True, False])
@pytest.mark.parametrize("K", [2, 32, 512, 513, 65_536])
def test_any_number_of_codes_becomes_a_bounded_number_of_bars_that_add_up(K: int, sort: bool) -> None:
    hits = np.random.default_rng(0).integers(0, 9, K)
    figure = usage_histogram(hits, hits == 0, np.zeros((K, 3), np.uint8), sort=sort)
    go.Figure(figure)
    bars = figure["data"][0]
    assert len(bars["x"]) <= BARS
    group = -(-K // BARS)
    widths = np.diff(np.append(bars["x"], K))
    assert float(np.dot(bars["y"], widths)) == pytest.approx(100, rel=1e-2)
    assert (widths[:-1] == group).all()
    assert len(to_json(figure)) < 40_000


def test_nothing_chosen_yet_is_drawn_as_nothing() -> None:
    figure = usage_histogram(np.zeros(4, dtype=np.int64), np.ones(4, dtype=bool))
    go.Figure(figure)
    assert figure["data"][0]["y"] == [0.0] * 4
    assert figure["data"][2]["name"] == "Dead: 4"


def test_the_plane_shows_points_and_what_becomes_of_them_at_one_scale() -> None:
    points = np.array([[0.5, 1.0], [0.25, -1.0]], dtype=np.float32)
    figure = plane(points, points / 2, COLOURS[:2])
    go.Figure(figure)
    assert figure["data"][0]["x"] == [0.5, 0.25]
    assert figure["data"][1]["y"] == [0.5, -0.5]
    assert figure["layout"]["yaxis"]["scaleanchor"] == "x"
