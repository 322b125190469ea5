"""One run, from its folder to its end: lease, data, trainer, records. Used by the engine's workers and by the command line alike."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, Protocol

from vqcore.config.data import DataConfig
from vqcore.config.presets import PRESETS
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.control import Control, NoControl
from vqcore.data.base import Dataset
from vqcore.errors import LeaseLost, RunError, VQError
from vqcore.jobs.control import RELEASE_S, FolderControl
from vqcore.jobs.core_sharing import CoreSharing
from vqcore.jobs.lockstep import LockstepControl
from vqcore.records import Checkpoint, Event, Record, State
from vqcore.runs import arrays
from vqcore.runs.codes import CodeSet
from vqcore.runs.files import DamagedError
from vqcore.runs.folder import RunFolder, RunState
from vqcore.runs.lease import HeldLease, acquire
from vqcore.runs.resuming import ignored_edits, with_place
from vqcore.runs.writer import RunWriter

LOG = "error.log"
HELD = "Waits for the other run of its pair, which pauses or is behind."
MIB = 2**20
PROGRESS_S = 0.3
GIVE_BACK_S = 2.0
WARM_STEPS = 2

# set when this process is asked to end: whatever trains keeps a checkpoint and leaves
closing = threading.Event()
# two threads may each train a run: what they share is prepared by one at a time, and torch's global generator is among it
_preparing = threading.Lock()
_kept: tuple[str, Dataset] | None = None


class Trains(Protocol):
    """What a worker needs of a trainer."""

    threads: int

    def run(self, control: Control) -> Iterator[Record]: ...

    def state(self) -> State: ...


MakeTrainer = Callable[[RunConfig, Dataset, State | None], Trains]


class _LeftError(Exception):
    """Someone stopped the run, or the server ended, while its data was on the way."""


def ping() -> str:
    """An answer, to see that a worker is there."""
    return "pong"


def run_task(path: str, since: int, release_after: float = RELEASE_S) -> dict[str, Any]:
    """What the engine places on a worker: the queued run in the folder `path`.

    Returns under its id its `state` at the end and the last command `heard`, None when it was not trained.
    Does nothing to a run that is no longer queued, for it was stopped, deleted, or taken by another server.
    """
    folder = RunFolder(Path(path))
    try:
        if folder.status().state != "queued":
            return {folder.id: untouched(folder)}
        return {folder.id: _run(folder, "engine", None, None, None, since, release_after)}
    except RunError as error:
        return {folder.id: {"state": "gone", "heard": None, "message": str(error)}}


def untouched(folder: RunFolder) -> dict[str, Any]:
    """The outcome for a run that was not trained."""
    try:
        return {"state": folder.status().state, "heard": None}
    except RunError as error:
        return {"state": "gone", "heard": None, "message": str(error)}


def run(
    folder: RunFolder,
    kind: Literal["engine", "cli"],
    control: Control | None = None,
    on_record: Callable[[Record], None] | None = None,
    make_trainer: MakeTrainer | None = None,
) -> RunState:
    """Train the run from its checkpoint, or from the beginning, until it finishes, stops, pauses for others, or fails.

    Returns the state that its status ends with. Commands that were sent before the call do not steer it, treatments excepted.
    `control` replaces the run's own control file. Raises RunError while another process holds the run, LeaseLost when one takes it.
    """
    earlier = folder.commands()
    state: RunState = _run(folder, kind, control, on_record, make_trainer, earlier[-1].id if earlier else 0, RELEASE_S)["state"]
    return state


def _run(
    folder: RunFolder,
    kind: Literal["engine", "cli"],
    control: Control | None,
    on_record: Callable[[Record], None] | None,
    make_trainer: MakeTrainer | None,
    since: int,
    release_after: float,
) -> dict[str, Any]:
    lease = acquire(folder, kind)
    return train_under(lease, since, control, on_record, make_trainer, release_after if kind == "engine" else None)


def train_under(
    lease: HeldLease,
    since: int,
    control: Control | None = None,
    on_record: Callable[[Record], None] | None = None,
    make_trainer: MakeTrainer | None = None,
    release_after: float | None = None,
    lockstep: LockstepControl | None = None,
) -> dict[str, Any]:
    """Train the run that `lease` holds, give it back, and return what `run_task` does for it. Raises LeaseLost, RunError when it is gone.

    `release_after` None: it holds no slot that others could wait for. `lockstep`: it is kept in step with others.
    """
    folder = lease.folder
    attempt = _Attempt(folder, lease, since, release_after, lockstep)
    try:
        with lease:
            attempt.train(control, on_record, make_trainer or _trainer)
    except LeaseLost:
        raise
    except VQError as error:
        if (held := folder.status().lease) is not None and held.token == lease.lease.token:
            # a full disk takes no final status either
            if lease.lease.kind == "cli":
                raise
            # this process goes on living, and would look like the run's owner for ever
            threading.Thread(target=_give_back, args=(folder, lease.lease.token, str(error)), daemon=True).start()
            return {"state": "failed", "heard": attempt.heard}
    except Exception as error:
        _log(folder, error)
        if folder.status().lease is None:
            folder.set_status(error=_said(error))
    finally:
        if lockstep is not None:
            lockstep.leave()
    return {"state": folder.status().state, "heard": attempt.heard}


class _Attempt:
    """One go at a run, under a lease."""

    def __init__(
        self, folder: RunFolder, lease: HeldLease, since: int, release_after: float | None, lockstep: LockstepControl | None
    ) -> None:
        self.folder = folder
        self.lease = lease
        self.since = since
        self.release_after = release_after
        self.lockstep = lockstep
        self.folder_control: FolderControl | None = None
        self._next_progress = 0.0

    @property
    def heard(self) -> int:
        return self.folder_control.heard if self.folder_control else self.since

    def train(self, control: Control | None, on_record: Callable[[Record], None] | None, make_trainer: MakeTrainer) -> None:
        config, state = self.folder.config(), self.folder.checkpoint()
        ignored = ""
        if state:
            ignored = ignored_edits(self.folder, config, state)
            state = with_place(state, config)
            config = RunConfig.parse(state.meta["config"])
        sharing = CoreSharing(self.folder)
        self.folder_control = FolderControl(
            self.folder,
            after=int(state.meta.get("last_command", 0)) if state else 0,
            since=self.since,
            lease=self.lease,
            closing=closing,
            others_wait=None if self.release_after is None else lambda: self._idle() and sharing.waiting(),
            release_after=RELEASE_S if self.release_after is None else self.release_after,
        )
        try:
            make = self._prior(config) if isinstance(config, PriorRunConfig) else self._model(config, make_trainer)
        except _LeftError:
            return
        with _preparing:
            trainer = make(state)
        if control is None:
            control = self.folder_control if self.lockstep is None else self._in_lockstep(self.lockstep, state)
        writer = RunWriter(self.folder, self.lease)
        if state and ignored:
            event = Event(int(state.meta["step"]), "refused", ignored)
            writer.write(event)
            if on_record:
                on_record(event)
        share_cores = config.train.threads == "auto"
        if share_cores:
            trainer.threads = sharing.threads()
        for record in trainer.run(control):
            if isinstance(record, Event) and record.kind == "released" and closing.is_set():
                record = replace(record, message=f"The server ended. Resume goes on from step {record.step:,}.")
            writer.write(record)
            if isinstance(record, Event) and record.kind in ("paused", "continued"):
                self.folder_control.paused(record.kind == "paused")
                if self.lockstep is not None:
                    self.lockstep.pauses(record.kind == "paused")
            # a pause may be long, and the server may end meanwhile
            if isinstance(record, Checkpoint) or (isinstance(record, Event) and record.kind == "paused"):
                writer.checkpoint(trainer.state())
            if on_record:
                on_record(record)
            if share_cores and sharing.due():
                trainer.threads = sharing.threads()
        if closing.is_set() and self.lease.outcome == "paused":
            self.lease.outcome = "interrupted"

    def _in_lockstep(self, lockstep: LockstepControl, state: State | None) -> Control:
        assert self.folder_control is not None
        before = ""

        def told(held: bool) -> None:
            nonlocal before
            if held:
                before = self.folder.status().message
            self.lease.note(message=HELD if held else before)

        lockstep.enter(self.folder_control, int(state.meta["step"]) if state else 0, told)
        return lockstep

    def _idle(self) -> bool:
        """Whether its slot stands still: two that are kept in step share one."""
        return self.lockstep is None or self.lockstep.group.idle()

    def _model(self, config: RunConfig, make_trainer: MakeTrainer) -> Callable[[State | None], Trains]:
        """What makes the trainer of a model, once its data is there."""
        dataset = self._dataset(config.data)
        self.lease.set_status(message="Building the model.")
        return lambda state: make_trainer(config, dataset, state)

    def _prior(self, config: PriorRunConfig) -> Callable[[State | None], Trains]:
        """What makes the trainer of a prior, once its codes are there: from its own folder, else from the data."""
        from vqcore.analysis.codes import extract
        from vqcore.analysis.load import load_frozen, one_thread
        from vqcore.training.prior_trainer import PriorTrainer

        with _preparing:  # weights are drawn before they are read
            frozen = load_frozen(self.folder)
        codes = self._kept_codes()
        if codes is None:
            dataset = self._dataset(config.data)
            self.lease.set_status(message="Turning the data into codes with the frozen model.")
            with one_thread():
                codes = extract(frozen, dataset)
            self.lease.check(now=True)
            with self.folder.writing():
                arrays.write_codes(self.folder.codes_path, codes)
        self.lease.set_status(message="Building the prior.")
        return lambda state: PriorTrainer(config, codes, frozen.model, state)

    def _kept_codes(self) -> CodeSet | None:
        try:
            return self.folder.codes()
        except DamagedError:  # they can be had again
            return None

    def _dataset(self, config: DataConfig) -> Dataset:
        while not _preparing.acquire(timeout=PROGRESS_S):
            self._leave_if_asked()
        try:
            return self._loaded(config)
        finally:
            _preparing.release()

    def _loaded(self, config: DataConfig) -> Dataset:
        global _kept
        from vqcore.data.registry import DATASETS, load

        key = config.model_dump_json()
        if _kept is not None and _kept[0] == key:
            return _kept[1]
        self.lease.set_status(message=f"Loading {DATASETS[config.kind].title}.")
        _kept = None  # two large sets need not be held at once
        dataset = load(config, progress=self._progress)
        _kept = (key, dataset)
        return dataset

    def _leave_if_asked(self) -> None:
        assert self.folder_control is not None
        if self.folder_control.stop_waits():
            self.lease.outcome, self.lease.outcome_message = "stopped", "Stopped while its data was on the way."
            raise _LeftError
        if closing.is_set():
            self.lease.outcome_message = "The server ended while the data was on the way."
            raise _LeftError

    def _progress(self, what: str, done: int, total: int) -> None:
        self._leave_if_asked()
        now = time.monotonic()
        if now >= self._next_progress:
            self._next_progress = now + PROGRESS_S
            self.lease.set_status(message=f"Downloading {what}: {done // MIB} of {max(1, round(total / MIB))} MB.")


def warm() -> None:
    """Train a tiny run on nobody's account: importing torch is not enough, the first optimiser alone imports 800 modules more."""
    config = PRESETS["digits"].config.edited({"train.steps": WARM_STEPS, "train.evaluation_images": 16, "train.threads": 1})
    from vqcore.data.registry import load

    for _ in _trainer(config, load(config.data), None).run(NoControl()):
        pass


