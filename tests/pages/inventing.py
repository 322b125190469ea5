"""What the light worker would answer to the Invent screen, small and made up; and what the screen tells its components."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from pages.ui.asked import Answer
from vqcore.layout import Grid, Layout
from vqcore.runs.folder import RunFolder
from vqcore.runs.invented import PALETTE, layout_arrays

K, M = 8, 4
NAMES = ("zero", "one")


def shared() -> dict[str, Any]:
    layout = Layout((Grid("codes", K, (2, 2)),), 2)
    colours = np.random.default_rng(0).integers(0, 255, (K, 3), dtype=np.uint8)
    return {"label_names": np.array(NAMES), "step": np.array(100), **layout_arrays(layout, [colours])}


def pictures(*shape: int) -> Any:
    return np.random.default_rng(1).integers(0, 255, (*shape, 8, 8, 1), dtype=np.uint8)


def redrawn() -> dict[str, Any]:
    codes = np.random.default_rng(2).integers(0, K, (20, M)).astype(np.int32)
    return shared() | {"codes": codes, "pictures": pictures(20), "labels": np.arange(20) % 2}


def sheet(number: int = 16, *, label: int = -1, real: float = 12.0, **_: Any) -> dict[str, Any]:
    codes = np.random.default_rng(3).integers(0, K, (number, M)).astype(np.int32)
    return shared() | {
        "conditional": np.array(label >= 0),
        "codes": codes,
        "pictures": pictures(number),
        "labels": np.full(number, label),
        "cell_bits": np.full((number, M), 2.5, dtype=np.float32),
        "real_bits": np.full(40, real, dtype=np.float32),
    }


def filling() -> dict[str, Any]:
    chances = np.tile(np.array([0.5, 0.25, 0.25], dtype=np.float32), (M, 1))
    return shared() | {
        "codes": np.array([1, 2, 3, 4], dtype=np.int32),
        "blank": np.zeros(M, dtype=np.int32),
        "cell_bits": np.ones(M, dtype=np.float32),
        "frames": pictures(M + 1),
        "frame_of": np.arange(M + 1),
        "candidates": np.array([[1, 5, 6], [2, 5, 6], [3, 5, 6], [4, 5, 6]], dtype=np.int32),
        "chances": chances,
        "chance": chances[:, 0],
        "entropy": np.full(M, 1.5, dtype=np.float32),
        "tiles": np.zeros((M, 3, 12, 12, 1), dtype=np.uint8),
    }


def nearest(number: int = 16) -> dict[str, Any]:
    return {
        "agreement": np.full((number, 3), 0.5, dtype=np.float32),
        "by_codes_pictures": pictures(number, 3),
        "distance": np.full((number, 3), 0.2, dtype=np.float32),
        "by_pixels_pictures": pictures(number, 3),
        "real_agreement": np.full(40, 0.5, dtype=np.float32),
        "real_distance": np.full(40, 0.1, dtype=np.float32),
        "searched": np.array(400),
        "drawn": np.array(300),
    }


def completions() -> dict[str, Any]:
    codes = np.zeros((8, M), dtype=np.int32)
    return shared() | {
        "given": np.array([True, True, False, False]),
        "real": pictures(1)[0],
        "real_codes": codes[0],
        "codes": codes,
        "pictures": pictures(8),
        "bits": np.full(8, 5.0, dtype=np.float32),
        "real_bits": np.array(4.0),
        "exact": np.array(True),
    }


def game() -> dict[str, Any]:
    palette = np.full((M, PALETTE), -1, dtype=np.int32)
    palette[:, :K] = np.arange(K)
    return shared() | {
        "first": np.array(0),
        "codes": np.zeros(M, dtype=np.int32),
        "true": np.array([3, 1, 0, 7], dtype=np.int32),
        "palette": palette,
        "tiles": np.zeros((M, PALETTE, 12, 12, 1), dtype=np.uint8),
        "chances": np.where(palette >= 0, 1 / K, 0).astype(np.float32),
        "other": np.zeros(M, dtype=np.float32),
        "bits": np.full(M, 3.0, dtype=np.float32),
        "counted": np.full(M, 3.2, dtype=np.float32),
        "frames": pictures(M + 1),
        "real": pictures(1)[0],
    }


MADE: dict[str, Callable[..., dict[str, Any]]] = {
    "redrawn": redrawn,
    "sheet": sheet,
    "filling": lambda **_: filling(),
    "nearest": lambda **_: nearest(),
    "completions": lambda **_: completions(),
    "game": lambda **_: game(),
}


class Worker:
    """Answers every question at once, unless told otherwise, and remembers what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        self.instead: dict[str, Answer] = {}
        self.ended: list[str] = []
        self.again: list[str] = []

    def ask(self, run: RunFolder, kind: str, **settings: Any) -> Answer:
        self.asked.append((run.id, kind, settings))
        return self.instead.get(kind) or Answer("ready", MADE[kind](**settings), step=100)

    def last(self, kind: str, rung: int | None = None) -> dict[str, Any]:
        return next(s for _, k, s in reversed(self.asked) if k == kind and (rung is None or s["rung"] == rung))


def told(at: AppTest, name: str, *, single: bool = False) -> dict[str, Any]:
    messages = [json.loads(component.proto.json) for component in at.get("bidi_component")]
    texts = [json.loads(message["told"]) for message in messages if "told" in message]
    return next(text for text in texts if name in text and bool(text.get("single")) == single)
