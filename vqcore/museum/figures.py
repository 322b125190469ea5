"""A pair's curves over one another: the same run with the bug and without it, on the same axes. No torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from vqcore.museum.trial import SERIES, Pair
from vqcore.plots.figure import FONT_SIZE, GREY, LEGEND, RUN_COLOURS, Curve, Figure, axis, lines, log_axis

BUGGY, HEALTHY = RUN_COLOURS[1], RUN_COLOURS[0]
ERROR = "nmse"  # beside the names of SERIES: over all validation pictures, where they were looked at
WIDE = 50.0  # a curve that spans more than that is drawn on a log axis
HUGE = 1e4  # from here on the axis is numbered by powers of ten

TITLES: Mapping[str, str] = {name: title for name, (title, _) in SERIES.items()} | {ERROR: "Error (NMSE)"}
_AXES: Mapping[str, str] = {
    "loss": "Loss",
    "reconstruction": "Error over variance",
    "codebook": "Squared distance",
    "commitment": "Squared distance",
    "used": "Codes",
    "z_norm": "Mean length",
    "e_norm": "Mean length",
    "moved": "Mean distance",
    "revived": "Revivals",
    "died_again": "Codes",
    "picture_at_z": "Gradient's length",
    "picture_at_codes": "Gradient's length",
    "book_at_z": "Gradient's length",
    "book_at_codes": "Gradient's length",
    ERROR: "NMSE",
}


def compared(pair: Pair, name: str, K: int) -> Figure:
    """One series of SERIES, or ERROR, of both runs. `K` codes. Raises KeyError for another name.

    The axis is logarithmic where a curve spans more than WIDE. Zeros have no place on such an axis, so the legend says of a curve that
    is 0 throughout that it is.
    """
    sick, well = _points(pair, name, buggy=True), _points(pair, name, buggy=False)
    curves = [  # the one without the bug lies beneath and is wider, so that both are seen while they are one line
        Curve(_said("Without the bug", well[1]), *well, HEALTHY, width=5.0),
        Curve(_said("With the bug", sick[1]), *sick, BUGGY),
    ]
    if name == ERROR:
        level = [pair.healthy.nmse_mean_picture] * len(well[0])
        curves.insert(0, Curve("Mean picture", well[0], level, GREY, dash="dot"))
    last = max((x[-1] for x, _ in (sick, well) if x), default=1)
    x_axis = axis("Training step", range=[0, 1.02 * last])
    legend = LEGEND | {"font": {"size": FONT_SIZE - 3}, "x": -0.05}
    return lines(curves, x=x_axis, y=_axis(name, (*sick[1], *well[1]), K), name=f"{TITLES[name]}, with the bug and without", legend=legend)


def _points(pair: Pair, name: str, *, buggy: bool) -> tuple[Sequence[float], Sequence[float]]:
    trial = pair.buggy if buggy else pair.healthy
    return (trial.evaluated, trial.nmse) if name == ERROR else (trial.steps, trial.series[name])


def _said(title: str, values: Sequence[float]) -> str:
    return f"{title}: 0 throughout" if values and not any(values) else title


def _axis(name: str, values: Sequence[float], K: int) -> dict[str, object]:
    if name in ("used", "died_again"):
        return axis(f"{_AXES[name]} (of {K})", range=[-0.03 * K, 1.1 * K])
    known = [value for value in values if math.isfinite(value)]
    above = [value for value in known if value > 0]
    if above and name != "revived" and max(above) > WIDE * min(above):
        powers = {"tickformat": "", "exponentformat": "power"} if max(above) >= HUGE else {}
        return log_axis(_AXES[name]) | powers
    top = max(known, default=0.0)
    return axis(_AXES[name], range=[-0.03 * top, 1.08 * top] if top else [-0.05, 1], nticks=5, tickformat=".3~g")
