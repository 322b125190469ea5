"""Figures of the codes of one book through training. Axes: K codes, T snapshots, N vectors counted. Colours are uint8 RGB.

Shares of choices are given per 10,000, in whole numbers: "31 of 10,000 choices" reads better than 0.31 %.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vqcore.plots.figure import FONT_SIZE, GREY, RUN_COLOURS, Curve, Figure, Mark, axis, figure, label, lines, log_axis, rounded
from vqcore.usage import first_deaths

ROWS = 512  # of the heat map, at most; beyond, neighbouring codes share one
WHOLE = 10_000  # choices that a share is given of

Sort = Literal["first death", "usage", "index"]
SORTS: dict[Sort, str] = {
    "first death": "Codes, latest first death on top",
    "usage": "Codes, most chosen on top",
    "index": "Codes, by index",
}

# viridis without its ends: both are seen on white and on near-black, and by colour-blind eyes (mpl-colormaps, CC0)
RAMP = ("#31688E", "#26828E", "#1F9E89", "#35B779", "#6DCD59", "#B4DE2C", "#E0E318")
_LEVELS = 250  # of the heat map's colours
_ASLEEP = "rgba(138,138,138,0.22)"  # not chosen in this stretch, yet not dead


def ramp(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Colours of `values` (…) from 0 to 1 along RAMP, as (…, 3); what lies outside takes the nearer end, NaN the lower."""
    stops = np.array([_rgb(stop) for stop in RAMP], dtype=np.float64)
    place = np.nan_to_num(np.asarray(values, dtype=np.float64)).clip(0, 1) * (len(stops) - 1)
    low = np.minimum(place.astype(np.int64), len(stops) - 2)
    part = (place - low)[..., None]
    return np.asarray((stops[low] * (1 - part) + stops[low + 1] * part).round(), dtype=np.uint8)


def shares(hits: NDArray[np.int64]) -> NDArray[np.int64]:
    """`hits` (T, K) as choices per 10,000 of each snapshot, int64; at least 1 for a code with any hit."""
    total = np.maximum(hits.sum(axis=-1, keepdims=True), 1)
    return np.asarray(np.where(hits > 0, np.maximum(1, np.rint(WHOLE * (hits / total))), 0), dtype=np.int64)


