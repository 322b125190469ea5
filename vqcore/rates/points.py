"""The models behind the sliders of Bits: for each K and grid its configuration, and what its file holds. No torch, so that pages read it.

Axes: N pictures, H W C a picture's, h w the latent grid's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.config.run import RunConfig
from vqcore.errors import RunError
from vqcore.runs.arrays import read_state

BUNDLED = Path(__file__).resolve().parents[2] / "assets" / "rates"
CODES = tuple(2**i for i in range(1, 11))
PICTURES = 16
# the grid's side → how the encoder gets there; one vector for a whole picture is quicker by fully connected layers
GRIDS: Mapping[int, Mapping[str, Any]] = {
    1: {"downsampling": "vector", "net": "mlp", "hidden": 32},
    4: {"downsampling": 8, "hidden": 16},
    7: {"downsampling": 4, "hidden": 16},
    14: {"downsampling": 2, "hidden": 16},
}
BASE_CODES = 64  # of the model that all models of a grid begin from
# the grid's side → training steps of that model, and of each that begins from it: so that each takes seconds
STEPS: Mapping[int, tuple[int, int]] = {1: (4000, 1500), 4: (1000, 400), 7: (1000, 400), 14: (600, 250)}


@dataclass(frozen=True, slots=True)
class Point:
    """One model: its error over all validation pictures, and what it makes of the first sixteen.

    `inputs`, `reconstructions` uint8 (N, H, W, C); `indices` int32 (N, h, w); `colours` uint8 (N, h, w, 3), those of the codes.
    `network`: how many numbers encoder and decoder have.
    """

    K: int
    side: int
    nmse: float
    used: int
    inputs: NDArray[np.uint8]
    reconstructions: NDArray[np.uint8]
    indices: NDArray[np.int32]
    colours: NDArray[np.uint8]
    network: int


def exists(K: int, side: int) -> bool:
    """Whether a model with these settings comes with the program."""
    return K in CODES and side in GRIDS


def config(K: int, side: int, *, base: bool = False) -> RunConfig:
    """How the model of this K and grid is trained: letters, which need no network; all models alike but for K and the grid.

    `base`: the model that those of this grid begin from. They get codes of their own by k-means on its encoder's outputs.
    """
    steps = STEPS[side][0 if base else 1]
    return RunConfig.parse(
        {
            "data": {"kind": "glyphs"},
            "model": {"quantizer": {"K": K, "D": 8, "learning": "ema", "ema_decay": 0.95, "revival_threshold": 0.1}, **GRIDS[side]},
            "train": {"steps": steps, "batch_size": 64, "lr": 3e-3, "schedule": "cosine", "device": "cpu", "threads": 1}
            | {"evaluate_every": steps},
        }
    )


def path_of(K: int, side: int, folder: Path = BUNDLED) -> Path:
    """Where the model of this K and grid is kept."""
    return folder / f"{side}x{side}-{K}.safetensors"


def read(K: int, side: int, folder: Path = BUNDLED) -> Point | None:
    """The model of this K and grid; None where there is none. Raises RunError for a file that is damaged."""
    path = path_of(K, side, folder)
    if not exists(K, side) or not path.is_file():
        return None
    state = read_state(path)
    try:
        arrays = {name: np.asarray(state.tensors[name]) for name in ("inputs", "reconstructions", "indices", "colours")}
        network = sum(value.size for name, value in state.tensors.items() if name.startswith(("model.encoder.", "model.decoder.")))
        return Point(K, side, float(state.meta["nmse"]), int(state.meta["used"]), **arrays, network=network)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{path} is damaged: {error}. Make it anew: python -m vqcore.rates") from None
