"""Who uses which code, from counts alone. No torch here; `vqcore.metrics.codebook` holds the same definitions for tensors.

Axes: K codes, N vectors counted, T snapshots. Counts are whole numbers, 0 or more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.records import BookSnapshot, Step

REPEATS = 24  # samples that an expected perplexity is the mean of
_DRAWS = 2_000_000  # numbers drawn for one curve, at most: a huge codebook takes fewer samples, which vary less
_LARGEST_COUNT = 900_000_000  # what NumPy's hypergeometric takes


def entropy_bits(counts: NDArray[Any]) -> float:
    """The entropy of the histogram `counts` (K,) in bits: 0 (one code does it all) to log2 K; 0 for no counts at all."""
    total = float(counts.sum())
    if total <= 0:
        return 0.0
    p = counts[counts > 0] / total
    return max(0.0, float(-(p * np.log2(p)).sum()))


def perplexity(counts: NDArray[Any]) -> float:
    """2 to the entropy of `counts` (K,): how many codes, used equally often, would be as varied. 1 to K."""
    return float(2 ** entropy_bits(counts))


def perplexity_by_count(counts: NDArray[np.int64], ns: Sequence[int], seed: int = 0) -> NDArray[np.float64]:
    """The perplexity to expect when only n of the vectors behind `counts` (K,) are counted, for each n of `ns`: float64 (len(ns),).

    Drawn without replacement: at n = all of them it is exactly `perplexity(counts)`. The mean over at most REPEATS samples; the same
    seed gives the same numbers. Real batches hold whole images, whose vectors are alike, so theirs lies a little lower still.
    Raises ValueError for an n outside 1 … counts.sum().
    """
    total = int(counts.sum())
    outside = [n for n in ns if not 1 <= n <= total]
    if outside:
        raise ValueError(f"{outside[0]} vectors cannot be drawn from {total}: ask for 1 to {total}.")
    used = counts[counts > 0].astype(np.int64)
    if total > _LARGEST_COUNT:
        used = np.maximum(1, used // (total // _LARGEST_COUNT + 1))
    random = np.random.default_rng(seed)
    repeats = max(2, min(REPEATS, _DRAWS // max(1, len(used) * len(ns))))
    found = np.empty(len(ns))
    for i, n in enumerate(ns):
        if n == total:
            found[i] = perplexity(counts)
            continue
        drawn = random.multivariate_hypergeometric(used, min(n, int(used.sum())), size=repeats, method="marginals")  # (R, K)
        found[i] = np.mean([perplexity(sample) for sample in drawn])
    return found


def counts_to_try(total: int, most: int = 24) -> list[int]:
    """Numbers of vectors for `perplexity_by_count`, from 1 to `total`: powers of two, thinned to at most `most`, and `total` itself."""
    if total < 1:
        return []
    powers = [2**i for i in range(total.bit_length()) if 2**i < total]
    return [*powers[-(most - 1) :], total]


def epoch_steps(last: Step | None) -> int:
    """How many steps one pass over the training data takes, as a record of training tells; 0 when it does not tell yet."""
    return round(last.step / last.epoch) if last is not None and last.epoch > 0 else 0


def hits(book: BookSnapshot) -> NDArray[np.int64]:
    """Hits in training since the snapshot before, (K,). Before the first training step there are none: then those on validation data."""
    return book.usage if book.usage.any() else book.validation_usage


def dead_codes(book: BookSnapshot, epoch_steps: int) -> NDArray[np.bool_]:
    """Which codes are dead, (K,): not hit in training within the last `epoch_steps` steps, or never.

    Where nothing is known of training (before its first step, or `epoch_steps` 0): those that `hits` does not show.
    """
    if not book.usage.any() or epoch_steps <= 0:
        return np.asarray(hits(book) == 0)
    return np.asarray((book.age < 0) | (book.age >= epoch_steps))


def first_deaths(dead: NDArray[np.bool_]) -> NDArray[np.int64]:
    """For `dead` (T, K): the first snapshot at which each code is dead after it lived, (K,); T: it never died; −1: it never lived."""
    T, K = dead.shape
    if not T:
        return np.full(K, -1, dtype=np.int64)
    lived = np.maximum.accumulate(~dead, axis=0)
    died = lived & dead
    first = np.where(died.any(axis=0), died.argmax(axis=0), T)
    return np.asarray(np.where(lived[-1], first, -1), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Ages:
    """Steps since the last hit: the `median` and the `oldest` of the codes hit at least once (−1: none was), and how many `never` were."""

    median: int
    oldest: int
    never: int

    @classmethod
    def of(cls, age: NDArray[np.int64]) -> Ages:
        """`age` (K,), −1 for never hit."""
        once = age[age >= 0]
        if not len(once):
            return cls(-1, -1, len(age))
        return cls(round(float(np.median(once))), int(once.max()), len(age) - len(once))


def nearest(codebook: NDArray[Any], code: int, count: int = 8) -> list[tuple[int, float]]:
    """The `count` codes nearest to `code` in `codebook` (K, D) with their Euclidean distances in all D dimensions, nearest first.

    Codes that are not finite are left out; ties go to the lower number.
    """
    codes = np.asarray(codebook, dtype=np.float32)
    distance = np.linalg.norm(codes - codes[code], axis=1)
    distance = np.where(np.isfinite(distance), distance, np.inf)
    distance[code] = np.inf
    order = np.argsort(distance, kind="stable")[:count]
    return [(int(k), float(distance[k])) for k in order if np.isfinite(distance[k])]
