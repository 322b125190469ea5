"""What a sweep measured: one result a run, read from the run's folder, and summaries over seeds. No torch here."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from vqcore.errors import RunError
from vqcore.records import Evaluation, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.status import RunState, judged
from vqcore.sweeps.spec import Point

ResultState = Literal["planned", "missing"] | RunState


@dataclass(frozen=True, slots=True)
class Result:
    """One run of a sweep. The figures are of its last evaluation, with the model frozen; 0 where there is none yet.

    `state`: "planned" before the run is made, "missing" when it was deleted. `levels` are labels, one an axis.
    `nmse_mean_picture` is what answering with the mean training picture scores.
    `K` codes in all `books`, of `D` numbers; `M` indices an image in all books, `capacity_bits` M · log2 K of each book, summed;
    `vectors` indices counted; `used` codes on validation data, `used_epoch` within the last epoch of training.
    `entropy_bits` per index, `psnr` in dB, `seconds` of training, `steps` done, `parameters` of the network with its codebook.
    """

    levels: tuple[str, ...]
    changes: Mapping[str, Any]
    seed: int
    run: str = ""
    state: ResultState = "planned"
    K: int = 0
    D: int = 0
    M: int = 0
    books: int = 1
    capacity_bits: float | None = None
    used: int = 0
    used_epoch: int = 0
    perplexity: float = 0.0
    entropy_bits: float = 0.0
    vectors: int = 0
    images: int = 0
    mse: float = 0.0
    nmse: float = 0.0
    nmse_mean_picture: float = 0.0
    psnr: float = 0.0
    steps: int = 0
    seconds: float = 0.0
    parameters: int = 0
    message: str = ""

    @property
    def done(self) -> bool:
        """It finished its steps, so it counts."""
        return self.state == "finished" and self.images > 0

    @property
    def share_used(self) -> float:
        """Of the K codes, on validation data: 0 to 1."""
        return self.used / self.K if self.K else 0.0

    @property
    def share_used_epoch(self) -> float:
        """Of the K codes, within the last epoch of training: 0 to 1."""
        return self.used_epoch / self.K if self.K else 0.0

    @property
    def fixed_bits(self) -> float:
        """M · log2 K: bits an image with a name of equal length for each code of a book."""
        return self.capacity_bits if self.capacity_bits is not None else self.M * math.log2(self.K) if self.K else 0.0

    @property
    def histogram_bits(self) -> float:
        """M times the entropy of the histogram: bits an image with names that are shorter for frequent codes."""
        return self.M * self.entropy_bits


def read_result(point: Point, folder: RunFolder | None, run: str = "") -> Result:
    """How the run of `point` stands; `folder` None: it has not been made, or, with an id in `run`, it is gone."""
    books = point.config.books()
    result: dict[str, Any] = {
        "levels": point.levels,
        "changes": dict(point.changes),
        "seed": point.seed,
        "K": sum(book.K for book in books),
        "books": len(books),
        "D": max((book.D for book in books), default=0),
    }
    if folder is None:
        return Result(**result, run=run, state="missing" if run else "planned")
    status = folder.status()
    result |= {"run": folder.id, "state": judged(status), "steps": status.step, "message": status.error or status.message}
    try:
        records = folder.metrics().records
    except RunError as error:
        return Result(**(result | {"message": str(error)}))
    last = next((record for record in reversed(records) if isinstance(record, Step)), None)
    if last is not None:
        result |= {"steps": last.step, "seconds": last.elapsed, "used_epoch": sum(book.used_epoch for book in last.books)}
    evaluation = next((record for record in reversed(records) if isinstance(record, Evaluation)), None)
    if evaluation is not None:
        result |= {name: getattr(evaluation, name) for name in ("images", "mse", "nmse", "nmse_mean_picture", "psnr")}
        if counted := evaluation.books:
            M = sum(book.indices_per_image for book in counted)
            result |= {
                "M": M,
                "capacity_bits": sum(book.capacity_bits for book in counted),
                "used": sum(book.used for book in counted),
                "vectors": sum(book.vectors for book in counted),
                "entropy_bits": sum(book.entropy_bits * book.indices_per_image for book in counted) / max(1, M),
                # of several books: that of a book with their mean entropy
                "perplexity": counted[0].perplexity
                if len(counted) == 1
                else 2 ** (sum(book.entropy_bits for book in counted) / len(counted)),
            }
    return Result(**result, parameters=parameters(folder.checkpoint_path))


def parameters(checkpoint: Path) -> int:
    """How many numbers training adjusts, the codebook among them, from the checkpoint's header alone; 0 where there is none."""
    try:
        with checkpoint.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, 2**26)))
        total = 0
        for name, tensor in header.items():
            weight = name.removeprefix("model.")
            # the optimiser keeps moments of what gradients move; codes that learn as averages have none
            if weight != name and (f"optimizer.{weight}.exp_avg" in header or weight.endswith("codebook")):
                total += math.prod(tensor["shape"])
    except (OSError, ValueError, struct.error, AttributeError, KeyError, TypeError):
        return 0
    return total


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over the seeds of one combination."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Cell:
    """All seeds of one combination of levels: those that count in `results`, how many there are in `runs`."""

    levels: tuple[str, ...]
    runs: int
    results: tuple[Result, ...] = field(default=())

    def spread(self, figure: str) -> Spread | None:
        """Mean, lowest and highest of a Result's field or property; None before any run has finished."""
        values = [float(getattr(result, figure)) for result in self.results]
        return Spread(sum(values) / len(values), min(values), max(values)) if values else None


def cells(results: Sequence[Result]) -> tuple[Cell, ...]:
    """Results by combination, in their order."""
    groups: dict[tuple[str, ...], list[Result]] = {}
    for result in results:
        groups.setdefault(result.levels, []).append(result)
    return tuple(Cell(levels, len(group), tuple(one for one in group if one.done)) for levels, group in groups.items())
