"""A trained model, back from its checkpoint: frozen, on the processor, with its data."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from vqcore.config.data import DataConfig
from vqcore.config.run import RunConfig
from vqcore.data.base import Dataset
from vqcore.data.registry import DATASETS, load, missing
from vqcore.errors import RunError
from vqcore.models.base import Model
from vqcore.models.registry import build_model
from vqcore.records import State
from vqcore.runs.analysis import Stamp, checkpoint_stamp
from vqcore.runs.folder import RunFolder

_ATTEMPTS = 20  # a run that trains may replace its checkpoint while it is read

# held by whoever imports scikit-learn: two threads that enter it by different doors may meet half a module
importing = threading.Lock()

_guard = threading.Lock()
_kept: tuple[str, Dataset] | None = None


@dataclass(frozen=True, slots=True)
class Loaded:
    """`config` is the effective one, after treatments; `model` is in eval mode, float32, and its parameters ask for no gradient."""

    model: Model
    dataset: Dataset
    config: RunConfig
    step: int
    stamp: Stamp


def load_model(run: RunFolder) -> Loaded:
    """The model and data of the run's checkpoint. Raises RunError, without a checkpoint too; DataError; ConfigError."""
    stamp, state = read_checkpoint(run)
    config = RunConfig.parse(state.meta.get("config"))
    dataset = load_dataset(config.data)
    return Loaded(build(config, dataset, state), dataset, config, int(state.meta["step"]), stamp)


def current_stamp(run: RunFolder) -> Stamp:
    """The stamp of the run's checkpoint. Raises RunError without one."""
    stamp = checkpoint_stamp(run)
    if stamp is None:
        raise RunError(f"Run {run.id} has no checkpoint that can be read: the first one comes while it trains.")
    return stamp


def read_checkpoint(run: RunFolder) -> tuple[Stamp, State]:
    """The checkpoint, and the stamp of that very one. Raises RunError."""
    for _ in range(_ATTEMPTS):
        stamp = checkpoint_stamp(run)
        state = run.checkpoint()
        if state is None:
            raise RunError(f"Run {run.id} has no checkpoint yet: the first one comes while it trains.")
        if stamp is not None and stamp == checkpoint_stamp(run):
            return stamp, state
    raise RunError(f"The checkpoint of run {run.id} changes faster than it can be read. Pause the run, then try again.")


def build(config: RunConfig, dataset: Dataset, state: State) -> Model:
    """The model of `config` with the weights of `state`. Raises RunError when they do not fit."""
    weights = {
        name.removeprefix("model."): torch.from_numpy(np.array(value)) for name, value in state.tensors.items() if name.startswith("model.")
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        # the variance that it was trained with comes with the weights
        model = build_model(config.model, dataset.shape, dataset.modality, variance=1.0)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise RunError(f"The checkpoint does not fit its own configuration: {str(error).splitlines()[0]}.") from None
    return model.eval().requires_grad_(False)


def load_dataset(config: DataConfig) -> Dataset:
    """The data set, from memory when it was the last one asked for. Nothing is downloaded here: raises RunError for what is not there."""
    global _kept
    key = config.model_dump_json()
    with _guard:
        if _kept is not None and _kept[0] == key:
            return _kept[1]
        if missing(config.kind):
            raise RunError(
                f"{DATASETS[config.kind].title} is not on this machine, so that nothing can be computed from it. "
                "Train any run on it, which downloads it, or place its files by hand."
            )
        _kept = None  # two large sets need not be held at once
        dataset = load(config)
        _kept = (key, dataset)
        return dataset


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Torch computes with one thread inside: what looks must not take cores from what trains. Results repeat bit for bit, too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
