"""What a lesson may hide from a screen: named parts, and single settings by their dotted path. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pydantic import BaseModel

from vqcore.config.data import DigitsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import TrainConfig

# a screen that has such a part leaves it out; other screens pass over the name
PARTS: Mapping[str, str] = {
    "presets": "the cards of the presets",
    "customise": "the form of settings",
    "treatments": "treatments of a running run",
    "runs": "the choice of another run",
    "figures": "figures beside the curves",
    "hints": "the lines that say what to look at and what to try",
}


@cache
def settings() -> frozenset[str]:
    """The dotted path of every setting of an image model's run."""
    sections: tuple[tuple[str, type[BaseModel]], ...] = (
        ("data", DigitsConfig),
        ("model", VQVAEConfig),
        ("model.quantizer", VQConfig),
        ("train", TrainConfig),
    )
    return frozenset(f"{section}.{name}" for section, kind in sections for name in kind.model_fields if name not in ("kind", "quantizer"))


def known(name: str) -> bool:
    return name in PARTS or name in settings()
