"""Figures of priors: their bits while they learn, and what they draw where the data are points."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from vqcore.plots.figure import FONT_SIZE, GREY, LEGEND, RUN_COLOURS, Curve, Figure, Mark, axis, figure, lines, rounded
from vqcore.records import PriorEvaluation, Step

VALIDATION, TRAINING = RUN_COLOURS[0], RUN_COLOURS[1]
HISTOGRAM, POSITIONS = RUN_COLOURS[3], RUN_COLOURS[2]


def bits(steps: Sequence[Step], evaluations: Sequence[PriorEvaluation], marks: Sequence[Mark] = (), *, per_image: bool = False) -> Figure:
    """Bits that codes take under the prior, from 0 to log2 K: on validation data, on training data, and in the batches trained on.

    Dotted lines: what codes take when all are alike, under the training data's histogram, and under one a cell. `per_image`: the same,
    times the codes of an image.
    """
    scale = evaluations[-1].codes_per_image if evaluations and per_image else 1
    at = [record.step for record in evaluations]
    few = len(at) < 2  # a single point is no line
    curves = [
        Curve("In batches", [record.step for record in steps], [scale * record.loss / math.log(2) for record in steps], GREY, width=1.5),
        Curve("Training data", at, [scale * record.train_bits for record in evaluations], TRAINING, dash="dash", markers=few),
        Curve("Validation", at, [scale * record.bits for record in evaluations], VALIDATION, markers=few, width=3.5),
    ]
    top = 1.0
    if evaluations:
        last = evaluations[-1]
        end = [0, max(1, at[-1], *(record.step for record in steps[-1:]))]
        top = scale * last.uniform_bits
        for title, value, colour in (
            ("All codes alike", last.uniform_bits, GREY),
            ("Histogram", last.histogram_bits, HISTOGRAM),
            ("Histogram per cell", last.position_bits, POSITIONS),
        ):
            curves.append(Curve(title, end, [scale * value] * 2, colour, dash="dot"))
    legend = LEGEND | {"entrywidth": 0.5, "entrywidthmode": "fraction", "x": -0.08, "font": {"size": FONT_SIZE - 3}}
    end_of_axis = 1.02 * max([1, *at, *(record.step for record in steps)])
    x = axis("Training step", autorangeoptions={"include": [0, end_of_axis], "clipmin": 0, "clipmax": end_of_axis})
    title = "Bits per image" if per_image else "Bits per code"
    # a batch's first losses may lie far above log2 K, and would press all else together
    return lines(curves, x=x, y=axis(title, range=[0, 1.1 * top]), name=f"{title} {scale}", marks=marks, legend=legend)


def points(drawn: NDArray[Any]) -> Figure:
    """Samples that are points (N, 2), in their plane."""
    trace = {
        "type": "scatter",
        "mode": "markers",
        "name": "Samples",
        "x": [rounded(float(value)) for value in drawn[:, 0]],
        "y": [rounded(float(value)) for value in drawn[:, 1]],
        "marker": {"color": VALIDATION, "size": 11},
        "hovertemplate": "%{x:.2f}, %{y:.2f}<extra></extra>",
    }
    y = axis("y", scaleanchor="x", range=[-1.5, 1.5])
    return figure([trace], x=axis("x", range=[-1.5, 1.5]), y=y, name="Samples", hovermode="closest", showlegend=False)
