"""Two runs of one patient over one another: the untreated one and the treated one, with what was done to either at its step.

A run keeps its colour in every chart; where a chart shows two quantities of each run, the second is dashed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal

from vqcore.plots.figure import FONT_SIZE, GREY, LEGEND, RUN_COLOURS, Curve, Figure, Mark, axis, label, lines, log_axis
from vqcore.records import Evaluation, Step, Walk

UNTREATED = RUN_COLOURS[1]
TREATED = RUN_COLOURS[0]
ARMS = (UNTREATED, RUN_COLOURS[2], TREATED)
LABEL = 30  # characters of a mark that fit beside its line
NEAR = 0.012  # of the axis: marks closer than this share a line

Measure = Literal["used", "errors", "perplexity", "norms", "terms"]
MEASURES: dict[Measure, str] = {
    "used": "Codes used",
    "errors": "Error",
    "perplexity": "Perplexity",
    "norms": "Lengths",
    "terms": "Loss terms",
}

Points = tuple[list[float], list[float]]


@dataclass(frozen=True, slots=True)
class Side:
    """One run of a pair, as it is drawn. `colour` is its own in every chart."""

    title: str
    colour: str
    steps: Sequence[Step]
    evaluations: Sequence[Evaluation]
    marks: Sequence[Mark] = ()
    walks: Sequence[Walk] = ()


def overlay(sides: Sequence[Side], measure: Measure, *, K: int, steps: int = 0, book: int = 0) -> Figure:
    """The runs' curves of one measure. `steps`: where the axis ends at least, so that runs in step fill it together.
    `book`: the place of the codebook that it is about, of `K` codes.

    used: codes used within the last epoch, and perplexity: of the frozen model on validation data, both from 0 to K.
    errors: NMSE on validation data. norms: mean |z_e| and |e_k|. terms: unweighted reconstruction and commitment. These on log axes.
    """
    curves = _CURVES[measure](sides, book)
    last = max([steps, *(curve.x[-1] for curve in curves if len(curve.x))])
    x = axis("Training step", autorangeoptions={"include": [0, 1.02 * max(last, 1)], "clipmin": 0, "clipmax": 1.02 * max(last, 1)})
    name = f"{MEASURES[measure]}, {len(sides)} runs" if len(sides) > 1 else MEASURES[measure]
    merged = [(side.colour, mark) for side in sides for mark in together(side.marks, NEAR * last)]
    legend = LEGEND | {"entrywidth": 0.5, "entrywidthmode": "fraction", "x": -0.08, "font": {"size": FONT_SIZE - 3}}
    drawn = lines(curves, x=x, y=_axis_of(measure, K), name=name, marks=[mark for _, mark in merged], legend=legend)
    for trace, curve in zip(drawn["data"], curves, strict=True):
        trace["name"] = curve.title  # escaped when it was made: it may hold subscripts of ours
    layout = drawn["layout"]
    for (colour, _), line, word in zip(merged, layout["shapes"], layout["annotations"], strict=True):
        line["line"] |= {"color": colour, "width": 2.5}
        word["xshift"] = 2
    if measure in ("used", "perplexity"):
        layout["shapes"].append(_all(K))
    return drawn


def walk(sides: Sequence[Side], book: int = 0) -> Figure:
    """How far the encoder has gone, against the distance to its codes, on log axes over steps from 1 on; a strip below has the share of
    the walk since the last look that is one common direction, in percent.

    Each run solid: the sum of what its outputs moved from look to look. Dashed: from outputs to their nearest codes.
    """
    curves, shares = [], []
    for side in sides:
        told = [(look.step, look.books[book]) for look in side.walks if look.step > 0 and book < len(look.books)]
        path = accumulate(entry.moved for _, entry in told)
        curves += [
            _curve(side, _points([(step, far) for (step, _), far in zip(told, path, strict=True)])),
            _curve(side, _points([(step, entry.nearest) for step, entry in told]), ": to nearest code", dash="dash"),
        ]
        share = _points([(step, 100 * entry.common) for step, entry in told if entry.moved > 0])
        shares.append(_curve(side, share, ": in one direction"))
    x = axis("Training step (log)", type="log", nticks=5, tickformat=",~d", anchor="y2")
    name = f"The encoder's walk, {len(sides)} runs" if len(sides) > 1 else "The encoder's walk"
    below = axis("Common (%)", domain=[0, 0.24], range=[0, 104], tickvals=[0, 50, 100])
    drawn = lines(
        [*curves, *shares], x=x, y=log_axis("Distance") | {"domain": [0.34, 1]}, name=name, yaxis2=below, showlegend=len(sides) > 1
    )
    for place, trace in enumerate(drawn["data"]):
        # a colour is a run; what solid and dashed mean is said beside the chart
        trace["showlegend"] = place < len(curves) and place % 2 == 0
        if place >= len(curves):
            trace["yaxis"] = "y2"
    return drawn


def together(marks: Sequence[Mark], near: float) -> list[Mark]:
    """Marks with those that stand within `near` steps of the first in one, and words cut to what fits beside a line."""
    groups: list[list[Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark.step):
        if groups and mark.step - groups[-1][0].step <= near:
            groups[-1].append(mark)
        else:
            groups.append([mark])
    return [Mark(group[0].step, _cut(", ".join(dict.fromkeys(mark.label for mark in group)))) for group in groups]


def _cut(text: str) -> str:
    return text if len(text) <= LABEL else text[: LABEL - 2].rstrip(" ,") + " …"


def _axis_of(measure: Measure, K: int) -> dict[str, Any]:
    match measure:
        case "used":
            return axis("Codes used, last epoch", range=[0, K * 1.15])
        case "perplexity":
            return axis("Validation perplexity (codes)", range=[0, K * 1.15])
        case "errors":
            return log_axis("NMSE")
        case "norms":
            return log_axis("Mean length")
        case "terms":
            return log_axis("Unweighted term", 4)


def _all(K: int) -> dict[str, Any]:
    """The height at which no code is out of use."""
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": K, "y1": K, "line": {"color": GREY, "width": 1.5, "dash": "dot"}}
    return line | {"label": {"text": f"All {K}", "textposition": "start", "yanchor": "bottom", "font": {"size": 12}}}


def _of(book: int, value: Callable[[Any], float]) -> Callable[[Any], float | None]:
    """Reads a figure of the codebook at that place from a record; None where the record has not so many."""
    return lambda record: value(record.books[book]) if book < len(record.books) else None


def _used(sides: Sequence[Side], book: int) -> list[Curve]:
    return [_curve(side, _steps(side, _of(book, lambda entry: entry.used_epoch))) for side in sides]


def _perplexity(sides: Sequence[Side], book: int) -> list[Curve]:
    return [_curve(side, _evaluations(side, _of(book, lambda entry: entry.perplexity))) for side in sides]


def _errors(sides: Sequence[Side], book: int) -> list[Curve]:
    longest = max(sides, key=lambda side: len(side.evaluations), default=None)
    reference = _evaluations(longest, lambda found: found.nmse_mean_picture) if longest else ([], [])
    return [
        Curve("Mean picture", *reference, GREY, dash="dot"),
        *(_curve(side, _evaluations(side, lambda found: found.nmse)) for side in sides),
    ]


def _norms(sides: Sequence[Side], book: int) -> list[Curve]:
    return [
        curve
        for side in sides
        for curve in (
            _curve(side, _steps(side, lambda step: step.z_norm), ": |z<sub>e</sub>|"),
            _curve(side, _steps(side, _of(book, lambda entry: entry.e_norm)), ": |e<sub>k</sub>|", dash="dash"),
        )
    ]


def _terms(sides: Sequence[Side], book: int) -> list[Curve]:
    return [
        curve
        for side in sides
        for curve in (
            _curve(side, _steps(side, lambda step: step.terms.get("reconstruction")), ": reconstruction"),
            _curve(side, _steps(side, lambda step: step.terms.get("commitment")), ": commitment", dash="dash"),
        )
    ]


def _curve(side: Side, points: Points, of: str = "", *, dash: str = "solid") -> Curve:
    # the untreated run lies under the treated one and is wider, so that both are seen while they are one line
    return Curve(label(side.title) + of, *points, side.colour, dash=dash, width=4.5 if side.colour == UNTREATED else 2.5)


def _steps(side: Side, value: Callable[[Step], float | None]) -> Points:
    return _points([(step.step, value(step)) for step in side.steps])


def _evaluations(side: Side, value: Callable[[Evaluation], float | None]) -> Points:
    return _points([(found.step, value(found)) for found in side.evaluations])


def _points(pairs: Sequence[tuple[int, float | None]]) -> Points:
    known = [(float(step), float(value)) for step, value in pairs if value is not None]
    return [step for step, _ in known], [value for _, value in known]


_CURVES: dict[Measure, Callable[[Sequence[Side], int], list[Curve]]] = {
    "used": _used,
    "errors": _errors,
    "perplexity": _perplexity,
    "norms": _norms,
    "terms": _terms,
}
