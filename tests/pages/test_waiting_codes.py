"""A run that was stopped before its codes started: no screen counts, draws or paints with codes that do not work yet."""

from __future__ import annotations

import pytest

from pages.ui import session
from vqcore.config.presets import PRESETS
from vqcore.control import Command
from vqcore.jobs import worker
from vqcore.records import Record, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

from .conftest import ADA
from .pairs import Page, said

SMALL = {"model.hidden": 8, "train.batch_size": 16, "train.steps": 60, "train.evaluate_every": 4, "train.evaluation_images": 32}


@pytest.fixture
def waiting(store: RunStore) -> RunFolder:
    config = PRESETS["digits"].config.edited(SMALL | {"train.threads": 1, "train.device": "cpu", "model.quantizer.start_after": 50})
    folder = store.create(config, name="Waiting", owner=session.owner_hash(ADA))

    def heard(record: Record) -> None:
        if isinstance(record, Step) and record.step == 10:
            folder.send(Command("stop"))

    assert worker.run(folder, "cli", on_record=heard) == "stopped"
    assert folder.checkpoint() is not None and not folder.snapshots()
    return folder


def test_every_screen_says_from_when_on_there_are_codes(page: Page, waiting: RunFolder) -> None:
    at = page("main", run=waiting.id)
    assert not at.exception and not at.error
    assert {metric.label: metric.value for metric in at.metric}["Codes used"] == "from step 50"
    for screen, words in (
        ("codes", "The first one comes at step 50, where its codes start."),
        ("inside", "The codes of this run had not started at this step, so there is no index to follow."),
        ("paint", "The codes of this run had not started when its latest pictures were made."),
        ("collapse", "Nothing is quantised until step 50: there are no codes to show yet."),
    ):
        at = page(screen, run=waiting.id)
        assert not at.exception and not at.error, screen
        assert words in said(at), screen
    assert "**This run** codes from step 50 · error" in said(at) and "codes start at step 50" in said(at)
