"""The figures of codes through training, against the arrays that they draw."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from vqcore.plots.codes import (
    AGES,
    RAMP,
    ROWS,
    Counted,
    Score,
    age_groups,
    ages,
    lives,
    order_of,
    perplexity_by_count,
    points_of_code,
    ramp,
    scores,
    shares,
    use_of_code,
)
from vqcore.plots.figure import Mark, to_json

STEPS = np.array([0, 100, 200, 300])
#                 0 always  1 dies at 200, back at 300  2 never  3 born at 200
HITS = np.array([[50, 50, 0, 0], [60, 40, 0, 0], [70, 0, 0, 30], [20, 30, 0, 50]])
DEAD = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [0, 1, 1, 0], [0, 0, 1, 0]], dtype=bool)
TYPES = {"u1": np.uint8, "i2": np.int16}


def unpacked(packed: dict[str, str]) -> np.ndarray[Any, Any]:
    flat = np.frombuffer(base64.b64decode(packed["bdata"]), dtype=TYPES[packed["dtype"]])
    return flat.reshape([int(side) for side in packed["shape"].split(",")])


def test_a_row_ends_where_its_code_dies_and_begins_where_it_revives() -> None:
    figure = lives(STEPS, HITS, DEAD, sort="index")
    go.Figure(figure)
    heat = figure["data"][0]
    z, text = unpacked(heat["z"]), unpacked(heat["text"])
    assert z.shape == (4, 4) and heat["y"] == ["code 0", "code 1", "code 2", "code 3"]
    assert (z[1] == 0).tolist() == [False, False, True, False]
    assert (z[2] == 0).all(), "a code that never lived leaves its row empty"
    assert text[0].tolist() == [5000, 6000, 7000, 2000], "what is read is the share itself"
    assert (np.argsort(z[0]) == np.argsort(text[0])).all()
    assert heat["zmin"] == 0 and z.max() == heat["zmax"], "the most chosen has the last colour"


@pytest.mark.parametrize("most", [1, 37, 9_999, 10_000])
def test_the_colours_are_a_scale_that_plotly_js_accepts(most: int) -> None:
    hits = np.array([[most, 10_000 - most]])
    heat = lives(np.array([0]), hits, hits == 0)["data"][0]
    places = [place for place, _ in heat["colorscale"]]
    assert places[0] == 0 and places[-1] == 1 and places == sorted(places)


def test_not_chosen_is_not_yet_dead() -> None:
    hits = np.array([[5, 5], [5, 0]])
    z = unpacked(lives(np.array([0, 10]), hits, np.zeros((2, 2), dtype=bool), sort="index")["data"][0]["z"])
    assert z[1].tolist()[1] == 1


def test_sorting_puts_the_longest_alive_or_the_most_chosen_on_top() -> None:
    assert order_of("first death", HITS, DEAD).tolist() == [0, 3, 1, 2]
    assert order_of("usage", HITS, DEAD).tolist() == [0, 1, 3, 2]
    assert order_of("index", HITS, DEAD).tolist() == [0, 1, 2, 3]
    assert lives(STEPS, HITS, DEAD)["data"][0]["y"] == ["code 0", "code 3", "code 1", "code 2"]


def test_the_selected_row_and_what_was_done_are_marked() -> None:
    layout = lives(STEPS, HITS, DEAD, selected=3, marks=[Mark(200, "<b>revive")])["layout"]
    assert [shape["y0"] for shape in layout["shapes"]] == [1, 0]
    assert layout["annotations"][0]["text"] == "&lt;b&gt;revive", "typed text is no markup"
    assert lives(STEPS, HITS, DEAD)["layout"]["shapes"] == []


@pytest.mark.parametrize("K", [1, ROWS, ROWS + 1, 8192])
def test_many_codes_share_rows_and_the_message_stays_small(K: int) -> None:
    random = np.random.default_rng(0)
    hits = random.integers(0, 5, (30, K))
    figure = lives(np.arange(30) * 10, hits, hits == 0)
    z = unpacked(figure["data"][0]["z"])
    assert z.shape[0] <= ROWS and z.shape[1] == 30
    assert len(to_json(figure)) < 250_000


def test_shares_are_of_ten_thousand_and_never_lose_a_hit() -> None:
    found = shares(np.array([[1_000_000, 1, 0], [0, 0, 0]]))
    assert found.tolist() == [[10_000, 1, 0], [0, 0, 0]]


def test_the_ramp_runs_from_end_to_end() -> None:
    found = ramp(np.array([-1, 0, 1, 2, np.nan]))
    ends = [tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5)) for colour in (RAMP[0], RAMP[-1])]
    assert [tuple(colour) for colour in found.tolist()] == [ends[0], ends[0], ends[1], ends[1], ends[0]]


def test_one_codes_use_has_a_band_where_it_was_dead() -> None:
    figure = use_of_code(STEPS, HITS, DEAD, 1, "rgb(1, 2, 3)")
    go.Figure(figure)
    assert figure["data"][0]["y"] == [5000, 4000, 0, 3000]
    assert [(shape["x0"], shape["x1"]) for shape in figure["layout"]["shapes"]] == [(150, 250)]
    always = use_of_code(STEPS, HITS, DEAD, 2, "#000000")["layout"]["shapes"]
    assert [(shape["x0"], shape["x1"]) for shape in always] == [(0, 300)]


def test_perplexity_by_count_marks_the_slider_and_the_batch() -> None:
    expected = np.array([1.0, 3.0, 5.0])
    figure = perplexity_by_count([1, 10, 100], expected, K=8, chosen=(10, 3.0), marks=[Counted("A batch", 20, 3.5, "#D55E00")])
    go.Figure(figure)
    curve, batch, slider = figure["data"]
    assert curve["y"] == [1.0, 3.0, 5.0] and (batch["x"], batch["y"]) == ([20.0], [3.5])
    assert (slider["x"], slider["y"]) == ([10], [3.0])
    assert figure["layout"]["shapes"] == [], "K lies above what is drawn"
    assert perplexity_by_count([1, 10, 100], expected, K=5)["layout"]["shapes"][0]["label"]["text"] == "All 5"


def test_ages_are_counted_by_their_size() -> None:
    age = np.array([0, 1, 9, 10, 999, 1000, 123_456, -1, -1])
    assert dict(zip(AGES, age_groups(age).tolist(), strict=True)) == {
        "now": 1,
        "1–9": 2,
        "10–99": 1,
        "100–999": 1,
        "1,000–9,999": 1,
        "10,000+": 1,
        "never": 2,
    }
    figure = ages(np.array([0, 3, -1]))
    go.Figure(figure)
    assert figure["data"][0]["y"] == ["now", "1–9", "10–99", "never"] and sum(figure["data"][0]["x"]) == 3


def test_scores_are_percent_of_validation_examples() -> None:
    figure = scores([Score("Code counts", 90, 100, "#0072B2"), Score("Shuffled <i>", 11, 100, "#8A8A8A")])
    go.Figure(figure)
    assert figure["data"][0]["x"] == [90.0, 11.0]
    assert figure["data"][0]["y"][1] == "Shuffled &lt;i&gt;"


def test_points_of_a_code_show_what_chose_it_and_what_it_draws() -> None:
    points = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    figure = points_of_code(points, points[1:2], np.array([2.5, 3.5]), 7, "rgb(1, 2, 3)")
    go.Figure(figure)
    assert [len(trace["x"]) for trace in figure["data"]] == [3, 1, 1]
    assert figure["data"][2]["x"] == [2.5] and figure["layout"]["yaxis"]["scaleanchor"] == "x"
    assert len(points_of_code(points, points[:0], None, 7, "#000000")["data"]) == 2
