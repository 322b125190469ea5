"""The one door from the pages to torch. Nothing here imports it until somebody asks, and the first who asks does not wait.

Models in the server process are tiny, on the processor and on one thread: training runs have the machine.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from vqcore.config.run import RunConfig
from vqcore.runs.analysis import checkpoint_stamp
from vqcore.runs.folder import RunFolder

if TYPE_CHECKING:
    from vqcore.analysis.easel import Easel
    from vqcore.analysis.load import LoadedPrior
    from vqcore.analysis.microscope import Microscope
    from vqcore.data.base import Dataset

_log = logging.getLogger("vqlab")
_lock = threading.Lock()
_ready = threading.Event()
_loader: threading.Thread | None = None
_problem = ""


def ready() -> bool:
    """Whether models answer at once."""
    return _ready.is_set()


def problem() -> str:
    """Why they never will, until `warm` is called again; "" while all goes well."""
    return _problem


def warm() -> None:
    """Load what models need, in the background: seconds, once in the life of the server. Calling it again is harmless."""
    global _loader, _problem
    with _lock:
        if _ready.is_set() or (_loader is not None and _loader.is_alive()):
            return
        _problem = ""
        _loader = threading.Thread(target=_load, name="models", daemon=True)
        _loader.start()


def _load() -> None:
    global _problem
    try:
        from vqcore.config.data import RingsConfig
        from vqcore.config.model import VQVAEConfig
        from vqcore.config.quantizer import VQConfig

        model = VQVAEConfig(quantizer=VQConfig(K=2, D=2, init="normal"), downsampling="vector", hidden=4, residual_blocks=0)
        # importing is not enough: the first optimiser's first step imports as much again
        _build(RunConfig(data=RingsConfig(count=256), model=model), 1)
        _ready.set()
    except Exception:
        _log.exception("models could not be loaded")
        _problem = "PyTorch could not be loaded on the server. Its log says why; “python -m vqcore doctor” checks the installation."


def microscope(config: RunConfig, start: int) -> Microscope:
    """A tiny model under the microscope, `start` steps after its beginning. Raises ConfigError, DataError."""
    return _build(config, start)


def _build(config: RunConfig, start: int) -> Microscope:
    one_thread()
    from vqcore.analysis.microscope import Microscope

    return Microscope(config, _dataset(config.data.model_dump_json()), start)


def one_thread() -> None:
    """Every thread of the server that computes says so itself: torch keeps the count by thread."""
    import torch

    torch.set_num_threads(1)


@lru_cache(maxsize=4)
def _dataset(data: str) -> Dataset:
    from pydantic import TypeAdapter

    from vqcore.config.data import DataConfig
    from vqcore.data.registry import load

    config: DataConfig = TypeAdapter(DataConfig).validate_json(data)
    return load(config)


# ── models to paint with, and priors over their codes ──

KEPT = 4  # models in memory, and as many priors

T = TypeVar("T")


class _Cache(Generic[T]):
    """What was last loaded, by the run's folder and its checkpoint. The first who asks loads; others wait for it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: OrderedDict[tuple[Path, str], T] = OrderedDict()

    def get(self, run: RunFolder, stamp: str, load: Callable[[RunFolder], T]) -> T:
        key = (run.path, stamp)
        with self._guard:
            found = self._held.get(key)
            if found is None:
                one_thread()
                found = load(run)
                for known in [known for known in self._held if known[0] == run.path]:
                    del self._held[known]  # an earlier checkpoint of the same run
                self._held[key] = found
                while len(self._held) > KEPT:
                    self._held.popitem(last=False)
            self._held.move_to_end(key)
            return found


_easels: _Cache[Easel] = _Cache()
_priors: _Cache[LoadedPrior] = _Cache()


def painter(run: RunFolder) -> Easel:
    """The model of the run's checkpoint, or the copy that a prior's run holds, to paint with; loaded once, a few at most are kept.

    Raises RunError, also without a checkpoint; ConfigError; GridError for models that have no pictures or no codes.
    """
    from vqcore.analysis.easel import Easel
    from vqcore.analysis.load import load_frozen

    one_thread()
    return _easels.get(run, _stamp(run), lambda run: Easel(load_frozen(run)))


def prior(run: RunFolder) -> LoadedPrior:
    """The prior of the run's checkpoint, kept alike. Raises RunError, ConfigError."""
    from vqcore.analysis.load import load_prior

    one_thread()
    return _priors.get(run, _stamp(run), load_prior)


def _stamp(run: RunFolder) -> str:
    stamp = checkpoint_stamp(run)
    return stamp.hash if stamp is not None else ""
