"""The usage meter: seven figures that all say how many codes are in use, and why they differ. Session keys owned here: `codes_counted`."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui.chart import chart
from pages.ui.codes.look import Seen
from pages.ui.state import NONE
from pages.ui.terms import help_text
from vqcore.plots.codes import Counted, ages, perplexity_by_count
from vqcore.plots.figure import RUN_COLOURS
from vqcore.usage import Ages, counts_to_try
from vqcore.usage import perplexity as perplexity_of
from vqcore.usage import perplexity_by_count as expected_by_count

TALL = 320  # pixels
WIDTH = 166


def show(seen: Seen) -> None:
    """Draw the meter of the latest snapshot."""
    _figures(seen)
    left, right = st.columns(2)
    with left, st.container(gap="xxsmall"):
        _by_count(seen)
    with right, st.container(gap="xxsmall"):
        st.markdown("**Age: when was each code last chosen?**", help=help_text("age"))
        st.caption("Many codes may be “used” while most of them are chosen once in a long while: their ages tell.")
        chart(ages(seen.film.age[-1]), "codes_ages", TALL, of=seen.run.id)


def _by_ema(seen: Seen) -> list[tuple[str, str, str]]:
    """A row where the book counts by moving average: one that nothing learns does not."""
    if seen.counted is not None and seen.counted.ema_alive is None:
        return []
    value = f"{seen.counted.ema_alive} of {seen.K}" if seen.counted else NONE
    return [("Alive by EMA", value, help_text("ema_alive", "ema_count"))]


def _figures(seen: Seen) -> None:
    K, counted, judged = seen.K, seen.counted, seen.judged
    age = Ages.of(seen.film.age[-1])
    batch = batch_vectors(seen)
    rows: list[tuple[str, str, str]] = [
        ("Used this epoch", f"{counted.used_epoch} of {K}" if counted else NONE, help_text("used_epoch")),
        ("Used on validation", f"{judged.used} of {judged.K}" if judged else NONE, help_text("used_validation")),
        ("Ever used", f"{counted.used_ever} of {K}" if counted else NONE, help_text("used_ever")),
        *_by_ema(seen),
        ("Batch perplexity", f"{counted.batch_perplexity:,.1f}" if counted else NONE, help_text("batch_perplexity")),
        ("Validation perplexity", f"{judged.perplexity:,.1f}" if judged else NONE, help_text("perplexity", "entropy")),
        ("Median age", f"{age.median:,} steps" if age.median >= 0 else NONE, help_text("age")),
    ]
    with st.container(horizontal=True, gap="small", key="codes_meter"):
        for title, value, told in rows:
            st.metric(title, value, help=told, width=WIDTH)
    on = f"the batch perplexity counts {batch:,} vectors" if batch else "the batch perplexity counts one batch"
    if judged:
        on += f", the validation perplexity {judged.vectors:,} with the model frozen at step {seen.judged_at:,}"
    oldest = f"Oldest age: {age.oldest:,} steps. Never chosen in training: {age.never} of {K}." if age.oldest >= 0 else ""
    st.caption(f"{on[:1].upper()}{on[1:]}. {oldest}")


def _by_count(seen: Seen) -> None:
    st.markdown("**The same codes, counted on fewer vectors**", help=help_text("vectors_counted", "perplexity"))
    counts = seen.film.validation_usage[-1]
    total = int(counts.sum())
    ns = counts_to_try(total)
    if len(ns) < 2:
        st.caption("This comes with the first evaluation.")
        return
    expected = _expected(counts, tuple(ns))
    if st.session_state.get("codes_counted") not in ns:
        st.session_state["codes_counted"] = min(ns, key=lambda n: abs(math.log(n / 64)))
    n = st.select_slider("Vectors counted", ns, format_func=lambda n: f"{n:,}", key="codes_counted")
    value = float(expected[ns.index(n)])
    marks = []
    if (batch := batch_vectors(seen)) and seen.counted is not None and math.isfinite(seen.counted.batch_perplexity):
        marks.append(Counted(f"A training batch ({batch:,} vectors)", batch, seen.counted.batch_perplexity, RUN_COLOURS[1]))
    chart(perplexity_by_count(ns, expected, K=seen.K, chosen=(n, value), marks=marks), "codes_by_count", TALL, of=seen.run.id)
    st.caption(
        f"Counted on {n:,} of the {total:,} vectors, this codebook has perplexity {value:,.1f}; on all, {perplexity_of(counts):,.1f}. "
        "Perplexities compare only where equally many vectors were counted."
        + (f" A batch holds whole {seen.config.data.noun}s, whose cells are alike." if seen.cells > 1 else "")
    )


def batch_vectors(seen: Seen) -> int:
    """How many vectors of this book one training batch holds; 0 while that is not known."""
    return seen.config.train.batch_size * seen.judged.indices_per_image if seen.judged else 0


@st.cache_data(max_entries=64, show_spinner=False)
def _expected(counts: NDArray[np.int64], ns: tuple[int, ...]) -> NDArray[np.float64]:
    return expected_by_count(counts, ns)
