"""What was done to a run while it trained, as marks on its curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vqcore.plots.figure import Mark
from vqcore.records import Event

# what a mark calls a field: a word that fits beside a line
SHORT: dict[str, str] = {
    "train.lr": "learning rate",
    "train.steps": "steps",
    "train.speed_limit": "steps per second at most",
    "model.quantizer.commitment_weight": "β",
    "model.quantizer.ema_decay": "EMA decay",
    "model.quantizer.revival_threshold": "revival under",
    "model.quantizer.learning": "learning",
    "model.quantizer.estimator": "gradient",
    "model.quantizer.init": "start",
    "model.quantizer.init_scale": "spread of the start",
    "model.quantizer.distance": "distance",
}
VALUES: dict[str, str] = {"ema": "EMA", "straight_through": "straight-through", "l2": "l2", "euclidean": "Euclidean"}
ACTS: dict[str, str] = {"revive": "revive", "kmeans": "k-means"}
# these change how long and how fast a run goes, not what it learns
SILENT = frozenset({"train.speed_limit", "train.steps"})


def treatments(events: Sequence[Event]) -> list[Mark]:
    """A mark for each treatment that counts: those after a checkpoint that the run went back to are undone."""
    marks: list[Mark] = []
    for event in events:
        if event.kind == "started":
            marks = []
        elif event.kind == "resumed":
            marks = [mark for mark in marks if mark.step <= event.step]
        elif event.kind == "treated":
            changes = event.data.get("changes") or {}
            words = described(changes) if changes else ACTS.get(str(event.data.get("command")), "treated")
            if words:
                marks.append(Mark(event.step, words))
    return marks


def described(changes: Mapping[str, Any], *, silent: bool = False) -> str:
    """Changes by dotted path in a few words, as in "β = 0.5, learning = EMA"; of what does not touch learning only if `silent`."""
    told = {path: value for path, value in changes.items() if silent or path not in SILENT}
    return ", ".join(f"{SHORT.get(path, path.rpartition('.')[2])} = {_value(value)}" for path, value in told.items())


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else VALUES.get(str(value), str(value))
