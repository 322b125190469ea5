"""What a lesson may hide from a screen: named parts, and single settings by their dotted path. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from pydantic import BaseModel

from vqcore.config.editing import models_in
from vqcore.config.run import RunConfig

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
    """The dotted path of every setting of a model's run, whatever the kinds in it."""
    return frozenset(_paths(RunConfig, ""))


def _paths(config: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in config.model_fields.items():
        parts = list(models_in(field.annotation))
        for part in parts:
            yield from _paths(part, f"{prefix}{name}.")
        if not parts and name != "kind" and prefix:
            yield f"{prefix}{name}"


def known(name: str) -> bool:
    return name in PARTS or name in settings()
