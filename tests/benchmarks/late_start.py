"""Codes from the first step on against codes that start late, the same number of steps in all, three seeds each.

`python -m tests.benchmarks.late_start`: the preset `digits` with K = 32 and K = 1,024 and starts at 0 and 50, on one thread; some
minutes. `--seeds`, `--codes`, `--starts` and `--steps` do other ones. Codes used: over all validation pictures, frozen, after so many
quantised steps; NMSE at the end. `walked`: how far the encoder went in its first ten steps with codes, in distances to its nearest codes.
"""

from __future__ import annotations

import sys
from typing import Any

from tests.benchmarks.common import options, report
from vqcore.clinic.walk import early_walk
from vqcore.config.presets import PRESETS
from vqcore.config.run import RunConfig
from vqcore.control import NoControl
from vqcore.data.registry import load
from vqcore.records import Evaluation, Walk
from vqcore.training.trainer import Trainer

AFTER = (10, 50, 200)  # quantised steps
QUICK = {"train.batch_size": 16, "model.hidden": 8}


def run(config: RunConfig) -> dict[str, Any]:
    """Train, and look at the figures after 10, 50, 200 quantised steps and at the end."""
    start, used = config.codes_start, dict.fromkeys(AFTER, 0)
    walks: list[Walk] = []
    last: Evaluation | None = None
    trainer = Trainer(config, load(config.data))
    for record in trainer.run(NoControl()):
        match record:
            case Evaluation():
                last = record
                if record.step - start in used:
                    used[record.step - start] = record.books[0].used
            case Walk():
                walks.append(record)
            case _:
                pass
    assert last is not None and last.complete
    walk = early_walk(walks)
    return {
        "K": last.books[0].K,
        "start_after": start,
        "seed": config.train.seed,
        **{f"used_after_{after}": count for after, count in used.items()},
        "used_at_the_end": last.books[0].used,
        "NMSE": last.nmse,
        "walked": walk.times if walk else float("nan"),
        "in_one_direction": walk.common if walk else float("nan"),
    }


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--codes", type=int, nargs="+", default=[32, 1024])
    parser.add_argument("--starts", type=int, nargs="+", default=[0, 50])
    parser.add_argument("--steps", type=int, default=500)
    asked = parser.parse_args()
    plain = {
        "train.steps": asked.steps,
        "train.threads": 1,
        "train.evaluate_every": 10,
        "train.device": "cpu",
        "train.precision": "float32",
    }
    if asked.quick:
        asked.seeds, asked.codes = asked.seeds[:1], [32]
        plain |= QUICK | {"train.steps": 260}
    rows = []
    for K in asked.codes:
        for start in asked.starts:
            for seed in asked.seeds:
                changes = plain | {"model.quantizer.K": K, "model.quantizer.start_after": start, "train.seed": seed}
                rows.append(run(PRESETS["digits"].config.edited(changes)))
                sys.stderr.write(f"K = {K}, start after {start}, seed {seed}: done.\n")
    report("late_start", rows, as_json=asked.json)


if __name__ == "__main__":
    main()
