"""Two runs over one another, checked against the records that they draw."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go
import pytest

from vqcore.plots.clinic import LABEL, MEASURES, TREATED, UNTREATED, Measure, Side, overlay, together, walk
from vqcore.plots.figure import Figure, Mark, to_json
from vqcore.records import BookEvaluation, BookStep, BookWalk, Evaluation, Step, Walk

K = 32


def step(number: int, used: int = 3, **changes: Any) -> Step:
    book = BookStep("codes", 2.0, used, 5, K - used, used, 40.0)
    values = {"terms": {"reconstruction": 0.5, "commitment": 2.0}, "z_norm": 3.0, "books": (book,)} | changes
    return Step(number, number / 22, number * 64, number / 100, 6400.0, 1e-3, 0.5, **values)


def evaluation(number: int, nmse: float = 0.4) -> Evaluation:
    book = BookEvaluation("codes", K, 3, 2.5, 1.3, 5760, 16, 80.0)
    return Evaluation(number, 360, True, 0.9, {"reconstruction": 0.4}, 0.02, nmse, 0.52, 17.0, (book,))


LEFT = Side("Untreated", UNTREATED, [step(i) for i in range(0, 300, 10)], [evaluation(i) for i in range(0, 300, 30)])
RIGHT = Side(
    "Treated",
    TREATED,
    [step(i, used=30 if i > 100 else 3) for i in range(0, 300, 10)],
    [evaluation(i, 0.1) for i in range(0, 300, 30)],
    [Mark(100, "β = 0.25"), Mark(100, "revive")],
)
EMPTY = Side("Untreated", UNTREATED, [], [])
ODD = Side("Odd", TREATED, [step(i, books=(), z_norm=math.nan, terms={}) for i in range(3)], [])


def traces(figure: Figure) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in figure["data"]}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize(
    "sides", [[LEFT, RIGHT], [RIGHT], [EMPTY, EMPTY], [LEFT, ODD], []], ids=["both", "one", "none yet", "odd", "nobody"]
)
def test_plotly_takes_every_figure_and_every_axis_has_a_title(measure: Measure, sides: list[Side]) -> None:
    figure = overlay(sides, measure, K=K)
    go.Figure(figure)  # validates every name and value
    to_json(figure)
    assert figure["layout"]["xaxis"]["title"]["text"] and figure["layout"]["yaxis"]["title"]["text"]
    assert figure["layout"]["meta"]["name"]


@pytest.mark.parametrize("measure", MEASURES)
def test_a_run_keeps_its_colour_and_both_are_seen_where_they_are_one_line(measure: Measure) -> None:
    drawn = overlay([LEFT, RIGHT], measure, K=K)["data"]
    ours = {colour: [trace for trace in drawn if trace["line"]["color"] == colour] for colour in (UNTREATED, TREATED)}
    assert len(ours[UNTREATED]) == len(ours[TREATED]) >= 1
    for under, over in zip(ours[UNTREATED], ours[TREATED], strict=True):
        assert under["line"]["width"] > over["line"]["width"]
        assert drawn.index(under) < drawn.index(over), "the narrow one is drawn last"


def test_codes_used_are_those_of_the_records_on_an_axis_up_to_all_of_them() -> None:
    figure = overlay([LEFT, RIGHT], "used", K=K)
    assert traces(figure)["Untreated"]["y"][-1] == 3 and traces(figure)["Treated"]["y"][-1] == 30
    low, high = figure["layout"]["yaxis"]["range"]
    assert low == 0 and high > K
    assert figure["layout"]["shapes"][-1]["y0"] == K


def test_two_quantities_of_one_run_differ_in_their_dash() -> None:
    for measure in ("norms", "terms"):
        drawn = [trace for trace in overlay([LEFT, RIGHT], measure, K=K)["data"] if trace["line"]["color"] == TREATED]
        assert len({trace["line"]["dash"] for trace in drawn}) == 2
    lengths = traces(overlay([LEFT], "norms", K=K))
    assert [trace["y"][0] for trace in lengths.values()] == [3.0, 40.0]


def test_the_error_stands_against_the_mean_picture() -> None:
    drawn = traces(overlay([LEFT, RIGHT], "errors", K=K))
    assert set(drawn) == {"Mean picture", "Untreated", "Treated"}
    assert set(drawn["Mean picture"]["y"]) == {0.52} and drawn["Treated"]["y"][0] == 0.1


def test_what_was_done_stands_at_its_step_in_the_colour_of_its_run() -> None:
    layout = overlay([LEFT, RIGHT], "errors", K=K)["layout"]
    (line,) = layout["shapes"]
    assert line["x0"] == 100 and line["line"]["color"] == TREATED
    assert [note["text"] for note in layout["annotations"]] == ["β = 0.25, revive"]


def test_marks_on_one_place_become_one_and_fit_beside_their_line() -> None:
    marks = [Mark(500, "revive"), Mark(501, "revive"), Mark(900, "k-means"), Mark(505, "learning = EMA, " * 9)]
    first, second = together(marks, near=10)
    assert first.step == 500 and first.label.startswith("revive, learning") and len(first.label) <= LABEL and first.label.endswith("…")
    assert second == Mark(900, "k-means")
    assert together([], 10) == []


def test_titles_are_not_read_as_tags_and_subscripts_are() -> None:
    side = Side("<b>x</b>", TREATED, LEFT.steps, LEFT.evaluations)
    names = set(traces(overlay([side], "norms", K=K)))
    assert names == {"&lt;b&gt;x&lt;/b&gt;: |z<sub>e</sub>|", "&lt;b&gt;x&lt;/b&gt;: |e<sub>k</sub>|"}


def test_the_axis_reaches_as_far_as_the_training_does() -> None:
    clip = overlay([LEFT], "used", K=K, steps=1500)["layout"]["xaxis"]["autorangeoptions"]["clipmax"]
    assert clip == pytest.approx(1530)


def look(step: int, moved: float, nearest: float | None = 0.1, common: float = 0.5) -> Walk:
    return Walk(step, 0, (BookWalk("codes", moved, common, nearest),))


WALKS = [look(0, 0.0), look(1, 0.5), look(2, 0.5), look(5, 1.0, common=1.0), look(10, 1.0, common=1.0), look(12, 9.0)]


def test_the_walk_adds_up_beside_the_distance_to_codes_and_the_share_has_its_own_axis() -> None:
    side = Side("Run", TREATED, [], [], walks=[*WALKS[:5], look(20, 0.0, None)])
    figure = walk([side])
    go.Figure(figure)
    to_json(figure)
    far, near, share = figure["data"]
    assert far["x"] == [1, 2, 5, 10, 20] and far["y"] == [0.5, 1.0, 2.0, 3.0, 3.0]
    assert near["x"] == [1, 2, 5, 10] and near["y"] == [0.1] * 4
    assert share["x"] == [1, 2, 5, 10] and share["y"] == [50, 50, 100, 100] and share["yaxis"] == "y2"
    assert [trace["showlegend"] for trace in figure["data"]] == [True, False, False] and not figure["layout"]["showlegend"]
    assert all(figure["layout"][name]["title"]["text"] for name in ("xaxis", "yaxis", "yaxis2"))


@pytest.mark.parametrize("sides", [[], [EMPTY], [Side("One look", TREATED, [], [], walks=WALKS[:1])]])
def test_a_walk_that_has_not_begun_is_drawn_too(sides: list[Side]) -> None:
    figure = walk(sides)
    go.Figure(figure)
    assert to_json(figure)
    assert all(len(trace["x"]) == len(trace["y"]) <= 1 for trace in figure["data"]), "one look is no way yet"
