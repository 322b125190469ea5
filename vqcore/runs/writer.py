"""From a trainer's records to the run's folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from vqcore.config.run import RunConfig
from vqcore.errors import ConfigError
from vqcore.records import (
    Checkpoint,
    Evaluation,
    Event,
    EventKind,
    Gallery,
    PriorEvaluation,
    Record,
    Samples,
    Snapshot,
    State,
    Step,
    Walk,
    to_json,
)
from vqcore.runs import arrays
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import HeldLease
from vqcore.runs.status import Figures, RunState
from vqcore.runs.thinning import surplus

GALLERIES = 60
SNAPSHOTS = 120
SNAPSHOT_BYTES = 64 * 2**20

_RUNNING: dict[EventKind, RunState] = {"started": "running", "resumed": "running", "continued": "running", "paused": "paused"}
# a released run left its slot to another and waits, paused, without an owner
_ENDING: dict[EventKind, RunState] = {"finished": "finished", "stopped": "stopped", "released": "paused"}


class RunWriter:
    """Writes what `Trainer.run` yields. Each write first checks the lease, and raises LeaseLost without it.

    Raises RunError when the disk is full or the run is gone; what was written before stays whole.
    """

    def __init__(self, folder: RunFolder, lease: HeldLease) -> None:
        self._folder = folder
        self._lease = lease

    def write(self, record: Record) -> None:
        """Keep one record. A Checkpoint holds nothing to keep: it asks for `checkpoint(trainer.state())`."""
        self._lease.check()
        match record:
            case Step():
                self._folder.append("metrics", to_json(record))
                self._lease.note(step=record.step)
            case Evaluation() | PriorEvaluation():
                self._folder.append("metrics", to_json(record))
                self._lease.set_status(step=record.step, figures=Figures.of(record))
            case Walk():
                self._folder.append("metrics", to_json(record))
            case Gallery():
                self._keep("gallery", record.step, lambda path: arrays.write_gallery(path, record), GALLERIES)
            case Samples():
                self._keep("samples", record.step, lambda path: arrays.write_samples(path, record), GALLERIES)
            case Snapshot():
                self._keep("snapshots", record.step, lambda path: arrays.write_snapshot(path, record), SNAPSHOTS, SNAPSHOT_BYTES)
            case Event():
                self._event(record)
            case Checkpoint():
                pass

    def checkpoint(self, state: State) -> None:
        """Replace the checkpoint; until the new one is whole, the old one stays."""
        self._lease.check(now=True)
        with self._folder.writing():
            arrays.write_state(self._folder.checkpoint_path, state)

    def _event(self, event: Event) -> None:
        if event.kind in ("started", "resumed"):
            # readers drop what an earlier attempt did beyond this point; pictures from there would stand beside new ones
            after = event.step if event.kind == "resumed" else -1
            self._folder.append("metrics", {"type": "rewind", "step": after})
            for part in ("gallery", "snapshots", "samples"):
                for step in self._folder.steps_of(part):
                    if step > after:
                        self._remove(part, step)
        self._folder.append("events", to_json(event))
        if event.kind == "treated":
            with contextlib.suppress(ConfigError):
                self._lease.note(steps=RunConfig.parse(event.data.get("config")).train.steps)
            self._lease.set_status(step=event.step, treated=True, message=event.message)
        elif event.kind in _RUNNING:
            self._lease.set_status(step=event.step, state=_RUNNING[event.kind], message=event.message)
        elif event.kind in _ENDING:
            self._lease.outcome, self._lease.outcome_message = _ENDING[event.kind], event.message
            self._lease.note(step=event.step)

    def _keep(self, part: str, step: int, write: Callable[[Path], None], count: int, size: int | None = None) -> None:
        folder = self._folder.path / part
        with self._folder.writing():
            folder.mkdir(exist_ok=True)
            write(folder / f"{step}.npz")
        sizes: dict[int, int] = {}
        for other in self._folder.steps_of(part):
            with contextlib.suppress(OSError):
                sizes[other] = (folder / f"{other}.npz").stat().st_size
        for other in surplus(sizes, count, size):
            self._remove(part, other)

    def _remove(self, part: str, step: int) -> None:
        # on Windows someone may be reading it: then it goes the next time
        with contextlib.suppress(OSError):
            (self._folder.path / part / f"{step}.npz").unlink()
