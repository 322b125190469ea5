"""What each stage of a residual quantizer costs and buys."""

from __future__ import annotations

from vqcore.plots.figure import GREY, RUN_COLOURS, Curve, Figure, axis, lines
from vqcore.runs.probed import Stages


def by_stage(found: Stages) -> Figure:
    """NMSE over bits an image, a point for each number of stages: at M·log2 K, and at the entropy of the histograms."""
    nmse = found.nmse.tolist()
    curves = [
        Curve("Fixed-code bits", found.bits.tolist(), nmse, RUN_COLOURS[0]),
        Curve("Histogram bits", found.entropy_bits.tolist(), nmse, GREY),
    ]
    return lines(
        curves, x=axis("Bits an image", rangemode="tozero"), y=axis("NMSE", rangemode="tozero"), name="rate and distortion by stages"
    )
