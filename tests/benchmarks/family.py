"""Kinds of quantizers side by side: residual with 1, 2 and 4 stages, plain vq and FSQ of the same bits, on letters and photos.

`python -m tests.benchmarks.family`: the presets `letters` and `photos` with their nets, steps, codes' cures and learning rate; only the
quantizer differs. Three seeds each, about a minute a run on two cores. Figures are of the frozen model over all validation pictures:
median NMSE, its lowest and highest, and the codes used by each codebook.
"""

from __future__ import annotations

import sys
from statistics import median
from typing import Any

from tests.benchmarks.common import options, report
from vqcore.config.presets import PRESETS
from vqcore.config.quantizer import AnyQuantizerConfig, FSQConfig, ResidualConfig, VQConfig
from vqcore.config.run import RunConfig
from vqcore.control import NoControl
from vqcore.data.registry import load
from vqcore.records import Evaluation
from vqcore.training.trainer import Trainer

SETS = ("letters", "photos")
K = 16  # of a stage: 4 bits
STAGES = (1, 2, 4)


def arms(plain: VQConfig) -> dict[str, AnyQuantizerConfig]:
    """The quantizers to compare, with the codes' settings of the preset's own."""
    stage = plain.edited({"K": K})
    return {
        **{f"residual, {n} of {K}": ResidualConfig(stages=(stage,) * n) for n in STAGES},
        f"vq, {K**2}": plain.edited({"K": K**2}),
        "fsq, 4·4·4·4": FSQConfig(levels=(4, 4, 4, 4)),
    }


def measure(config: RunConfig) -> Evaluation:
    """The last evaluation of a run, which takes all validation data."""
    last: Evaluation | None = None
    for record in Trainer(config, load(config.data)).run(NoControl()):
        if isinstance(record, Evaluation):
            last = record
    assert last is not None and last.complete, "a run ends with an evaluation of all validation data"
    return last


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--threads", type=int, default=2, help="processor threads of a run")
    parser.add_argument("--steps", type=int, default=0, help="of each run; 0: the preset's")
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for name in SETS:
        base = PRESETS[name].config.edited({"train.threads": arguments.threads, "train.evaluate_every": 100_000})
        if arguments.quick or arguments.steps:
            base = base.edited({"train.steps": 10 if arguments.quick else arguments.steps})
        assert isinstance(base.model.quantizer, VQConfig)
        for title, quantizer in arms(base.model.quantizer).items():
            seeds = (0,) if arguments.quick else (0, 1, 2)
            found = [measure(base.edited({"model.quantizer": quantizer.model_dump(), "train.seed": seed})) for seed in seeds]
            errors = [evaluation.nmse for evaluation in found]
            used = [[evaluation.books[i].used for evaluation in found] for i in range(len(found[0].books))]
            rows.append(
                {
                    "data": name,
                    "quantizer": title,
                    "bits_an_image": sum(book.capacity_bits for book in found[0].books),
                    "NMSE": median(errors),
                    "lowest": min(errors),
                    "highest": max(errors),
                    "used": " + ".join(f"{min(counts)}-{max(counts)}" for counts in used),
                }
            )
            sys.stderr.write(f"{name}, {title}: {rows[-1]['NMSE']:.4f}\n")
    report("Kinds of quantizers", rows, as_json=arguments.json)


if __name__ == "__main__":
    main()
