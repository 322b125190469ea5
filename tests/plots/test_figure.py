"""What every figure holds to: plotly accepts it, little goes over the wire, no typed text becomes markup."""

from __future__ import annotations

import json
import math

import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as some

from vqcore.plots.figure import WIRE_POINTS, Curve, Mark, axis, lines, log_axis, rounded, thin, to_json


@given(some.integers(0, 20_000), some.integers(1, 700))
def test_thinning_keeps_first_and_last_and_not_more_than_allowed(count: int, limit: int) -> None:
    kept = thin(count, limit)
    assert kept == sorted(set(kept))
    assert len(kept) <= limit + 1
    if count:
        assert kept[0] == 0 and kept[-1] == count - 1


@given(some.integers(1, 5_000), some.integers(1, 600))
def test_a_curve_that_grows_by_a_point_keeps_what_it_showed(count: int, limit: int) -> None:
    before, after = thin(count, limit)[:-1], thin(count + 1, limit)
    assert set(before) <= set(after) or len(after) <= len(before) / 2 + 2, "unless the stride doubles"


@pytest.mark.parametrize(("value", "shown"), [(0.123456789, 0.12346), (0.0, 0.0), (math.nan, None), (math.inf, None), (-math.inf, None)])
def test_numbers_are_short_and_what_json_cannot_hold_is_a_gap(value: float, shown: float | None) -> None:
    assert rounded(value) == shown


def test_long_curves_are_thinned_for_the_wire() -> None:
    x = list(range(16_000))
    drawn = lines([Curve("a", x, [1 / (i + 1) for i in x], "#000000")], x=axis("x"), y=axis("y"), name="n")
    assert len(drawn["data"][0]["x"]) <= WIRE_POINTS + 1
    assert drawn["data"][0]["x"][-1] == 15_999
    assert len(to_json(drawn)) < 20_000


def test_what_is_not_finite_or_not_above_zero_leaves_a_gap_on_a_log_axis() -> None:
    curve = Curve("a", [1, 2, 3, 4], [1.0, 0.0, math.nan, 2.0], "#000000")
    drawn = lines([curve], x=axis("x"), y=log_axis("y"), name="n")
    assert drawn["data"][0]["y"] == [1.0, None, None, 2.0]
    go.Figure(drawn)
    json.loads(to_json(drawn))


def test_a_log_axis_is_not_stretched_by_the_first_points() -> None:
    values = [1e-6, *[1.0 - 0.001 * i for i in range(100)]]
    drawn = lines([Curve("a", range(101), values, "#000000")], x=axis("x"), y=log_axis("y"), name="n")
    assert 0.5 < drawn["layout"]["yaxis"]["autorangeoptions"]["clipmin"] < 0.9


def test_typed_text_is_no_markup() -> None:
    drawn = lines([Curve("<b>bold</b>", [1], [1], "#000000")], x=axis("x"), y=axis("y"), name="n", marks=[Mark(1, "<a href='x'>y</a>")])
    assert drawn["data"][0]["name"] == "&lt;b&gt;bold&lt;/b&gt;"
    assert "<a" not in drawn["layout"]["annotations"][0]["text"]


def test_colours_of_text_and_ground_are_left_to_the_page() -> None:
    drawn = lines([Curve("a", [1], [1], "#123456")], x=axis("x"), y=axis("y"), name="n", marks=[Mark(1, "m")])
    layout = drawn["layout"]
    assert layout["paper_bgcolor"] == layout["plot_bgcolor"] == "rgba(0,0,0,0)"
    assert "color" not in layout["font"]


def test_the_zoom_belongs_to_the_name_and_no_range_is_set_that_ticks_would_move() -> None:
    first, later = (lines([Curve("a", list(range(n)), [1.0] * n, "#000000")], x=axis("x"), y=log_axis("y"), name="same") for n in (5, 50))
    assert first["layout"]["uirevision"] == later["layout"]["uirevision"] == "same"
    assert "range" not in first["layout"]["yaxis"]


def test_nan_never_reaches_the_browser() -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json({"data": [{"y": [math.nan]}], "layout": {}})
