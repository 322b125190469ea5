"""What every figure shares.

A figure is the plain JSON of a plotly figure, `{"data": [...], "layout": {...}}`: `plotly.graph_objects.Figure(figure)` takes it as it is.
Building plotly's own objects costs about 12 ms a chart, more than a tick of a classroom can pay; the tests validate instead.

Text, grid and hover colours are left out: the page's style sheet gives them, so that one figure serves light and dark.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Figure = dict[str, Any]

WIRE_POINTS = 600  # at most, per curve: more than a chart of half a screen can show
FONT_SIZE = 15  # pixels; legible from the last row of a classroom
GREY = "#8A8A8A"  # dead codes, reference lines, marks: 3.4 to 1 or better on white and on near-black
# Okabe–Ito less yellow and black, which fail on white or on black
RUN_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LEGEND: dict[str, Any] = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": FONT_SIZE - 2}}


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart. Values that are not finite (and, on a log axis, not above 0) leave a gap."""

    title: str
    x: Sequence[float]
    y: Sequence[float]
    colour: str
    dash: str = "solid"
    markers: bool = False  # points instead of a line
    width: float = 2.5


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was done to the run at a step: a vertical line with a word."""

    step: int
    label: str


def thin(count: int, limit: int = WIRE_POINTS) -> list[int]:
    """At most `limit` + 1 of the indices 0 … count − 1, the last among them.

    The stride is a power of two, so that a growing curve keeps the points that it has shown and does not shimmer.
    """
    if count <= 0:
        return []
    stride = 1
    while math.ceil(count / stride) > limit:
        stride *= 2
    kept = list(range(0, count, stride))
    return kept if kept[-1] == count - 1 else [*kept, count - 1]


def rounded(value: float, digits: int = 5) -> float | None:
    """`value` to so many significant digits, which halves the message; None for NaN and infinities, which JSON cannot hold."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def label(text: str) -> str:
    """Text for plotly, which reads a few HTML tags: typed text must not become any."""
    return html.escape(text, quote=False)


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title, which names the unit."""
    return {
        "title": {"text": title, "font": {"size": FONT_SIZE}, "standoff": 10},
        "tickfont": {"size": FONT_SIZE - 2},
        "ticks": "outside",
        "ticklen": 4,
        "tickcolor": "rgba(0,0,0,0)",  # room between numbers and axis
        "zeroline": False,
    } | more


def log_axis(title: str, numbers: int = 3) -> dict[str, Any]:
    """A log axis that says so. Few numbers (about `numbers`), written out (0.05, not a small 5): plotly's own choice is crowded."""
    return axis(f"{title} (log)", type="log", nticks=numbers, tickformat=".3~g")


def figure(data: Sequence[Mapping[str, Any]], *, x: dict[str, Any], y: dict[str, Any], name: str, **layout: Any) -> Figure:
    """`name` says in words what is drawn (for screen readers) and keeps the zoom: same name, same view."""
    return {
        "data": [dict(trace) for trace in data],
        "layout": {
            "xaxis": x,
            "yaxis": y,
            "margin": {"l": 68, "r": 14, "t": 34, "b": 50},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": FONT_SIZE - 1},
            "legend": LEGEND,
            "hovermode": "x unified",
            "uirevision": name,
            "meta": {"name": name},
        }
        | layout,
    }


def lines(curves: Sequence[Curve], *, x: dict[str, Any], y: dict[str, Any], name: str, marks: Sequence[Mark] = (), **layout: Any) -> Figure:
    """Curves over a common axis, thinned for the wire. On a log axis, values at or under 0 leave a gap."""
    log = y.get("type") == "log"
    if not any(len(curve.x) for curve in curves):  # plotly would invent numbers
        x, y = x | {"showticklabels": False}, y | {"showticklabels": False}
    if log:
        y = y | _log_range(curves)
    data = []
    for curve in curves:
        kept = thin(len(curve.x))
        values = [rounded(float(curve.y[i])) for i in kept]
        data.append(
            {
                "type": "scatter",
                "name": label(curve.title),
                "mode": "markers" if curve.markers else "lines",
                "x": [curve.x[i] for i in kept],
                "y": [None if value is None or (log and value <= 0) else value for value in values],
                "line": {"color": curve.colour, "width": curve.width, "dash": curve.dash},
                "marker": {"color": curve.colour, "size": 8, "symbol": "diamond"},
                "hovertemplate": "%{y:.4g}",
                "cliponaxis": not curve.markers,  # a point on the frame is drawn whole
            }
        )
    layout = {
        "shapes": [_line(mark) for mark in marks],
        "annotations": [_word(mark) for mark in marks],
        "showlegend": len(data) > 1,
    } | layout
    return figure(data, x=x, y=y, name=name, **layout)


def _log_range(curves: Sequence[Curve]) -> dict[str, Any]:
    """From the lowest value after the start on: a first point near 0 would press all others together."""
    settled = [value for curve in curves for value in curve.y[len(curve.y) // 10 :] if math.isfinite(value) and value > 0]
    # not `range`: plotly would take its change for an order to leave the place that was zoomed to
    return {"autorangeoptions": {"clipmin": min(settled) / 1.3}} if settled else {}


def _line(mark: Mark) -> dict[str, Any]:
    ends = {"xref": "x", "yref": "paper", "x0": mark.step, "x1": mark.step, "y0": 0, "y1": 1}
    return {"type": "line", **ends, "line": {"color": GREY, "width": 1.5, "dash": "dot"}}


def _word(mark: Mark) -> dict[str, Any]:
    place = {"xref": "x", "yref": "paper", "x": mark.step, "y": 1, "xanchor": "left", "yanchor": "top", "textangle": -90}
    return {"text": label(mark.label), **place, "showarrow": False, "font": {"size": FONT_SIZE - 3}}


def to_json(figure: Figure) -> str:
    """The message for the page: once per change, however many watch. Raises ValueError for NaN, which browsers cannot read."""
    return json.dumps(figure, separators=(",", ":"), allow_nan=False)
