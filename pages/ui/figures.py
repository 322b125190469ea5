"""The exact figures of a run's last evaluation and last step, each with its definition one tap away."""

from __future__ import annotations

import streamlit as st

from pages.ui import session
from pages.ui.live import View
from pages.ui.terms import help_text
from vqcore.config.data import DataConfig
from vqcore.records import BookEvaluation, BookStep, Evaluation


def table(view: View) -> None:
    """Errors, bits and codes. Nothing is shown that has not been measured yet."""
    if view.evaluation is None:
        st.caption("These come with the first evaluation.")
        return
    counted = {book.name: book for book in view.measured.books} if view.measured is not None else {}
    learned = {book.name: book.learned for book in view.config.books()}
    groups = {"": _errors(view.evaluation, view.config.data)}
    for book in view.evaluation.books:
        rows = _bits(book) + (_alive(counted[book.name], book.K, learned.get(book.name, True)) if book.name in counted else [])
        # of one book the rows follow at once, as nothing has to be told apart
        name = book.name if len(view.evaluation.books) > 1 else ""
        groups[name] = groups.get(name, []) + rows
    for i, (name, rows) in enumerate(groups.items()):
        if name:
            st.markdown(f"**{session.plain(name.capitalize())}**")
        with st.container(horizontal=True, gap="small", key=f"train_exact{i or ''}"):
            for label, value, shown in rows:
                st.metric(label, value, help=shown, width=136)
    counted_on = "all" if view.evaluation.complete else "the same"
    st.caption(f"Step {view.evaluation.step:,}, {counted_on} {view.evaluation.images:,} validation examples, model frozen.")


def _errors(evaluation: Evaluation, data: DataConfig) -> list[tuple[str, str, str]]:
    """PSNR is of pictures alone: its peak of 1 is the whitest white, and points have none."""
    noun = "picture" if data.modality == "image" else data.noun
    return [
        ("NMSE", f"{evaluation.nmse:.4f}", help_text("nmse")),
        (f"Mean {noun}'s", f"{evaluation.nmse_mean_picture:.4f}", help_text("mean_picture")),
        ("MSE", f"{evaluation.mse:.5f}", help_text("mse")),
        *([("PSNR", f"{evaluation.psnr:.1f} dB", help_text("psnr"))] if data.modality == "image" else []),
    ]


def _bits(book: BookEvaluation) -> list[tuple[str, str, str]]:
    per_image = book.entropy_bits * book.indices_per_image
    return [
        ("M·log2 K", f"{book.capacity_bits:,.0f} bits", help_text("capacity")),
        ("M·entropy", f"{per_image:,.0f} bits", help_text("entropy")),
        ("Entropy", f"{book.entropy_bits:.2f} bits", help_text("entropy")),
        ("Perplexity", f"{book.perplexity:,.1f}", help_text("perplexity")),
    ]


def _alive(book: BookStep, K: int, learned: bool) -> list[tuple[str, str, str]]:
    """A code dies by being left behind; one that nothing learns is out of use, and no worse for it."""
    return [
        ("Used", f"{book.used_epoch} of {K}", help_text("used_epoch")),
        ("Ever used", f"{book.used_ever} of {K}", help_text("used_ever")),
        ("Dead" if learned else "Unused", f"{book.dead} of {K}", help_text("dead", "age") if learned else help_text("used_epoch", "age")),
    ]
