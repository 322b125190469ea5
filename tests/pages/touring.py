"""A run of the tour as it stands after some training, written without training it."""

from __future__ import annotations

import numpy as np

from vqcore.records import BookEvaluation, BookSnapshot, Evaluation, Event, Gallery, Snapshot
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.runs.writer import RunWriter


def grown(folder: RunFolder, used: int = 16, error: float = 0.3, step: int = 40, last: str = "") -> None:
    """The run as it stands after some training; `last`: the kind of a last event."""
    with acquire(folder, "cli") as lease:
        writer = RunWriter(folder, lease)
        writer.write(Event(0, "started", "On the processor."))
        for at, count, nmse in ((0, used, 1.3), (step, used, error)):
            write_look(writer, folder, at, count, nmse)
        if last:
            writer.write(Event(step, last, "."))  # type: ignore[arg-type]


def write_look(writer: RunWriter, folder: RunFolder, step: int, used: int, nmse: float) -> None:
    grid = (4, 4) if folder.config().model.downsampling == 2 else ()
    hits = (np.arange(16) < used).astype(np.int64) * 20
    book = BookEvaluation("codes", 16, used, float(used), 1.0, 360, 16 if grid else 1, 4.0)
    writer.write(Evaluation(step, 360, True, 0.5, {"reconstruction": nmse}, 0.01, nmse, 0.52, 13.0, (book,)))
    random = np.random.default_rng(step)
    pictures = random.integers(0, 255, size=(64, 8, 8, 1), dtype=np.uint8)
    index = random.integers(0, 16, size=(64, *grid), dtype=np.int32)
    colours = np.zeros((64, *(grid or (1, 1)), 3), dtype=np.uint8)
    writer.write(Gallery(step, pictures, pictures, colours, colours, (index,), np.arange(64) % 10))
    codes = random.normal(size=(16, 2)).astype(np.float16)
    z = random.normal(size=(300, 2)).astype(np.float16)
    decoded = random.integers(0, 255, size=(16, 8, 8, 1), dtype=np.uint8)
    kept_book = BookSnapshot(
        "codes", codes, hits, hits, hits, np.ones(16, np.float32), z, random.integers(0, 16, 300, dtype=np.int32), decoded
    )
    writer.write(Snapshot(step, (kept_book,)))
