"""The museum's pairs: those that come with the program, those that were trained here, and asking the light worker for another seed.

A page looks at every tick and draws what it is told; nothing here waits. One asking serves everybody on this server.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pages.ui import session
from vqcore.errors import EngineError, VQError
from vqcore.museum.exhibits import EXHIBITS
from vqcore.museum.trial import BUNDLED, Pair, museum_of, read
from vqcore.runs.store import runs_folder

SEEDS = 100  # seeds that may be asked for: what visitors leave on the disk stays under 10 MB
TARGET = "vqcore.museum.train:exhibit"

_log = logging.getLogger("vqlab")


@dataclass(frozen=True, slots=True)
class Answer:
    """ "ready": `pair` is there. "working": asked `seconds` ago. "failed": `message` says why. "unasked": nobody has asked yet."""

    state: Literal["ready", "working", "failed", "unasked"]
    pair: Pair | None = None
    message: str = ""
    seconds: float = 0.0


@dataclass(slots=True)
class _Asked:
    future: Future[Any] | None
    since: float
    failure: str = ""


_Key = tuple[Path, str, int]


class Pairs:
    """Pairs of one server process, by folder of runs, exhibit and seed. Threads may share it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._known: dict[_Key, Pair] = {}  # at most one an exhibit and seed, 15 kB each
        self._asked: dict[_Key, _Asked] = {}

    def look(self, exhibit: str, seed: int) -> Answer:
        """How it stands with that pair. Raises KeyError for an unknown exhibit."""
        key = (runs_folder(), exhibit, seed)
        with self._guard:
            asked = self._asked.get(key)
            done = asked is not None and asked.future is not None and asked.future.done()
        pair = self._find(key)  # after that look: what was done then has its file now
        with self._guard:
            if pair is not None:
                self._asked.pop(key, None)
                return Answer("ready", pair)
            if asked is None:
                return Answer("unasked")
            if done and asked.future is not None:
                asked.failure, asked.future = _failure(asked.future), None
            if asked.failure:
                return Answer("failed", message=asked.failure)
        health = session.engine().health()
        return Answer(
            "working", message="" if health.state == "ready" else health.message or _WARMING, seconds=time.monotonic() - asked.since
        )

    def ask(self, exhibit: str, seed: int) -> None:
        """Have both runs trained, unless they are there or asked for already. What failed before is tried again."""
        if self.look(exhibit, seed).state in ("ready", "working"):
            return
        key = (runs_folder(), exhibit, seed)
        health = session.engine().health()
        with self._guard:
            entry = self._asked[key] = _Asked(None, time.monotonic())
            if health.state == "failed":  # nobody would ever answer
                entry.failure = health.message or "The engine failed."
                return
            try:
                entry.future = session.engine().light(TARGET, str(museum_of(key[0]).absolute()), exhibit, seed)
            except EngineError as error:
                entry.failure = str(error)

    def drop(self, exhibit: str, seed: int) -> None:
        """Nobody wants it any more: where no worker has begun, none will."""
        with self._guard:
            asked = self._asked.pop((runs_folder(), exhibit, seed), None)
            if asked is not None and asked.future is not None:
                asked.future.cancel()

    def _find(self, key: _Key) -> Pair | None:
        root, exhibit, seed = key
        with self._guard:
            known = self._known.get(key)
        if known is None:
            known = read([museum_of(root), BUNDLED], exhibit, seed, EXHIBITS[exhibit].run(seed).identity)
            if known is not None:
                with self._guard:
                    self._known[key] = known
        return known


_WARMING = "The engine is warming up: it begins by itself."


def _failure(done: Future[Any]) -> str:
    if done.cancelled():
        return "Cancelled."
    error = done.exception()
    if error is None:
        return "Both were trained, yet the result cannot be read. Try again."
    if isinstance(error, VQError):
        return str(error)
    _log.error("the light worker failed", exc_info=error)
    return f"A fault of the program ended this work ({type(error).__name__}). The server's log says more."


pairs = Pairs()
