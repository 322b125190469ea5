"""Keeping less without losing the shape: of curves when they are read, of files while a run grows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

R = TypeVar("R")


def thinned(records: Sequence[R], points: int, value: Callable[[R], float]) -> list[R]:
    """At most `points` (2 or more) of `records`, in order: the first, the last, and each stretch's lowest and highest `value`."""
    if points < 2:
        raise ValueError(f"a curve needs 2 points or more, not {points}")
    if len(records) <= points:
        return list(records)
    inner = range(1, len(records) - 1)
    stretches = (points - 2) // 2
    keep = {0, len(records) - 1}
    values = [_finite(value(record)) for record in records]
    for i in range(stretches):
        stretch = inner[len(inner) * i // stretches : len(inner) * (i + 1) // stretches]
        keep |= {min(stretch, key=values.__getitem__), max(stretch, key=values.__getitem__)}
    return [records[i] for i in sorted(keep)]


def _finite(value: float) -> float:
    """NaN compares with nothing; as a spike it is seen."""
    return math.inf if math.isnan(value) else value


def surplus(sizes: Mapping[int, int], count: int, size: int | None = None) -> set[int]:
    """Which of the steps to drop, so that at most `count` (2 or more) and `size` bytes are left.

    `sizes` maps a step to its bytes. One per interval stays; the interval is doubled until the rest fits; the latest step always stays.
    The interval is that between the first two: what was thinned before stays as it is, and newer steps are thinned alike.
    """
    steps = sorted(sizes)
    if not steps:
        return set()
    *earlier, latest = steps
    interval = earlier[1] - earlier[0] if len(earlier) > 1 else 1
    while True:
        kept = {latest, *_first_of_each(earlier, interval)}
        if len(kept) <= count and (size is None or sum(sizes[step] for step in kept) <= size):
            return set(steps) - kept
        if interval > latest:  # not even two fit
            return set(earlier)
        interval *= 2


def _first_of_each(steps: Sequence[int], interval: int) -> list[int]:
    """The first step in each stretch [n·interval, (n + 1)·interval)."""
    first: dict[int, int] = {}
    for step in steps:
        first.setdefault(step // interval, step)
    return list(first.values())
