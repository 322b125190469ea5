"""The codes of a whole data set under one frozen model: what a prior learns from. No torch, so that pages read it.

Axes: N training and V validation examples, M codes an example (the order of `vqcore.layout`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from vqcore.errors import RunError
from vqcore.layout import Grid, Layout

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class CodeSet:
    """`train` (N, M) and `validation` (V, M) uint16; their labels int64, −1 without; their examples' rows in the data set int64.

    `label_set` names the factor that labels come from ("" without), `label_names` its values. `step`: of the model's checkpoint.
    The validation examples are in the order in which evaluations take them.
    """

    layout: Layout
    step: int
    train: NDArray[np.uint16]
    validation: NDArray[np.uint16]
    train_labels: NDArray[np.int64]
    validation_labels: NDArray[np.int64]
    train_images: NDArray[np.int64]
    validation_images: NDArray[np.int64]
    label_set: str = ""
    label_names: tuple[str, ...] = ()

    def arrays(self) -> Arrays:
        """For an `.npz`; `of` reads them back."""
        arrays: Arrays = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= {
            "step": np.array(self.step),
            "label_set": np.array(self.label_set),
            "label_names": np.array(self.label_names, dtype=np.str_),
            "grids": np.array(len(self.layout.grids)),
        }
        for i, grid in enumerate(self.layout.grids):
            arrays |= {f"name_{i}": np.array(grid.name), f"K_{i}": np.array(grid.K), f"shape_{i}": np.array(grid.shape, dtype=np.int64)}
        return arrays

    @classmethod
    def of(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Raises RunError for arrays that are no code set's."""
        try:
            names = tuple(map(str, arrays["label_names"]))
            grids = tuple(
                Grid(str(arrays[f"name_{i}"]), int(arrays[f"K_{i}"]), tuple(map(int, arrays[f"shape_{i}"])))
                for i in range(int(arrays["grids"]))
            )
            found = cls(
                layout=Layout(grids, len(names)),
                step=int(arrays["step"]),
                label_set=str(arrays["label_set"]),
                label_names=names,
                **{name: arrays[name] for name in _ARRAYS},
            )
            for rows in (found.train, found.validation):
                found.layout.checked(rows)
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"This is not a set of codes: {error}.") from None
        return found


_ARRAYS = ("train", "validation", "train_labels", "validation_labels", "train_images", "validation_images")
