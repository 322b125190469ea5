"""What a run says of itself (`status.json`, `about.json`), and whether the process that says so still lives."""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError

from vqcore.records import Evaluation, PriorEvaluation
from vqcore.runs.files import DamagedError, process_created

RunState = Literal["queued", "starting", "running", "paused", "finished", "stopped", "interrupted", "failed"]
STATES: tuple[RunState, ...] = ("queued", "starting", "running", "paused", "finished", "stopped", "interrupted", "failed")
ENDED: frozenset[RunState] = frozenset({"finished", "stopped", "interrupted", "failed"})

Verdict = Literal["alive", "dead", "unknown"]

HEARTBEAT_S = 2.0
HEARTBEAT_DEAD_S = 30.0  # on another host, silence longer than this is death
_CREATED_TOLERANCE_S = 2.0  # two readings of a process's start differ when the clock was set in between

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class About:
    """What people call the run, and whose it is. `created` is ISO time with zone; `identity` is `RunConfig.identity`.

    `leader`: id of the run before this one among those that are kept in step, whose first one's task trains all; `follower`: of the one
    after it.
    `sweep`: id of the sweep that it belongs to.
    """

    name: str
    owner: str = ""
    nickname: str = ""
    preset: str = ""
    created: str = ""
    identity: str = ""
    leader: str = ""
    follower: str = ""
    sweep: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who writes the run: one process on one host.

    `created` is the process's start, `heartbeat` its last sign of life, both in seconds since 1970; `token` is unlike any other lease's.
    """

    kind: Literal["engine", "cli"]
    host: str
    pid: int
    created: float
    attempt: int
    token: str
    heartbeat: float

    @property
    def ours(self) -> bool:
        """Whether this very process holds it."""
        return self.pid == os.getpid() and self.host == socket.gethostname()


@dataclass(frozen=True, slots=True)
class Figures:
    """The last evaluation, for a line of a table.

    `K` and `used` count the codes of all books, `perplexity` is the first book's; 0 without books.

    `bits` per code and `bits_per_image` are a prior's, whose other figures are 0; None for a model.
    """

    step: int
    nmse: float
    psnr: float
    used: int = 0
    K: int = 0
    perplexity: float = 0.0
    bits: float | None = None
    bits_per_image: float | None = None

    @classmethod
    def of(cls, evaluation: Evaluation | PriorEvaluation) -> Figures:
        if isinstance(evaluation, PriorEvaluation):
            return cls(evaluation.step, 0.0, 0.0, bits=evaluation.bits, bits_per_image=evaluation.bits_per_image)
        figures = cls(evaluation.step, evaluation.nmse, evaluation.psnr)
        books = evaluation.books
        if not books:
            return figures
        return replace(figures, used=sum(book.used for book in books), K=sum(book.K for book in books), perplexity=books[0].perplexity)


@dataclass(frozen=True, slots=True)
class Status:
    """How the run stands, as last written; `judged` says whether that is still true.

    `attempt` counts the leases there have been; `steps` is the goal after treatments (0: as configured);
    `treated`: it is no longer the experiment that its configuration describes; `updated` is ISO time.
    """

    state: RunState
    attempt: int = 0
    lease: Lease | None = None
    step: int = 0
    steps: int = 0
    message: str = ""
    error: str = ""
    figures: Figures | None = None
    treated: bool = False
    updated: str = ""


_adapters: dict[type[Any], TypeAdapter[Any]] = {kind: TypeAdapter(kind) for kind in (About, Status)}


def parsed(kind: type[T], data: Mapping[str, Any], path: Path) -> T:
    """`data` as a Status or an About; fields it does not know are passed over. Raises DamagedError."""
    try:
        result: T = _adapters[kind].validate_python({name: data[name] for name in kind.__dataclass_fields__ if name in data})  # type: ignore[attr-defined]
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        raise DamagedError(f"{path} is damaged: {'.'.join(map(str, problem['loc']))}: {problem['msg']}.") from None
    return result


def now() -> str:
    """The time as it is kept in files: ISO, with zone, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def instant(text: str) -> float:
    """A time as it is kept in files, in seconds since 1970, so that times of different zones compare; before all others what is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):  # years that the system's clock does not know
        return -math.inf


def judge(status: Status) -> Verdict:
    """Whether the process that holds the run's lease lives. Without a lease: "dead".

    On its own host by pid and creation time, elsewhere by its heartbeat. "unknown": the heartbeat comes from the future, so the
    clocks disagree, or the system does not let us look. The engine knows its own workers better, and its verdict wins.
    """
    lease = status.lease
    if lease is None:
        return "dead"
    silence = time.time() - lease.heartbeat
    if lease.host == socket.gethostname():
        created = process_created(lease.pid)
        if created is None:
            return "dead"
        if math.isnan(created):
            return "alive" if abs(silence) <= HEARTBEAT_DEAD_S else "unknown"
        if abs(created - lease.created) <= _CREATED_TOLERANCE_S:
            return "alive"
        # another process has its number, unless it has just been heard: then only the clock was set
        return "alive" if 0 <= silence <= 2 * HEARTBEAT_S else "dead"
    if silence < -HEARTBEAT_DEAD_S:
        return "unknown"
    return "alive" if silence <= HEARTBEAT_DEAD_S else "dead"


def judged(status: Status) -> RunState:
    """The state with that in mind: a run whose owner has died reads "interrupted"; one that waits paused without an owner stays paused."""
    if status.state in ("starting", "running") or (status.state == "paused" and status.lease is not None):
        return "interrupted" if judge(status) == "dead" else status.state
    return status.state
