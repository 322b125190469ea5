"""The lines of Python behind Bits: the message or its length, the sweep, one of its points."""

from __future__ import annotations

from pages.ui import session, sweepwork
from pages.ui.bits.counter import Choice
from vqcore.runs.folder import RunFolder
from vqcore.snippets import looking, sweeping
from vqcore.snippets.snippet import Snippet
from vqcore.sweeps.store import Sweep


def code(choice: Choice, sweep: Sweep | None) -> list[Snippet]:
    """For what the sliders say, and for the sweep whose points are drawn. Raises RunError."""
    found = [_message(choice) or looking.capacity(choice.K, choice.side)]
    if sweep is not None:
        store = sweepwork.sweeps()
        found.append(sweeping.table(store, sweep.id, sweepwork.BUNDLED))
        found += [point] if (point := sweeping.point(store, sweep.id, choice.K)) else []
    return found


def _message(choice: Choice) -> Snippet | None:
    """Of the shown run's first picture, where that run has these very settings."""
    run: RunFolder | None = session.current_model()
    if run is None and (example := session.example()):
        run = session.store().get(example)
    gallery = run.gallery() if run is not None else None
    if run is None or gallery is None or not gallery.indices or run.config().model.quantizer.K != choice.K:
        return None
    return looking.message(run, gallery) if gallery.indices[0][0].size == choice.side**2 else None
