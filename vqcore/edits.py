"""Edits of a whole index grid: what a brush would take long for. Each returns a new grid and leaves its argument alone. No torch here.

Axes: S a grid's axes (two, one, or none), M its cells, K codes of its book. Grids are int64, indices in [0, K).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from vqcore.errors import GridError

Codes = NDArray[np.int64]
Pattern = Literal["scattered", "left and right", "top and bottom", "checks"]
PATTERNS: tuple[Pattern, ...] = ("scattered", "left and right", "top and bottom", "checks")


def replaced(grid: NDArray[Any], old: int, new: int) -> Codes:
    """Code `new` wherever code `old` stood."""
    codes = _copy(grid)
    codes[codes == old] = new
    return codes


def exchanged(grid: NDArray[Any], one: int, other: int) -> Codes:
    """Codes `one` and `other` in each other's places. Twice is once back."""
    codes = _copy(grid)
    first, second = codes == one, codes == other
    codes[first], codes[second] = other, one
    return codes


def shuffled(grid: NDArray[Any], seed: int) -> Codes:
    """The same codes, as often as before, each in a cell drawn at random: the vocabulary stays, the arrangement goes."""
    codes = _copy(grid)
    return np.random.default_rng(seed).permutation(codes.ravel()).reshape(codes.shape)


def shifted(grid: NDArray[Any], *by: int) -> Codes:
    """Every code `by` cells further along each axis; what leaves at one side enters at the other. Raises GridError for other axes."""
    codes = _copy(grid)
    if len(by) != codes.ndim:
        raise GridError(f"A shift along {len(by)} axes was asked for, while this grid has {codes.ndim}.")
    return np.roll(codes, by, axis=tuple(range(codes.ndim))) if codes.ndim else codes


def noised(grid: NDArray[Any], share: float, K: int, seed: int) -> Codes:
    """`share` (0 to 1) of the cells, rounded to whole ones, given another code, any other as likely. Raises GridError for K = 1.

    The same seed draws the same cells first: a larger share changes those of a smaller one, and more.
    """
    codes = _copy(grid)
    count = round(_share(share) * codes.size)
    if count and K < 2:
        raise GridError("This book has a single code: there is no other one to put in its place.")
    random = np.random.default_rng(seed)
    order = random.permutation(codes.size)
    steps = random.integers(1, max(2, K), size=codes.size)  # 1 to K − 1 further round: never the same code
    flat = codes.reshape(-1)
    chosen = order[:count]
    flat[chosen] = (flat[chosen] + steps[chosen]) % max(1, K)
    return codes


def blended(one: NDArray[Any], other: NDArray[Any], share: float, pattern: Pattern, seed: int = 0) -> Codes:
    """`one` with `share` (0 to 1) of its cells, rounded to whole ones, from `other`. Raises GridError for grids of two shapes.

    `pattern`: cells drawn at random (those of a smaller share among them), whole columns from the right, whole rows from the bottom
    (the border may run through one), or spread as evenly as they go.
    """
    codes, second = _copy(one), _copy(other)
    if codes.shape != second.shape:
        raise GridError(f"Grids of shapes {codes.shape} and {second.shape} cannot be blended: they must be alike.")
    count = round(_share(share) * codes.size)
    taken = _order(codes.shape, pattern, seed)[:count]
    codes.reshape(-1)[taken] = second.reshape(-1)[taken]
    return codes


def _order(shape: tuple[int, ...], pattern: Pattern, seed: int) -> NDArray[np.int64]:
    """The cells (M,) in the order in which a growing share takes them."""
    places = np.arange(int(np.prod(shape, dtype=np.int64))).reshape(shape)
    if pattern == "left and right":
        return places.T.ravel()[::-1]
    if pattern == "top and bottom":
        return places.ravel()[::-1]
    if pattern == "checks":
        # black squares first, and among each colour every second one of every second, so that any share lies evenly
        colour = np.indices(shape or (1,)).sum(axis=0).ravel() % 2
        return np.lexsort((_bit_reversed(places.size), colour)).astype(np.int64)
    if pattern == "scattered":
        return np.random.default_rng(seed).permutation(places.size)
    raise GridError(f"There is no pattern {pattern!r}; there are: {', '.join(PATTERNS)}.")


def _bit_reversed(count: int) -> NDArray[np.int64]:
    """Of each number below `count`, its binary digits read backwards: neighbours lie far apart (van der Corput)."""
    bits = max(1, (count - 1).bit_length())
    numbers = np.arange(count)
    return np.asarray(sum(((numbers >> i) & 1) << (bits - 1 - i) for i in range(bits)))


def _copy(grid: NDArray[Any]) -> Codes:
    array = np.asarray(grid)
    if array.dtype.kind not in "iu":
        raise GridError(f"Codes are whole numbers from 0; given: {array.dtype}.")
    return array.astype(np.int64)  # astype copies


def _share(share: float) -> float:
    if not 0 <= share <= 1:
        raise GridError(f"A share of {share} of the cells was asked for: it goes from 0 to 1.")
    return share
