"""The lines of Python behind Bits: the model whose pictures are shown, or the message's length, and the sweep."""

from __future__ import annotations

from pages.ui import sweepwork
from pages.ui.bits.counter import Choice, Model
from vqcore.config.needs import met
from vqcore.snippets import looking, sweeping
from vqcore.snippets.snippet import Snippet
from vqcore.sweeps.store import Sweep


def code(choice: Choice, model: Model | None, sweep: Sweep | None) -> list[Snippet]:
    """For what the sliders say, and for the sweep whose points are drawn. Raises RunError."""
    found = [_shown(choice, model)]
    if sweep is not None:
        found.append(sweeping.table(sweepwork.sweeps(), sweep.id, sweepwork.BUNDLED))
    return found


def _shown(choice: Choice, model: Model | None) -> Snippet:
    if model is None:
        return looking.capacity(choice.K, choice.side)
    if model.run is None:
        return looking.point(choice.K, choice.side, model.nmse or 0.0, int((model.indices[0]).size))
    gallery = model.run.gallery() if met(looking.NEEDS["message"], model.run.config()) else None
    return looking.capacity(choice.K, choice.side) if gallery is None else looking.message(model.run, gallery)
