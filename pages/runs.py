"""Runs: every run in one table; open, compare, rename, delete."""

from __future__ import annotations

import streamlit as st

from pages.ui import runactions, session, showcode, terms
from pages.ui.chart import chart
from pages.ui.compare import curves, differences, legend, titles
from pages.ui.empty import no_run
from pages.ui.parts import hint
from pages.ui.runtable import table
from pages.ui.screens import header
from vqcore.runs.store import Summary
from vqcore.snippets import comparing
from vqcore.snippets.snippet import Snippet

POLL = 3.0  # seconds between looks while something trains
MOST = 12  # curves over one another that can still be told apart
LOW = 260  # pixels of a chart: with table and buttons on one screen

header("runs")


def _look(was_training: bool) -> None:
    with session.errors_shown():
        runs = session.store().list()
        if was_training != _training(runs):
            st.rerun()  # polling begins or ends
        _show(runs)


def _training(runs: list[Summary]) -> bool:
    return any(entry.state in ("queued", "starting", "running") for entry in runs)


def _show(runs: list[Summary]) -> None:
    actions = st.container(key="runs_actions")  # above the table: what one does next stays in view, however long that is
    chosen = table(runs, key="runs_table")
    with actions:
        if chosen:
            runactions.bar(chosen)
        else:
            hint("Tick two runs to see what differs, or one to open it.")
    if len(chosen) > 1:
        _compare(chosen[:MOST])
        showcode.show("runs", lambda: _code(chosen[:MOST]))
    terms.words("nmse", "mean_picture", "psnr", "used_epoch", "perplexity", "K", "D", "seed", key="runs")


def _compare(chosen: list[Summary]) -> None:
    folders = [session.store().get(entry.id) for entry in chosen if not entry.problem]
    if len(folders) < 2:
        return
    st.html(legend(folders))
    left, right = st.columns(2)
    with left:
        priors = all(entry.kind == "prior" for entry in chosen)
        measures = ["Bits per code", "Loss"] if priors else ["NMSE", "Loss"]
        helped = terms.help_text("bits_per_code", "cross_entropy") if priors else terms.help_text("nmse", "loss")
        measure = st.segmented_control(
            "Compare", measures, default=measures[0], required=True, key="runs_error_bits" if priors else "runs_error", help=helped
        )
        chart(curves(folders, measure), key="runs_chart_error", height=LOW)
    with right:
        measure = st.segmented_control(
            "And",
            ["Codes used", "Perplexity"],
            default="Codes used",
            required=True,
            key="runs_use",
            help=terms.help_text("used_epoch", "perplexity"),
        )
        chart(curves(folders, measure), key="runs_chart_use", height=LOW)
    different = differences([folder.effective_config() for folder in folders])
    if not different:
        st.caption("Their settings are the same.")
        return
    st.subheader("What differs in their settings", anchor=False)
    names = titles(folders)
    st.dataframe(
        {"Setting": list(different), **{name: [row[i] for row in different.values()] for i, name in enumerate(names)}},
        hide_index=True,
        column_config={"Setting": st.column_config.TextColumn(width=200)},
    )


def _code(chosen: list[Summary]) -> list[Snippet]:
    snippet = comparing.runs([session.store().get(entry.id) for entry in chosen if not entry.problem])
    return [] if snippet is None else [snippet]


listed = session.store().list()
if listed:
    training = _training(listed)
    st.fragment(_look, run_every=POLL if training else None)(training)
else:
    no_run(
        "Here every run gets a line: whose it is, its data, its settings, how well it did. Tick two to lay their curves over one another."
    )
