"""The frame of a card: how far one is, what was seen, and the ways on and back. Session keys owned here: `tour_next` and others."""

from __future__ import annotations

import streamlit as st

from pages.ui.screens import SCREENS, page_of
from pages.ui.terms import words
from pages.ui.tour import cards, progress

STYLE = """<style>
.stMainBlockContainer { padding-top: 2.5rem; padding-bottom: 0.5rem; }
.st-key-tour_top h1 { padding: 0; }
[data-testid="stMain"] { scroll-padding-bottom: 13rem; }
.vq-dots { display: flex; gap: 0.6rem; align-items: center; height: 2.5rem; }
.vq-dots div { width: 0.85rem; height: 0.85rem; border-radius: 50%; border: 2px solid currentColor; opacity: 0.6; box-sizing: border-box; }
.vq-dots div.done { background: currentColor; }
.vq-dots div[aria-current] { width: 2.2rem; border-radius: 0.45rem; opacity: 1; border-width: 3px; }
.vq-only-read { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
[data-testid="stLayoutWrapper"]:has(> .st-key-tour_bar) { position: sticky; bottom: 0; z-index: 5; }
.st-key-tour_bar { padding: 0.5rem 0 0.6rem; background: var(--vq-ground); border-top: 1px solid var(--vq-line); }
.st-key-tour_seen p { font-size: 1.05rem; line-height: 1.45; }
.st-key-tour_next button[kind="primary"] { animation: vq-next 1.6s ease-in-out infinite; }
@keyframes vq-next { 50% { box-shadow: 0 0 0 5px color-mix(in srgb, var(--vq-accent) 45%, transparent); } }
@media (prefers-reduced-motion: reduce) { .st-key-tour_next button[kind="primary"] { animation: none; } }
@media (max-width: 768px) { .stMainBlockContainer { padding-top: 4rem; } }
@media (max-width: 640px) { .st-key-tour_seen p { font-size: 0.95rem; line-height: 1.35; } }
</style>"""


def top(here: int, title: str) -> None:
    """The card's title, dots that say how far one is, and the way out."""
    dark = st.context.theme.type == "dark"
    ground, line, accent = ("#14181C", "#37404A", "#4FBDB3") if dark else ("#FBFAF7", "#D6D2C7", "#0B6E69")
    st.html(f"<style>:root {{ --vq-ground: {ground}; --vq-line: {line}; --vq-accent: {accent}; }}</style>{STYLE}")
    kept = progress.read()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour_top"):
        st.title(title, anchor=False, width="stretch")
        dots = "".join(_dot(card, i == here, card.name in kept.tried) for i, card in enumerate(cards.CARDS, 1))
        st.html(f'<div class="vq-dots" role="list" aria-label="Card {here} of {len(cards.CARDS)}">{dots}</div>', width="content")
        if not kept.done:
            st.button("Skip the tour", icon=":material/skip_next:", type="tertiary", key="tour_skip", on_click=cards.skip)


def _dot(card: cards.Card, here: bool, done: bool) -> str:
    current = ' aria-current="step"' if here else ""
    said = f"{card.title}, done" if done else card.title
    return f'<div role="listitem" class="{"done" if done else ""}"{current}><span class="vq-only-read">{said}</span></div>'


def bottom(here: int, seen: str) -> None:
    """What was seen, its words, and the ways on and back: always in view."""
    card, last = cards.CARDS[here - 1], here == len(cards.CARDS)
    with st.container(key="tour_bar", gap="xxsmall"):
        if seen:
            with st.container(key="tour_seen"):
                st.markdown(f":material/check_circle: {seen}")
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            with st.container(width="stretch"):
                words(*card.words, key=f"start_{card.name}")
            if here > 1:
                st.button("Back", icon=":material/arrow_back:", key="tour_back", on_click=cards.go, args=(here - 1,))
            st.button(
                "Finish" if last else "Next",
                icon=":material/done_all:" if last else ":material/arrow_forward:",
                icon_position="right",
                key="tour_next",
                type="primary" if seen else "secondary",
                on_click=cards.go,
                args=(here + 1,),
            )


def rest() -> None:
    """After the tour: what was seen in a line each, and the screens that show more of it."""
    further = {"palette": "inside", "snap": "snap", "train": "train", "broken": "collapse", "grid": "codes"}
    said = {
        "palette": "A **codebook** is a palette: everything is drawn with what is on it.",
        "snap": "An encoder's output **snaps** to the nearest **code**; only its **index** is kept.",
        "train": "**Training** moves codes, encoder and decoder together.",
        "broken": "Codes that nothing chooses learn nothing: **collapse**. **Revival** is one cure.",
        "grid": "A **grid** of indices draws many more pictures than there are codes.",
    }
    for card in cards.CARDS:
        screen = further[card.name]
        left, right = st.columns((3, 2), vertical_alignment="center")
        left.markdown(said[card.name])
        right.page_link(page_of(screen), label=SCREENS[screen].title, icon=SCREENS[screen].icon, help=SCREENS[screen].look)
    st.button("Take the tour again", icon=":material/replay:", key="tour_again", on_click=cards.go, args=(1,))