def order_of(sort: Sort, hits: NDArray[np.int64], dead: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The codes from the top row down, (K,). `hits` and `dead` (T, K). Ties go by index."""
    K = hits.shape[1]
    index = np.arange(K)
    if sort == "index" or not len(hits):
        return index
    # each snapshot counts alike, however many hits it had
    used = (hits / np.maximum(hits.sum(axis=1, keepdims=True), 1)).sum(axis=0)
    if sort == "usage":
        return np.lexsort((index, -used))
    return np.lexsort((index, -(~dead).sum(axis=0), -first_deaths(dead)))


def lives(
    steps: NDArray[np.int64],
    hits: NDArray[np.int64],
    dead: NDArray[np.bool_],
    *,
    sort: Sort = "first death",
    selected: int | None = None,
    marks: Sequence[Mark] = (),
) -> Figure:
    """Each code a row, each snapshot a column: a line ends where a code dies and begins again where it is revived.

    `steps` (T,), `hits` (T, K) since the snapshot before, `dead` (T, K). A row is empty where its code is dead and pale where it was
    merely not chosen. Of more than ROWS codes, neighbours in the order share a row: their mean share, dead when all are.
    `selected`: the code whose row is marked; `marks`: what was done to the run.
    """
    K = hits.shape[1]
    order = order_of(sort, hits, dead)
    group = max(1, math.ceil(K / ROWS))
    starts = np.arange(0, K, group)
    share = shares(hits)[:, order].astype(np.float64)
    gone = dead[:, order]
    rows = np.add.reduceat(share, starts, axis=1) / np.diff(np.append(starts, K)) if K else share  # (T, R)
    all_gone = np.logical_and.reduceat(gone, starts, axis=1) if K else gone
    # a code that was hit in a stretch and counts as dead at its end was still chosen: its line is drawn to there
    value = np.where(rows > 0, np.maximum(1, np.rint(rows)), np.where(all_gone, -1, 0)).T.astype(np.int16)  # (R, T)
    place = np.flatnonzero(order == selected) // group if selected is not None else np.zeros(0, dtype=np.int64)
    top = max(10, int(value.max(initial=10)))
    ticks = [10**i for i in range(5) if 10**i <= top]
    # 0 dead, 1 asleep, from 2 on by the logarithm: a byte for each, as films are long
    level = np.where(value > 0, 2 + np.rint(_LEVELS * np.log10(np.maximum(value, 1)) / math.log10(top)), value + 1)
    heat: dict[str, Any] = {
        "type": "heatmap",
        "x": steps.tolist(),
        "y": [f"code {code}" for code in order[starts].tolist()],
        "z": _packed(level, "u1"),
        "text": _packed(np.maximum(value, 0), "i2"),
        "zmin": 0,
        "zmax": 2 + _LEVELS,
        "colorscale": _scale(),
        "hovertemplate": "%{y}, step %{x}: %{text} of 10,000 choices<extra></extra>",
        "colorbar": {
            "title": {"text": "Choices of 10,000 (log)", "side": "right", "font": {"size": FONT_SIZE - 3}},
            "thickness": 10,
            "xpad": 6,
            "tickfont": {"size": FONT_SIZE - 3},
            "tickvals": [2 + _LEVELS * math.log10(tick) / math.log10(top) for tick in ticks],
            "ticktext": [f"{tick // 1000}k" if tick >= 1000 else f"{tick}" for tick in ticks],
            "outlinewidth": 0,
        },
    }
    each = f" (a row: {group} codes)" if group > 1 else ""
    shapes = [
        {
            "type": "line",
            "xref": "paper",
            "x0": -0.015,
            "x1": 0,
            "y0": int(row),
            "y1": int(row),
            "line": {"color": RUN_COLOURS[1], "width": 4},
        }
        for row in place
    ]
    said = lines([], x={}, y={}, name="", marks=marks)["layout"]
    return figure(
        [heat],
        x=axis("Training step", showgrid=False),
        y=axis(SORTS[sort] + each, type="category", autorange="reversed", showgrid=False, showticklabels=False),
        name=f"Lives of the codes, by {sort}",
        hovermode="closest",
        shapes=[*shapes, *said["shapes"]],
        # above the lines, which fill the whole height
        annotations=[word | {"textangle": 0, "yanchor": "bottom"} for word in said["annotations"]],
        margin={"l": 56, "r": 14, "t": 30, "b": 50},
    )


def use_of_code(steps: NDArray[np.int64], hits: NDArray[np.int64], dead: NDArray[np.bool_], code: int, colour: str) -> Figure:
    """How often one code was chosen through training, with a grey band where it was dead. `hits`, `dead` (T, K)."""
    value = shares(hits)[:, code]
    curve = Curve(f"Code {code}", steps.tolist(), value.tolist(), colour, width=3)
    drawn = lines(
        [curve],
        x=axis("Training step"),
        y=axis("Of 10,000 choices", rangemode="tozero", nticks=4),
        name=f"Use of code {code}",
        margin={"l": 62, "r": 10, "t": 10, "b": 46},
    )
    # few snapshots: a line of one point would not be seen
    drawn["data"][0]["mode"] = "lines+markers" if len(steps) <= 60 else "lines"
    drawn["data"][0]["marker"] = {"color": colour, "size": 6}
    drawn["data"][0]["hovertemplate"] = "step %{x}: %{y} of 10,000 choices<extra></extra>"
    drawn["layout"]["hovermode"] = "closest"
    drawn["layout"]["shapes"] = [_band(steps, first, last) for first, last in _stretches(dead[:, code])]
    return drawn


@dataclass(frozen=True, slots=True)
class Counted:
    """A perplexity that was measured on so many vectors, as a mark on the curve."""

    title: str
    vectors: int
    perplexity: float
    colour: str


def perplexity_by_count(
    ns: Sequence[int], expected: NDArray[np.float64], *, K: int, chosen: tuple[int, float] | None = None, marks: Sequence[Counted] = ()
) -> Figure:
    """How the perplexity of one and the same usage grows with the number of vectors counted.

    `ns` and `expected` (n,), `chosen`: the number on the slider with its perplexity, `marks`: perplexities measured elsewhere.
    """
    blue = RUN_COLOURS[0]
    curves = [Curve("The same codes, counted on fewer vectors", [float(n) for n in ns], expected.tolist(), blue, width=3.5)]
    curves += [Curve(mark.title, [float(mark.vectors)], [mark.perplexity], mark.colour, markers=True) for mark in marks]
    top = max([float(expected.max(initial=1.0)), *(mark.perplexity for mark in marks)])
    drawn = lines(
        curves,
        x=log_axis("Vectors counted", 5) | {"tickformat": "~s"},
        y=axis("Perplexity (codes)", range=[0, top * 1.12]),
        name="Perplexity by number of vectors",
        hovermode="closest",
    )
    for trace in drawn["data"]:
        trace["hovertemplate"] = "%{x:,} vectors: perplexity %{y:.1f}<extra></extra>"
        trace["marker"]["size"] = 12
    if chosen is not None:
        n, value = chosen
        drawn["data"].append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": "The slider",
                "x": [n],
                "y": [rounded(value)],
                "marker": {"color": blue, "size": 14, "symbol": "circle-open", "line": {"width": 4}},
                "hovertemplate": "%{x:,} vectors: perplexity %{y:.1f}<extra></extra>",
                "showlegend": False,
            }
        )
    if top * 1.12 > K:
        line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": K, "y1": K, "line": {"color": GREY, "width": 1.5, "dash": "dot"}}
        drawn["layout"]["shapes"].append(
            line | {"label": {"text": f"All {K}", "textposition": "start", "yanchor": "bottom", "font": {"size": 12}}}
        )
    return drawn


def points_of_code(points: NDArray[Any], own: NDArray[Any], drawn: NDArray[Any] | None, code: int, colour: str) -> Figure:
    """A code of a model of points. `points` (n, 2) of the data, `own` (m, 2) those that chose it, `drawn` (2,) what it decodes to."""

    def cloud(name: str, where: NDArray[Any], marker: dict[str, Any]) -> dict[str, Any]:
        x, y = (np.round(where[:, i].astype(float), 4).tolist() for i in (0, 1))
        more = {"hovertemplate": "%{x:.2f}, %{y:.2f}<extra></extra>", "marker": marker}
        return {"type": "scatter", "mode": "markers", "name": name, "x": x, "y": y, **more}

    found = [
        cloud("Other points", points, {"color": GREY, "size": 4, "opacity": 0.5}),
        cloud(f"Chose code {code}", own, {"color": colour, "size": 9}),
    ]
    if drawn is not None:
        found.append(cloud("It draws", drawn[None], {"color": colour, "size": 16, "symbol": "x", "line": {"width": 1, "color": GREY}}))
    x, y = axis("x", constrain="domain"), axis("y", scaleanchor="x")
    return figure(found, x=x, y=y, name=f"Points of code {code}", hovermode="closest")


AGES = ("now", "1–9", "10–99", "100–999", "1,000–9,999", "10,000+", "never")


def age_groups(age: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the codes' ages (K,) fall into each of AGES (in steps since the last hit; "never" for −1): int64 (7,)."""
    edges = np.searchsorted(np.array([1, 10, 100, 1_000, 10_000]), age, side="right")
    return np.bincount(np.where(age < 0, len(AGES) - 1, edges), minlength=len(AGES))


def ages(age: NDArray[np.int64]) -> Figure:
    """How many codes were last chosen how long ago. `age` (K,) in training steps, −1: never."""
    counts = age_groups(age)
    # what no code can have reached yet is left out, "never" is not: its 0 is news
    last = max(2, int(np.flatnonzero(counts[:-1]).max(initial=0)))
    kept = [*range(last + 1), len(AGES) - 1]
    bars: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "y": [AGES[i] for i in kept],
        "x": [int(counts[i]) for i in kept],
        "text": [f"{counts[i]:,}" for i in kept],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [GREY if i == len(AGES) - 1 else RUN_COLOURS[0] for i in kept]},
        "hovertemplate": "%{x} codes<extra></extra>",
        "showlegend": False,
    }
    return figure(
        [bars],
        x=axis("Codes", range=[0, max(1, int(counts.max(initial=1))) * 1.18]),
        y=axis("Steps since last chosen", type="category", autorange="reversed", automargin=True),
        name="Ages of the codes",
        hovermode="closest",
        bargap=0.25,
        margin={"l": 20, "r": 14, "t": 10, "b": 50},
    )


