"""The configuration that a link or a lesson brought, ready to train. Session keys owned here: none."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.ui import link, session, share
from pages.ui.compare import differences
from pages.ui.fields import CHOICES
from pages.ui.lessons import answering, picture
from vqcore.config.run import RunConfig
from vqcore.lessons.bases import BASES
from vqcore.shape import described as described_books
from vqcore.shape import sizes

Start = Callable[[RunConfig, str, str, bool], None]


def panel(start: Start) -> None:
    """What is to be trained, and the button; `start` is called with the configuration, a name, a preset's name, and whether it must be new.

    Nothing when no link brought a configuration.
    """
    state, now = link.active(), answering.going()
    config = state.config if state is not None else None
    if state is None or config is None:
        return
    act = now.act if now is not None else None
    name = act.name if act is not None else "From a link"
    waits = now is not None and not answering.predicted(now.key)
    # a run that is to be treated must be one's own, and untreated so far
    anew = act is not None and act.start != "" and "treatments" not in act.hide
    with st.container(border=True, key="linked"):
        if now is not None:
            picture.show(now.key, now.lesson.title)
        st.markdown(f"**{name}**  \n{described(config)}")
        if told := changed(config, act.start if act is not None else state.base):
            st.caption(told)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Train",
                icon=":material/play_arrow:",
                type="primary",
                disabled=waits,
                key="linked_train",
                on_click=start,
                args=(config, name if act is not None else called(config), f"lesson:{now.key}" if now is not None else "", anew),
            )
            if waits:
                st.caption("Predict first, above.")
            else:
                share.popover(state, "linked")


def described(config: RunConfig) -> str:
    """The settings that say most, as one line of markdown."""
    train = config.train
    grid = (
        "one code a picture"
        if config.model.downsampling == "vector"
        else f"a code for each {config.model.downsampling}×{config.model.downsampling} pixels"
    )
    return (
        f"{_called(config.data.kind)} · {grid} · {described_books(config.books())} · {train.steps:,} steps of "
        f"{train.batch_size} · seed {train.seed}"
    )


def changed(config: RunConfig, base: str) -> str:
    """What differs from the base that it is written from, as markdown; "" when nothing does."""
    if base not in BASES:
        return ""
    found = differences([BASES[base].edited({"train.seed": config.train.seed}), config])
    return " · ".join(f"{session.plain(title)}: {session.plain(_called(new))}" for title, (_, new) in found.items())


def called(config: RunConfig) -> str:
    """A name for a run of this configuration."""
    books = config.books()
    dimensions = " + ".join(dict.fromkeys(str(book.D) for book in books))
    return f"{_called(config.data.kind)}, K = {sizes(books)}, D = {dimensions}" if books else _called(config.data.kind)


def _called(value: str) -> str:
    return str(CHOICES.get(value, value))
