"""A trained model or prior, back from its checkpoint: frozen, on the processor, with its data where those are asked for."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from vqcore.config.data import DataConfig
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.data.base import Dataset
from vqcore.data.registry import DATASETS, load, missing
from vqcore.device import global_seed
from vqcore.errors import RunError
from vqcore.layout import Layout
from vqcore.models.base import Model
from vqcore.models.draw import layout_of
from vqcore.models.registry import build_model
from vqcore.priors.base import Prior
from vqcore.priors.registry import build_prior
from vqcore.records import Evaluation, State
from vqcore.runs.analysis import Stamp, checkpoint_stamp
from vqcore.runs.codes import CodeSet
from vqcore.runs.folder import RunFolder
from vqcore.training.evaluation import evaluate, reference, validation_order

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

    def evaluation(self) -> Evaluation:
        """The model over all validation data, as training looks at it after its last step."""
        x = torch.from_numpy(self.dataset.x[validation_order(self.dataset)])
        return evaluate(self.model, x, self.step, reference(self.dataset), complete=True)[0]


@dataclass(frozen=True, slots=True)
class Frozen:
    """A model without its data. `config`: of the model's run, or of the prior's run that holds a copy of it.

    `step` and `stamp` are those of the model's checkpoint, a prior's parent's included; `shape` and `modality` an example's.
    """

    model: Model
    config: RunConfig
    step: int
    stamp: Stamp
    shape: tuple[int, ...]
    modality: str

    def layout(self, classes: int = 0) -> Layout:
        """The grids that the model gives an example. Raises GridError for a model without codes."""
        return layout_of(self.model, classes)


@dataclass(frozen=True, slots=True)
class LoadedPrior:
    """A trained prior in eval mode, with the model and the codes that its run holds. `step` and `stamp`: of the prior's checkpoint."""

    prior: Prior
    frozen: Frozen
    codes: CodeSet
    config: PriorRunConfig
    step: int
    stamp: Stamp


def load_model(run: RunFolder) -> Loaded:
    """The model and data of the run's checkpoint. Raises RunError, without a checkpoint too; DataError; ConfigError."""
    stamp, state = read_checkpoint(run)
    config = RunConfig.parse(state.meta.get("config"))
    dataset = load_dataset(config.data)
    return Loaded(build(config, dataset, state), dataset, config, int(state.meta["step"]), stamp)


def load_frozen(run: RunFolder) -> Frozen:
    """The model of a run's checkpoint, or the copy that a prior's run holds; no data set is read. Raises RunError, ConfigError."""
    config = run.config()
    if isinstance(config, PriorRunConfig):
        state = run.model_state()
        if state is None:
            raise RunError(f"Run {run.id} has lost its copy of the model: {run.model_path} is missing. Train the prior again.")
        stamp = Stamp(config.parent.step, config.parent.checkpoint)
    else:
        stamp, state = read_checkpoint(run)
        config = RunConfig.parse(state.meta.get("config"))
    shape = tuple(int(size) for size in state.meta.get("shape") or config.data.shape)
    modality = str(state.meta.get("modality") or config.data.modality)
    return Frozen(_built(config, shape, modality, state), config, stamp.step, stamp, shape, modality)


def load_prior(run: RunFolder) -> LoadedPrior:
    """The prior of a run's checkpoint, from its folder alone. Raises RunError, for the run of a model too; ConfigError."""
    if not isinstance(run.config(), PriorRunConfig):
        raise RunError(f"Run {run.id} trains a model, not a prior: train a prior on its codes first.")
    stamp, state = read_checkpoint(run)
    config = PriorRunConfig.parse(state.meta.get("config"))
    codes = run.codes()
    if codes is None:
        raise RunError(f"Run {run.id} has no codes yet: they are there once it has started.")
    with global_seed(0):
        prior = build_prior(config.prior, codes.layout)
    _fill(prior, state, "prior.")
    return LoadedPrior(prior.eval().requires_grad_(False), load_frozen(run), codes, config, stamp.step, stamp)


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
    return _built(config, dataset.shape, dataset.modality, state)


def _built(config: RunConfig, shape: tuple[int, ...], modality: str, state: State) -> Model:
    with global_seed(0):
        # the variance that it was trained with comes with the weights
        model = build_model(config.model, shape, modality, variance=1.0)
    _fill(model, state, "model.")
    return model.eval().requires_grad_(False)


def _fill(module: torch.nn.Module, state: State, prefix: str) -> None:
    weights = {
        name.removeprefix(prefix): torch.from_numpy(np.array(value)) for name, value in state.tensors.items() if name.startswith(prefix)
    }
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        raise RunError(f"The checkpoint does not fit its own configuration: {str(error).splitlines()[0]}.") from None


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
