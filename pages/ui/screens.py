"""The screens that exist, in the order of the sidebar. A new screen is a file in `pages/` and one entry here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from pages.ui.parts import hidden
from vqcore.config.needs import Need

PAGES = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Screen:
    """`term` is the field's own word for what the screen shows; `look` is the one sentence that says what to look at.

    `needs`: what a run must have to be shown there (`pages.ui.needed` says what is missing); parts of a screen may need more.
    `shows_book`: it shows one codebook at a time, chosen above it where a model has several (`pages.ui.book`).
    """

    section: str
    title: str
    term: str
    look: str
    icon: str
    needs: tuple[Need, ...] = ()
    shows_book: bool = False


SCREENS: dict[str, Screen] = {
    "start": Screen("First", "Start", "a tour of five cards", "What is a VQ-VAE made of?", ":material/flag:"),
    "train": Screen(
        "First", "Train", "training", "Do pictures improve while codes stay in use?", ":material/play_circle:", shows_book=True
    ),
    "inside": Screen(
        "First", "Inside", "the pipeline", "Follow one tile from left to right.", ":material/account_tree:", ("codes",), shows_book=True
    ),
    "snap": Screen("First", "Snap", "quantisation step, straight-through", "Which code is nearest, and what moves?", ":material/biotech:"),
    "codes": Screen("First", "Codes", "codebook, UMAP", "What does each code draw?", ":material/grid_view:", ("codes",), shows_book=True),
    "collapse": Screen(
        "First",
        "Collapse",
        "dead codes, codebook collapse",
        "Which codes stopped working, and why?",
        ":material/healing:",
        ("codes",),
        shows_book=True,
    ),
    "lessons": Screen("First", "Lessons", "predict, try, check", "What do you expect, and what happens?", ":material/school:"),
    "bits": Screen(
        "Further", "Bits", "capacity, rate and distortion", "What do more bits buy?", ":material/straighten:", ("pictures", "one book")
    ),
    "priors": Screen(
        "Further", "Priors", "autoregressive prior", "How much must be known before pictures appear?", ":material/stairs:", ("codes",)
    ),
    "paint": Screen(
        "Further", "Paint", "editing the index grid", "Change one tile: how far does it reach?", ":material/brush:", ("pictures", "codes")
    ),
    "invent": Screen(
        "Further",
        "Invent",
        "autoregressive prior, sampling",
        "Which prior first looks like the real ones?",
        ":material/casino:",
        ("pictures", "codes"),
        shows_book=True,
    ),
    "museum": Screen("Further", "Museum", "bugs of a quantizer", "Which curve gives the bug away?", ":material/bug_report:"),
    "runs": Screen("Further", "Runs", "run table", "What differed?", ":material/table_rows:"),
}


def page_of(name: str) -> Path:
    """The file of a screen, for `st.Page` and `st.switch_page`."""
    return PAGES / f"{name}.py"


def header(name: str) -> None:
    """The top of a screen in one line: its word, the field's term, and the question that it answers."""
    screen = SCREENS[name]
    with st.container(horizontal=True, gap="small", key="screen_header"):
        st.title(screen.title, anchor=False, width="content")
        st.markdown(f":gray[{screen.term[:1].upper() + screen.term[1:]}]", width="content")
        if not hidden("hints"):
            st.markdown(f"**{screen.look}**", width="content")
