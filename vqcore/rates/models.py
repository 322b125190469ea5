"""Trains the models behind the sliders of Bits, and loads one of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqcore.analysis.load import build, load_dataset
from vqcore.colours import CodeColours
from vqcore.config.run import RunConfig
from vqcore.control import NoControl
from vqcore.data.base import Dataset
from vqcore.models.base import Model
from vqcore.rates.points import BASE_CODES, BUNDLED, PICTURES, config, path_of
from vqcore.records import Evaluation, State
from vqcore.runs.arrays import read_state, write_state
from vqcore.training import evaluation
from vqcore.training.trainer import Trainer

_HELD = 0.005  # the share by which halved weights may change the error before they are kept whole


def train(K: int, side: int, folder: Path = BUNDLED) -> Path:
    """Train the model of this K and grid and write its file: weights, sixteen pictures, and the error of those very weights."""
    settings = config(K, side)
    dataset = load_dataset(settings.data)
    trainer = _trained(settings, dataset, _base(side))
    weights = {name: value for name, value in trainer.state().tensors.items() if name.startswith("model.")}
    whole, halved = (_state(settings, dataset, held) for held in (weights, {name: _half(value) for name, value in weights.items()}))
    state = halved if abs(halved.meta["nmse"] / whole.meta["nmse"] - 1) < _HELD else whole
    folder.mkdir(parents=True, exist_ok=True)
    write_state(path_of(K, side, folder), state)
    return path_of(K, side, folder)


@cache
def _base(side: int) -> Mapping[str, Tensor]:
    """Encoder and decoder that all models of a grid begin from. So K alone makes them differ, not the luck of a start."""
    settings = config(BASE_CODES, side, base=True)
    model = _trained(settings, load_dataset(settings.data), {}).model
    return {name: value for name, value in model.state_dict().items() if not name.startswith("quantizer.")}


def _trained(settings: RunConfig, dataset: Dataset, start: Mapping[str, Tensor]) -> Trainer:
    trainer = Trainer(settings, dataset)
    trainer.model.load_state_dict(start, strict=False)
    for _ in trainer.run(NoControl()):
        pass
    return trainer


def load(path: Path) -> tuple[Model, Dataset]:
    """A model from its file, and the data that it was trained on. Raises RunError."""
    state = read_state(path)
    settings = RunConfig.parse(state.meta["config"])
    dataset = load_dataset(settings.data)
    return build(settings, dataset, state), dataset


def measure(model: Model, dataset: Dataset) -> Evaluation:
    """The model's figures over all validation pictures."""
    x = torch.from_numpy(dataset.x[evaluation.validation_order(dataset)])
    return evaluation.evaluate(model, x, 0, evaluation.reference(dataset), complete=True)[0]


def _half(value: NDArray[np.generic]) -> NDArray[np.generic]:
    """In half precision where it is a fraction and fits."""
    if value.dtype != np.float32 or not np.isfinite(value.astype(np.float16)).all():
        return value
    return value.astype(np.float16)


def _state(settings: RunConfig, dataset: Dataset, weights: dict[str, NDArray[np.generic]]) -> State:
    model = build(settings, dataset, State(weights, {}))
    x = torch.from_numpy(dataset.x[evaluation.validation_order(dataset)])
    figures, hits = evaluation.evaluate(model, x, 0, evaluation.reference(dataset), complete=True)
    colours = CodeColours.fit(model.codebooks()[0].numpy(), hits[0] > 0)
    gallery = evaluation.gallery(model, x[:PICTURES], np.zeros(0, dtype=np.int64), 0, colours)
    pictures = {
        "inputs": gallery.inputs,
        "reconstructions": gallery.reconstructions,
        "indices": gallery.indices[0].reshape(gallery.z_q.shape[:-1]).astype(np.int32),
        "colours": gallery.z_q,
    }
    meta = {"config": settings.model_dump(mode="json"), "nmse": figures.nmse, "used": figures.books[0].used}
    return State(weights | pictures, meta)
