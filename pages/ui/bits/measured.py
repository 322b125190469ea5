"""What bits bought: measured rate and distortion, and the share of codes used, from a stored sweep.

Session key owned here: `bits_sweep`.
"""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.ui import sweepwork
from pages.ui.bits.counter import Choice
from pages.ui.chart import chart
from pages.ui.sweeps import choose, setting
from vqcore.plots.bits import rate_distortion, use_against_codes
from vqcore.plots.sweeps import described_levels
from vqcore.sweeps.results import Cell, cells
from vqcore.sweeps.store import Sweep

HEIGHT = 380  # pixels
NONE = "–"
CODES, GRID = "model.quantizer.K", "model.downsampling"


def chosen() -> Sweep | None:
    """The sweep whose points are drawn: one of those with a finished run."""
    store = sweepwork.sweeps()
    found = [sweep for sweep in store.list() if any(result.done and result.fixed_bits for result in store.results(sweep))]
    # bits are moved by K and by the grid: sweeps that vary them first, and of those the ones that were measured with care
    found.sort(key=lambda sweep: (-sum(axis.path in (CODES, GRID) for axis in sweep.spec.axes), not sweep.read_only))
    return choose(found, "bits_sweep", "Measured by the sweep")


def share_used(sweep: Sweep | None, choice: Choice) -> tuple[str, str]:
    """Label and value: the share of codes used where the sweep measured this K, from the lowest run to the highest, a dash elsewhere.

    At this D where it was measured, else at the D that was, which the label names.
    """
    results = (
        [result for result in sweepwork.sweeps().results(sweep) if result.done and result.books == 1 and result.K == choice.K]
        if sweep
        else []
    )
    exact = [result for result in results if result.D == choice.D]
    if not results:
        return "Share used", NONE
    shown = exact or results
    dimensions = sorted({result.D for result in shown})
    low, high = (round(100 * bound(result.share_used for result in shown)) for bound in (min, max))
    where = f"D = {dimensions[0]}" if len(dimensions) == 1 else f"D {dimensions[0]}–{dimensions[-1]}"
    return f"Used, {where}", f"{low} %" if low == high else f"{low} to {high} %"


def charts(sweep: Sweep | None, choice: Choice) -> None:
    """Both charts, with what the sliders say marked in them."""
    if sweep is None:
        st.info(
            "Here stands what more bits buy, measured: the error of models with more codes or finer grids. No sweep has finished yet. "
            "Start one on Collapse, under Sweeps.",
            icon=":material/lightbulb:",
        )
        return
    results = sweepwork.sweeps().results(sweep)
    found = cells(results)
    groups = by_rest(sweep, found)
    mean = next((result.nmse_mean_picture for result in results if result.done and result.nmse_mean_picture), None)
    left, right = st.columns([3, 2])
    with left:
        st.markdown("**Error against bits**")
        chart(rate_distortion(groups, mark_bits=choice.total, mean_picture=mean), key="bits_rate", height=HEIGHT, of=sweep.id)
    with right:
        st.markdown("**Codes used against K**")
        chart(use_against_codes(groups, mark_codes=choice.K), key="bits_used", height=HEIGHT, of=sweep.id)
    st.caption(
        "Filled marks: fixed-code bits, M·log2 K. Hollow marks: histogram bits, which an ideal code with the measured table would take; "
        f"a learned prior may take fewer. {setting(sweep, found)}"
    )


def by_rest(sweep: Sweep, found: Sequence[Cell]) -> dict[str, list[Cell]]:
    """The cells by all that is varied besides K: title → cells. The grid is told by its cells."""
    places = [i for i, axis in enumerate(sweep.spec.axes) if axis.path not in (CODES, GRID)]
    axes = [sweep.spec.axes[i] for i in places]
    gridded = any(axis.path == GRID for axis in sweep.spec.axes)
    groups: dict[str, list[Cell]] = {}
    for cell in found:
        words = [described_levels(axes, [cell.levels[i] for i in places])] if axes or not gridded else []
        if gridded and cell.results:
            M = cell.results[0].M
            words.insert(0, f"{M} cells" if M > 1 else "1 cell")
        if cell.results:
            groups.setdefault(", ".join(words), []).append(cell)
    return groups
