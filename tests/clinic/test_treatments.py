"""Every treatment is something that a run can be given while it trains, and does what it says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from vqcore.clinic.treatments import TREATMENTS, Treatment
from vqcore.config.data import DigitsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig, treatable_paths
from vqcore.control import Command
from vqcore.data.registry import load
from vqcore.records import BookSnapshot, Event, Record, Snapshot, Step
from vqcore.training.trainer import Trainer

# codes that start so far out that nearly all of them die
ILL = RunConfig(
    data=DigitsConfig(),
    model=VQVAEConfig(
        quantizer=VQConfig(K=16, D=4, init="normal", init_scale=10.0, commitment_weight=0.0), downsampling=2, hidden=8, residual_blocks=0
    ),
    train=TrainConfig(
        steps=100, batch_size=32, lr=2e-2, device="cpu", precision="float32", threads=1, evaluate_every=30, evaluation_images=32
    ),
)
TREAT_AT = 30
EVERY = pytest.mark.parametrize("treatment", TREATMENTS.values(), ids=TREATMENTS)


class Once:
    """Sends commands before one step."""

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = commands
        self.polls = 0

    def poll(self) -> Sequence[Command]:
        self.polls += 1
        return self.commands if self.polls == TREAT_AT + 1 else ()

    def wait(self, seconds: float) -> Sequence[Command]:
        return ()


def train(commands: Sequence[Command], config: RunConfig = ILL) -> tuple[RunConfig, list[Record]]:
    trainer = Trainer(config, load(config.data))
    records = list(trainer.run(Once(commands)))
    return trainer.config, records


@EVERY
def test_a_run_takes_it_and_is_as_the_treatment_says(treatment: Treatment) -> None:
    commands = treatment.commands(ILL)
    assert commands, "this run needs all of them"
    after, records = train(commands)
    answers = [record for record in records if isinstance(record, Event) and record.kind in ("treated", "refused")]
    assert [(answer.kind, answer.step) for answer in answers] == [("treated", TREAT_AT)] * len(commands)
    for path, value in treatment.changes(ILL).items():
        assert after.at(path) == value
    steps = [record for record in records if isinstance(record, Step)]
    assert np.isfinite(steps[-1].loss)


@EVERY
def test_it_changes_only_what_may_change_while_a_run_trains(treatment: Treatment) -> None:
    assert set(treatment.changes(ILL)) <= set(treatable_paths(ILL))


@EVERY
def test_settings_that_are_right_already_are_not_sent_again(treatment: Treatment) -> None:
    changed = ILL.edited(treatment.changes(ILL))
    assert [command.kind for command in treatment.commands(changed)] == ([treatment.command] if treatment.command else [])


def test_settings_come_before_the_act() -> None:
    kinds = [[command.kind for command in treatment.commands(ILL)] for treatment in TREATMENTS.values()]
    assert all(sent == sorted(sent, key=lambda kind: kind != "treat") for sent in kinds)
    assert ["treat", "revive"] in kinds and ["revive"] in kinds and ["kmeans"] in kinds and ["treat"] in kinds


def test_codes_that_start_anew_are_all_in_use_where_they_start_on_outputs() -> None:
    config = ILL.edited({"train.lr": 2e-3})
    used = {}
    for init in ("data", "normal"):
        _, treated = train(TREATMENTS["late"].commands(config), config.edited({"model.quantizer.init": init}))
        used[init] = int((last_snapshot(treated).validation_usage > 0).sum())
    assert used["data"] >= 12 and used["normal"] <= 4, "those that start far away start far away again"


@pytest.mark.parametrize("key", ["revive", "kmeans", "revival"])
def test_more_codes_are_in_use_afterwards(key: str) -> None:
    # the EMA count forgets within the few steps that there are: revival goes by it
    config = ILL.edited({"model.quantizer.ema_decay": 0.8})
    _, alone = train((), config)
    _, treated = train(TREATMENTS[key].commands(config), config)
    used = [int((last_snapshot(records).validation_usage > 0).sum()) for records in (alone, treated)]
    assert used[1] > 2 * used[0]


def last_snapshot(records: Sequence[Record]) -> BookSnapshot:
    return [record for record in records if isinstance(record, Snapshot)][-1].books[0]


@EVERY
def test_what_it_says_is_two_sentences_and_has_a_source(treatment: Treatment) -> None:
    assert 2 <= treatment.what.count(". ") + 1 <= 3 and treatment.what.endswith(".")
    assert "arXiv:" in treatment.source or "this project" in treatment.source
