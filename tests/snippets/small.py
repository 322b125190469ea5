"""A small run on digits, and how it is trained."""

from __future__ import annotations

from typing import Any

from vqcore.config.run import RunConfig
from vqcore.control import Command
from vqcore.jobs import worker
from vqcore.records import Evaluation, PriorEvaluation, Record, Step
from vqcore.runs.folder import RunFolder

TRAIN = {"steps": 60, "batch_size": 32, "lr": 2e-3, "device": "cpu", "precision": "float32", "threads": 1}
SMALL = RunConfig.parse(
    {
        "data": {"kind": "digits"},
        "model": {
            "downsampling": 2,
            "hidden": 8,
            "residual_blocks": 0,
            "quantizer": {"K": 16, "D": 4, "init": "normal", "init_scale": 4.0},
        },
        "train": TRAIN | {"evaluate_every": 20, "evaluation_images": 64, "checkpoint_every": 30, "record_every": 5, "speed_limit": 900},
    }
)


def last(run: RunFolder) -> Any:
    """The run's last evaluation, a model's or a prior's: what screens show of it."""
    return [record for record in run.metrics().records if isinstance(record, Evaluation | PriorEvaluation)][-1]


def trained(folder: RunFolder, due: dict[int, Command] | None = None) -> RunFolder:
    """Train it. Commands are sent when the curve has reached their step: they come some steps later, as from a page."""
    waiting = dict(due or {})

    def listen(record: Record) -> None:
        if isinstance(record, Step):
            for step in [step for step in waiting if record.step >= step]:
                folder.send(waiting.pop(step))

    worker.run(folder, "cli", on_record=listen)
    assert folder.status().state == "finished", folder.status().error
    return folder
