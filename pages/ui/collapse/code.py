"""The lines of Python behind Collapse: both sides anew, and the diagnosis."""

from __future__ import annotations

from dataclasses import replace

from pages.ui.collapse import guess
from pages.ui.collapse.case import CaseView
from vqcore.snippets import looking, training
from vqcore.snippets.snippet import Snippet


def lines(view: CaseView) -> list[Snippet]:
    """Both sides anew, and the diagnosis. Settings tell the cause: nothing while it is still to be guessed."""
    if not guess.known(view):
        return []
    patient = view.patient
    config = patient.folder.config()
    if view.case.arms:
        return [
            replace(training.of_model(side.folder, side.folder.config(), side.events, side.evaluation)[0], title=f"{title}, anew")
            for title, side in zip(view.titles, view.views, strict=True)
        ]
    if view.case.paired and view.views[0].folder.config().identity == config.identity:
        sides = [(title, side.folder, side.events, side.evaluation) for title, side in zip(view.titles, view.views, strict=True)]
        found = [training.of_pair(config, sides)]
    else:
        found = training.of_model(patient.folder, config, patient.events, patient.evaluation)
    return [*found, looking.diagnosed(patient.folder, view.diagnosis, view.book)] if patient.snapshot else found
