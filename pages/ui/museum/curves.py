"""The plots of an exhibit: four that belong to it, and one more of the visitor's choice. Session keys owned here: `museum_more`."""

from __future__ import annotations

import streamlit as st

from pages.ui.chart import chart
from pages.ui.museum.case import Case
from pages.ui.terms import help_text
from vqcore.museum.figures import ERROR, TITLES, compared
from vqcore.museum.trial import SERIES

TALL = 215  # pixels: two rows of plots and what is asked of them fit on a laptop
_WORDS = {
    "loss": ("loss",),
    "reconstruction": ("reconstruction",),
    "codebook": ("codebook_loss",),
    "commitment": ("commitment",),
    "used": ("used_epoch",),
    "z_norm": ("z_norm",),
    "e_norm": ("e_norm",),
    "revived": ("revival",),
    "died_again": ("revival", "dead"),
    ERROR: ("nmse", "mean_picture"),
}


def panel(case: Case) -> None:
    """The exhibit's own plots, two abreast."""
    plots = case.exhibit.plots
    for first in range(0, len(plots), 2):
        for i, column in enumerate(st.columns(2)[: len(plots) - first], start=first):  # row by row, on a telephone too
            with column:
                _draw(case, plots[i], f"museum_plot_{i}")


def more(case: Case) -> None:
    """Any other series."""
    others = [name for name in (ERROR, *SERIES) if name not in case.exhibit.plots]
    chosen = st.selectbox(
        "Another curve of the same two runs",
        others,
        index=None,
        placeholder="Choose a curve",
        format_func=TITLES.__getitem__,
        key=f"museum_more_{case.key}",
        persist_state="session",
    )
    if chosen is not None:
        _draw(case, chosen, "museum_plot_more")


def _draw(case: Case, name: str, key: str) -> None:
    st.markdown(f"**{TITLES[name]}**", help=_help(name))
    chart(compared(case.pair, name, case.codes), key, TALL, of=f"{case.key} {case.seed} {name}")


def _help(name: str) -> str:
    own = SERIES[name][1] if name in SERIES else "Of the frozen model on all validation pictures."
    return "\n\n---\n\n".join(part for part in (own, help_text(*_WORDS.get(name, ()))) if part)
