"""What training yields, one typed record at a time, and the names of the loss terms. No torch here: arrays are NumPy's.

Axes: N pictures, H W C a picture's, h w the latent grid's, K codes, D code dimension. Entropies and capacities are in bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Term = Literal["reconstruction", "codebook", "commitment", "kl", "cross_entropy"]

TERM_TITLES: dict[str, str] = {
    "loss": "Loss",
    "reconstruction": "Reconstruction",
    "codebook": "Codebook",
    "commitment": "Commitment",
    "kl": "KL",
    "cross_entropy": "Cross-entropy",
}
# Okabe–Ito: tells apart for colour-blind eyes, holds on light and dark
TERM_COLOURS: dict[str, str] = {
    "loss": "#7A7A7A",
    "reconstruction": "#0072B2",
    "codebook": "#D55E00",
    "commitment": "#009E73",
    "kl": "#CC79A7",
    "cross_entropy": "#0072B2",
}


@dataclass(frozen=True, slots=True)
class BookStep:
    """One codebook at one step. Definitions: glossary. A record says nothing of books while their codes wait for their start."""

    name: str
    batch_perplexity: float
    used_epoch: int  # hit within the last epoch's worth of steps
    used_ever: int
    dead: int  # K − used_epoch, once an epoch's worth of steps has passed; before that, codes never hit
    ema_alive: int | None  # EMA count at or above 1 % of the mean count; None where the book keeps no counts
    e_norm: float  # mean |e_k|
    K: int = 0  # how many codes it has; 0 in lines that were written before this was kept, until `from_json` makes it known


@dataclass(frozen=True, slots=True)
class Step:
    """A point of the curves: means over the steps since the last point; counts, norms and perplexity are the latest step's."""

    step: int
    epoch: float
    images: int  # trained on so far
    elapsed: float  # seconds of training, pauses left out
    images_per_s: float
    lr: float
    loss: float
    terms: Mapping[str, float]  # unweighted, by Term
    z_norm: float  # mean |z_e|
    books: tuple[BookStep, ...] = ()


