"""The trainer with every quantizer: one book, several, none. What it yields is aligned with the books, and can be gone on from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from vqcore.config.data import DigitsConfig
from vqcore.config.model import ModelConfig, VQVAEConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.control import NoControl
from vqcore.data.registry import load
from vqcore.models.base import Model
from vqcore.models.vqvae import VQVAE
from vqcore.quantizers.base import Bottleneck
from vqcore.records import Checkpoint, Evaluation, Gallery, Record, Snapshot, State, Step
from vqcore.training import trainer as module
from vqcore.training.trainer import Trainer

CONFIG = RunConfig(
    data=DigitsConfig(),
    model=VQVAEConfig(downsampling=2, hidden=8, residual_blocks=1),
    train=TrainConfig(
        steps=12,
        batch_size=32,
        device="cpu",
        precision="float32",
        threads=1,
        record_every=4,
        evaluate_every=6,
        evaluation_images=64,
        checkpoint_every=6,
    ),
)
Train = Callable[..., tuple[Trainer, list[Record]]]


@pytest.fixture
def train(make_bottleneck: Callable[[], Bottleneck], monkeypatch: pytest.MonkeyPatch) -> Train:
    def build(config: ModelConfig, shape: tuple[int, ...], modality: str, variance: float) -> Model:
        return VQVAE(config, shape, modality, variance, make_bottleneck())

    monkeypatch.setattr(module, "build_model", build)

    # no steps: the caller runs it
    def run(steps: int = 12, state: State | None = None) -> tuple[Trainer, list[Record]]:
        trainer = Trainer(CONFIG.edited({"train.steps": steps or 12}), load(DigitsConfig()), state)
        return trainer, list(trainer.run(NoControl())) if steps else []

    return run


def test_every_record_is_aligned_with_the_books(train: Train) -> None:
    trainer, records = train()
    books = trainer.model.books
    names = [book.name for book in books]
    late = next((record.step for record in records if isinstance(record, Snapshot)), 0) if books else 0
    assert late in (0, 6), "at the first evaluation, or the one after codes started"
    for record in records:
        match record:
            case Step() | Evaluation() if record.step < late:
                assert record.books == ()
            case Gallery() if record.step < late:
                assert record.indices == ()
            case Step() | Evaluation():
                assert [book.name for book in record.books] == names
            case Gallery():
                assert [grid.shape for grid in record.indices] == [(64, 4, 4)] * len(books)
                assert record.z_e.shape == record.z_q.shape == (64, 4, 4, 3)
            case Snapshot():
                assert [entry.codebook.shape for entry in record.books] == [(book.K, book.D) for book in books]
            case _:
                pass
    assert any(isinstance(record, Snapshot) for record in records) == bool(books)
    last = [record for record in records if isinstance(record, Evaluation)][-1]
    assert [entry.vectors for entry in last.books] == [last.images * 16] * len(books)


def test_a_state_goes_into_a_new_trainer_whole(train: Train) -> None:
    trainer, _ = train(steps=6)
    state = trainer.state()
    again = Trainer(CONFIG, load(DigitsConfig()), state).state()
    assert state.tensors.keys() == again.tensors.keys()
    assert all(np.array_equal(state.tensors[name], again.tensors[name]) for name in state.tensors)


def test_resumed_equals_uninterrupted_bit_for_bit(train: Train) -> None:
    trainer, _ = train(steps=0)
    states: dict[int, State] = {}
    for record in trainer.run(NoControl()):
        if isinstance(record, Checkpoint):
            states[record.step] = trainer.state()
    assert sorted(states) == [6, 12]
    again = Trainer(CONFIG, load(DigitsConfig()), states[6])
    list(again.run(NoControl()))
    whole, resumed = states[12].tensors, again.state().tensors
    assert all(np.array_equal(whole[name], resumed[name]) for name in whole)
