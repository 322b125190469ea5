"""The diagnosis of a run as its folder stands. No torch."""

from __future__ import annotations

from collections.abc import Sequence

from vqcore.clinic.diagnosis import Diagnosis, diagnose
from vqcore.config.run import RunConfig
from vqcore.errors import RunError
from vqcore.records import Evaluation, Event, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.treatments import counting
from vqcore.usage import epoch_steps


def examine(run: RunFolder, book: int = 0) -> Diagnosis:
    """The diagnosis of the codebook at that place, at the latest snapshot. Raises RunError, also before the first one and without it."""
    snapshot = run.snapshot()
    if snapshot is None or book >= len(snapshot.books):
        start = run.effective_config().codes_start
        comes = f"at step {start:,}, where its codes start" if start else "as soon as it trains"
        raise RunError(f"Run {run.id} has no snapshot of a codebook yet: the first one comes {comes}.")
    records = run.thinned().records
    steps = [record for record in records if isinstance(record, Step)]
    evaluations = [record for record in records if isinstance(record, Evaluation)]
    config = config_at(run.config(), run.events().records, snapshot.step)
    return diagnose(config, snapshot.books[book], steps, evaluations, epoch_steps(steps[-1] if steps else None))


def config_at(started: RunConfig, events: Sequence[Event], step: int) -> RunConfig:
    """The configuration that the snapshot at `step` was trained with: a treatment at that very step came after it."""
    found = next((event.data["config"] for event in reversed(counting(events)) if event.step < step and "config" in event.data), None)
    return started if found is None else RunConfig.parse(found)
