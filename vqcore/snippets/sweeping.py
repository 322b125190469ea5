"""The lines that read what a sweep measured, and train one of its points anew. For Bits and Collapse."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vqcore.snippets import training
from vqcore.snippets.snippet import Snippet, imports, literal, place
from vqcore.sweeps.results import Cell, Result, cells
from vqcore.sweeps.store import SweepStore

_NAMES = ("pathlib:Path", "vqcore.sweeps.results:cells", "vqcore.sweeps.store:SweepStore")


def table(store: SweepStore, sweep_id: str, figures: Path) -> Snippet:
    """Every combination with its means over the seeds. `figures`: the folder of sweeps that come with the program."""
    lines = f"""
store = SweepStore({place(store.root)}, extra=[{place(figures)}])
for cell in cells(store.results(store.get({literal(sweep_id)}))):
    if cell.results:
        used, nmse = cell.spread("used").mean, cell.spread("nmse").mean
        print(f"{{', '.join(cell.levels)}}: {{used:.0f}} codes used, NMSE {{nmse:.4f}}")
"""
    found = cells(store.results(store.get(sweep_id)))
    note = "Means over the seeds of all runs that finished."
    return Snippet("Read this sweep", f"{imports(*_NAMES)}\n{lines}", "\n".join(_told(cell) for cell in found if cell.results), note)


def _told(cell: Cell) -> str:
    used, nmse = cell.spread("used"), cell.spread("nmse")
    assert used is not None and nmse is not None
    return f"{', '.join(cell.levels)}: {used.mean:.0f} codes used, NMSE {nmse.mean:.4f}"


def point(store: SweepStore, sweep_id: str, K: int) -> Snippet | None:
    """Its first finished run with so many codes, or the first of all, trained anew; None without a finished run."""
    sweep = store.get(sweep_id)
    done = [(at, found) for at, found in zip(store.points(sweep), store.results(sweep), strict=True) if found.done]
    chosen = next(((at, found) for at, found in done if found.K == K), done[0] if done else None)
    if chosen is None:
        return None
    at, found = chosen
    title = f"Train one of its runs anew: {', '.join((*at.levels, f'seed {at.seed}'))}"
    anew = training.anew(title, at.config, _line(found))
    return replace(anew, note=f"{anew.note} One seed alone: the charts show means over all of them.")


def _line(found: Result) -> str:
    return training.line(found.steps, found.nmse, found.used, found.K)