def _trainer(config: RunConfig, dataset: Dataset, state: State | None) -> Trains:
    from vqcore.training.trainer import Trainer

    return Trainer(config, dataset, state)


def _said(error: Exception) -> str:
    """A fault of the program, or a lack of memory, for people."""
    text = str(error).strip().split("\n")[0][:300]
    if isinstance(error, MemoryError) or "out of memory" in text.lower() or "not enough memory" in text.lower():
        remedy = "Lower the batch size or the width of the model, or wait until other runs have ended."
        return f"There was not enough memory ({type(error).__name__}). {remedy}"
    return f"A fault of the program ended the run: {type(error).__name__}: {text}. {LOG} in its folder says where."


def _log(folder: RunFolder, error: Exception) -> None:
    try:
        with (folder.path / LOG).open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}\n{''.join(traceback.format_exception(error))}\n")
    except OSError:
        return  # the run's status says what is known


def _give_back(folder: RunFolder, token: str, error: str) -> None:
    """Write the final status once the disk takes it."""
    while True:
        time.sleep(GIVE_BACK_S)
        try:
            lease = folder.status().lease
            if lease is None or lease.token != token:
                return
            folder.set_status(state="failed", lease=None, message="", error=error)
        except RunError:
            if not folder.path.is_dir():
                return