@dataclass(frozen=True, slots=True)
class BookEvaluation:
    """One codebook, frozen, over validation data."""

    name: str
    K: int
    used: int
    perplexity: float
    entropy_bits: float  # of the histogram, per index
    vectors: int  # how many indices were counted
    indices_per_image: int  # M
    capacity_bits: float  # M · log2 K, per image


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The frozen model over validation data."""

    step: int
    images: int
    complete: bool  # every validation example, not a sample of them
    loss: float
    terms: Mapping[str, float]
    mse: float
    nmse: float  # mse over the training data's global variance
    nmse_mean_picture: float  # what answering with the mean training picture scores
    psnr: float  # dB, peak 1
    books: tuple[BookEvaluation, ...] = ()


@dataclass(frozen=True, slots=True)
class BookWalk:
    """How far the encoder's outputs went, as one codebook compares them; distances are root mean squares over the same outputs.

    `moved` since the last look; `common`: the share of its square that is one direction, the same for all outputs, 0 to 1.
    `nearest`: from each output to its nearest code, at this look; None while codes have not started.
    """

    name: str
    moved: float
    common: float
    nearest: float | None


@dataclass(frozen=True, slots=True)
class Walk:
    """A look at where the encoder puts the same validation examples. `since`: the step of the last look; `step` itself: there was none."""

    step: int
    since: int
    books: tuple[BookWalk, ...]


@dataclass(frozen=True, slots=True)
class PriorEvaluation:
    """A prior, frozen, over the codes of validation examples. Figures are bits (log2) per code; M codes describe an example.

    Compare them only between priors over the same codes.
    """

    step: int
    images: int
    complete: bool  # every validation example, not a sample of them
    loss: float  # nats per code: the cross-entropy, as it is trained on
    bits: float
    train_bits: float  # over as many training examples, the same ones in every evaluation
    codes_per_image: int  # M
    uniform_bits: float  # log2 K, the mean over positions where books differ
    histogram_bits: float  # under the training codes' histogram, one a book
    position_bits: float  # under their histograms, one a position

    @property
    def bits_per_image(self) -> float:
        return self.bits * self.codes_per_image


@dataclass(frozen=True, slots=True)
class Samples:
    """What a prior draws, decoded. `pictures` uint8 (N, H, W, C), or points float32 (N, 2).

    `codes`: one int32 (N, *S) a book. `bits` (N,) float32: −log2 p of each whole sample. `labels` int64 (N,): given to it, or −1.
    """

    step: int
    pictures: NDArray[Any]
    codes: tuple[NDArray[np.int32], ...]
    bits: NDArray[np.float32]
    labels: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gallery:
    """The same 64 validation examples through the model, ready to draw.

    Images: `inputs`, `reconstructions` uint8 (N, H, W, C). Points: float32 (N, 2).
    `z_e`, `z_q` uint8 (N, h, w, 3): colours on the first book's principal components (h = w = 1 for single vectors).
    `indices`: one int32 (N, …) a book, with the book's own grid; (N,) for single vectors. `labels` int64 (N,) or empty.
    """

    step: int
    inputs: NDArray[Any]
    reconstructions: NDArray[Any]
    z_e: NDArray[np.uint8]
    z_q: NDArray[np.uint8]
    indices: tuple[NDArray[np.int32], ...]
    labels: NDArray[np.int64]


DECODED_BYTES = 64 * 2**10  # of a snapshot's decoded codes, at most
_ROUNDED = 0.01  # of the spread: how far float16 may move a number


def compact(values: NDArray[Any]) -> NDArray[Any]:
    """Rows of numbers (N, D) as float16, or as float32 where float16 does not hold them.

    It does not where a number would become infinite (above 65,504), or move by more than a hundredth of the spread around the rows'
    mean: far from the origin, or very near to it, codes that differ would become equal.
    """
    wide = values.astype(np.float32)
    with np.errstate(over="ignore"):
        narrow = wide.astype(np.float16)
    sound = np.isfinite(wide)
    if not np.isfinite(narrow[sound]).all():
        return wide
    known = np.where(sound, wide.astype(np.float64), np.nan)[np.isfinite(wide).all(axis=-1)]
    if not len(known):
        return narrow
    spread = np.sqrt(((known - known.mean(axis=0)) ** 2).mean())
    moved = np.abs(narrow[sound].astype(np.float64) - wide[sound]).max(initial=0)
    return narrow if moved <= _ROUNDED * spread or moved == 0 else wide


@dataclass(frozen=True, slots=True)
class BookSnapshot:
    """One codebook at one moment. `codebook` (K, D), float16 or float32 as `compact` decides; the next (K,).

    `z` (V, D), the same way: the same places of the same validation examples in every snapshot, as this book compares them, and
    `z_code` int32 (V,) the codes that they chose. V is at most 512; 0 in runs that kept none.
    `decoded` uint8 (K, H, W, C): what a grid of nothing but this code decodes to. Length 0 where the book is not alone or makes no
    pictures, where they would be more than `DECODED_BYTES`, and in runs that kept none.
    """

    name: str
    codebook: NDArray[Any]
    usage: NDArray[np.int64]  # hits in training since the last snapshot
    validation_usage: NDArray[np.int64]  # hits over the evaluation's examples
    age: NDArray[np.int64]  # steps since the last hit; −1: never hit
    ema_count: NDArray[np.float32]  # vectors per batch; length 0 where the book keeps no counts
    z: NDArray[Any] = field(default_factory=lambda: np.zeros((0, 0), dtype=np.float16))
    z_code: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, dtype=np.int32))
    decoded: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0, 0, 0), dtype=np.uint8))


@dataclass(frozen=True, slots=True)
class Snapshot:
    step: int
    books: tuple[BookSnapshot, ...]


EventKind = Literal[
    "started", "resumed", "paused", "continued", "treated", "refused", "threads", "precision", "finished", "stopped", "released"
]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `data` is JSON: a treatment carries the whole new config, an acknowledgement its command."""

    step: int
    kind: EventKind
    message: str
    command: int = 0  # the id of the command that this answers; 0: none
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Now is the moment to keep `trainer.state()`."""

    step: int


@dataclass(frozen=True, slots=True)
class State:
    """All that a trainer needs to go on as if it had never stopped. `meta` is JSON: the effective config, step, last command."""

    tensors: Mapping[str, NDArray[Any]]
    meta: Mapping[str, Any]


Record = Step | Evaluation | PriorEvaluation | Walk | Gallery | Samples | Snapshot | Event | Checkpoint
Line = Step | Evaluation | PriorEvaluation | Walk | Event  # what is kept as lines of JSON

_LINES: dict[str, type[Line]] = {
    "step": Step,
    "evaluation": Evaluation,
    "priorevaluation": PriorEvaluation,
    "walk": Walk,
    "event": Event,
}
_BOOKS: dict[str, type[BookStep] | type[BookEvaluation] | type[BookWalk]] = {
    "step": BookStep,
    "evaluation": BookEvaluation,
    "walk": BookWalk,
}


def to_json(record: Line) -> dict[str, Any]:
    """A line of `metrics.jsonl` or `events.jsonl`; `type` tells them apart."""
    return {"type": type(record).__name__.lower(), **asdict(record)}


def from_json(data: Mapping[str, Any]) -> Line:
    """The inverse of `to_json`. Raises ValueError for a line that is none of them; fields it does not know are passed over."""
    kind = data.get("type")
    if kind not in _LINES:
        raise ValueError(f"a record of type {kind!r}; there are: {', '.join(_LINES)}")
    known = {name: data[name] for name in _LINES[kind].__dataclass_fields__ if name in data}
    if kind in _BOOKS:
        book = _BOOKS[kind]
        known["books"] = tuple(
            book(**{name: entry[name] for name in book.__dataclass_fields__ if name in entry})
            for entry in ({"K": _codes_in(entry)} | entry for entry in known.get("books", ()))
        )
    try:
        return _LINES[kind](**known)
    except TypeError as error:
        raise ValueError(f"an incomplete {kind}: {error}") from None


def _codes_in(entry: Mapping[str, Any]) -> int:
    """K of a book's line that does not say it: its codes are those that were used and those that were not."""
    return int(entry.get("used_epoch", 0)) + int(entry.get("dead", 0))
