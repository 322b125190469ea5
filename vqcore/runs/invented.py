"""What was drawn from priors, under names: the arrays of `vqcore.analysis.invent` as results that pages draw. No torch.

Pictures are uint8 (…, H, W, C). Rows of codes are in the order of `vqcore.layout`, bits are −log2 p.
Axes: n grids, M codes a grid, K the largest book's codes, V validation examples, F frames, T candidates a cell, P positions asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from vqcore.errors import RunError
from vqcore.layout import Grid, Layout

Arrays = dict[str, NDArray[Any]]
Pixels = NDArray[np.uint8]
R = TypeVar("R")

UNIFORM, HISTOGRAM, POSITIONS, TRAINED = range(4)  # the rung of a question: what can be counted at once, or the run's own prior
TOP = 8  # codes whose probabilities are kept for each cell of one sample
PALETTE = 12  # tiles to choose among in the game; half of them are the prior's likeliest
NEAREST = 3
REDRAWN = 64  # validation examples to choose from


def layout_arrays(layout: Layout, colours: list[Pixels]) -> Arrays:
    """For a result: the grids, and each book's colours (K, 3)."""
    arrays: Arrays = {"grids": np.array(len(layout.grids)), "classes": np.array(layout.classes)}
    for i, (grid, shades) in enumerate(zip(layout.grids, colours, strict=True)):
        arrays |= {f"K_{i}": np.array(grid.K), f"shape_{i}": np.array(grid.shape, dtype=np.int64), f"colours_{i}": shades}
        arrays[f"name_{i}"] = np.array(grid.name)
    return arrays


@dataclass(frozen=True, slots=True)
class Ground:
    """What all results share: the grids that codes lie on, `colours` uint8 (K, 3) a book, the data's label names."""

    layout: Layout
    colours: tuple[Pixels, ...]
    label_names: tuple[str, ...]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Raises KeyError, TypeError, ValueError."""
        count = int(arrays["grids"])
        grids = tuple(Grid(str(arrays[f"name_{i}"]), int(arrays[f"K_{i}"]), tuple(map(int, arrays[f"shape_{i}"]))) for i in range(count))
        names = tuple(map(str, arrays["label_names"]))
        return cls(Layout(grids, int(arrays["classes"])), tuple(arrays[f"colours_{i}"] for i in range(count)), names)

    def painted(self, codes: NDArray[Any]) -> Pixels:
        """Each code's colour, (…, M, 3) for codes (…, M)."""
        out = np.empty((*codes.shape, 3), dtype=np.uint8)
        for start, grid, shades in zip(self.layout.starts(), self.layout.grids, self.colours, strict=True):
            part = slice(start, start + grid.cells)
            out[..., part, :] = shades[codes[..., part]]
        return out


