"""What pages ask of the light worker about a run: asked once for all who look, kept beside the run and in memory.

A page calls `ask` at every tick of its fragment and draws what it says; nothing here waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pages.ui import session
from vqcore.errors import EngineError, VQError
from vqcore.runs.analysis import Arrays, Stamp, checkpoint_stamp, name_of, read, scratch_of
from vqcore.runs.folder import RunFolder
from vqcore.runs.progress import Progress, clear, progress
from vqcore.runs.progress import cancel as ask_to_end
from vqcore.runs.status import ENDED, judged
from vqcore.runs.store import runs_folder

LIVE_S = 15.0  # a run that trains is looked at this often at most, however fast its checkpoints come
MEMORY_BYTES = 192 * 2**20
LEFT_S = 6.0  # work that can be ended is, when nobody has asked for it for so long
CANCELLED = "Cancelled."

State = Literal["ready", "working", "waiting", "failed"]
Setting = int | float

_log = logging.getLogger("vqlab")


@dataclass(frozen=True, slots=True)
class Kind:
    """`target` names the function as "module:function"; it takes the run's path, the scratch's, and the `settings` in this order.

    `ends`: it says how far it is and can be ended (`vqcore.runs.progress`).
    """

    target: str
    working: str
    settings: Mapping[str, Setting]
    ends: bool = False


_DRAWING: dict[str, Setting] = {"rung": 3, "number": 16, "label": -1, "temperature": 1.0, "top_k": 0, "seed": 0}
_COMPLETING: dict[str, Setting] = {"rung": 3, "image": 0, "kept": 50, "number": 8, "temperature": 1.0, "top_k": 0, "seed": 0}
_GUESSING: dict[str, Setting] = {"rung": 3, "image": 0, "first": 0, "seed": 0}


KINDS: dict[str, Kind] = {
    "probe": Kind("vqcore.analysis.probe:probe", "Running the validation data through the model.", {}),
    "umap": Kind(
        "vqcore.analysis.projection:umap",
        "Computing UMAP.",
        {"book": 0, "neighbours": 15, "min_dist": 0.1, "seed": 0},
    ),
    "usefulness": Kind("vqcore.analysis.usefulness:usefulness", "Training linear classifiers on code counts.", {}),
    "stages": Kind("vqcore.analysis.stages:stages", "Decoding validation images stage by stage.", {}),
    "codes": Kind("vqcore.analysis.codes:codes", "Running all data through the model.", {}),
    "redrawn": Kind("vqcore.analysis.invent:redrawn", "Redrawing validation images.", {}, ends=True),
    "sheet": Kind("vqcore.analysis.invent:samples", "Drawing samples.", _DRAWING, ends=True),
    "filling": Kind("vqcore.analysis.invent:filling", "Decoding the sample cell by cell.", {**_DRAWING, "which": 0}, ends=True),
    "nearest": Kind("vqcore.analysis.invent:nearest", "Comparing the samples with the training images.", _DRAWING, ends=True),
    "completions": Kind("vqcore.analysis.invent:completions", "Completing the image.", _COMPLETING, ends=True),
    "game": Kind("vqcore.analysis.invent:game", "Laying out the tiles.", _GUESSING, ends=True),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """How it stands with what was asked.

    "ready": `data` is there, of checkpoint `step`. "working": asked `seconds` ago. "waiting": the run has no checkpoint yet.
    "failed": `message` says why; `retry` asks again. `earlier`: the last result for an earlier checkpoint of this run, where it is
    still in memory, to show (with its own step) while the new one is computed. `progress`: how far the work is, where it says so.
    """

    state: State
    data: Arrays | None = None
    message: str = ""
    seconds: float = 0.0
    step: int = 0
    earlier: Arrays | None = None
    progress: Progress | None = None


def ask(run: RunFolder, kind: str, **settings: Setting) -> Answer:
    """The result of this kind (see KINDS) for the run's checkpoint, or how far it is. Settings that are not given have their defaults.

    For a run that trains, "ready" may be the result of a checkpoint up to 15 s older. Raises RunError when the run is gone, ValueError
    for an unknown kind or setting.
    """
    return _requests.ask(run, kind, _complete(kind, settings))


def retry(run: RunFolder, kind: str, **settings: Setting) -> None:
    """Forget that it failed: the next `ask` asks the worker again."""
    _requests.retry(run, kind, _complete(kind, settings))


def cancel(run: RunFolder, kind: str, **settings: Setting) -> None:
    """End that work, for a kind that `ends`: it counts as failed with the message CANCELLED until `retry`."""
    _requests.cancel(run, kind, _complete(kind, settings))


def _complete(kind: str, settings: Mapping[str, Setting]) -> dict[str, Setting]:
    if kind not in KINDS:
        raise ValueError(f"nothing is called {kind!r}; there are: {', '.join(KINDS)}")
    defaults = KINDS[kind].settings
    if unknown := set(settings) - set(defaults):
        raise ValueError(f"{kind} has no setting {', '.join(sorted(unknown))}; it has: {', '.join(defaults) or 'none'}")
    # one form for each value, so that 15 and 15.0 are one result
    return {name: type(default)(settings.get(name, default)) for name, default in defaults.items()}


@dataclass(slots=True)
class _Entry:
    """One question, by run, kind and settings. `asked` and `ended` are monotonic times."""

    asked: float = 0.0
    seen: float = 0.0  # when somebody last wanted to know
    ended: float = 0.0
    future: Future[Any] | None = None
    wanted: str = ""  # the name that was asked for
    read_only: bool = False  # the run
    failure: str = ""
    shown: tuple[Stamp, str] | None = None  # the last result that was there


class Requests:
    """Questions of one server process. Threads may share it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._entries: OrderedDict[tuple[Any, ...], _Entry] = OrderedDict()
        self._memory: OrderedDict[tuple[Path, str], Arrays] = OrderedDict()

    def ask(self, run: RunFolder, kind: str, settings: dict[str, Setting]) -> Answer:
        stamp = checkpoint_stamp(run)
        if stamp is None:
            return _without_checkpoint(run)
        name = name_of(kind, stamp, **settings)
        with self._guard:
            entry = self._entry(run, kind, settings)
            entry.seen = time.monotonic()
            self._abandon()
            done = entry.future if entry.future is not None and entry.future.done() else None
        data = self._find(run, name)  # after that look: what was done then has its file now
        with self._guard:
            if done is not None and done is entry.future:
                self._conclude(entry, done, name, found=data is not None)
            if data is not None:
                entry.shown, entry.failure = (stamp, name), ""
                return Answer("ready", data, step=stamp.step)
            earlier = self._earlier(run, entry)
            if entry.wanted != name:
                entry.failure = ""  # another checkpoint: it may go better
            if entry.failure:
                return Answer("failed", message=entry.failure, earlier=earlier)
            if entry.future is None:
                recent = time.monotonic() - entry.ended < LIVE_S and entry.shown is not None and entry.shown[0].step <= stamp.step
                if earlier is not None and entry.shown is not None and recent and judged(run.status()) not in ENDED:
                    return Answer("ready", earlier, step=entry.shown[0].step)
                if refusal := self._submit(run, kind, settings, entry, name):
                    return Answer("failed", message=refusal, earlier=earlier)
            health = session.engine().health()
            message = health.message if health.state != "ready" and health.message else KINDS[kind].working
            far = progress(run, scratch_of(runs_folder()), name) if KINDS[kind].ends else None
            return Answer("working", message=message, seconds=time.monotonic() - entry.asked, earlier=earlier, progress=far)

    def retry(self, run: RunFolder, kind: str, settings: dict[str, Setting]) -> None:
        with self._guard:
            self._entry(run, kind, settings).failure = ""

    def cancel(self, run: RunFolder, kind: str, settings: dict[str, Setting]) -> None:
        with self._guard:
            entry = self._entry(run, kind, settings)
            if entry.future is not None:
                ask_to_end(run, scratch_of(runs_folder()), entry.wanted)
                entry.future, entry.failure = None, CANCELLED  # at once: its worker may be busy with something else

    def _abandon(self) -> None:
        """End what nobody waits for any more: those who moved a slider on would else wait for all that they passed."""
        now = time.monotonic()
        for (path, kind, *_), entry in self._entries.items():
            if entry.future is not None and KINDS[kind].ends and now - entry.seen > LEFT_S and not entry.future.done():
                ask_to_end(RunFolder(path, read_only=entry.read_only), scratch_of(runs_folder()), entry.wanted)
                entry.future = None

    def _entry(self, run: RunFolder, kind: str, settings: dict[str, Setting]) -> _Entry:
        key = (run.path, kind, *settings.values())
        entry = self._entries.pop(key, None) or _Entry()
        self._entries[key] = entry
        idle = [key for key, entry in self._entries.items() if entry.future is None]
        for key in idle[: len(self._entries) - 1_000]:
            del self._entries[key]
        return entry

    def _submit(self, run: RunFolder, kind: str, settings: dict[str, Setting], entry: _Entry, name: str) -> str:
        """Ask the worker; why it could not be asked, or ""."""
        scratch = str(scratch_of(runs_folder())) if run.read_only else ""
        engine = session.engine()
        if (health := engine.health()).state == "failed":  # nobody would ever answer
            return health.message
        if KINDS[kind].ends:
            clear(run, scratch_of(runs_folder()), name)
        try:
            entry.future = engine.light(KINDS[kind].target, str(run.path.absolute()), scratch, *settings.values())
        except EngineError as error:
            return str(error)
        entry.asked, entry.wanted, entry.read_only = time.monotonic(), name, run.read_only
        return ""

    def _conclude(self, entry: _Entry, done: Future[Any], name: str, *, found: bool) -> None:
        """Take note of how the asking ended. `name` is what is wanted now, and whether it was `found`."""
        entry.future, entry.ended = None, time.monotonic()
        if (error := done.exception()) is not None:
            entry.failure = _said(error)
        elif done.result() == name and not found:
            entry.failure = "The result was computed, yet cannot be read. Try again."

    def _find(self, run: RunFolder, name: str) -> Arrays | None:
        key = (run.path, name)
        with self._guard:
            if key in self._memory:
                self._memory.move_to_end(key)
                return self._memory[key]
        data = read(run, scratch_of(runs_folder()), name)
        if data is not None:
            with self._guard:
                self._memory[key] = data
                while len(self._memory) > 1 and sum(map(_size, self._memory.values())) > MEMORY_BYTES:
                    self._memory.popitem(last=False)
        return data

    def _earlier(self, run: RunFolder, entry: _Entry) -> Arrays | None:
        return self._memory.get((run.path, entry.shown[1])) if entry.shown else None


_requests = Requests()


def _size(arrays: Arrays) -> int:
    return sum(array.nbytes for array in arrays.values())


def _without_checkpoint(run: RunFolder) -> Answer:
    if judged(run.status()) in ENDED:
        return Answer("failed", message="This run kept no checkpoint that can be read, so that nothing can be computed from its model.")
    every = run.config().train.checkpoint_every
    return Answer("waiting", message=f"This needs the run's first checkpoint, which comes at step {every:,}, or when it is paused or ends.")


def _said(error: BaseException) -> str:
    if isinstance(error, VQError):
        return str(error)
    _log.error("the light worker failed", exc_info=error)
    return f"A fault of the program ended this work ({type(error).__name__}). The server's log says more."
