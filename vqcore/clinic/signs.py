"""The figures that a diagnosis rests on, from what a run has recorded. NaN stands for what cannot be known.

Axes: K codes, D code dimension, V sampled encoder outputs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.config.run import RunConfig
from vqcore.records import BookSnapshot, BookStep, Evaluation, Step
from vqcore.usage import dead_codes

NAN = math.nan
_HALF = 65_504.0  # the largest float16
_CODES = 2_048  # dead (and living) codes whose distances are computed, at most
_BLOCK = 512  # codes whose distances are held at a time
SILENT = 0.01
_RECENT = 0.25  # of what was trained so far: the stretch over which a trend is read


@dataclass(frozen=True, slots=True)
class Signs:
    """One codebook at one moment. Lengths and distances are in the units in which codes are compared (length 1 under l2)."""

    K: int
    D: int
    dead: int
    never: int  # of the dead: never chosen in training
    broken: bool  # NaN somewhere, or a loss that is not finite
    epochs: float  # trained so far
    spread: float  # of encoder outputs: root mean square distance from their mean
    z_length: float  # mean |z_e| of the sample
    dead_distance: float  # median over dead codes: distance to the nearest sampled output, in spreads
    used_distance: float  # the same for codes in use
    own_distance: float  # and for the outputs themselves: to the nearest other output of the sample
    dead_length: float  # median |e_k| of dead codes
    used_length: float  # and of codes in use
    z_norm: float  # mean |z_e| of the latest batch, before any scaling to length 1
    z_growth: float  # that over the first record's
    z_trend: float  # that over its value a quarter of the run ago
    commitment: float  # unweighted, mean over vectors and their numbers
    reconstruction: float
    kept: float  # share of the outputs' variance that survives the snapping: 1 − D · commitment / spread²
    nmse: float
    nmse_mean_picture: float
    vectors_per_code: float  # indices of one epoch over K
    use_trend: float  # share of K in use now, less the share a quarter of the run ago

    @property
    def used(self) -> int:
        return self.K - self.dead

    @property
    def dead_share(self) -> float:
        return self.dead / self.K

    @property
    def lost(self) -> int:
        """Of the dead: chosen once, and no longer."""
        return self.dead - self.never

    @property
    def lead(self) -> float:
        """|z_e| over the length of codes in use: how far the encoder is ahead of them."""
        return _ratio(self.z_length, self.used_length)

    @property
    def dead_over_z(self) -> float:
        """The length of dead codes over |z_e|."""
        return _ratio(self.dead_length, self.z_length)

    @property
    def silent(self) -> bool:
        """Outputs differ from one another by a hundredth of their length, or less: the encoder says the same of everything."""
        return self.spread <= SILENT * self.z_length

    @property
    def commitment_ratio(self) -> float:
        return _ratio(self.commitment, self.reconstruction)


def signs(config: RunConfig, book: BookSnapshot, steps: Sequence[Step], evaluations: Sequence[Evaluation], epoch_steps: int) -> Signs:
    """`steps` and `evaluations` in the order of training, up to the snapshot or a little beyond; either may be empty."""
    codes = np.asarray(book.codebook, dtype=np.float32)  # (K, D)
    K, D = codes.shape
    dead = dead_codes(book, epoch_steps)
    z = np.asarray(book.z, dtype=np.float32) if len(book.z) else np.zeros((0, D), dtype=np.float32)  # (V, D)
    if book.z.dtype == np.float16:
        # runs of before kept what float16 cannot hold as its largest number, which is no place to measure from
        z = z[(np.abs(z) < _HALF).all(axis=1)]
    spread = _spread(z)
    last = steps[-1] if steps else None
    evaluation = evaluations[-1] if evaluations else None
    terms = last.terms if last else (evaluation.terms if evaluation else {})
    # of several codebooks the terms are recorded together, which says nothing of one of them
    alone = len(config.books()) == 1
    commitment, reconstruction = (float(terms.get(name, NAN)) if alone else NAN for name in ("commitment", "reconstruction"))
    return Signs(
        K=K,
        D=D,
        dead=int(dead.sum()),
        never=int((dead & (book.age < 0)).sum()),
        broken=_broken(book, last, evaluation),
        epochs=last.epoch if last else 0.0,
        spread=spread,
        z_length=float(np.linalg.norm(z, axis=1).mean()) if len(z) else _far_length(config, last),
        dead_distance=_ratio(_distance(codes[dead], z), spread),
        used_distance=_ratio(_distance(codes[~dead], z), spread),
        own_distance=_ratio(_distance(z, z, itself=True), spread),
        dead_length=_length(codes[dead]),
        used_length=_length(codes[~dead]),
        z_norm=last.z_norm if last else NAN,
        z_growth=_ratio(last.z_norm, steps[0].z_norm) if last else NAN,
        z_trend=_ratio(last.z_norm, _earlier(steps).z_norm) if last else NAN,
        commitment=commitment,
        reconstruction=reconstruction,
        kept=1 - _ratio(commitment * D, spread**2),
        nmse=evaluation.nmse if evaluation else NAN,
        nmse_mean_picture=evaluation.nmse_mean_picture if evaluation else NAN,
        vectors_per_code=_per_image(book, evaluation) * config.train.batch_size * epoch_steps / K,
        use_trend=(_used(last, book) - _used(_earlier(steps), book)) / K if last else NAN,
    )


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 and math.isfinite(a) else NAN


def _spread(z: NDArray[Any]) -> float:
    if len(z) < 2:
        return NAN
    wide = z.astype(np.float64)
    return float(np.sqrt(((wide - wide.mean(axis=0)) ** 2).sum(axis=1).mean()))


def _length(codes: NDArray[Any]) -> float:
    lengths = np.linalg.norm(codes.astype(np.float64), axis=1)
    lengths = lengths[np.isfinite(lengths)]
    return float(np.median(lengths)) if len(lengths) else NAN


def _far_length(config: RunConfig, last: Step | None) -> float:
    """|z_e| as training saw it, when a snapshot of before holds none of its outputs, too long for float16."""
    return last.z_norm if last and all(learner.distance == "euclidean" for learner in config.learners().values()) else NAN


def _distance(codes: NDArray[Any], z: NDArray[Any], *, itself: bool = False) -> float:
    """The median over `codes` (n, D) of the distance to the nearest row of z (V, D); NaN without either.

    `itself`: codes are z's own rows, each of which looks for another one.
    """
    codes = codes[np.isfinite(codes).all(axis=1)]
    codes = codes[:: -(-len(codes) // _CODES) or 1].astype(np.float64)
    if not len(codes) or len(z) < 1 + itself:
        return NAN
    z = z.astype(np.float64)
    squares = (z**2).sum(axis=1)
    nearest = np.empty(len(codes))
    for start in range(0, len(codes), _BLOCK):
        block = codes[start : start + _BLOCK]
        # |e − z|² = |e|² − 2 e·z + |z|²; rounding may leave a little less than nothing
        apart = (block**2).sum(axis=1)[:, None] + squares - 2 * block @ z.T
        if itself:
            rows = np.arange(len(block))
            apart[rows, start + rows] = np.inf
        nearest[start : start + _BLOCK] = apart.min(axis=1)
    return float(np.median(np.sqrt(nearest.clip(0))))


def _broken(book: BookSnapshot, last: Step | None, evaluation: Evaluation | None) -> bool:
    """An infinite code is no sign of it: float16, in which snapshots of before were kept, ends at 65,504."""
    losses = [record.loss for record in (last, evaluation) if record is not None]
    return bool(np.isnan(book.codebook).any() or np.isnan(book.z).any()) or not all(math.isfinite(loss) for loss in losses)


def _earlier(steps: Sequence[Step]) -> Step:
    """The record a quarter of the run before the last."""
    until = steps[-1].step * (1 - _RECENT)
    return next((record for record in reversed(steps) if record.step <= until), steps[0])


def _entry(record: Step, book: BookSnapshot) -> BookStep | None:
    return next((entry for entry in record.books if entry.name == book.name), None)


def _used(record: Step, book: BookSnapshot) -> float:
    entry = _entry(record, book)
    return entry.used_epoch if entry else NAN


def _per_image(book: BookSnapshot, evaluation: Evaluation | None) -> float:
    entries = evaluation.books if evaluation else ()
    return next((float(entry.indices_per_image) for entry in entries if entry.name == book.name), NAN)
