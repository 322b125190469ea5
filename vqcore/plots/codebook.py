"""Figures of a codebook at one moment. K codes; colours uint8 (K, 3), one a code, the same on every screen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.plots.figure import GREY, Figure, axis, figure

BARS = 512  # at most; beyond, neighbouring codes share a bar


def usage_histogram(
    hits: NDArray[np.int64], dead: NDArray[np.bool_], colours: NDArray[np.uint8] | None = None, *, sort: bool = True
) -> Figure:
    """How often each code is chosen, in percent of all choices, by rank or by index; dead codes are marked grey.

    `hits` (K,) counts of any window, `dead` (K,). Of many codes, neighbours share a bar that shows their mean.
    """
    K = len(hits)
    # dead codes last among those never chosen in this window, so that the marks form one block
    order = np.lexsort((np.arange(K), dead, -hits)) if sort else np.arange(K)
    share = 100 * hits[order] / max(int(hits.sum()), 1)
    group = math.ceil(K / BARS)
    starts = np.arange(0, K, group)
    height = np.add.reduceat(share, starts) / np.diff(np.append(starts, K)) if K else share
    code = [int(order[i]) for i in starts]
    colour = "#0072B2" if colours is None else [f"rgb({r},{g},{b})" for r, g, b in colours[code].tolist()]
    each = f" (a bar: {group} codes)" if group > 1 else ""
    bars: dict[str, Any] = {
        "type": "bar",
        "x": starts.tolist(),
        "y": [float(f"{value:.4g}") for value in height],
        "customdata": code,
        "marker": {"color": colour, "line": {"width": 0}},
        "hovertemplate": "code %{customdata}: %{y:.2f} %<extra></extra>",
        "showlegend": False,
    }
    gone = [place for place, i in zip(starts.tolist(), code, strict=True) if dead[i]]
    marks: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "name": f"Dead: {int(dead.sum())}",
        "x": gone or [None],
        "y": [0] * max(len(gone), 1),
        "marker": {"color": GREY, "symbol": "x", "size": 9 if K <= 64 else 5},
        "hovertemplate": "dead code<extra></extra>",
        "cliponaxis": False,
        "showlegend": True,
    }
    ends = [-0.5 - 0.01 * K, K - 0.5 + 0.01 * K]
    even: dict[str, Any] = {
        "type": "scatter",
        "mode": "lines",
        "name": f"Equal use: {100 / max(K, 1):.3g} %",
        "x": ends,
        "y": [100 / max(K, 1)] * 2,
        "line": {"color": GREY, "width": 2, "dash": "dot"},
        "hoverinfo": "skip",
    }
    return figure(
        [bars, even, marks],
        x=axis(("Codes, most chosen first" if sort else "Code, by index") + each, range=ends),
        y=axis("How often chosen (%)", rangemode="tozero"),
        name=f"How often each code is chosen, {'sorted' if sort else 'by index'}",
        bargap=0.12 if K <= 128 else 0,
        hovermode="closest",
    )


def plane(
    inputs: NDArray[np.floating[Any]], reconstructions: NDArray[np.floating[Any]], colours: NDArray[np.uint8] | None = None
) -> Figure:
    """Points and what becomes of them. `inputs`, `reconstructions` (N, 2); `colours` (N, 3), of the codes that were chosen."""
    colour = "#0072B2" if colours is None else [f"rgb({r},{g},{b})" for r, g, b in colours.tolist()]
    both = [
        _cloud("Original", inputs, {"color": GREY, "size": 6, "symbol": "circle-open"}),
        _cloud("Reconstruction", reconstructions, {"color": colour, "size": 10, "symbol": "circle"}),
    ]
    return figure(
        both, x=axis("x", constrain="domain"), y=axis("y", scaleanchor="x"), name="Points and reconstructions", hovermode="closest"
    )


def _cloud(name: str, points: NDArray[np.floating[Any]], marker: dict[str, Any]) -> dict[str, Any]:
    x, y = (np.round(points[:, i].astype(float), 4).tolist() for i in (0, 1))
    return {"type": "scatter", "mode": "markers", "name": name, "x": x, "y": y, "marker": marker, "hovertemplate": "%{x:.2f}, %{y:.2f}"}
