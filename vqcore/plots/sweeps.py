"""A sweep's figures against one of its axes: means over seeds, from the lowest to the highest of them.

Shares are in percent of K, perplexities in codes, PSNR in dB.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vqcore.config.paths import leaf, titled
from vqcore.plots.figure import FONT_SIZE, LEGEND, RUN_COLOURS, Figure, axis, figure, label, rounded
from vqcore.plots.marks import SHORT, VALUES
from vqcore.sweeps.results import Cell
from vqcore.sweeps.spec import Axis, short

SYMBOLS = ("circle", "square", "diamond", "triangle-up", "x", "star")
DASHES = ("solid", "dash", "dot", "dashdot")
LOG_RATIO = 8  # values further apart than this are drawn on a log axis
TITLES = {"K": "Codes K", "D": "Code dimension D", "β": "Commitment weight β", "arm": "Variant"}


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of merit that can be drawn: `name` is a field or property of Result, `scale` multiplies it."""

    title: str
    name: str
    scale: float = 1.0
    top: float | None = None  # of the axis, where it has a natural one
    log: bool = False


MEASURES: dict[str, Measure] = {
    "used": Measure("Codes used, validation (%)", "share_used", 100, 100),
    "used_epoch": Measure("Codes used, last epoch (%)", "share_used_epoch", 100, 100),
    "perplexity": Measure("Validation perplexity (codes)", "perplexity"),
    "psnr": Measure("PSNR (dB)", "psnr"),
    "nmse": Measure("NMSE", "nmse", log=True),
}


def name_of(varied: Axis) -> str:
    """A short word for an axis: β for the commitment weight, else the last word of its path."""
    return titled(varied.name, SHORT.get(leaf(varied.name), short(varied.name)))


def title_of(varied: Axis) -> str:
    """What an axis is called under a chart."""
    name = name_of(varied)
    return TITLES.get(name, name[:1].upper() + name[1:].replace("_", " "))


def described_levels(axes: Sequence[Axis], levels: Sequence[str]) -> str:
    """One level an axis in a few words, as in "D = 4, distance = l2"; "All runs" for no axes."""
    said = [
        level if varied.path is None else f"{name_of(varied)} = {VALUES.get(level, level)}"
        for varied, level in zip(axes, levels, strict=True)
    ]
    return ", ".join(said) or "All runs"


def against(axes: Sequence[Axis], cells: Sequence[Cell], place: int, measure: str) -> Figure:
    """The measure (a key of MEASURES) over the axis at `place`: one curve a combination of the other axes' levels.

    Bars reach from the lowest seed to the highest. Combinations without a finished run are left out.
    """
    shown = MEASURES[measure]
    curves: dict[tuple[str, ...], list[tuple[str, Cell]]] = {}
    for cell in cells:
        if cell.results:
            others = cell.levels[:place] + cell.levels[place + 1 :]
            curves.setdefault(others, []).append((cell.levels[place], cell))
    others_axes = [*axes[:place], *axes[place + 1 :]]
    x_of, x = _horizontal(axes[place])
    data = [_curve(i, described_levels(others_axes, key), points, shown, x_of) for i, (key, points) in enumerate(curves.items())]
    y = axis(shown.title, rangemode="tozero" if not shown.log and shown.name != "psnr" else "normal")
    if shown.top is not None:
        y |= {"range": [0, shown.top * 1.06]}
    if shown.log:
        y |= {"type": "log", "nticks": 4, "tickformat": ".3~g", "title": y["title"] | {"text": f"{shown.title} (log)"}}
    if not data and shown.top is None:  # plotly would invent numbers
        y = y | {"showticklabels": False}
    legend = LEGEND | {"font": {"size": FONT_SIZE - 3}}
    name = f"{shown.title} against {title_of(axes[place])}"
    return figure(data, x=x, y=y, name=name, legend=legend, showlegend=len(data) > 1, hovermode="closest")


def seeds_only(cells: Sequence[Cell], measure: str) -> Figure:
    """For a sweep of nothing but seeds: one mark a seed."""
    shown = MEASURES[measure]
    results = [result for cell in cells for result in cell.results]
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": [str(result.seed) for result in results],
        "y": [rounded(float(getattr(result, shown.name)) * shown.scale) for result in results],
        "marker": {"color": RUN_COLOURS[0], "size": 11},
        "hovertemplate": "seed %{x}: %{y:.4g}<extra></extra>",
    }
    y = axis(shown.title, **({"range": [0, shown.top * 1.06]} if shown.top else {}))
    return figure([trace], x=axis("Seed", type="category"), y=y, name=f"{shown.title} by seed", hovermode="closest", showlegend=False)


def _horizontal(varied: Axis) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Label → place on the axis, and the axis: in proportion for numbers, in order for words."""
    numbers = varied.numbers
    title = title_of(varied)
    if numbers is None or len(numbers) < 2:
        spoken = {level.label: VALUES.get(level.label, level.label) for level in varied.levels}
        words = {key: label(text) for key, text in spoken.items()}
        # all of them from the start: they neither move nor change their order as runs finish
        return words, axis(title, type="category", categoryarray=list(words.values()), range=[-0.4, len(words) - 0.6])
    places = {level.label: number for level, number in zip(varied.levels, numbers, strict=True)}
    ticks = {"tickvals": sorted(numbers), "ticktext": [f"{number:,.6g}" for number in sorted(numbers)]}
    if min(numbers) > 0 and max(numbers) / min(numbers) >= LOG_RATIO:
        room = 0.05 * math.log10(max(numbers) / min(numbers))
        ends = [math.log10(min(numbers)) - room, math.log10(max(numbers)) + room]
        return places, axis(f"{title} (log)", type="log", range=ends, **ticks)
    room = 0.05 * (max(numbers) - min(numbers))
    return places, axis(title, range=[min(numbers) - room, max(numbers) + room], **ticks)


def _curve(i: int, title: str, points: Sequence[tuple[str, Cell]], shown: Measure, x_of: Mapping[str, Any]) -> dict[str, Any]:
    spreads = [(x_of[key], cell.spread(shown.name), len(cell.results)) for key, cell in points]
    drawn = [(x, spread, count) for x, spread, count in spreads if spread is not None]
    if all(isinstance(x, float) for x, _, _ in drawn):
        drawn.sort(key=lambda entry: entry[0])
    colour = RUN_COLOURS[i % len(RUN_COLOURS)]
    scale = shown.scale
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label(title),
        "x": [x for x, _, _ in drawn],
        "y": [rounded(spread.mean * scale) for _, spread, _ in drawn],
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": [rounded((spread.high - spread.mean) * scale) for _, spread, _ in drawn],
            "arrayminus": [rounded((spread.mean - spread.low) * scale) for _, spread, _ in drawn],
            "thickness": 2,
            "width": 5,
            "color": colour,
        },
        "customdata": [
            [rounded(spread.low * scale), rounded(spread.high * scale), count, "seed" if count == 1 else "seeds"]
            for _, spread, count in drawn
        ],
        "line": {"color": colour, "width": 2.5, "dash": DASHES[i // len(RUN_COLOURS) % len(DASHES)]},
        "marker": {"color": colour, "size": 9, "symbol": SYMBOLS[i % len(SYMBOLS)]},
        "hovertemplate": "%{x}: %{y:.4g}, from %{customdata[0]:.4g} to %{customdata[1]:.4g}, %{customdata[2]} %{customdata[3]}",
        "cliponaxis": False,
    }
