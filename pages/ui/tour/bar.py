"""The frame of a card: how far one is, what it showed, and the ways on and back. Session keys owned here: `tour_next` and others."""

from __future__ import annotations

import streamlit as st

from pages.ui.screens import SCREENS, page_of
from pages.ui.terms import words
from pages.ui.tour import cards, progress

# the summary and the row of buttons stay in view; on a telephone the buttons alone, as both would hide half of the pictures
STYLE = """<style>
.stMainBlockContainer { padding-top: 1.1rem; padding-bottom: 0.5rem; }
.st-key-tour_top { min-height: 2.75rem; gap: 0.1rem 1rem; position: relative; }
.st-key-tour_top h1 { padding: 0; font-size: 1.6rem; white-space: nowrap; }
[data-testid="stMain"] { scroll-padding-bottom: 9rem; }
.vq-dots { display: flex; gap: 0.5rem; align-items: center; height: 2.5rem; }
.vq-dots div { width: 0.85rem; height: 0.85rem; border-radius: 50%; border: 2px solid currentColor; opacity: 0.6; box-sizing: border-box; }
.vq-dots div.done { background: currentColor; }
.vq-dots div[aria-current] { width: 2.2rem; border-radius: 0.45rem; opacity: 1; border-width: 3px; }
.vq-only-read { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[data-testid="stLayoutWrapper"]:has(> .st-key-tour_bar) { position: sticky; bottom: 0; z-index: 5; }
.st-key-tour_bar { padding: 0.4rem 0 0.5rem; background: var(--vq-ground); }
.st-key-tour_seen { background: var(--vq-ground); border-top: 1px solid var(--vq-line); padding-top: 0.4rem; }
.st-key-tour_seen p { font-size: 1.05rem; line-height: 1.45; }
.st-key-tour_next button[kind="primary"] { animation: vq-next 1.6s ease-in-out infinite; }
@keyframes vq-next { 50% { box-shadow: 0 0 0 5px color-mix(in srgb, var(--vq-accent) 45%, transparent); } }
@media (prefers-reduced-motion: reduce) { .st-key-tour_next button[kind="primary"] { animation: none; } }
@media (min-width: 641px) {
  [data-testid="stLayoutWrapper"]:has(> .st-key-tour_seen) { position: sticky; bottom: 3.4rem; z-index: 4; }
}
@media (max-width: 640px) {
  .stMainBlockContainer { padding-top: 3.6rem; row-gap: 0.6rem; }
  .st-key-tour_top h1 { font-size: 1.35rem; }
  .st-key-tour_about p { font-size: 0.9rem; line-height: 1.35; }
  [data-testid="stLayoutWrapper"]:has(> .st-key-tour_way) { position: absolute; top: -3.1rem; right: 0; z-index: 999991; }
  .st-key-tour_bar { border-top: 1px solid var(--vq-line); }
  .st-key-tour_seen { border-top: none; padding-top: 0; }
  .st-key-tour_seen p { font-size: 0.95rem; line-height: 1.35; }
}
</style>"""
ABOUT = (
    "**VQ Lab** shows how a **VQ-VAE** works: a network that turns a picture into a few numbers of a learned list, its codebook, and draws "
    "it again from them. After five short cards you can say what a code is, how codes are learned, why they die, and what a grid of them "
    "is good for."
)


def top(here: int, card: cards.Card) -> None:
    """The card's title and question, dots that say how far one is, and the way out; above the first card, what all of it is about."""
    dark = st.context.theme.type == "dark"
    ground, line, accent = ("#14181C", "#37404A", "#4FBDB3") if dark else ("#FBFAF7", "#D6D2C7", "#0B6E69")
    st.html(f"<style>:root {{ --vq-ground: {ground}; --vq-line: {line}; --vq-accent: {accent}; }}</style>{STYLE}")
    kept = progress.read()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_top"):
        st.title(card.title, anchor=False, width="content")
        st.markdown(card.question, width="stretch")
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_way", width="content"):
            dots = "".join(_dot(each, i == here, each.name in kept.tried) for i, each in enumerate(cards.CARDS, 1))
            st.html(f'<div class="vq-dots" role="list" aria-label="Card {here} of {len(cards.CARDS)}">{dots}</div>', width="content")
            if not kept.done:
                st.button("Skip the tour", icon=":material/skip_next:", type="tertiary", key="tour_skip", on_click=cards.skip)
    if here == 1:
        with st.container(key="tour_about"):
            st.markdown(ABOUT)


def _dot(card: cards.Card, here: bool, done: bool) -> str:
    current = ' aria-current="step"' if here else ""
    label = f"{card.title}, done" if done else card.title
    return f'<div role="listitem" class="{"done" if done else ""}"{current}><span class="vq-only-read">{label}</span></div>'


def bottom(here: int, summary: str) -> None:
    """What the card showed ("": not yet), its words, and the ways on and back."""
    card, last = cards.CARDS[here - 1], here == len(cards.CARDS)
    if summary:
        with st.container(key="tour_seen"):
            st.markdown(f":material/check_circle: {summary}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_bar"):
        with st.container(width="stretch"):
            words(*card.words, key=f"start_{card.name}")
        if here > 1:
            st.button("Back", icon=":material/arrow_back:", key="tour_back", on_click=cards.go, args=(here - 1,))
        st.button(
            "Finish" if last else "Next",
            icon=":material/done_all:" if last else ":material/arrow_forward:",
            icon_position="right",
            key="tour_next",
            type="primary" if summary else "secondary",
            on_click=cards.go,
            args=(here + 1,),
        )


def rest() -> None:
    """After the tour: its statements in a line each, and the screens that show more of it."""
    further = {"palette": "inside", "snap": "snap", "train": "train", "broken": "collapse", "grid": "codes"}
    statements = {
        "palette": "A **codebook** is a palette: everything is drawn with what is on it.",
        "snap": "An encoder's output **snaps** to the nearest **code**; only its **index** is kept.",
        "train": "**Training** moves codes, encoder and decoder together.",
        "broken": "Codes that nothing chooses learn nothing: **collapse**. **Revival** is one cure.",
        "grid": "A **grid** of indices draws many more pictures than there are codes.",
    }
    for card in cards.CARDS:
        screen = further[card.name]
        left, right = st.columns((3, 2), vertical_alignment="center")
        left.markdown(statements[card.name])
        right.page_link(page_of(screen), label=SCREENS[screen].title, icon=SCREENS[screen].icon, help=SCREENS[screen].look)
    st.button("Take the tour again", icon=":material/replay:", key="tour_again", on_click=cards.go, args=(1,))
