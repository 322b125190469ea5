"""Figures of priors: plotly takes them, and the lines stand where the records say."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from vqcore.plots.figure import to_json
from vqcore.plots.priors import bits, points
from vqcore.records import PriorEvaluation, Step


def evaluation(step: int, found: float) -> PriorEvaluation:
    return PriorEvaluation(step, 100, False, found * np.log(2), found, found - 0.1, 49, 6.0, 5.4, 3.3)


def step(number: int, loss: float) -> Step:
    return Step(number, 0.0, number, 1.0, 1.0, 1e-3, loss, {"cross_entropy": loss}, 0.0)


def curve(figure: dict, name: str) -> dict:
    return next(trace for trace in figure["data"] if trace["name"] == name)


@pytest.mark.parametrize(("per_image", "scale"), [(False, 1), (True, 49)])
def test_bits_against_what_is_known_without_learning(per_image: bool, scale: int) -> None:
    figure = bits([step(1, 4.0), step(10, 2.0)], [evaluation(0, 6.0), evaluation(10, 3.0)], per_image=per_image)
    go.Figure(figure)
    assert curve(figure, "Validation")["y"] == [6.0 * scale, 3.0 * scale]
    assert curve(figure, "Training data")["y"] == pytest.approx([5.9 * scale, 2.9 * scale])
    assert curve(figure, "In batches")["y"][-1] == pytest.approx(2 / np.log(2) * scale, rel=1e-4)
    for name, value in (("All codes alike", 6.0), ("Histogram", 5.4), ("Histogram per cell", 3.3)):
        assert curve(figure, name)["y"] == pytest.approx([value * scale] * 2) and curve(figure, name)["x"] == [0, 10]
    assert figure["layout"]["yaxis"]["range"] == pytest.approx([0, 6.6 * scale])


def test_one_evaluation_is_seen_as_a_point() -> None:
    figure = bits([], [evaluation(1, 3.0)])
    assert curve(figure, "Validation")["mode"] == "markers" and to_json(figure)


def test_nothing_yet_is_an_empty_chart() -> None:
    assert {tuple(trace["x"]) for trace in bits([], [])["data"]} == {()}


def test_points_are_drawn_where_they_are() -> None:
    figure = points(np.array([[0.5, -1.0], [0.25, 1.0]], np.float32))
    go.Figure(figure)
    assert figure["data"][0]["x"] == [0.5, 0.25] and figure["data"][0]["y"] == [-1.0, 1.0]
