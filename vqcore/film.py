"""Snapshots of one codebook in the order of training: what a film of it is drawn from. Light: no torch.

Axes: T snapshots, K codes, D code dimension, V sampled encoder outputs.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vqcore.records import BookSnapshot
from vqcore.runs.files import DamagedError
from vqcore.runs.folder import RunFolder
from vqcore.runs.tail import shared_tail
from vqcore.runs.thinning import surplus
from vqcore.usage import dead_codes
from vqcore.usage import epoch_steps as steps_of_an_epoch

FRAMES = 120
_NUMBERS = 2**24  # code values in a film, at most: 64 MiB
_MARKS = 2**18  # codes times snapshots, at most: more than a screen can move

Stamp = tuple[int, int, int]  # a snapshot's step, and the time and size of its file


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """One codebook over training. Arrays are read-only; row t belongs to `steps[t]`, ascending. T is at least 1.

    `usage` and `validation_usage` are hits, `age` steps since the last hit in training (−1: never), `dead` by the rule of
    `vqcore.usage.dead_codes`. `z` holds the same places of the same validation examples in every row, as this book compares them
    (NaN where a snapshot kept none), and `z_code` the codes that they chose (−1: none). V is 0 in runs that kept none at all.
    """

    name: str
    steps: NDArray[np.int64]  # (T,)
    codebook: NDArray[np.float32]  # (T, K, D)
    usage: NDArray[np.int64]  # (T, K)
    validation_usage: NDArray[np.int64]  # (T, K)
    age: NDArray[np.int64]  # (T, K)
    dead: NDArray[np.bool_]  # (T, K)
    z: NDArray[np.float32]  # (T, V, D)
    z_code: NDArray[np.int32]  # (T, V)
    epoch_steps: int = 0  # what `dead` was decided with
    stamps: tuple[Stamp, ...] = ()

    @property
    def hits(self) -> NDArray[np.int64]:
        """(T, K): hits in training since the snapshot before; before the first training step those on validation data."""
        trained = self.usage.any(axis=1, keepdims=True)
        return np.where(trained, self.usage, self.validation_usage)

    def at(self, step: int) -> int:
        """The row of the last snapshot at or before `step`; 0 when all are later."""
        return max(0, int(np.searchsorted(self.steps, step, side="right")) - 1)


def read_film(run: RunFolder, book: int = 0, *, frames: int = FRAMES, earlier: Film | None = None) -> Film | None:
    """The run's snapshots of its codebook number `book`, at most `frames` (2 or more) of them, fewer for a very large codebook.

    The first and the latest snapshot are among them. With `earlier`, what a reading before gave for the same book, only new files
    are read; where nothing is new, `earlier` itself is returned. Torn files, files that go while they are read, and snapshots of
    another size than the latest are left out. None: there is nothing readable, or no such book. Raises RunError when the run is
    gone, or newer than this program.
    """
    if frames < 2:
        raise ValueError(f"a film needs 2 frames or more, not {frames}")
    kept = {stamp: t for t, stamp in enumerate(earlier.stamps)} if earlier else {}
    found: dict[int, tuple[Stamp, BookSnapshot]] = {}

    def look(step: int) -> None:
        stamp = _stamp(run, step)
        if stamp is None:
            return
        if earlier is not None and stamp in kept:
            found[step] = (stamp, _row(earlier, kept[stamp]))
        elif (fresh := _read(run, step, book)) is not None:
            found[step] = (stamp, fresh)

    steps = run.snapshots()
    for step in reversed(steps):  # the latest readable one says how large the film may be
        look(step)
        if found:
            break
    if not found:
        return None
    K, D = next(iter(found.values()))[1].codebook.shape
    count = max(2, min(frames, _NUMBERS // max(1, K * D), _MARKS // max(1, K)))
    dropped = surplus(dict.fromkeys(steps, 1), count)
    for step in steps:
        if step not in found and step not in dropped:
            look(step)
    rows = [found[step] for step in sorted(found) if found[step][1].codebook.shape == (K, D)]
    stamps = tuple(stamp for stamp, _ in rows)
    epoch = steps_of_an_epoch(shared_tail(run).last_step)
    if earlier is not None and (stamps, epoch) == (earlier.stamps, earlier.epoch_steps):
        return earlier
    return film_of([step for step, _, _ in stamps], [snapshot for _, snapshot in rows], epoch, stamps)


def film_of(steps: Sequence[int], books: Sequence[BookSnapshot], epoch_steps: int = 0, stamps: tuple[Stamp, ...] = ()) -> Film:
    """A film of snapshots in hand, one a step, all of the same K and D. `epoch_steps` as `vqcore.usage.dead_codes` takes it."""
    if not books or len(steps) != len(books):
        raise ValueError(f"a film needs as many snapshots as steps and one at least, not {len(books)} for {len(steps)} steps")
    D = books[0].codebook.shape[1]
    V = max(len(book.z) if book.z.ndim == 2 and book.z.shape[1] == D else 0 for book in books)
    z = np.full((len(books), V, D), np.nan, dtype=np.float32)
    z_code = np.full((len(books), V), -1, dtype=np.int32)
    for t, book in enumerate(books):
        if book.z.shape == (V, D) and len(book.z_code) == V:
            z[t], z_code[t] = book.z, book.z_code
    film = Film(
        name=books[-1].name,
        steps=np.array(steps, dtype=np.int64),
        codebook=np.stack([book.codebook for book in books]).astype(np.float32),
        usage=np.stack([book.usage for book in books]).astype(np.int64),
        validation_usage=np.stack([book.validation_usage for book in books]).astype(np.int64),
        age=np.stack([book.age for book in books]).astype(np.int64),
        dead=np.stack([dead_codes(book, epoch_steps) for book in books]),
        z=z,
        z_code=z_code,
        epoch_steps=epoch_steps,
        stamps=stamps,
    )
    for array in (film.steps, film.codebook, film.usage, film.validation_usage, film.age, film.dead, film.z, film.z_code):
        array.flags.writeable = False  # many sessions share it
    return film


def _stamp(run: RunFolder, step: int) -> Stamp | None:
    """A run that was resumed may write the same step anew: its file's time and size tell."""
    with contextlib.suppress(OSError):
        known: os.stat_result = (run.path / "snapshots" / f"{step}.npz").stat()
        return step, known.st_mtime_ns, known.st_size
    return None


def _read(run: RunFolder, step: int, book: int) -> BookSnapshot | None:
    try:
        snapshot = run.snapshot(step)
    except DamagedError:
        return None
    if snapshot is None or not 0 <= book < len(snapshot.books):
        return None
    found = snapshot.books[book]
    shape = found.codebook.shape
    sound = len(shape) == 2 and all(array.shape == shape[:1] for array in (found.usage, found.validation_usage, found.age))
    return found if sound else None


def _row(film: Film, t: int) -> BookSnapshot:
    """A row as the snapshot that it came from; what a film does not hold is empty. float16 → float32 loses nothing."""
    none = np.zeros(0, dtype=np.float32)
    whole = np.isfinite(film.z[t]).any() or (film.z_code[t] >= 0).any()
    z, z_code = (film.z[t], film.z_code[t]) if whole else (np.zeros((0, 0), np.float32), np.zeros(0, np.int32))
    return BookSnapshot(film.name, film.codebook[t], film.usage[t], film.validation_usage[t], film.age[t], none, z, z_code)
