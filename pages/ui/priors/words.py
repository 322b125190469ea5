"""What a prior's figures mean, in words. Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from pages.ui import session
from pages.ui.live import View
from vqcore.config.prior_defaults import rung_of
from vqcore.errors import RunError
from vqcore.records import PriorEvaluation
from vqcore.runs.analysis import checkpoint_stamp

SMALL = 0.05  # bits per code: gaps and rises below are not told


def origin(view: View) -> str:
    """What it learns, from which model, and whether that still exists."""
    assert view.prior is not None
    prior, parent = view.prior.prior, view.prior.parent
    name = session.plain(parent.name or parent.run)
    told = f"{rung_of(prior).title} over the codes of {name} at its step {parent.step:,}"
    if getattr(prior, "conditional", False):
        told += ", given the label"
    try:
        model = session.store().get(parent.run)
    except RunError:
        return f"{told}. That run was deleted: this prior works with its own copy of the model and the codes."
    stamp = checkpoint_stamp(model)
    if stamp is not None and stamp.hash != parent.checkpoint:
        return f"{told}. That model has been trained since: what is drawn here uses this prior's own copy of it."
    return f"{told}."


def verdict(view: View, evaluations: Sequence[PriorEvaluation]) -> str:
    """How far it has come on the ladder, and whether it learns by heart."""
    if not evaluations or view.prior is None:
        return ""
    last = evaluations[-1]
    told = [_standing(last, view.config.data.noun)]
    if rung_of(view.prior.prior).learns and last.step:
        told.append(_gap(last, evaluations, view.config.data.noun))
    return " ".join(told)


def _standing(last: PriorEvaluation, noun: str) -> str:
    saved = last.uniform_bits - last.bits
    an = "an" if noun == "image" else "a"
    per_image = f"**{last.bits_per_image:,.0f} bits** for the {last.codes_per_image} codes of {an} {noun}"
    if last.codes_per_image == 1:
        per_image = f"**{last.bits:.1f} bits** for the one code of {an} {noun}"
    if saved < SMALL:
        return f"It takes {per_image}: as many as guessing blindly."
    known = "the histogram of each cell" if last.position_bits < last.histogram_bits - SMALL else "the histogram"
    best = min(last.position_bits, last.histogram_bits)
    compared = f"{best - last.bits:.2f} bits per code fewer than {known}" if last.bits < best - SMALL else f"no fewer than {known}"
    return f"It takes {per_image}; guessing blindly would take {last.uniform_bits * last.codes_per_image:,.0f}. That is {compared}."


def _gap(last: PriorEvaluation, evaluations: Sequence[PriorEvaluation], noun: str) -> str:
    gap = last.bits - last.train_bits
    best = min(evaluations, key=lambda found: found.bits)
    if last.bits > best.bits + SMALL and gap > SMALL:
        return (
            f"On new grids it was best at step {best.step:,} ({best.bits:.2f} bits per code) and has become worse since, while it goes on "
            f"improving on those that it is trained on: it learns single {noun}s by heart. More dropout, a smaller network or fewer steps "
            "often help."
        )
    if gap > SMALL:
        return (
            f"On grids that it was trained on it needs {gap:.2f} bits per code less than on new ones: the beginning of learning by heart."
        )
    return "On new grids it does as well as on those that it was trained on."
