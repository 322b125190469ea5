"""Figures of samples: the bits that they take, and how near they come to training images. n samples, V validation examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.plots.figure import GREY, RUN_COLOURS, Figure, axis, figure, label

BINS = 24
REAL, SAMPLES, CHOSEN = GREY, RUN_COLOURS[0], RUN_COLOURS[1]


def ladder_bits(titles: Sequence[str], bits: Sequence[float]) -> Figure:
    """Bits that a real image takes under each prior, one bar a prior."""
    bars: dict[str, Any] = {
        "type": "bar",
        "orientation": "h",
        "y": [label(title) for title in titles],
        "x": [round(float(value), 1) for value in bits],
        "text": [f"{value:.0f}" for value in bits],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": SAMPLES},
        "hovertemplate": "%{y}: %{x:.1f} bits<extra></extra>",
        "showlegend": False,
    }
    return figure(
        [bars],
        x=axis("Bits per image", range=[0, 1.15 * max([*map(float, bits), 1.0])]),
        y=axis("", autorange="reversed", automargin=True, ticks=""),
        name="Bits of a real image under each prior",
        hovermode="closest",
        bargap=0.3,
    )


def sample_bits(real: NDArray[Any], samples: NDArray[Any], chosen: int | None) -> Figure:
    """How many bits validation examples (V,) and samples (n,) take; `chosen`: the sample that is marked."""
    return _against(real, samples, chosen, "Bits per image", "Bits of samples and of real images", "%{x:.0f} bits")


def closeness(real: NDArray[Any], samples: NDArray[Any], chosen: int | None, unit: str) -> Figure:
    """How near validation examples (V,) and samples (n,) come to their nearest training example; `unit` names the axis."""
    return _against(real, samples, chosen, unit, f"Nearness to training images: {unit}", "%{x:.1f}")


def _against(real: NDArray[Any], samples: NDArray[Any], chosen: int | None, x: str, name: str, hover: str) -> Figure:
    """A histogram of the real ones, with one mark a sample under it."""
    both = np.concatenate([np.asarray(real, dtype=float), np.asarray(samples, dtype=float)])
    low, high = (float(both.min()), float(both.max())) if len(both) else (0.0, 1.0)
    room = max(high - low, 1e-6) * 0.02
    edges = np.linspace(low - room, high + room, BINS + 1)
    count, _ = np.histogram(real, edges)
    share = 100 * count / max(1, len(real))
    bars: dict[str, Any] = {
        "type": "bar",
        "name": "Real images",
        "x": [round(float(value), 4) for value in (edges[:-1] + edges[1:]) / 2],
        "y": [round(float(value), 3) for value in share],
        "width": float(edges[1] - edges[0]),
        "marker": {"color": REAL, "line": {"width": 0}},
        "hovertemplate": "%{y:.1f} % of real images<extra></extra>",
    }
    top = float(share.max(initial=1.0))
    foot = -0.09 * top
    marks = [_marks("Samples", samples, foot, SAMPLES, 9, hover)]
    if chosen is not None and chosen < len(samples):
        marks.append(_marks("This sample", samples[chosen : chosen + 1], foot, CHOSEN, 15, hover))
    return figure(
        [bars, *marks],
        x=axis(x),
        y=axis("Share of real images (%)", range=[2 * foot, 1.08 * top]),
        name=name,
        bargap=0.05,
        hovermode="closest",
    )


def _marks(title: str, values: NDArray[Any], height: float, colour: str, size: int, hover: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": title,
        "x": [round(float(value), 4) for value in values],
        "y": [height] * len(values),
        "marker": {"color": colour, "size": size, "symbol": "line-ns-open" if size < 12 else "diamond", "line": {"width": 2.5}},
        "hovertemplate": f"{title}: {hover}<extra></extra>",
        "cliponaxis": False,
    }
