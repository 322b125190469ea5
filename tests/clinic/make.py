"""Records of runs that never ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vqcore.config.data import DigitsConfig
from vqcore.config.run import RunConfig
from vqcore.records import BookEvaluation, BookSnapshot, BookStep, Evaluation, Step

EPOCH = 22  # steps
CONFIG = RunConfig(data=DigitsConfig())
TERMS = {"reconstruction": 0.1, "codebook": 0.05, "commitment": 0.05}


def step(number: int, *, z_norm: float = 2.0, used: int = 2, terms: Mapping[str, float] = TERMS, loss: float = 0.2) -> Step:
    books = (BookStep("codes", 2.0, used, used, 0, used, 2.0),)
    return Step(number, number / EPOCH, 64 * number, float(number), 100.0, 1e-3, loss, terms, z_norm, books)


def evaluation(number: int, *, nmse: float = 0.1, loss: float = 0.2) -> Evaluation:
    books = (BookEvaluation("codes", 8, 4, 3.0, 1.6, 5760, 16, 48.0),)
    return Evaluation(number, 360, True, loss, TERMS, 0.01, nmse, 0.52, 20.0, books)


def book(codes: Any, *, age: Sequence[int], z: Any, **changes: Any) -> BookSnapshot:
    """A codebook (K, D) as of its snapshot. `age`: −1 never hit."""
    codebook = np.asarray(codes, dtype=np.float16)
    K = len(codebook)
    ages = np.asarray(age, dtype=np.int64)
    hit = (ages >= 0).astype(np.int64)
    values: dict[str, Any] = {
        "usage": hit * 10,
        "validation_usage": hit * 5,
        "age": ages,
        "ema_count": np.ones(K, dtype=np.float32),
        "z": np.asarray(z, dtype=np.float16),
        "z_code": np.zeros(len(z), dtype=np.int32),
    }
    return BookSnapshot("codes", codebook, **(values | changes))
