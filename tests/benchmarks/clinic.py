"""Five ways to collapse, three seeds each: the codes in use at the end, left alone and given the diagnosis's first treatment.

`python -m tests.benchmarks.clinic`: trains every patient of `vqcore.clinic.causes` untreated, treated at its `treat_at`, and as its
healthy twin, on one thread; some minutes. `--cause` and `--seeds` do fewer. `--treatments` gives each treatment to each patient instead.
Used: of K, over the last epoch of training, and frozen over all validation data. A patient has collapsed under 25 % by both, and is
cured over 80 % by both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rich.console import Console
from rich.table import Table

from tests.benchmarks.common import options, report
from vqcore.clinic.causes import CAUSES, Cause
from vqcore.clinic.diagnosis import Diagnosis, diagnose
from vqcore.clinic.treatments import TREATMENTS
from vqcore.config.run import RunConfig
from vqcore.control import Command
from vqcore.data.registry import load
from vqcore.errors import Diverged
from vqcore.records import BookStep, Evaluation, Event, Record, Snapshot, Step
from vqcore.training.trainer import Trainer

Kind = TypeVar("Kind", Step, Evaluation, Event)

COLLAPSED, CURED = 0.25, 0.80  # shares of K in use
QUICK = {"train.steps": 24, "train.batch_size": 16, "train.evaluate_every": 8, "train.evaluation_images": 32, "model.hidden": 8}
QUICK_TREAT_AT = 16
WIDTH = 190  # columns: narrower, the table would be cut

Choose = Callable[[Diagnosis], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. `used` and `used_validation` of K codes; `diagnosis` as it stood when the run was treated, or at its end."""

    K: int
    used: int
    used_validation: int
    nmse: float
    seconds: float
    diagnosis: Diagnosis
    treatment: str

    @property
    def share(self) -> float:
        """The smaller of both shares in use."""
        return min(self.used, self.used_validation) / self.K

    @property
    def most(self) -> float:
        """The larger of both."""
        return max(self.used, self.used_validation) / self.K


class Clinician:
    """A control that gives one treatment before the step after `treat_at`, chosen by what was recorded until then."""

    def __init__(self, config: RunConfig, treat_at: int | None, choose: Choose) -> None:
        self.config = config
        self.treat_at = treat_at
        self.choose = choose
        self.records: list[Record] = []
        self.diagnosis: Diagnosis | None = None
        self.treatment = ""
        self.epoch_steps = 0
        self._polls = 0

    def poll(self) -> Sequence[Command]:
        self._polls += 1
        if self.treat_at is None or self._polls != self.treat_at + 1:
            return ()
        self.diagnosis = self.look()
        self.treatment = self.choose(self.diagnosis)
        return TREATMENTS[self.treatment].commands(self.config) if self.treatment else ()

    def wait(self, seconds: float) -> Sequence[Command]:
        time.sleep(seconds)
        return ()

    def look(self) -> Diagnosis:
        """The diagnosis from the records so far."""
        book = [record for record in self.records if isinstance(record, Snapshot)][-1].books[0]
        return diagnose(self.config, book, self.of(Step), self.of(Evaluation), self.epoch_steps)

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [record for record in self.records if isinstance(record, kind)]


def train(config: RunConfig, *, treat_at: int | None = None, choose: Choose = lambda found: found.first) -> Outcome:
    """Train once. `seconds` is the wall clock from the built model to the last record, evaluations included."""
    trainer = Trainer(config, load(config.data))
    clinician = Clinician(config, treat_at, choose)
    clinician.epoch_steps = trainer.steps_per_epoch
    began = time.perf_counter()
    try:
        for record in trainer.run(clinician):
            clinician.records.append(record)
    except Diverged:
        pass  # it ends where its numbers broke, and is judged by its last records
    seconds = time.perf_counter() - began
    refused = [event.message for event in clinician.of(Event) if event.kind == "refused"]
    assert not refused, refused
    clinician.config = trainer.config
    evaluation = clinician.of(Evaluation)[-1]
    book: BookStep = clinician.of(Step)[-1].books[0]
    K = config.model.quantizer.K
    found = clinician.diagnosis or clinician.look()
    return Outcome(K, book.used_epoch, evaluation.books[0].used, evaluation.nmse, seconds, found, clinician.treatment)


