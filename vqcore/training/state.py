"""A trainer's state as plain arrays and JSON, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from vqcore.errors import RunError
from vqcore.records import State

if TYPE_CHECKING:
    from vqcore.training.loop import Loop

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def pack(trainer: Loop) -> State:
    """Copies, so that training may go on while the state is written."""
    tensors: dict[str, torch.Tensor] = {}
    for prefix, part in trainer.parts().items():
        tensors |= {f"{prefix}.{name}": value for name, value in part.state_dict().items()}
    names: dict[torch.Tensor, str] = {parameter: name for name, parameter in trainer.learner.named_parameters()}
    for parameter, moments in trainer.optimizer.state.items() if trainer.optimizer else ():
        for key, value in moments.items():
            tensors[f"optimizer.{names[parameter]}.{key}"] = value
    if trainer.window.sums is not None and trainer.window.bad is not None:
        tensors["window.sums"], tensors["window.bad"] = trainer.window.sums, trainer.window.bad
    return State(
        tensors={name: _array(value) for name, value in tensors.items()},
        meta={
            "config": trainer.config.model_dump(mode="json"),
            "step": trainer.step,
            "elapsed": trainer.elapsed,
            "last_command": trainer.last_command,
            "terms": list(trainer.window.names),
            "window": trainer.window.steps,
            "precision": next(name for name, dtype in PRECISIONS.items() if dtype == trainer.precision),
            **trainer.about(),
        },
    )


def unpack(trainer: Loop, state: State) -> None:
    """Put `state` into a trainer built from its config. Raises RunError when they do not fit."""
    groups: dict[str, dict[str, torch.Tensor]] = {}
    for name, value in state.tensors.items():
        group, _, rest = name.partition(".")
        groups.setdefault(group, {})[rest] = torch.from_numpy(np.array(value)).to(trainer.device)
    meta: dict[str, Any] = dict(state.meta)
    try:
        for prefix, part in trainer.parts().items():
            part.load_state_dict(groups.get(prefix, {}))
        if trainer.optimizer is not None:
            _unpack_moments(trainer.optimizer, trainer.learner, groups.get("optimizer", {}))
        window = groups.get("window", {})
        trainer.window.sums, trainer.window.bad = window.get("sums"), window.get("bad")
        trainer.window.names = tuple(meta["terms"])
        trainer.window.steps = int(meta["window"])
        trainer.step = int(meta["step"])
        trainer.elapsed = float(meta["elapsed"])
        trainer.last_command = int(meta["last_command"])
        trainer.precision = PRECISIONS[meta["precision"]]
    except (KeyError, RuntimeError, ValueError) as error:
        raise RunError(f"The checkpoint does not fit its own configuration: {error}. Start the run again from the beginning.") from None


def _unpack_moments(optimizer: torch.optim.Optimizer, learner: torch.nn.Module, found: dict[str, torch.Tensor]) -> None:
    for name, parameter in learner.named_parameters():
        moments = {key.removeprefix(f"{name}."): value for key, value in found.items() if key.startswith(f"{name}.")}
        if moments:
            optimizer.state[parameter] = _like(parameter, moments, fused=bool(optimizer.defaults["fused"]))


def _like(parameter: torch.Tensor, moments: dict[str, torch.Tensor], *, fused: bool) -> dict[str, torch.Tensor]:
    """Moments in the parameter's memory layout; Adam keeps its step count on the processor unless it is fused."""
    laid_out = {}
    for key, value in moments.items():
        if value.ndim:
            laid_out[key] = torch.empty_like(parameter, memory_format=torch.preserve_format).copy_(value)
        else:
            laid_out[key] = value if fused else value.cpu()
    return laid_out


def _array(value: torch.Tensor) -> NDArray[Any]:
    array: NDArray[Any] = value.detach().cpu().clone(memory_format=torch.contiguous_format).numpy()
    return array
