"""What it costs to find the nearest code: time, and tensors held at once, of the whole table of distances and of `nearest_code`.

For the light worker: plain numbers in, plain numbers out. On the processor, one thread.
Axes: N vectors, K codes, D numbers each.
"""

from __future__ import annotations

import statistics
import time
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from vqcore.config.run import RunConfig
from vqcore.control import NoControl
from vqcore.data.registry import load
from vqcore.quantizers.lookup import nearest_code
from vqcore.records import Step
from vqcore.training.trainer import Trainer

REPEATS = 5
ENOUGH_S = 0.15  # what takes long is repeated less often
LARGEST_TABLE = 2**30  # bytes; beyond it the whole table of distances is not tried
TIMED_STEPS = 12
UNTIMED_STEPS = 3  # the first ones set things up

Lookup = Callable[[Tensor, Tensor], Tensor]


def whole_table(z: Tensor, codebook: Tensor) -> Tensor:
    """The textbook's way: all N × K squared distances at once, then their argmin. z (N, D), codebook (K, D) -> int64 (N,)."""
    distances = z.square().sum(1, keepdim=True) - 2 * z @ codebook.T + codebook.square().sum(1)  # (N, K)
    return distances.argmin(1)


def lookup(K: int, D: int, N: int) -> dict[str, Any]:
    """Both ways on the same random numbers: medians in milliseconds, the most bytes of tensors held at once beyond the inputs.

    `same` is the share of equal answers; the two round differently, so near ties may fall either way. The whole table is left out
    (None) where it would be too large.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        generator = torch.Generator().manual_seed(0)
        z, codebook = torch.randn(N, D, generator=generator), torch.randn(K, D, generator=generator)
        fits = 3 * 4 * N * K <= LARGEST_TABLE
        found: dict[str, Any] = {"K": K, "D": D, "N": N, "block_ms": _milliseconds(nearest_code, z, codebook)}
        found["block_bytes"] = held(nearest_code, z, codebook)
        found["table_ms"] = _milliseconds(whole_table, z, codebook) if fits else None
        found["table_bytes"] = held(whole_table, z, codebook) if fits else None
        found["same"] = float((nearest_code(z, codebook) == whole_table(z, codebook)).float().mean()) if fits else None
        return found
    finally:
        torch.set_num_threads(threads)


def _milliseconds(search: Lookup, z: Tensor, codebook: Tensor) -> float:
    """The median of up to REPEATS runs; the first, which warms the caches, counts only where it takes long."""
    taken = [_seconds(search, z, codebook)]
    if taken[0] < ENOUGH_S / 2:
        taken = []
        while len(taken) < REPEATS and sum(taken) < ENOUGH_S:
            taken.append(_seconds(search, z, codebook))
    return 1000 * statistics.median(taken)


def _seconds(search: Lookup, z: Tensor, codebook: Tensor) -> float:
    began = time.perf_counter()
    search(z, codebook)
    return time.perf_counter() - began


def held(search: Lookup, z: Tensor, codebook: Tensor) -> int:
    """The most bytes of tensors that `search` holds at once, its inputs left out. Counted, so it is the same everywhere."""
    counter = _Held()
    with counter:
        search(z, codebook)
    return counter.most


class _Held(TorchDispatchMode):
    """Adds up the memory of every tensor that an operation makes, until the tensor is gone."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.most = 0
        self._known: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        before = {_place(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            # views and results written in place bring no memory of their own
            if isinstance(leaf, Tensor) and (place := _place(leaf)) not in before | self._known:
                self._known.add(place)
                size = leaf.untyped_storage().nbytes()
                self.now += size
                self.most = max(self.most, self.now)
                weakref.finalize(leaf.untyped_storage(), self._free, place, size)
        return out

    def _free(self, place: int, size: int) -> None:
        self._known.discard(place)
        self.now -= size


def _place(tensor: Tensor) -> int:
    """Where its memory lies; views share it."""
    address: int = tensor.untyped_storage().data_ptr()
    return address


def step_seconds(config: dict[str, Any]) -> float:
    """How long one training step of this configuration takes here, in seconds. Raises ConfigError, DataError.

    Trains a few steps on nobody's account, with the threads that the configuration asks for ("auto": one).
    """
    parsed = RunConfig.parse(config)
    threads = 1 if parsed.train.threads == "auto" else parsed.train.threads
    steps = UNTIMED_STEPS + TIMED_STEPS
    changes = {"train.steps": steps, "train.threads": threads, "train.record_every": 1, "train.speed_limit": 0.0}
    changes |= {"train.evaluate_every": 100_000, "train.evaluation_images": 16, "train.checkpoint_every": 1_000_000}
    short = parsed.edited(changes)
    taken: dict[int, float] = {}
    for record in Trainer(short, load(short.data), None).run(NoControl()):
        if isinstance(record, Step):
            taken[record.step] = record.elapsed
            if record.step == steps:
                break
    return (taken[steps] - taken[UNTIMED_STEPS]) / TIMED_STEPS
