"""How far the work on a result is, and the wish to end it: two small files beside where the result will lie. No torch.

Whoever works makes a `Reporter` and calls it at every step; whoever waits reads `progress` and may `cancel`.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from pathlib import Path

from vqcore.errors import VQError
from vqcore.runs.analysis import place
from vqcore.runs.files import retried, write_bytes
from vqcore.runs.folder import RunFolder

INTERVAL_S = 0.3  # between two writings


class Cancelled(VQError):
    """The work was ended because nobody wants it any more."""


@dataclass(frozen=True, slots=True)
class Progress:
    """`done` of `total` steps; `total` is 0 while it is not known."""

    done: int
    total: int


class Reporter:
    """For the work on the result `name` of a run; arguments as for `vqcore.runs.analysis.write`. Its file goes when the block ends."""

    def __init__(self, run: RunFolder, scratch: Path, name: str) -> None:
        self._progress, self._cancel = _files(run, scratch, name)
        self._run = run
        self._next = 0.0

    def __enter__(self) -> Reporter:
        with contextlib.suppress(OSError):  # whoever cannot write here will be told so when the result is written
            self._progress.parent.mkdir(parents=self._run.read_only, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._progress.unlink(missing_ok=True)

    def __call__(self, done: int, total: int) -> None:
        """Raises Cancelled when that was asked for. Costs a look at the clock and one at a file's name."""
        if self._cancel.exists():
            with contextlib.suppress(OSError):
                self._cancel.unlink()
            raise Cancelled("Cancelled.")
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + INTERVAL_S
            with contextlib.suppress(OSError):
                write_bytes(self._progress, f"{done} {total}".encode())


def progress(run: RunFolder, scratch: Path, name: str) -> Progress | None:
    """How far the work on that result is; None while nobody works on it."""
    try:
        done, total = retried(_files(run, scratch, name)[0].read_text).split()
        return Progress(int(done), int(total))
    except (OSError, ValueError):
        return None


def cancel(run: RunFolder, scratch: Path, name: str) -> None:
    """Have the work on that result end, begun or not. Harmless when there is none."""
    path = _files(run, scratch, name)[1]
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=run.read_only, exist_ok=True)
        path.touch()


def clear(run: RunFolder, scratch: Path, name: str) -> None:
    """Forget a wish to end it, and how far an earlier attempt came: for whoever asks for it anew."""
    for path in _files(run, scratch, name):
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _files(run: RunFolder, scratch: Path, name: str) -> tuple[Path, Path]:
    folder = place(run, scratch)
    return folder / f"{name}.progress", folder / f"{name}.cancel"
