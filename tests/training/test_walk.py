"""The record of how far the encoder walks, against NumPy and against runs of which it is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch

from tests.training.test_trainer import BASE, digits, of, run
from vqcore.control import Command, NoControl
from vqcore.records import State, Walk
from vqcore.training.evaluation import to_model
from vqcore.training.trainer import Trainer
from vqcore.training.walk import WalkMeter


def flat(trainer: Trainer) -> Any:
    """Encoder outputs of the first 64 validation examples, at the places that are looked at: (512, D)."""
    with torch.no_grad():
        z = trainer.model.outputs(to_model(trainer._validation[:64]))[0].movedim(1, -1).reshape(-1, 4)
    return z.double().numpy()[np.random.default_rng(0).permutation(len(z))[:512]]


def test_it_looks_early_and_at_every_evaluation() -> None:
    _, records = run(BASE.edited({"train.evaluate_every": 30}))
    walks = of(Walk, records)
    assert [walk.step for walk in walks] == [0, 1, 2, 5, 10, 20, 30, 50, 60]
    assert [walk.since for walk in walks] == [0, 0, 1, 2, 5, 10, 20, 30, 50]
    assert walks[0].books[0].moved == walks[0].books[0].common == 0
    for walk in walks[1:]:
        (book,) = walk.books
        assert book.moved > 0 and 0 < book.common < 1 and book.nearest is not None and book.nearest > 0


def test_its_figures_are_those_of_numpy() -> None:
    trainer = Trainer(BASE, digits())
    before, found = None, 0
    for record in trainer.run(NoControl()):
        if not isinstance(record, Walk):
            continue
        z, codes = flat(trainer), trainer.model.codebooks()[0].double().numpy()
        (book,) = record.books
        distances = np.linalg.norm(z[:, None] - codes[None], axis=2).min(1)
        assert book.nearest == pytest.approx(np.sqrt((distances**2).mean()), rel=1e-4)
        if before is not None:
            by = z - before
            assert book.moved == pytest.approx(np.sqrt((by**2).sum(1).mean()), rel=1e-4)
            assert book.common == pytest.approx((by.mean(0) ** 2).sum() / (by**2).sum(1).mean(), rel=1e-3)
            found += 1
        before = z
    assert found >= 7


def shifted(by: Sequence[float]) -> Walk:
    """What is said when every output moves by the same numbers."""
    trainer = Trainer(BASE, digits())
    meter = WalkMeter(1)
    meter.look_(trainer.model, trainer._validation, 0)
    bias = [parameter for name, parameter in trainer.model.named_parameters() if name.startswith("encoder") and parameter.shape == (4,)][-1]
    with torch.no_grad():
        bias.add_(torch.tensor(by))
    walk = meter.look_(trainer.model, trainer._validation, 7)
    assert walk is not None
    return walk


def test_a_common_shift_is_all_common_and_nothing_is_nothing() -> None:
    (book,) = shifted([3.0, 0.0, 4.0, 0.0]).books
    assert book.moved == pytest.approx(5, rel=1e-5) and book.common == pytest.approx(1, rel=1e-5)
    (still,) = shifted([0.0] * 4).books
    assert still.moved == still.common == 0


def test_a_resumed_run_measures_from_where_the_first_looked_last() -> None:
    _, records = run(BASE)
    first, before = run(BASE, due={37: [Command("stop")]})
    _, after = run(BASE, first.state())
    assert of(Walk, before) + of(Walk, after) == of(Walk, records)


def test_a_state_of_before_begins_anew() -> None:
    first, _ = run(BASE, due={37: [Command("stop")]})
    state = first.state()
    older = State({name: value for name, value in state.tensors.items() if not name.startswith("walk.")}, state.meta)
    _, rest = run(BASE, older)
    walks = of(Walk, rest)
    assert (walks[0].step, walks[0].since, walks[0].books[0].moved) == (40, 40, 0)
    assert (walks[1].step, walks[1].since) == (50, 40)


def test_before_codes_start_none_is_near() -> None:
    _, records = run(BASE.edited({"model.quantizer.start_after": 10}))
    nearest = {walk.step: walk.books[0].nearest for walk in of(Walk, records)}
    assert [step for step, distance in nearest.items() if distance is None] == [0, 1, 2, 5]


def test_what_is_not_finite_is_no_record() -> None:
    trainer = Trainer(BASE, digits())
    with torch.no_grad():
        next(trainer.model.encoder.parameters()).fill_(float("nan"))
    assert WalkMeter(1).look_(trainer.model, trainer._validation, 0) is None
