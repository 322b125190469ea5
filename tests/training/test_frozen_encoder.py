"""An encoder that stays as it was drawn."""

from __future__ import annotations

import numpy as np

from tests.training.test_trainer import BASE, of, run
from vqcore.control import Command
from vqcore.records import Walk


def test_a_frozen_encoder_stays_bit_for_bit_while_the_rest_learns() -> None:
    config = BASE.edited({"model.freeze_encoder": True})
    begun, frozen = run(config, due={0: [Command("stop")]})[0].state(), run(config)[0].state()
    for name, value in begun.tensors.items():
        if name.startswith("model.encoder."):
            assert np.array_equal(value, frozen.tensors[name])
        elif name.startswith("model.decoder.") and value.size > 1:
            assert not np.array_equal(value, frozen.tensors[name])
    walks = of(Walk, run(config)[1])
    assert all(walk.books[0].moved == 0 for walk in walks)
