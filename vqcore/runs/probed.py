"""What analyses found, under names: the arrays of `vqcore.runs.analysis` as results that pages draw.

Axes: K codes, D code dimension, V sampled vectors, L labels, P patches a code, K' codes decoded, h w the latent grid, n pictures kept,
H W C a picture's, S label sets, R shuffles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vqcore.errors import RunError


@dataclass(frozen=True, slots=True)
class Patch:
    """A place where a code was chosen: cell (`row`, `col`) of `Probe.pictures[picture]`.

    `box`: top, left, bottom, right (the last two exclusive) of all pixels that the cell can depend on; None for points.
    `distance` from the encoder's output to the code, in D dimensions; `image`: the example's row in the data set; `label` −1: none.
    """

    picture: int
    image: int
    label: int
    row: int
    col: int
    distance: float
    box: tuple[int, int, int, int] | None


@dataclass(frozen=True, slots=True)
class ProbedBook:
    """One codebook over the validation data.

    `codebook` (K, D) as compared. `counts` (K,) and `label_counts` (K, L), by the whole picture's label, are hits.
    `z` (V, D), float16 or float32: a random sample of encoder outputs as compared; for each its code, its example's row in the data
    set and label, and its cell. `decoded` (K', H, W, C) uint8, or (K', 2) for points: what a grid of nothing but code `decoded_code`
    (K',) decodes to.
    `fields` (h, w, 4): top, left, bottom, right of each cell's receptive field, clipped; (0, 0, 4) for points.
    `patch_…` (K, P): the vectors nearest to each code among those that chose it, from as many pictures as possible; −1: none.
    """

    name: str
    codebook: NDArray[Any]
    counts: NDArray[np.int64]
    label_counts: NDArray[np.int64]
    z: NDArray[Any]
    z_code: NDArray[np.int32]
    z_image: NDArray[np.int64]
    z_label: NDArray[np.int64]
    z_row: NDArray[np.int32]
    z_col: NDArray[np.int32]
    decoded: NDArray[Any]
    decoded_code: NDArray[np.int32]
    fields: NDArray[np.int32]
    patch_picture: NDArray[np.int32]
    patch_row: NDArray[np.int32]
    patch_col: NDArray[np.int32]
    patch_distance: NDArray[np.float32]

    def drawn(self, code: int) -> NDArray[Any] | None:
        """What a constant grid of the code decodes to; None where it was not computed (beyond 4,096 codes, the least used)."""
        (found,) = np.nonzero(self.decoded_code == code)
        return self.decoded[found[0]] if len(found) else None

    def majority(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The label that each code's hits have most often, and its share of them, 0 to 1; (−1, NaN) for codes without hits or labels."""
        total = self.label_counts.sum(axis=1)
        if not self.label_counts.shape[1]:
            return np.full(len(total), -1), np.full(len(total), np.nan)
        with np.errstate(invalid="ignore"):
            share = self.label_counts.max(axis=1) / total
        return np.where(total > 0, self.label_counts.argmax(axis=1), -1), share


@dataclass(frozen=True, slots=True)
class Probe:
    """The frozen model of checkpoint `step` over `images` validation examples (`complete`: all of them).

    `books` is empty for a model without codes. `label_set` names the factor that labels come from, `label_names` (L,) its values.
    `pictures` (n, H, W, C) uint8, or points (n, 2): those that patches refer to, with each one's row in the data set and label.
    """

    step: int
    images: int
    complete: bool
    label_set: str
    label_names: tuple[str, ...]
    pictures: NDArray[Any]
    picture_image: NDArray[np.int64]
    picture_label: NDArray[np.int64]
    books: tuple[ProbedBook, ...]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Copies nothing. Raises RunError for arrays that are no probe's."""
        try:
            books = [_book(arrays, i) for i in range(int(arrays["books"]))]
            return cls(
                step=int(arrays["step"]),
                images=int(arrays["images"]),
                complete=bool(arrays["complete"]),
                label_set=str(arrays["label_set"]),
                label_names=tuple(map(str, arrays["label_names"])),
                pictures=arrays["pictures"],
                picture_image=arrays["picture_image"],
                picture_label=arrays["picture_label"],
                books=tuple(books),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise _foreign(error) from None

    def patches(self, book: int, code: int) -> tuple[Patch, ...]:
        """The real patches behind a code, the nearest first; first one of each picture, then second ones where pictures are few."""
        found = self.books[book]
        return tuple(self._patch(found, code, p) for p in range(found.patch_picture.shape[1]) if found.patch_picture[code, p] >= 0)

    def _patch(self, book: ProbedBook, code: int, p: int) -> Patch:
        picture, row, col = (int(array[code, p]) for array in (book.patch_picture, book.patch_row, book.patch_col))
        box = tuple(map(int, book.fields[row, col])) if book.fields.size else None
        distance = float(book.patch_distance[code, p])
        return Patch(picture, int(self.picture_image[picture]), int(self.picture_label[picture]), row, col, distance, box)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Layout:
    """A UMAP of one codebook with a sample of encoder outputs. Its distances, sizes and densities mean nothing.

    `codes` (K, 2) and `cloud` (V, 2), the probe's `z`, float32; NaN for rows that were left out (`left_out` counts them: not finite,
    or beyond the 8,192 most used codes). `repeated_codes`, `repeated_cloud`: rows that equal an earlier one and were put on its place.
    `distinct` rows were laid out with `neighbours` (fewer than asked for where rows are few). `method`: "umap", or "pca" where
    fewer than six rows are distinct.
    """

    step: int
    codes: NDArray[np.float32]
    cloud: NDArray[np.float32]
    repeated_codes: int
    repeated_cloud: int
    left_out: int
    distinct: int
    neighbours: int
    method: str

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Raises RunError for arrays that are no layout's."""
        whole = {"codes", "cloud"}
        try:
            numbers = {field.name: int(arrays[field.name]) for field in fields(cls) if field.name not in {*whole, "method"}}
            return cls(codes=arrays["codes"], cloud=arrays["cloud"], method=str(arrays["method"]), **numbers)
        except (KeyError, TypeError, ValueError) as error:
            raise _foreign(error) from None


@dataclass(frozen=True, slots=True)
class Usefulness:
    """How well linear classifiers on code counts name labels of the validation split: correct answers of `judged_on`, per label set (S,).

    `correct` from the true codes. `shuffled` (S, R): every picture has the codes of another one; R draws. `renamed`: within each
    picture the codes' names are exchanged at random. `majority`: always the most frequent label. `classes`: how many labels there are.
    `label_sets` is empty where the data have no labels. `converged`: whether training the classifier ended by itself.
    """

    step: int
    label_sets: tuple[str, ...]
    trained_on: int
    judged_on: int
    correct: NDArray[np.int64]
    shuffled: NDArray[np.int64]
    renamed: NDArray[np.int64]
    majority: NDArray[np.int64]
    classes: NDArray[np.int64]
    converged: NDArray[np.bool_]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Raises RunError for arrays that are no such result."""
        try:
            parts: dict[str, Any] = {field.name: arrays[field.name] for field in fields(cls)}
            parts |= {name: int(parts[name]) for name in ("step", "trained_on", "judged_on")}
            return cls(**parts | {"label_sets": tuple(map(str, parts["label_sets"]))})
        except (KeyError, TypeError, ValueError) as error:
            raise _foreign(error) from None


@dataclass(frozen=True, slots=True)
class Stages:
    """A residual quantiser with its first stage alone, its first two, and so on, over `images` validation examples: (S,) each.

    `bits` an example at M·log2 K of each stage, `entropy_bits` at its histogram's entropy instead; `used` codes of the last of these
    stages; `nmse` of what they decode to. `pictures` (S, P, H, W, C) uint8, or points (S, P, 2): the first validation examples decoded.
    """

    step: int
    images: int
    names: tuple[str, ...]
    bits: NDArray[np.float64]
    entropy_bits: NDArray[np.float64]
    used: NDArray[np.int64]
    nmse: NDArray[np.float64]
    pictures: NDArray[Any]

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Raises RunError for arrays that are no such result."""
        try:
            parts: dict[str, Any] = {field.name: arrays[field.name] for field in fields(cls)}
            parts |= {name: int(parts[name]) for name in ("step", "images")}
            return cls(**parts | {"names": tuple(map(str, parts["names"]))})
        except (KeyError, TypeError, ValueError) as error:
            raise _foreign(error) from None


def _book(arrays: Mapping[str, NDArray[Any]], i: int) -> ProbedBook:
    parts: dict[str, Any] = {field.name: arrays[f"{field.name}_{i}"] for field in fields(ProbedBook)}
    return ProbedBook(**parts | {"name": str(parts["name"])})


def _foreign(error: Exception) -> RunError:
    return RunError(f"A result in the run's analysis folder is not what its name says ({error}). Delete that folder: it is computed again.")
