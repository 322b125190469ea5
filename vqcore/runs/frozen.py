"""What a prior's run begins with: its parent's model, frozen, and its codes where they are known. No torch here.

A prior keeps copies of both, so that it outlives its parent.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vqcore.config.prior import AnyPriorConfig
from vqcore.config.run import Parent, PriorRunConfig, RunConfig, TrainConfig
from vqcore.errors import RunError
from vqcore.records import State
from vqcore.runs import analysis, arrays
from vqcore.runs.codes import CodeSet
from vqcore.runs.folder import RunFolder

CODES = "codes"  # the kind of the analysis result that holds a run's codes
_ATTEMPTS = 20  # a run that trains may replace its checkpoint while it is read


def beginning(parent: RunFolder, prior: AnyPriorConfig, train: TrainConfig, scratch: Path) -> tuple[PriorRunConfig, dict[str, bytes]]:
    """The configuration of a prior over the codes of `parent`, and the files that its folder begins with, by name.

    A parent that is a prior itself stands for the model whose codes it learns. `scratch`: where results for read-only runs are kept.
    Raises RunError for a parent without a checkpoint, a damaged one, and one that is gone.
    """
    config = parent.config()
    if isinstance(config, PriorRunConfig):
        return _like(parent, config, prior, train)
    stamp, state = _checkpoint(parent)
    effective = RunConfig.parse(state.meta.get("config"))
    told = Parent(run=parent.id, name=parent.about().name, checkpoint=stamp.hash, step=stamp.step)
    files = {parent.model_path.name: arrays.state_bytes(_model(parent, state))}
    known = analysis.read(parent, scratch, analysis.name_of(CODES, stamp))
    if known is not None:
        files[parent.codes_path.name] = arrays.codes_bytes(CodeSet.of(known))
    return _configured(effective, told, prior, train), files


def _like(other: RunFolder, config: PriorRunConfig, prior: AnyPriorConfig, train: TrainConfig) -> tuple[PriorRunConfig, dict[str, bytes]]:
    if other.model_state() is None:  # which also says when it is damaged
        raise RunError(f"Run {other.id} has lost its copy of the model whose codes it learns. Choose that model's own run.")
    files = {other.model_path.name: other.model_path.read_bytes()}
    if (codes := other.codes()) is not None:
        files[other.codes_path.name] = arrays.codes_bytes(codes)
    return _configured(config, config.parent, prior, train), files


def _configured(model: RunConfig, parent: Parent, prior: AnyPriorConfig, train: TrainConfig) -> PriorRunConfig:
    parts = {"data": model.data, "model": model.model, "train": train, "prior": prior, "parent": parent}
    return PriorRunConfig.parse({"kind": "prior"} | {name: part.model_dump(mode="json") for name, part in parts.items()})


def _checkpoint(run: RunFolder) -> tuple[analysis.Stamp, State]:
    for _ in range(_ATTEMPTS):
        stamp = analysis.checkpoint_stamp(run)
        state = run.checkpoint()
        if state is None:
            raise RunError(f"Run {run.id} has no checkpoint yet, so that there are no codes to learn: the first one comes while it trains.")
        if stamp is not None and stamp == analysis.checkpoint_stamp(run):
            return stamp, state
    raise RunError(f"The checkpoint of run {run.id} changes faster than it can be read. Pause the run, then try again.")


def _model(run: RunFolder, state: State) -> State:
    """The model's part of a checkpoint, with what is needed to build it anew without its data: an example's shape and modality."""
    meta: dict[str, Any] = {name: state.meta[name] for name in ("config", "step")}
    meta |= {name: state.meta[name] for name in ("shape", "modality") if name in state.meta} or _seen(run)
    tensors = {name: value for name, value in state.tensors.items() if name.startswith("model.")}
    return State(tensors, json.loads(json.dumps(meta)))


def _seen(run: RunFolder) -> dict[str, Any]:
    """Shape and modality from the run's pictures, where an older checkpoint does not tell."""
    gallery = run.gallery()
    if gallery is None:
        return {}
    if gallery.inputs.ndim != 4:
        return {"shape": list(gallery.inputs.shape[1:]), "modality": "points"}
    height, width, channels = gallery.inputs.shape[1:]
    return {"shape": [channels, height, width], "modality": "image"}