@dataclass(frozen=True, slots=True)
class Score:
    """The share of validation examples that one classifier got right, 0 to 1: `right` of `total`."""

    title: str
    right: int
    total: int
    colour: str


def scores(found: Sequence[Score]) -> Figure:
    """Classifiers beside each other, in percent of validation examples."""
    percent = [100 * score.right / max(score.total, 1) for score in found]
    bars: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "y": [label(score.title) for score in found],
        "x": [rounded(value) for value in percent],
        "text": [f"{value:.1f} %" for value in percent],
        "textposition": "outside",
        "cliponaxis": False,
        "customdata": [[score.right, score.total] for score in found],
        "marker": {"color": [score.colour for score in found]},
        "hovertemplate": "%{customdata[0]:,} of %{customdata[1]:,} right<extra></extra>",
        "showlegend": False,
    }
    return figure(
        [bars],
        x=axis("Validation examples classified correctly (%)", range=[0, 112], tickvals=[0, 25, 50, 75, 100]),
        y=axis("", autorange="reversed", type="category", automargin=True, tickfont={"size": FONT_SIZE}),
        name="Codes as features",
        hovermode="closest",
        bargap=0.35,
        margin={"l": 20, "r": 20, "t": 10, "b": 50},
    )


def _stretches(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each unbroken stretch of true `flags` (T,)."""
    edges = np.diff(np.concatenate(([False], flags, [False])).astype(np.int8))
    return [(int(first), int(last) - 1) for first, last in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True)]


def _band(steps: NDArray[np.int64], first: int, last: int) -> dict[str, Any]:
    """A grey band over the snapshots from `first` to `last`, half a snapshot wider on both sides."""
    x0 = (steps[first - 1] + steps[first]) / 2 if first else steps[0]
    x1 = (steps[last] + steps[last + 1]) / 2 if last + 1 < len(steps) else steps[-1]
    ends = {"xref": "x", "yref": "paper", "x0": float(x0), "x1": float(x1), "y0": 0, "y1": 1}
    word = {"text": "dead", "textposition": "top left", "font": {"size": FONT_SIZE - 3}}
    return {"type": "rect", **ends, "fillcolor": "rgba(138,138,138,0.25)", "line": {"width": 0}, "layer": "below", "label": word}


def _scale() -> list[list[float | str]]:
    """Plotly's colour scale from level 0 (dead: nothing) over 1 (asleep) and 2 (the lower end of RAMP) to its upper end."""
    span = 2 + _LEVELS
    edges: list[list[float | str]] = [[0, "rgba(0,0,0,0)"], [0.5 / span, "rgba(0,0,0,0)"], [0.5 / span, _ASLEEP], [1.5 / span, _ASLEEP]]
    first = 2 / span
    ramped: list[list[float | str]] = [[first + (1 - first) * i / (len(RAMP) - 1), colour] for i, colour in enumerate(RAMP[:-1])]
    # plotly.js takes its own colours, and says nothing, where the last place is not exactly 1
    return [*edges, [1.5 / span, RAMP[0]], *ramped, [1, RAMP[-1]]]


def _packed(values: NDArray[Any], dtype: str) -> dict[str, str]:
    """Numbers (R, T) as plotly.js reads them fastest: base64 of little-endian bytes, a tenth of their JSON."""
    raw = np.ascontiguousarray(values, dtype=np.dtype(dtype).newbyteorder("<"))
    return {"dtype": dtype, "bdata": base64.b64encode(raw.tobytes()).decode(), "shape": ",".join(map(str, raw.shape))}


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
