"""The code of what Invent shows: the sheet of the chosen sample, and the question of the tab that is open."""

from __future__ import annotations

from pages.ui.invent.family import Family
from pages.ui.invent.wanted import COMPLETE, COPY, FILL, Answers, Wanted, below
from vqcore.config.run import PriorRunConfig
from vqcore.runs.invented import Sheet
from vqcore.snippets import drawing
from vqcore.snippets.snippet import Snippet


def snippets_of(family: Family, want: Wanted, found: Answers) -> list[Snippet]:
    """Of the chosen sample's sheet, and of the tab that is open."""
    member = family.member(want.rung)
    if member is None or member.run is None:
        return []
    config = member.run.config()
    prior = config.prior if member.rung.learns and isinstance(config, PriorRunConfig) else member.rung.config
    data = found.sheets[want.rung].data
    snippets = [drawing.sheet_of(member.run, prior, want.drawing(member), None if data is None else Sheet.of(data))]
    question = below(family, want, found.sheets) if want.tab in (FILL, COMPLETE, COPY) else None
    if question is not None and found.below is not None:
        snippets.append(drawing.below(question.run, question.kind, question.settings, found.below.data))
    return snippets
