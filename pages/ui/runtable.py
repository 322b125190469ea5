"""The table of runs, whose ticked lines are the answer. Session key owned here: `{key}_sweeps`.

A sweep may bring a hundred runs: they are shown when asked for.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from pages.ui import session, terms
from pages.ui.fields import CHOICES
from vqcore.runs.store import Summary

ROW = 35  # pixels, as Streamlit draws them
LINES = 6  # at once: what is done with them and their curves stay on the same screen


def table(runs: Sequence[Summary], key: str) -> list[Summary]:
    """Draw the table and return the ticked runs."""
    runs = _without_sweeps(runs, key)
    if not runs:
        return []
    state = st.dataframe(
        rows(runs, session.owner().hash),
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        key=state_key(runs, key),
        height=ROW * (1 + min(len(runs), LINES)) + 3,
        column_config={
            "Run": st.column_config.TextColumn(width=180),
            "State": st.column_config.TextColumn(width=150),  # that of the longest, so that nothing jumps
            "K": st.column_config.NumberColumn(help=terms.help_text("K"), width=60),
            "D": st.column_config.NumberColumn(help=terms.help_text("D"), width=50),
            "NMSE": st.column_config.NumberColumn(help=terms.help_text("nmse"), format="%.4f"),
            "PSNR (dB)": st.column_config.NumberColumn(help=terms.help_text("psnr"), format="%.1f"),
            "Codes used": st.column_config.TextColumn(help="On validation data, at the last evaluation.", width=115),
            "Perplexity": st.column_config.NumberColumn(help=terms.help_text("perplexity"), format="%.1f"),
            "Bits per image": st.column_config.NumberColumn(help=terms.help_text("bits_per_image"), format="%.0f"),
            "Begun": st.column_config.DatetimeColumn(format="D MMM, HH:mm"),
        },
    )
    return [runs[line] for line in state["selection"]["rows"] if line < len(runs)]


def _without_sweeps(runs: Sequence[Summary], key: str) -> Sequence[Summary]:
    """The runs to be shown, under a switch where there are any of sweeps."""
    count = sum(bool(entry.sweep) for entry in runs)
    if not count:
        return runs
    label = f"Show {'the run of a sweep' if count == 1 else f'the {count} runs of sweeps'}"
    if st.toggle(label, key=f"{key}_sweeps", persist_state="session"):
        return runs
    return [entry for entry in runs if not entry.sweep]


def state_key(runs: Sequence[Summary], key: str) -> str:
    """Where the session keeps the ticks. They are kept by line, so a table with other lines must not inherit them."""
    return f"{key}_{zlib.crc32(' '.join(entry.id for entry in runs).encode())}"


def rows(runs: Sequence[Summary], mine: str) -> dict[str, list[Any]]:
    """The table's columns. `mine` is the hash of who looks."""
    # errors and codes in use are a model's, bits under a prior a prior's
    figures = [entry.figures if entry.kind == "model" else None for entry in runs]
    priors = [entry.figures if entry.kind == "prior" else None for entry in runs]
    return {
        "Run": [entry.name for entry in runs],
        "Whose": [_whose(entry, mine) for entry in runs],
        "State": [_state(entry) for entry in runs],
        "Data": [entry.what or CHOICES.get(entry.data, entry.data) for entry in runs],
        "K": [entry.K or None for entry in runs],
        "D": [entry.D or None for entry in runs],
        "NMSE": [found.nmse if found else None for found in figures],
        "PSNR (dB)": [found.psnr if found else None for found in figures],
        "Codes used": [f"{found.used} of {found.K}" if found and found.K else "" for found in figures],
        "Perplexity": [found.perplexity if found and found.K else None for found in figures],
        "Bits per image": [found.bits_per_image if found else None for found in priors],
        "Begun": [_time(entry.created) for entry in runs],
    }


def _whose(entry: Summary, mine: str) -> str:
    if entry.read_only:
        return "example"
    if entry.owner and entry.owner == mine:
        return f"{entry.nickname} (you)" if entry.nickname else "you"
    return entry.nickname or ("someone else" if entry.owner else "command line")


def _state(entry: Summary) -> str:
    if entry.problem:
        return "cannot be read"
    share = f", {100 * entry.step // entry.steps} %" if entry.steps and entry.state != "finished" and entry.step else ""
    return f"{entry.state}{share}{', treated' if entry.treated else ''}"


def _time(text: str) -> datetime | None:
    try:
        # one clock for all, that of the server: the column is sorted by it
        return datetime.fromisoformat(text).astimezone().replace(tzinfo=None)
    except (ValueError, OverflowError, OSError):
        return None
