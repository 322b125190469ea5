"""The curves of a run, checked against the records that they draw."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go
import pytest

from vqcore.plots import training
from vqcore.plots.figure import Figure, Mark, to_json
from vqcore.plots.marks import described, treatments
from vqcore.records import TERM_COLOURS, BookEvaluation, BookStep, Evaluation, Event, Step

K = 32


def step(number: int, books: int = 1, **changes: Any) -> Step:
    book = BookStep("codes", 10.0 + number % 3, 20, 25, 12, 22, 1.5)
    terms = {"reconstruction": 0.5 / (number + 1), "codebook": 0.1, "commitment": 0.1}
    values = {"loss": 1 / (number + 1), "terms": terms, "z_norm": 2.0 + number, "books": (book,) * books} | changes
    return Step(number, number / 22, number * 64, number / 100, 6400.0, 1e-3, **values)


def evaluation(number: int) -> Evaluation:
    book = BookEvaluation("codes", K, 18, 15.0, 3.9, 5760, 16, 80.0)
    return Evaluation(number, 360, True, 0.9, {"reconstruction": 0.4}, 0.02, 0.3, 0.52, 17.0, (book,))


STEPS = [step(i) for i in range(0, 500, 10)]
EVALUATIONS = [evaluation(i) for i in range(0, 500, 100)]
MARKS = [Mark(200, "revive")]


def traces(figure: Figure) -> dict[str, dict[str, Any]]:
    return {trace["name"]: trace for trace in figure["data"]}


FIGURES = {
    "loss": lambda s, e, m: training.loss_curves(s, e, m),
    "errors": lambda s, e, m: training.errors(e, m),
    "used": lambda s, e, m: training.codes_used(s, e, K=K, marks=m),
    "perplexity": lambda s, e, m: training.perplexities(s, e, K=K, marks=m),
    "norms": lambda s, e, m: training.norms(s, marks=m),
}


@pytest.mark.parametrize("draw", FIGURES.values(), ids=FIGURES)
@pytest.mark.parametrize(
    ("steps", "evaluations", "marks"),
    [
        (STEPS, EVALUATIONS, MARKS),
        ([], [], []),
        ([], EVALUATIONS[:1], []),
        (STEPS[:1], [], MARKS),
        ([step(i, books=0) for i in range(5)], [], []),
        ([step(i, loss=math.nan, z_norm=math.inf) for i in range(5)], [], []),
    ],
    ids=["whole", "nothing yet", "first look", "first step", "no books", "not finite"],
)
def test_plotly_takes_every_figure_and_every_axis_has_a_title(draw: Any, steps: Any, evaluations: Any, marks: Any) -> None:
    figure = draw(steps, evaluations, marks)
    go.Figure(figure)  # validates every name and value
    to_json(figure)
    assert figure["layout"]["xaxis"]["title"]["text"] and figure["layout"]["yaxis"]["title"]["text"]
    assert figure["layout"]["meta"]["name"]


def test_loss_curves_have_every_term_in_its_colour_and_validation_as_points() -> None:
    drawn = traces(training.loss_curves(STEPS, EVALUATIONS))
    assert list(drawn) == ["Loss", "Reconstruction", "Codebook", "Commitment", "Validation"]
    assert drawn["Codebook"]["line"]["color"] == TERM_COLOURS["codebook"]
    assert drawn["Codebook"]["line"]["dash"] != drawn["Commitment"]["line"]["dash"], "they may lie on one another"
    assert drawn["Validation"]["mode"] == "markers"
    assert drawn["Validation"]["y"] == [0.9] * 5
    assert drawn["Loss"]["y"][0] == 1.0


def test_a_term_that_the_run_does_not_have_is_not_drawn() -> None:
    steps = [step(i, terms={"reconstruction": 0.5}) for i in range(3)]
    assert list(traces(training.loss_curves(steps))) == ["Loss", "Reconstruction"]


def test_treatments_stand_as_lines_at_their_step() -> None:
    layout = training.loss_curves(STEPS, EVALUATIONS, MARKS)["layout"]
    assert [shape["x0"] for shape in layout["shapes"]] == [200]
    assert [note["text"] for note in layout["annotations"]] == ["revive"]


def test_counts_run_from_nothing_to_all_codes_all_through_the_run() -> None:
    early, late = training.codes_used(STEPS[:2], K=K), training.codes_used(STEPS, K=K)
    assert early["layout"]["yaxis"]["range"] == late["layout"]["yaxis"]["range"]
    assert early["layout"]["yaxis"]["range"][0] == 0 and early["layout"]["yaxis"]["range"][1] >= K
    assert traces(late)["Last epoch"]["y"][0] == 20


def test_perplexity_of_a_batch_and_of_the_frozen_model_are_told_apart() -> None:
    drawn = traces(training.perplexities(STEPS, EVALUATIONS, K=K))
    assert drawn["One batch"]["y"][0] == 10.0
    assert drawn["Validation, frozen model"]["y"] == [15.0] * 5


def test_lengths_share_one_log_axis() -> None:
    figure = training.norms(STEPS)
    assert figure["layout"]["yaxis"]["type"] == "log"
    assert [trace["y"][0] for trace in figure["data"]] == [2.0, 1.5]


def test_runs_that_are_compared_differ_in_colour_or_dash() -> None:
    runs = {f"run {i}": ([0, 1], [1.0, 0.5]) for i in range(20)}
    figure = training.compare(runs, y_title="Loss", log=True)
    go.Figure(figure)
    assert len({(trace["line"]["color"], trace["line"]["dash"]) for trace in figure["data"]}) == 20


def treated(at: int, command: str = "treat", **changes: Any) -> Event:
    return Event(at, "treated", "done", 1, {"command": command, "changes": changes})


def test_marks_say_in_a_word_what_was_done() -> None:
    events = [
        Event(0, "started", "On the processor."),
        treated(10, **{"model.quantizer.commitment_weight": 0.5}),
        treated(20, "revive"),
        treated(30, "kmeans"),
        treated(40, **{"model.quantizer.learning": "ema"}),
    ]
    assert treatments(events) == [Mark(10, "β = 0.5"), Mark(20, "revive"), Mark(30, "k-means"), Mark(40, "learning = EMA")]
    assert treatments(events, on_loss=True)[-1] == Mark(40, "EMA: codebook term not in sum"), "the loss falls without being better"


def test_speed_and_length_leave_no_mark_but_are_told_when_asked_for() -> None:
    changes = {"train.speed_limit": 10.0, "train.steps": 500}
    assert treatments([treated(10, **changes)]) == []
    assert described(changes) == ""
    assert "10" in described(changes, silent=True) and "500" in described(changes, silent=True)


def test_what_a_resumed_run_went_back_behind_is_unmarked() -> None:
    events = [treated(10, "revive"), treated(60, "kmeans"), Event(50, "resumed", "")]
    assert treatments(events) == [Mark(10, "revive")]
    assert treatments([*events, Event(0, "started", "")]) == []


def test_the_error_is_drawn_against_the_mean_picture() -> None:
    drawn = traces(training.errors(EVALUATIONS))
    assert list(drawn["This model"]["y"]) == [0.3] * 5
    assert list(drawn["Mean picture"]["y"]) == [0.52] * 5


def test_what_is_set_in_every_stage_is_told_once() -> None:
    stages = {f"model.quantizer.stages.{place}.commitment_weight": 0.5 for place in range(3)}
    assert described(stages) == "β = 0.5"
    assert described({"model.quantizer.stages.1.commitment_weight": 0.5}) == "β, stage 2 = 0.5"
    assert described({"model.quantizer.commitment_weight": 0.5, "train.lr": 0.01}) == "β = 0.5, learning rate = 0.01"
