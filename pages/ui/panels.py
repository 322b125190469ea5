"""The panels of a model's run: pictures, curves, use of codes, figures. All of them, or on a projector one at a time.

Session keys owned here: `train_first`, `train_by_index`, `train_one`.
"""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.ui import book, figures, live, projector, state
from pages.ui.chart import chart
from pages.ui.parts import hidden
from pages.ui.pictures import show
from pages.ui.terms import help_text

TALL, LOW, SHORT = 300, 290, 250  # pixels
CURVES = {
    "loss": ("Loss", "loss", "reconstruction", "codebook_loss", "commitment"),
    "used": ("Codes in use", "used_epoch", "used_ever", "dead"),
    "perplexity": ("Perplexity", "batch_perplexity", "perplexity"),
    "norms": ("Lengths of vectors", "z_norm", "e_norm"),
    "errors": ("Error on validation data", "nmse", "mean_picture"),
}
OF_A_BOOK = ("used", "perplexity", "norms")
ONE = {  # at a time, for a room
    "pictures": "Pictures",
    "loss": "Loss",
    "used": "Codes in use",
    "usage": "Each code",
    "perplexity": "Perplexity",
    "norms": "Lengths",
    "errors": "Error",
}


def one(seen: live.Watch, view: live.View) -> None:
    """One of the charts, by choice."""
    names = [name for name in ONE if name != "usage" or view.snapshot]
    name = st.segmented_control(
        "Shown",
        names,
        format_func=ONE.__getitem__,
        default="pictures",
        required=True,
        key="train_one",
        label_visibility="collapsed",
        wrap=True,
    )
    with st.container(gap="xxsmall"):
        if name == "pictures":
            examples(seen, view)
        elif name == "usage":
            usage(seen, view)
        else:
            curve(seen, view, str(name), LOW)


def first(seen: live.Watch, view: live.View) -> None:
    """The pictures, and the curve below them: what is looked at while the run is controlled."""
    examples(seen, view)
    curve(seen, view, "loss", SHORT)


def others(seen: live.Watch, view: live.View) -> None:
    """The charts and figures that nobody needs to control a run."""
    left, right = st.columns(2)
    with left, st.container(gap="xxsmall"):
        curve(seen, view, "used", LOW)
        curve(seen, view, "perplexity", LOW)
    with right, st.container(gap="xxsmall"):
        usage(seen, view)
        curve(seen, view, "norms", LOW)
    left, right = st.columns(2)
    with left, st.container(gap="xxsmall"):
        curve(seen, view, "errors", LOW)
    if not hidden("figures"):
        with right, st.container(gap="xxsmall"):
            at = f", step {view.evaluation.step:,}" if view.evaluation else ""
            panel("In figures" + at, "validation")
            figures.table(view)
    state.history(view)


def curve(seen: live.Watch, view: live.View, kind: str, height: int) -> None:
    """The chart of a key of CURVES under its title."""
    chosen = book.chosen(view.folder) if kind in OF_A_BOOK else 0
    if not projector.on():  # there the chooser has said it
        title, *terms = CURVES[kind]
        panel(title + (_of_book(view) if kind in OF_A_BOOK else ""), *terms)
    chart(seen.curves(view, kind, chosen), f"train_{kind}", height, of=f"{view.folder.id} {chosen or ''}".strip())


def panel(title: str, *terms: str) -> DeltaGenerator:
    """A panel's title with its words, one tap away, in a row of fixed height. Returns the row, for controls."""
    row = st.container(horizontal=True, vertical_alignment="center", height=42, border=False)
    row.markdown(f"**{title}**", help=help_text(*terms), width="stretch")
    return row


def examples(seen: live.Watch, view: live.View) -> None:
    """Pictures beside what the model makes of them; for points, the plane."""
    points = view.gallery is not None and view.gallery.inputs.ndim != 4
    place = st.container()  # above their title: each row of pictures has its own
    row = panel("Points" if points else "Pictures", "gallery", "colour", "latent_grid")
    if not points and row.button(
        "Others", icon=":material/navigate_next:", type="tertiary", key="train_others", help="Other validation pictures"
    ):
        st.session_state["train_first"] = (st.session_state.get("train_first", 0) + live.SHOWN) % 64
    drawn = seen.examples(view, st.session_state.get("train_first", 0))
    # a room's pictures are seen whole: large captions leave them no room in a fixed height
    whole = projector.on() and drawn is not None and not points
    with place.container(height="content" if whole else projector.height(TALL), border=False, key="train_pictures"):
        if drawn is None:
            state.coming(view)
        elif points:
            chart(drawn, "train_plane", TALL, of=view.folder.id)
        else:
            show(drawn)


def usage(seen: live.Watch, view: live.View) -> None:
    """How often each code is chosen."""
    at = f", step {view.snapshot.step:,}" if view.snapshot else ""
    chosen = book.chosen(view.folder)
    row = panel(f"Use of each code{_of_book(view)}{at}", "usage", "dead", "colour")
    by_index = row.toggle("By index", key="train_by_index", persist_state="session")
    drawn = seen.usage(view, sort=not by_index, book=chosen)
    if drawn is None:
        with st.container(height=LOW, border=False):
            st.caption("This comes with the first evaluation.")
    else:
        chart(drawn, "train_usage", LOW, of=f"{view.folder.id} {chosen or ''}".strip())


def _of_book(view: live.View) -> str:
    """Which of several codebooks a panel is about, for its title."""
    names = book.names(view.config)
    return f" of {names[book.chosen(view.folder)].lower()}" if len(names) > 1 else ""
