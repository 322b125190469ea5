"""`bench`, its sampling part: grids drawn code by code, with cached features against a whole forward pass per cell. On the CPU.

Both sides draw the same grids from the same untrained prior at its default configuration. Axes: N grids, M codes a grid, K codes.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np
import torch
from rich.table import Table

from vqcore.config.prior import AnyPriorConfig, PixelCNNConfig, TransformerConfig
from vqcore.layout import Grid, Layout
from vqcore.priors.base import Prior
from vqcore.priors.registry import build_prior
from vqcore.priors.sampling import fill, sample

N, SIDE, K = 64, 16, 128
QUICK_SIDE, QUICK_POSITIONS = 8, 4
REPEATS = 3  # of the cached side; the other takes minutes
PRIORS: tuple[AnyPriorConfig, ...] = (PixelCNNConfig(), TransformerConfig())


@dataclass(frozen=True, slots=True)
class Sampling:
    """One prior. `cached_s`: median seconds for all grids; `full_s`: with a forward pass per cell.

    `measured`: of how many of the M positions the passes were timed; where fewer than M, `full_s` is extrapolated from them.
    `same`: whether both drew the same codes, at all positions that were measured.
    """

    prior: str
    grids: int
    side: int
    K: int
    parameters: int
    cached_s: float
    full_s: float
    measured: int
    ratio: float
    same: bool


def sampling(config: AnyPriorConfig, *, quick: bool) -> Sampling:
    """Time one prior. `quick`: smaller grids, and a few positions stand for all."""
    side = QUICK_SIDE if quick else SIDE
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        prior = build_prior(config, Layout((Grid("main", K, (side, side)),))).eval()
    times = []
    sample(prior, N)  # a warm-up
    for _ in range(REPEATS):
        began = time.perf_counter()
        codes = sample(prior, N)
        times.append(time.perf_counter() - began)
    cached_s = statistics.median(times)
    full_s, measured, same = _uncached(prior, codes, QUICK_POSITIONS if quick else side * side)
    return Sampling(
        prior=config.kind,
        grids=N,
        side=side,
        K=K,
        parameters=sum(parameter.numel() for parameter in prior.parameters()),
        cached_s=cached_s,
        full_s=full_s,
        measured=measured,
        ratio=full_s / cached_s,
        same=same,
    )


def _uncached(prior: Prior, codes: np.ndarray, positions: int) -> tuple[float, int, bool]:
    """Seconds for all positions, how many were timed, and whether they got the same codes. The last ones, given those before."""
    M = prior.layout.length
    free = np.arange(M) >= M - positions
    last = codes
    began = time.perf_counter()
    for filled in fill(prior, np.where(free, 0, codes), free, cached=False):
        last = filled.codes
    seconds = time.perf_counter() - began
    return seconds * M / positions, positions, bool(np.array_equal(last, codes))


def table(rows: list[Sampling]) -> Table:
    """What is printed."""
    first = rows[0]
    title = f"Sampling {first.grids} grids of {first.side}×{first.side}, K = {first.K}, on the CPU, s"
    found = Table(title=title, title_justify="left")
    for head in ("prior", "parameters", "cached", "a forward pass per cell", "ratio", "same codes"):
        found.add_column(head, justify="left" if head == "prior" else "right")
    for row in rows:
        extrapolated = "" if row.measured == row.side**2 else f" (from {row.measured} cells)"
        found.add_row(
            row.prior,
            f"{row.parameters:,}",
            f"{row.cached_s:.2f}",
            f"{row.full_s:.1f}{extrapolated}",
            f"{row.ratio:.0f}",
            "yes" if row.same else "NO",
        )
    return found
