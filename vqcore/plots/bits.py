"""What bits buy and what codes cost: rate against distortion, the codebook's size, and the stopwatch of the lookup.

Rates are in bits per image, times in milliseconds, memory in bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vqcore.plots.figure import FONT_SIZE, GREY, LEGEND, RUN_COLOURS, Figure, axis, figure, label, log_axis, rounded
from vqcore.plots.sweeps import SYMBOLS
from vqcore.sweeps.results import Cell

FIXED, HISTOGRAM = "Fixed-code bits", "Histogram bits"
TABLE_COLOUR, BLOCK_COLOUR = RUN_COLOURS[1], RUN_COLOURS[0]
_MEMORY = {2**10: "1 KiB", 2**14: "16 KiB", 2**18: "256 KiB", 2**20: "1 MiB", 2**22: "4 MiB", 2**24: "16 MiB", 2**26: "64 MiB"}
_MEMORY |= {2**28: "256 MiB", 2**30: "1 GiB"}


def rate_distortion(groups: Mapping[str, Sequence[Cell]], *, mark_bits: float | None = None, mean_picture: float | None = None) -> Figure:
    """Each cell's mean NMSE over its two rates: filled at M·log2 K, hollow at M times the entropy of the histogram, joined by a line.

    `groups`: title → cells that share a colour. `mark_bits` draws a line there, `mean_picture` the error of answering with it.
    """
    data: list[dict[str, Any]] = []
    for i, (title, cells) in enumerate(groups.items()):
        colour, symbol = RUN_COLOURS[i % len(RUN_COLOURS)], SYMBOLS[i % len(SYMBOLS)]
        points = [point for cell in cells if (point := _point(cell)) is not None]
        points.sort(key=lambda point: point["fixed"])
        data.append(_joins(points, colour, title))
        for kind, key, look in ((FIXED, "fixed", symbol), (HISTOGRAM, "histogram", f"{symbol}-open")):
            data.append(
                {
                    "type": "scatter",
                    "mode": "lines+markers" if key == "fixed" else "markers",
                    "name": label(title),
                    "legendgroup": title,
                    "showlegend": key == "fixed",
                    "x": [rounded(point[key]) for point in points],
                    "y": [rounded(point["nmse"]) for point in points],
                    "customdata": [[point["what"], point["low"], point["high"], point["seeds"]] for point in points],
                    "marker": {"color": colour, "size": 11, "symbol": look, "line": {"width": 2, "color": colour}},
                    "line": {"color": colour, "width": 1, "dash": "dot"},
                    "hovertemplate": f"%{{customdata[0]}}<br>{kind}: %{{x:.4g}}<br>NMSE %{{y:.4f}} (%{{customdata[1]:.4f}} to "
                    "%{customdata[2]:.4f}, %{customdata[3]})<extra></extra>",
                    "cliponaxis": False,
                }
            )
    shapes: list[dict[str, Any]] = []
    if mean_picture is not None and data:
        # as a trace, so that the axis makes room for it
        ends = [value for trace in data for value in trace["x"] if value]
        if ends:
            data.append(_mean_picture(min(ends), max(ends), mean_picture))
    if mark_bits is not None:
        reached = [value for trace in data for value in trace["x"] if value]
        right = bool(reached) and mark_bits**2 > min(reached) * max(reached)
        shapes.append(_upright(mark_bits, f"{mark_bits:,.0f} bits", left=right))
    legend = LEGEND | {"font": {"size": FONT_SIZE - 3}}
    x, y = _octaves("Bits per image", [4**i for i in range(8)]), log_axis("NMSE", 4)
    name = "Error against bits per image"
    return figure(data, x=x, y=y, name=name, legend=legend, shapes=shapes, hovermode="closest", showlegend=bool(data))


def _point(cell: Cell) -> dict[str, Any] | None:
    fixed, histogram, nmse = (cell.spread(name) for name in ("fixed_bits", "histogram_bits", "nmse"))
    if fixed is None or histogram is None or nmse is None or fixed.mean <= 0:
        return None
    first = cell.results[0]
    count = len(cell.results)
    return {
        "fixed": fixed.mean,
        "histogram": max(histogram.mean, 0.1),  # a model that says nothing has no place on a log axis
        "nmse": nmse.mean,
        "low": rounded(nmse.low),
        "high": rounded(nmse.high),
        "what": f"{first.M} × log2 {first.K:,}",
        "seeds": f"{count} {'seed' if count == 1 else 'seeds'}",
    }


def _joins(points: Sequence[Mapping[str, Any]], colour: str, group: str) -> dict[str, Any]:
    x = [value for point in points for value in (rounded(point["histogram"]), rounded(point["fixed"]), None)]
    y = [value for point in points for value in (rounded(point["nmse"]), rounded(point["nmse"]), None)]
    line = {"color": colour, "width": 2}
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": line,
        "legendgroup": group,
        "showlegend": False,
        "hoverinfo": "skip",
    }


def _mean_picture(low: float, high: float, nmse: float) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Mean picture",
        "x": [low, high],
        "y": [rounded(nmse)] * 2,
        "line": {"color": GREY, "width": 2, "dash": "dash"},
        "hovertemplate": "Answering with the mean picture: NMSE %{y:.3f}<extra></extra>",
    }


def use_against_codes(groups: Mapping[str, Sequence[Cell]], *, mark_codes: float | None = None) -> Figure:
    """The share of codes used on validation data, in percent, over K; the bar reaches from the lowest seed to the highest."""
    data: list[dict[str, Any]] = []
    for i, (title, cells) in enumerate(groups.items()):
        drawn = sorted((cell for cell in cells if cell.results), key=lambda cell: cell.results[0].K)
        spreads = [spread for cell in drawn if (spread := cell.spread("share_used")) is not None]
        colour = RUN_COLOURS[i % len(RUN_COLOURS)]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": label(title),
                "x": [cell.results[0].K for cell in drawn],
                "y": [rounded(100 * spread.mean) for spread in spreads],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [rounded(100 * (spread.high - spread.mean)) for spread in spreads],
                    "arrayminus": [rounded(100 * (spread.mean - spread.low)) for spread in spreads],
                    "color": colour,
                    "thickness": 2,
                    "width": 5,
                },
                "line": {"color": colour, "width": 2.5},
                "marker": {"color": colour, "size": 9, "symbol": SYMBOLS[i % len(SYMBOLS)]},
                "hovertemplate": "K = %{x:,}: %{y:.1f} %",
                "cliponaxis": False,
            }
        )
    return figure(
        data,
        x=_octaves("Codes K", [2**i for i in range(1, 16, 2)]),
        y=axis("Codes used (%)", range=[0, 106]),
        name="Share of codes used against K",
        legend=LEGEND | {"font": {"size": FONT_SIZE - 3}},
        shapes=[] if mark_codes is None else [_upright(mark_codes, f"K = {mark_codes:,.0f}", left=mark_codes > 256)],
        hovermode="closest",
        showlegend=len(data) > 1,
    )


def codebook_size(D: int, mark_codes: int, network: int = 0) -> Figure:
    """How many numbers a codebook of D-dimensional codes holds, over K; `network`: those of encoder and decoder, as a line (0: none)."""
    K = [2**i for i in range(1, 17)]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": f"Codebook, D = {D:,}",
            "x": K,
            "y": [k * D for k in K],
            "line": {"color": RUN_COLOURS[0], "width": 3},
            "hovertemplate": "K = %{x:,}: %{y:,} numbers",
        },
        {
            "type": "scatter",
            "mode": "markers",
            "name": f"K = {mark_codes:,}",
            "x": [mark_codes],
            "y": [mark_codes * D],
            "marker": {"color": RUN_COLOURS[1], "size": 13, "symbol": "diamond"},
            "hovertemplate": "K = %{x:,}: %{y:,} numbers",
            "cliponaxis": False,
        },
    ]
    if network:
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": "Encoder + decoder",
                "x": [K[0], K[-1]],
                "y": [network] * 2,
                "line": {"color": GREY, "width": 2, "dash": "dash"},
                "hovertemplate": "%{y:,} numbers",
            }
        )
    ticks = {"tickvals": [10**i for i in range(1, 9)], "ticktext": ["10", "100", "1 k", "10 k", "100 k", "1 M", "10 M", "100 M"]}
    y = axis("Numbers (log)", type="log") | ticks
    legend = LEGEND | {"font": {"size": FONT_SIZE - 3}}
    return figure(
        data, x=_octaves("Codes K", K[::3]), y=y, name="Size of the codebook", legend=legend, hovermode="closest", showlegend=True
    )


def lookup_times(rows: Sequence[Mapping[str, Any]], *, mark_codes: int | None = None) -> Figure:
    """Milliseconds of the whole table of distances and of `nearest_code`, over K. `rows`: what `stopwatch.lookup` answers."""
    data = [_stopped(rows, "table_ms", "Whole table", TABLE_COLOUR, "square"), _stopped(rows, "block_ms", "nearest_code", BLOCK_COLOUR)]
    return _stopwatch(data, log_axis("Milliseconds", 5) | {"tickformat": ",.3~r"}, "Time of the lookup", mark_codes)


def lookup_memory(rows: Sequence[Mapping[str, Any]], *, mark_codes: int | None = None) -> Figure:
    """The most bytes that both hold at once, over K."""
    data = [
        _stopped(rows, "table_bytes", "Whole table", TABLE_COLOUR, "square"),
        _stopped(rows, "block_bytes", "nearest_code", BLOCK_COLOUR),
    ]
    y = axis("Memory (log)", type="log", tickvals=list(_MEMORY), ticktext=list(_MEMORY.values()))
    return _stopwatch(data, y, "Memory of the lookup", mark_codes)


def _stopped(rows: Sequence[Mapping[str, Any]], name: str, title: str, colour: str, symbol: str = "circle") -> dict[str, Any]:
    found = [(row["K"], row[name]) for row in rows if row[name] is not None]
    unit = "%{y:.3g} ms" if name.endswith("ms") else "%{customdata} MiB"
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": title,
        "x": [k for k, _ in found],
        "y": [rounded(float(value), 10) for _, value in found],  # bytes are exact
        "customdata": [f"{value / 2**20:,.3g}" for _, value in found],
        "line": {"color": colour, "width": 2.5},
        "marker": {"color": colour, "size": 9, "symbol": symbol},
        "hovertemplate": f"K = %{{x:,}}: {unit}",
        "cliponaxis": False,
    }


def _stopwatch(data: Sequence[dict[str, Any]], y: dict[str, Any], name: str, mark: int | None) -> Figure:
    measured = any(trace["x"] for trace in data)
    x = _octaves("Codes K", [16, 128, 1024, 8192, 65_536]) | {"range": [1.1, 4.95]}
    if not measured:
        y = y | {"showticklabels": False}
    shapes = [_upright(mark, f"K = {mark:,}", left=mark > 1024)] if mark is not None and measured and mark >= 16 else []
    legend = LEGEND | {"font": {"size": FONT_SIZE - 2}}
    margin = {"l": 86, "r": 14, "t": 34, "b": 50}  # room for "256 MiB"
    return figure(data, x=x, y=y, name=name, legend=legend, shapes=shapes, margin=margin, hovermode="closest", showlegend=True)


def _octaves(title: str, values: Sequence[int]) -> dict[str, Any]:
    """A log axis with these values written out: few enough for a telephone."""
    return axis(f"{title} (log)", type="log", tickvals=list(values), ticktext=[f"{value:,}" for value in values], tickangle=0)


def _upright(x: float, text: str, *, left: bool) -> dict[str, Any]:
    """A line up from x on the axis; its words stand at the foot, on the `left` of it or on the right."""
    return {
        "type": "line",
        "xref": "x",
        "yref": "paper",
        "x0": x,
        "x1": x,
        "y0": 0,
        "y1": 1,
        "line": {"color": GREY, "width": 2, "dash": "dot"},
        "label": {
            "text": text,
            "textposition": "start",
            "textangle": 0,
            "yanchor": "bottom",
            "xanchor": "right" if left else "left",
            "font": {"size": 12},
        },
    }
