"""Figures of samples: valid for plotly, with every sample in them."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from vqcore.plots.figure import to_json
from vqcore.plots.invent import closeness, ladder_bits, sample_bits


def test_the_ladder_has_a_bar_a_rung_with_its_bits() -> None:
    figure = ladder_bits(["Uniform", "Pixel<b>CNN"], [294.0, 131.24])
    assert figure["data"][0]["x"] == [294.0, 131.2] and figure["data"][0]["text"] == ["294", "131"]
    assert "<b>" not in figure["data"][0]["y"][1], "text is no markup"
    go.Figure(figure)


@pytest.mark.parametrize("chosen", [None, 0, 2, 9])
def test_samples_stand_against_real_images(chosen: int | None) -> None:
    real, samples = np.random.default_rng(0).normal(100, 5, 200), np.array([80.0, 100.0, 140.0])
    figure = sample_bits(real, samples, chosen)
    assert sum(figure["data"][0]["y"]) == pytest.approx(100, abs=0.1), "every real image is in a bar"
    assert figure["data"][1]["x"] == [80.0, 100.0, 140.0]
    marked = [trace["x"] for trace in figure["data"] if trace["name"] == "This sample"]
    assert marked == ([[samples[chosen]]] if chosen is not None and chosen < 3 else [])
    go.Figure(figure)
    to_json(figure)


def test_equal_values_and_few_of_them_are_drawn() -> None:
    figure = closeness(np.full(3, 40.0), np.full(2, 40.0), 1, "Equal codes (%)")
    assert sum(figure["data"][0]["y"]) == pytest.approx(100, abs=0.1)
    go.Figure(figure)
    to_json(figure)