@dataclass(frozen=True, slots=True)
class Sheet:
    """`codes` (n, M) that a prior drew, decoded, with the `labels` given to it (n,), −1 for none.

    `cell_bits` (n, M) under the prior itself, at temperature 1 and with all codes. `real_bits` (V,): of whole validation examples.
    `conditional`: whether the prior listens to labels.
    """

    ground: Ground
    step: int
    conditional: bool
    codes: NDArray[np.int32]
    pictures: Pixels
    labels: NDArray[np.int64]
    cell_bits: NDArray[np.float32]
    real_bits: NDArray[np.float32]

    @property
    def bits(self) -> NDArray[np.float32]:
        """Of each whole sample, (n,)."""
        total: NDArray[np.float32] = self.cell_bits.sum(axis=1)
        return total

    @property
    def real(self) -> float:
        """Bits that a validation example takes, in the mean."""
        return float(self.real_bits.mean())

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Copies nothing. Raises RunError for arrays that are no such result; so do its neighbours."""
        return _read(cls, arrays, numbers=("step",), flags=("conditional",))


@dataclass(frozen=True, slots=True)
class Filling:
    """One sample as it fills. Before position i, frame `frame_of[i]` of `frames` (F, H, W, C) shows it, `frame_of` (M + 1,).

    Cells not drawn yet hold the book's commonest code, `blank` (M,). At each position: `candidates` (M, T) the likeliest codes, the one
    that was drawn among them, and their `chances` (M, T), as they were drawn from; `chance` (M,) of the code that was drawn, `entropy`
    (M,) of the whole distribution in bits. `tiles` (M, T, t, t, C): each candidate in its place; (0, …) where there would be too many.
    """

    ground: Ground
    codes: NDArray[np.int32]
    blank: NDArray[np.int32]
    cell_bits: NDArray[np.float32]
    frames: Pixels
    frame_of: NDArray[np.int64]
    candidates: NDArray[np.int32]
    chances: NDArray[np.float32]
    chance: NDArray[np.float32]
    entropy: NDArray[np.float32]
    tiles: Pixels

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        return _read(cls, arrays)


@dataclass(frozen=True, slots=True)
class Nearest:
    """The training examples nearest to each sample, by codes and by pixels, and how near real validation examples come.

    `by_codes`, `by_pixels`: rows of the code set (n, 3), `…_pictures` (n, 3, H, W, C) redrawn by the model. `agreement` (n, 3): the share
    of equal codes; `distance` (n, 3): root of the mean squared difference of the redrawn pictures, 1 for black against white.
    `real_agreement`, `real_distance` (V,): of validation examples to their nearest one. Codes were compared with all `searched` examples,
    pixels with `drawn` of them.
    """

    agreement: NDArray[np.float32]
    by_codes_pictures: Pixels
    distance: NDArray[np.float32]
    by_pixels_pictures: Pixels
    real_agreement: NDArray[np.float32]
    real_distance: NDArray[np.float32]
    searched: int
    drawn: int

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        return _read(cls, arrays, numbers=("searched", "drawn"))


@dataclass(frozen=True, slots=True)
class Completions:
    """A real validation example, and `pictures` whose `given` cells (M,) are its own while the others were drawn.

    `real` is how the model redraws it. `bits` (n,) of the drawn cells, `real_bits` of those very cells of the real one. `exact`: whether
    the cells were drawn from what the prior says of them given the others.
    """

    ground: Ground
    given: NDArray[np.bool_]
    real: Pixels
    real_codes: NDArray[np.int32]
    codes: NDArray[np.int32]
    pictures: Pixels
    bits: NDArray[np.float32]
    real_bits: float
    exact: bool

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        return _read(cls, arrays, flags=("exact",))


@dataclass(frozen=True, slots=True)
class Redrawn:
    """The first validation examples as the model redraws them, their codes (V, M) and labels (V,)."""

    ground: Ground
    codes: NDArray[np.int32]
    pictures: Pixels
    labels: NDArray[np.int64]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        return _read(cls, arrays)


@dataclass(frozen=True, slots=True)
class Game:
    """Guess the next tile of a real example, P times from position `first` on.

    `palette` (P, T) codes to choose among, in random order, −1 where a book has fewer; `tiles` (P, T, t, t, C) each in its place.
    `true` (P,). Bits of the true code: `bits` under the prior, `counted` under the histogram of its position. `chances` (P, T) and
    `other` (P,): what the prior gives to the tiles, and to all others together. `frames` (P + 1, H, W, C): known before each guess, and
    at the end; `real` (H, W, C): the whole example redrawn.
    """

    ground: Ground
    first: int
    codes: NDArray[np.int32]
    true: NDArray[np.int32]
    palette: NDArray[np.int32]
    tiles: Pixels
    chances: NDArray[np.float32]
    other: NDArray[np.float32]
    bits: NDArray[np.float32]
    counted: NDArray[np.float32]
    frames: Pixels
    real: Pixels

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        return _read(cls, arrays, numbers=("first",))


def tempered(p: NDArray[Any], temperature: float, top_k: int) -> NDArray[np.float64]:
    """What probabilities (…, K) become under a temperature above 0 and with the `top_k` likeliest codes alone (0: all)."""
    with np.errstate(divide="ignore"):
        logits = np.log(np.asarray(p, dtype=np.float64)) / temperature
    K = logits.shape[-1]
    if 0 < top_k < K:
        least = np.partition(logits, K - top_k, axis=-1)[..., K - top_k, None]
        logits = np.where(logits < least, -np.inf, logits)
    logits -= logits.max(axis=-1, keepdims=True)
    weights = np.exp(logits)
    shares: NDArray[np.float64] = weights / weights.sum(axis=-1, keepdims=True)
    return shares


def _read(kind: type[R], arrays: Mapping[str, NDArray[Any]], numbers: tuple[str, ...] = (), flags: tuple[str, ...] = ()) -> R:
    try:
        parts: dict[str, Any] = {}
        for field in fields(kind):  # type: ignore[arg-type]
            if field.name == "ground":
                parts["ground"] = Ground.of(arrays)
            elif field.name in numbers:
                parts[field.name] = int(arrays[field.name])
            elif field.name in flags:
                parts[field.name] = bool(arrays[field.name])
            else:
                array = arrays[field.name]
                parts[field.name] = array if array.ndim else array.item()
        return kind(**parts)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"A result in the run's analysis folder is not what its name says ({error}). Delete that folder: it is computed again."
        ) from None
