"""The trainer on real digits: what it yields, what it obeys, and that a resumed run is the uninterrupted one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np
import pytest

from vqcore.config.data import DigitsConfig, RingsConfig
from vqcore.config.run import RunConfig
from vqcore.control import Command, NoControl
from vqcore.data.registry import load
from vqcore.errors import ConfigError, Diverged
from vqcore.records import Checkpoint, Evaluation, Event, Gallery, Record, Snapshot, State, Step
from vqcore.training.trainer import Trainer

QUANTIZER = {"kind": "vq", "K": 16, "D": 4, "init": "data"}
BASE = RunConfig.parse(
    {
        "data": {"kind": "digits"},
        "model": {"kind": "vqvae", "downsampling": 2, "hidden": 16, "residual_blocks": 1, "quantizer": QUANTIZER},
        "train": {
            "steps": 60, "batch_size": 32, "lr": 2e-3, "device": "cpu", "precision": "float32", "threads": 1,
            "record_every": 10, "evaluate_every": 20, "evaluation_images": 64, "checkpoint_every": 30,
        },
    }
)  # fmt: skip


class Script:
    """Commands that arrive at given steps; what is due while waiting arrives at once."""

    def __init__(self, trainer: Trainer, due: dict[int, Sequence[Command]], while_waiting: Iterable[Command] = ()) -> None:
        self.trainer, self.due, self.waiting = trainer, dict(due), list(while_waiting)

    def poll(self) -> Sequence[Command]:
        return self.due.pop(self.trainer.step, ())

    def wait(self, seconds: float) -> Sequence[Command]:
        return [self.waiting.pop(0)] if self.waiting else ()


def digits() -> Any:
    return load(DigitsConfig())


def run(
    config: RunConfig, state: State | None = None, due: dict[int, Sequence[Command]] | None = None, **kw: Any
) -> tuple[Trainer, list[Record]]:
    trainer = Trainer(config, digits(), state)
    return trainer, list(trainer.run(Script(trainer, due or {}, **kw)))


R = TypeVar("R")


def of(kind: type[R], records: list[Record]) -> list[R]:
    return [record for record in records if isinstance(record, kind)]


def equal(a: State, b: State) -> bool:
    skip = {"elapsed", "last_command"}
    same_meta = {k: v for k, v in a.meta.items() if k not in skip} == {k: v for k, v in b.meta.items() if k not in skip}
    return same_meta and a.tensors.keys() == b.tensors.keys() and all(np.array_equal(a.tensors[k], b.tensors[k]) for k in a.tensors)


def test_a_run_learns_and_yields_every_kind_of_record() -> None:
    _, records = run(BASE.edited({"train.steps": 200}))
    evaluations = of(Evaluation, records)
    assert evaluations[-1].nmse < 0.5 * evaluations[0].nmse
    assert evaluations[-1].nmse < evaluations[-1].nmse_mean_picture
    assert evaluations[-1].complete and not evaluations[0].complete
    assert evaluations[-1].books[0].capacity_bits == 16 * 4  # 4×4 cells of log2 16 bits
    assert [g.step for g in of(Gallery, records)] == [e.step for e in evaluations]
    gallery = of(Gallery, records)[-1]
    assert gallery.inputs.shape == gallery.reconstructions.shape == (64, 8, 8, 1)
    assert gallery.z_e.shape == gallery.z_q.shape == (64, 4, 4, 3)
    assert gallery.indices[0].shape == (64, 4, 4)
    book = of(Snapshot, records)[-1].books[0]
    assert book.codebook.shape == (16, 4) and book.usage.sum() == 20 * 32 * 16
    steps = of(Step, records)
    assert steps[-1].step == 200 and steps[-1].terms.keys() == {"reconstruction", "codebook", "commitment"}
    assert 1 <= steps[-1].books[0].batch_perplexity <= 16
    assert isinstance(records[-1], Checkpoint)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"model.quantizer.learning": "ema", "model.quantizer.revival_threshold": 0.2, "train.schedule": "cosine"},
        {"model.quantizer.revival_threshold": 0.2, "model.quantizer.init": "normal", "model.quantizer.estimator": "rotation"},
        {"model.quantizer.distance": "l2", "model.quantizer.init": "kmeans", "train.precision": "bfloat16"},
        {"model.quantizer.start_after": 45},
        {"model.quantizer.start_after": 37, "model.quantizer.learning": "ema", "model.quantizer.revival_threshold": 0.1},
    ],
)
def test_resumed_equals_uninterrupted_bit_for_bit(changes: dict[str, Any]) -> None:
    config = BASE.edited(changes)
    whole, records = run(config)
    first, _ = run(config, due={37: [Command("stop")]})  # 37: inside an epoch, inside a window of the curves
    assert first.step == 37
    second, rest = run(config, first.state())
    assert equal(whole.state(), second.state())
    assert of(Evaluation, rest) == [e for e in of(Evaluation, records) if e.step > 37]


def test_codes_that_start_later_are_said_nothing_of_before_and_all_work_afterwards() -> None:
    trainer, records = run(BASE.edited({"model.quantizer.start_after": 20, "train.record_every": 5}))
    steps, evaluations = of(Step, records), of(Evaluation, records)
    assert all(record.books == () for record in steps if record.step <= 20)
    assert all(len(record.books) == 1 for record in steps if record.step > 20)
    assert steps[4].step == 10 and steps[4].terms["codebook"] == steps[4].terms["commitment"] == 0
    assert [len(record.books) for record in evaluations] == [0, 1, 1, 1]
    assert [snapshot.step for snapshot in of(Snapshot, records)] == [20, 40, 60]
    assert [len(gallery.indices) for gallery in of(Gallery, records)] == [0, 1, 1, 1]
    assert evaluations[1].books[0].used == 16, "codes that start on outputs of the encoder are all near some"
    assert trainer.model.quantises


def test_until_they_start_codes_cannot_be_replaced() -> None:
    _, records = run(BASE.edited({"model.quantizer.start_after": 20}), due={10: [Command("revive")], 30: [Command("kmeans")]})
    assert [(event.step, event.kind) for event in of(Event, records) if event.kind in ("refused", "treated")] == [
        (10, "refused"),
        (30, "treated"),
    ]


@pytest.mark.parametrize("init", ["data", "normal"])
def test_a_late_start_begins_all_codes_anew_and_resumes_bit_for_bit(init: str) -> None:
    config = BASE.edited({"model.quantizer.init": init, "train.record_every": 5})
    late = {20: [Command("late", steps=15)]}
    whole, records = run(config, due=late)
    assert whole.config.codes_start == 35 and whole.model.quantises
    event = next(event for event in of(Event, records) if event.kind == "treated")
    assert event.data["steps"] == 15 and event.data["config"]["model"]["quantizer"]["start_after"] == 35
    assert [record.step for record in of(Step, records) if not record.books] == [25, 30, 35]
    assert [snapshot.step for snapshot in of(Snapshot, records)] == [0, 20, 40, 60]
    before, after = (snapshot.books[0] for snapshot in of(Snapshot, records)[1:3])
    assert not np.isin(after.codebook, before.codebook).any()
    assert after.age.max() < 5, "what was hit before is forgotten"
    first, _ = run(config, due=late | {30: [Command("stop")]})
    second, _ = run(config, first.state())
    assert equal(whole.state(), second.state())


def test_a_late_start_that_the_run_has_no_time_for_is_refused_whole() -> None:
    trainer, records = run(BASE, due={20: [Command("late", steps=40)]})
    (refused,) = [event for event in of(Event, records) if event.kind == "refused"]
    assert "start_after is 60, and training ends at step 60" in refused.message
    assert trainer.config == BASE and all(record.books for record in of(Step, records))


def test_two_runs_of_one_seed_are_equal_and_of_two_seeds_are_not() -> None:
    a, b, c = (run(BASE.edited({"train.steps": 20, "train.seed": seed}))[0].state() for seed in (1, 1, 2))
    assert equal(a, b)
    assert not np.array_equal(a.tensors["model.quantizer.codebook"], c.tensors["model.quantizer.codebook"])


def test_watching_changes_nothing() -> None:
    a = run(BASE)[0].state()
    b = run(BASE.edited({"train.record_every": 1, "train.evaluate_every": 7}))[0].state()
    assert all(np.array_equal(a.tensors[k], b.tensors[k]) for k in a.tensors if k.startswith(("model", "optimizer")))


def test_pause_step_and_resume() -> None:
    trainer = Trainer(BASE, digits())
    seen: list[int] = []
    script = Script(trainer, {5: [Command("pause", id=1)]}, [Command("step", id=2, steps=3), Command("resume", id=3)])
    records: list[Record] = []
    for record in trainer.run(script):
        records.append(record)
        if isinstance(record, Event) and record.kind == "paused":
            seen.append(record.step)
    assert seen == [5, 8]
    assert 8 in [picture.step for picture in of(Gallery, records)], "who goes step by step sees what the steps did"
    assert [event.message for event in of(Event, records) if event.kind == "continued"] == ["Running 3 steps.", "Resumed at step 8."]
    assert trainer.step == 60 and trainer.last_command == 3


def test_release_leaves_the_run_where_it_paused() -> None:
    trainer, records = run(BASE, due={5: [Command("pause")]}, while_waiting=[Command("release")])
    assert trainer.step == 5
    assert of(Event, records)[-1].kind == "released"


def treat(**changes: Any) -> Command:
    return Command("treat", id=1, changes={key.replace("__", "."): value for key, value in changes.items()})


def test_a_treatment_changes_the_run_and_is_recorded_with_the_whole_config() -> None:
    trainer, records = run(BASE, due={10: [treat(train__lr=1e-4, model__quantizer__learning="ema")]})
    event = next(e for e in of(Event, records) if e.kind == "treated")
    assert event.step == 10 and event.command == 1
    assert RunConfig.parse(event.data["config"]) == trainer.config
    assert trainer.config.train.lr == 1e-4 and trainer.config.model.quantizer.learning == "ema"
    assert of(Step, records)[-1].lr == 1e-4
    assert RunConfig.parse(trainer.state().meta["config"]) == trainer.config


def test_a_treatment_keeps_weights_and_unchanged_moments() -> None:
    trainer = Trainer(BASE, digits())
    before: dict[str, Any] = {}
    for record in trainer.run(Script(trainer, {10: [treat(model__quantizer__commitment_weight=1.0)]})):
        if isinstance(record, Step) and record.step == 10:
            # the look at where the encoder went comes after the point
            before = {name: value for name, value in trainer.state().tensors.items() if not name.startswith("walk.")}
        if isinstance(record, Event) and record.kind == "treated":
            after = trainer.state().tensors
            assert all(np.array_equal(before[name], after[name]) for name in before)
            return
    pytest.fail("the treatment was not acknowledged")


@pytest.mark.parametrize(
    "changes", [{"model__quantizer__K": 8}, {"train__lr": -1}, {"train__lr": 1e-4, "model__quantizer__distance": "cosine"}, {"nonsense": 1}]
)
def test_a_bad_treatment_is_refused_whole(changes: dict[str, Any]) -> None:
    trainer, records = run(BASE, due={10: [treat(**changes)]})
    refused = [e for e in of(Event, records) if e.kind == "refused"]
    assert len(refused) == 1 and refused[0].message
    assert trainer.config == BASE and trainer.step == 60


FAR = {"model.quantizer.init": "normal", "model.quantizer.init_scale": 10.0, "train.steps": 200}


def used(records: list[Record]) -> int:
    return of(Step, records)[-1].books[0].used_epoch


@pytest.mark.parametrize("learning", ["gradient", "ema"])
@pytest.mark.parametrize("cure", ["revive", "kmeans"])
def test_a_collapsed_codebook_is_cured_by_one_treatment_and_stays_cured(learning: str, cure: Any) -> None:
    config = BASE.edited({**FAR, "model.quantizer.learning": learning})
    _, collapsed = run(config)
    _, cured = run(config, due={100: [Command(cure)]})
    assert used(collapsed) <= 7
    assert used(cured) >= 12  # of 16


@pytest.mark.parametrize(
    ("axis", "value"),
    [("learning", "ema"), ("distance", "l2"), ("estimator", "rotation"), ("revival_threshold", 0.1), ("ema_decay", 0.5)],
)
def test_every_axis_may_be_switched_and_training_goes_on(axis: str, value: Any) -> None:
    change = Command("treat", id=1, changes={f"model.quantizer.{axis}": value})
    _, records = run(BASE.edited({"train.steps": 160}), due={80: [change]})
    evaluations = {e.step: e for e in of(Evaluation, records)}
    assert evaluations[160].nmse < 1.05 * evaluations[80].nmse


def test_divergence_names_term_and_step() -> None:
    trainer = Trainer(BASE, digits())
    poison_at(trainer, 17)
    with pytest.raises(Diverged, match=r"reconstruction .* at step 18\b"):
        list(trainer.run(NoControl()))


def poison_at(trainer: Trainer, start: int) -> None:
    """From step `start` on every training picture holds a NaN, as a damaged data set would."""
    import torch

    inner: Callable[[], torch.Tensor] = trainer.batch

    def batch(step: int | None = None) -> torch.Tensor:
        x = inner().float()
        return x * float("nan") if trainer.step >= start else x / 255

    trainer.batch = batch  # type: ignore[method-assign]


def test_k_larger_than_the_data_is_a_clear_error() -> None:
    config = BASE.edited({"model.downsampling": "vector", "model.quantizer.K": 4096, "model.quantizer.init": "kmeans"})
    with pytest.raises(ConfigError, match=r"4,?096"):
        run(config)


def test_points_train_too() -> None:
    config = BASE.edited({"model.downsampling": "vector", "model.quantizer.D": 2}).model_dump(mode="json")
    config["data"] = {"kind": "rings", "count": 1024}
    trainer = Trainer(RunConfig.parse(config), load(RingsConfig(count=1024)))
    records = list(trainer.run(NoControl()))
    assert of(Evaluation, records)[-1].nmse < of(Evaluation, records)[0].nmse
    assert of(Gallery, records)[-1].inputs.shape == (64, 2)
    assert of(Gallery, records)[-1].z_e.shape == (64, 1, 1, 3)


def test_threads_may_be_set_between_records() -> None:
    trainer = Trainer(BASE.edited({"train.threads": "auto"}), digits())
    events = []
    for record in trainer.run(NoControl()):
        if isinstance(record, Step) and record.step == 10:
            trainer.threads = 1 if trainer.threads != 1 else 2
        if isinstance(record, Event) and record.kind == "threads":
            events.append(record.step)
    assert events and events[-1] == 10


def test_the_mean_picture_scores_better_than_the_mean_value() -> None:
    """On digits it is about half of it: the line that an error has to be read against."""
    _, records = run(BASE.edited({"train.steps": 1}))
    x = digits().x.astype(np.float64) / 255
    train, validation = x[digits().train], x[digits().validation]
    expected = ((validation - train.mean(0)) ** 2).mean() / train.var()
    assert of(Evaluation, records)[-1].nmse_mean_picture == pytest.approx(expected, rel=1e-4)
    assert 0.4 < expected < 0.6
