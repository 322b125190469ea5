"""Priors are trained: what is learnt, that it can be gone on from bit for bit, and what a prior that only counts does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import pytest
import torch

from vqcore.config.run import PriorRunConfig
from vqcore.control import Command, NoControl
from vqcore.errors import ConfigError, Diverged
from vqcore.layout import Layout
from vqcore.models.base import Model
from vqcore.records import Checkpoint, Event, PriorEvaluation, Record, Samples, State, Step
from vqcore.runs.codes import CodeSet
from vqcore.training.prior_trainer import SAMPLES, PriorTrainer

Config = Callable[..., PriorRunConfig]
R = TypeVar("R")
SMALL = {
    "pixelcnn": {"kind": "pixelcnn", "hidden": 8, "layers": 2, "dropout": 0.2},
    "transformer": {"kind": "transformer", "hidden": 16, "layers": 1, "heads": 2, "dropout": 0.2},
}


class Script:
    """Commands that arrive before given steps."""

    def __init__(self, trainer: PriorTrainer, due: Mapping[int, Sequence[Command]]) -> None:
        self.trainer, self.due = trainer, dict(due)

    def poll(self) -> Sequence[Command]:
        return self.due.pop(self.trainer.step, ())

    def wait(self, seconds: float) -> Sequence[Command]:
        return ()


def of(kind: type[R], records: Sequence[Record]) -> list[R]:
    return [record for record in records if isinstance(record, kind)]


def equal(a: State, b: State) -> bool:
    return a.tensors.keys() == b.tensors.keys() and all(np.array_equal(a.tensors[name], b.tensors[name]) for name in a.tensors)


def test_a_prior_learns_what_the_histogram_cannot_know(prior_config: Config, codes: CodeSet, model: Model) -> None:
    trainer = PriorTrainer(prior_config(steps=150, evaluate_every=50), codes, model)
    records = list(trainer.run(NoControl()))
    first, *_, last = of(PriorEvaluation, records)
    assert first.step == 0 and last.step == 150 and last.complete and not first.complete
    assert last.bits < last.position_bits - 0.5 < first.bits
    assert last.uniform_bits == pytest.approx(np.log2(5)) and last.position_bits < last.uniform_bits + 0.05
    assert last.codes_per_image == 9 and last.bits_per_image == 9 * last.bits
    assert last.loss == pytest.approx(last.bits * np.log(2))
    step = of(Step, records)[-1]
    assert step.loss == step.terms["cross_entropy"] == pytest.approx(last.train_bits * np.log(2), abs=0.2)
    assert [record.step for record in of(Checkpoint, records)][-1] == 150


def test_samples_are_drawn_from_it_and_decoded(prior_config: Config, codes: CodeSet, model: Model) -> None:
    trainer = PriorTrainer(prior_config(steps=150, evaluate_every=75), codes, model)
    first, *_, last = of(Samples, list(trainer.run(NoControl())))
    assert last.pictures.shape == (SAMPLES, 6, 6, 1) and last.pictures.dtype == np.uint8
    assert last.codes[0].shape == (SAMPLES, 3, 3) and last.codes[0].max() < 5
    assert (last.labels == -1).all()
    # neighbours are alike in the codes, and come to be alike in what is drawn
    rows = [found.codes[0].reshape(SAMPLES, 9) for found in (first, last)]
    alike = [float((grid[:, 1:] == grid[:, :-1]).mean()) for grid in rows]
    assert alike[1] > alike[0] and last.bits.mean() < first.bits.mean()


@pytest.mark.parametrize("kind", SMALL)
def test_resuming_is_the_uninterrupted_run(kind: str, prior_config: Config, codes: CodeSet, model: Model) -> None:
    config = prior_config(SMALL[kind] | {"conditional": True})
    whole = PriorTrainer(config, codes, model)
    list(whole.run(NoControl()))
    part = PriorTrainer(config, codes, model)
    list(part.run(Script(part, {10: [Command("stop", id=1)]})))
    torch.manual_seed(99)  # what others draw from torch's generator must not matter
    again = PriorTrainer(config, codes, model, part.state())
    records = list(again.run(NoControl()))
    assert [event.kind for event in of(Event, records)] == ["resumed", "finished"] and part.step == 10
    assert equal(whole.state(), again.state()) and again.last_command == 1


def test_looking_changes_nothing(prior_config: Config, codes: CodeSet, model: Model) -> None:
    often, rarely = (PriorTrainer(prior_config(evaluate_every=every), codes, model) for every in (1, 24))
    assert len(of(Samples, list(often.run(NoControl())))) > len(of(Samples, list(rarely.run(NoControl()))))
    assert equal(often.state(), rarely.state())


@pytest.mark.parametrize("kind", ["uniform", "histogram"])
def test_a_prior_that_only_counts_is_done_in_one_step(kind: str, prior_config: Config, codes: CodeSet, model: Model) -> None:
    trainer = PriorTrainer(prior_config({"kind": kind}, steps=7), codes, model)
    records = list(trainer.run(NoControl()))
    (evaluation,) = of(PriorEvaluation, records)
    (step,) = of(Step, records)
    assert evaluation.step == step.step == 7 and evaluation.complete
    assert evaluation.bits == pytest.approx(evaluation.uniform_bits if kind == "uniform" else evaluation.position_bits)
    assert len(of(Samples, records)) == 1 and [event.kind for event in of(Event, records)] == ["started", "finished"]
    again = PriorTrainer(trainer.config, codes, model, trainer.state())
    assert equal(again.state(), trainer.state())


def test_a_conditional_prior_draws_every_label(prior_config: Config, codes: CodeSet, model: Model) -> None:
    trainer = PriorTrainer(prior_config({"kind": "histogram", "conditional": True}), codes, model)
    (samples,) = of(Samples, list(trainer.run(NoControl())))
    assert set(samples.labels) == {0, 1}
    assert (samples.codes[0].reshape(SAMPLES, 9)[:, 0] == samples.labels).mean() > 0.7


def test_treatments_are_those_of_training_alone(prior_config: Config, codes: CodeSet, model: Model) -> None:
    trainer = PriorTrainer(prior_config(), codes, model)
    due = {
        4: [Command("treat", id=1, changes={"train.lr": 1e-4, "train.steps": 16})],
        6: [Command("treat", id=2, changes={"model.quantizer.commitment_weight": 1.0}), Command("revive", id=3)],
    }
    events = of(Event, list(trainer.run(Script(trainer, due))))
    assert [(event.kind, event.command) for event in events[1:-1]] == [("treated", 1), ("refused", 2), ("refused", 3)]
    assert trainer.step == 16 and trainer.config.train.lr == 1e-4
    assert events[1].data["config"]["kind"] == "prior" and "frozen" in events[3].message


def test_divergence_names_the_loss_and_what_to_do(prior_config: Config, codes: CodeSet, model: Model) -> None:
    trainer = PriorTrainer(prior_config(), codes, model)
    list(trainer._begin())
    with torch.no_grad():
        next(iter(trainer.prior.parameters())).fill_(float("nan"))
    with pytest.raises(Diverged, match=r"cross-entropy.*learning rate"):
        list(trainer.run(NoControl()))


def test_what_cannot_be_learnt_is_said(prior_config: Config, codes: CodeSet, model: Model) -> None:
    with pytest.raises(ConfigError, match="nothing to learn"):
        PriorTrainer(prior_config(), replace(codes, train=codes.train[:0]), model)
    unlabelled = replace(codes, layout=Layout(codes.layout.grids, 0))
    with pytest.raises(ConfigError, match="labels"):
        PriorTrainer(prior_config({"kind": "histogram", "conditional": True}), unlabelled, model)
