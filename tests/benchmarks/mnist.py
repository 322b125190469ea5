"""MNIST with the three cures against dead codes (k-means start, moving average, revival), and the same without them.

`python -m tests.benchmarks.mnist`: the preset `mnist` (K = 128, D = 16, a 7×7 grid, batch 128), six epochs each; minutes.
Figures are of the frozen model over all 10,000 test pictures.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.benchmarks.common import options, report, skip
from vqcore.cli.configuration import parse_change
from vqcore.config.data import DigitsConfig
from vqcore.config.presets import PRESETS
from vqcore.config.run import RunConfig
from vqcore.control import NoControl
from vqcore.data.registry import load, missing
from vqcore.errors import DataError
from vqcore.records import BookStep, Evaluation, Step
from vqcore.training.trainer import Trainer

WITHOUT_CURES = {"model.quantizer.init": "uniform", "model.quantizer.learning": "gradient", "model.quantizer.revival_threshold": 0.0}
QUICK = {"data": DigitsConfig().model_dump(), "train.steps": 30, "train.batch_size": 32, "model.hidden": 16, "train.evaluate_every": 30}


def measure(name: str, config: RunConfig) -> dict[str, Any]:
    """Train once. `seconds` is the wall clock from the built model to the last figure, evaluations included."""
    trainer = Trainer(config, load(config.data))
    last: Evaluation | None = None
    book: BookStep | None = None
    epoch = 0.0
    began = time.perf_counter()
    for record in trainer.run(NoControl()):
        if isinstance(record, Evaluation):
            last = record
        elif isinstance(record, Step):
            epoch, book = record.epoch, record.books[0]
    seconds = time.perf_counter() - began
    assert last is not None and book is not None and last.complete, "a run ends with an evaluation of all validation data"
    figures = last.books[0]
    return {
        "run": name,
        "epochs": round(epoch, 2),
        "NMSE": last.nmse,
        "K": figures.K,
        "used_in_last_epoch": book.used_epoch,
        "used_in_validation": figures.used,
        "perplexity": figures.perplexity,
        "seconds": seconds,
        "precision": str(trainer.precision).removeprefix("torch."),
        "device": trainer.device.type,
    }


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--set", dest="changes", action="append", default=[], metavar="PATH=VALUE", help="change one value in both runs")
    arguments = parser.parse_args()
    config = PRESETS["mnist"].config.edited(QUICK if arguments.quick else {})
    config = config.edited(dict(parse_change(text) for text in arguments.changes))
    if absent := missing(config.data.kind):
        try:
            load(config.data)
        except DataError:
            skip(f"MNIST is not here and cannot be had. Put here: {', '.join(Path(path).as_posix() for path in absent)}")
    rows = [measure("three cures", config), measure("no cures", config.edited(WITHOUT_CURES))]
    report("MNIST" if not arguments.quick else "MNIST (quick: digits, not for figures)", rows, as_json=arguments.json)


if __name__ == "__main__":
    main()