def patient(name: str, cause: Cause, seed: int, *, quick: bool) -> dict[str, Any]:
    """One cause, one seed: left alone, treated, and the healthy twin."""
    config, healthy, treat_at = settings_of(cause, seed, quick=quick)
    alone = train(config)
    treated = train(config, treat_at=treat_at)
    twin = train(healthy)
    return {
        "cause": name,
        "seed": seed,
        "K": alone.K,
        "steps": config.train.steps,
        "untreated_used": alone.used,
        "untreated_used_validation": alone.used_validation,
        "untreated_NMSE": alone.nmse,
        "untreated_seconds": alone.seconds,
        "treated_at": treat_at,
        "pattern": treated.diagnosis.pattern,
        "treatment": treated.treatment,
        "treated_used": treated.used,
        "treated_used_validation": treated.used_validation,
        "treated_NMSE": treated.nmse,
        "treated_seconds": treated.seconds,
        "twin_used": twin.used,
        "twin_used_validation": twin.used_validation,
        "twin_NMSE": twin.nmse,
        "twin_healthy": twin.diagnosis.healthy,
        "twin_K": twin.K,
        "collapsed": alone.most < COLLAPSED,
        "cured": treated.share > CURED,
    }


def trial(name: str, cause: Cause, seed: int, treatment: str, *, quick: bool) -> dict[str, Any]:
    """One patient under one treatment, whatever the diagnosis says."""
    config, _, treat_at = settings_of(cause, seed, quick=quick)
    treated = train(config, treat_at=treat_at, choose=lambda _: treatment)
    return {
        "cause": name,
        "seed": seed,
        "K": treated.K,
        "treatment": treatment,
        "used": treated.used,
        "used_validation": treated.used_validation,
        "NMSE": treated.nmse,
        "seconds": treated.seconds,
        "cured": treated.share > CURED,
    }


def settings_of(cause: Cause, seed: int, *, quick: bool) -> tuple[RunConfig, RunConfig, int]:
    """The patient's configuration, its twin's, and when to treat."""
    changes = {"train.seed": seed} | (QUICK if quick else {})
    return cause.config.edited(changes), cause.healthy.edited(changes), QUICK_TREAT_AT if quick else cause.treat_at


def show(rows: Sequence[dict[str, Any]]) -> None:
    """A line a patient and seed: with a column each, as other benchmarks have it, fifteen would stand side by side."""
    console = Console(width=WIDTH, highlight=False)
    table = Table(title="Clinic: codes used in the last epoch / on validation data", title_justify="left")
    figures = ("NMSE", "s", "diagnosis", "treatment", "at step", "treated", "NMSE", "s", "twin", "NMSE")
    for column in ("cause", "seed", "K", "untreated", *figures):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row["cause"],
            str(row["seed"]),
            str(row["K"]),
            f"{row['untreated_used']} / {row['untreated_used_validation']}",
            f"{row['untreated_NMSE']:.3f}",
            f"{row['untreated_seconds']:.0f}",
            row["pattern"],
            row["treatment"],
            str(row["treated_at"]),
            f"{row['treated_used']} / {row['treated_used_validation']}",
            f"{row['treated_NMSE']:.3f}",
            f"{row['treated_seconds']:.0f}",
            f"{row['twin_used']} / {row['twin_used_validation']} of {row['twin_K']}",
            f"{row['twin_NMSE']:.3f}",
        )
    console.print(table)
    collapsed, cured = sum(row["collapsed"] for row in rows), sum(row["cured"] for row in rows)
    console.print(f"Collapsed (under 25 %): {collapsed} of {len(rows)}. Cured by the first treatment (over 80 %): {cured} of {len(rows)}.")


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--cause", action="append", choices=CAUSES, help="this patient alone; may be given again")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds, from 0 on (3)")
    parser.add_argument("--treatments", action="store_true", help="every treatment on every patient, instead of the first by diagnosis")
    arguments = parser.parse_args()
    names = arguments.cause or list(CAUSES)
    quick, seeds = arguments.quick, range(1 if arguments.quick else arguments.seeds)
    if arguments.treatments:
        rows = [trial(name, CAUSES[name], seed, key, quick=quick) for name in names for key in TREATMENTS for seed in seeds]
    else:
        rows = [patient(name, CAUSES[name], seed, quick=quick) for name in names for seed in seeds]
    if arguments.json or arguments.treatments:
        report("Clinic", rows, as_json=arguments.json)
    else:
        show(rows)


if __name__ == "__main__":
    main()
