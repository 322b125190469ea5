"""Which device trains, and in which precision. A rule, not a stopwatch: one machine and one configuration always choose the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from vqcore.errors import ConfigError

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
PrecisionName = Literal["auto", "float32", "bfloat16"]

# multiplications per step, forwards, from which faster arithmetic outweighs the conversions: 8×8 digits (5·10⁷) lose by
# bfloat16, MNIST at width 64 (10⁹) gains
_WORTH_CONVERTING = 2e8


_seeding = threading.RLock()


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """For what can draw from torch's global generator alone, as the first weights of a net do: inside, it begins at `seed`; afterwards
    it is where it was. The generator is the whole process's, so other threads wait that would seed it.
    """
    with _seeding, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def available_devices() -> tuple[str, ...]:
    """The devices of this machine, the fastest first: of "cuda", "mps", "cpu"."""
    found = [("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()), ("cpu", True)]
    return tuple(name for name, there in found if there)


def choose_device(name: DeviceName) -> torch.device:
    """The device of that name; "auto" takes the fastest. Raises ConfigError when it is not there."""
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    if name not in available:
        raise ConfigError(f"train.device '{name}': this machine has {', '.join(available)}. Choose one of them, or 'auto'.")
    return torch.device(name)


def choose_precision(name: PrecisionName, device: torch.device, work: float) -> torch.dtype:
    """float32 or bfloat16 for encoder and decoder; "auto" takes bfloat16 where it pays.

    On CUDA it does; on MPS it does not; on the CPU it does where the processor multiplies bfloat16 itself and the step is large.
    `work`: the multiplications of one step's forward pass (`models.work.multiplications` times the batch size).
    """
    if name != "auto":
        return torch.bfloat16 if name == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16
    if device.type == "cpu" and cpu_multiplies_bfloat16() and work >= _WORTH_CONVERTING:
        return torch.bfloat16
    return torch.float32


def cpu_multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for it (AMX, AVX-512 BF16), rather than emulating them slowly."""
    can = torch.cpu.get_capabilities()
    return bool(can.get("amx_bf16") or can.get("avx512_bf16"))
