"""What a sweep varies: one base configuration, axes of named levels, seeds. Every combination is one ordinary run. No torch here."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import Field, model_validator

from vqcore.config.base import Config
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.errors import ConfigError
from vqcore.jsontext import parse_value

MOST_RUNS = 2_000
SEED = "train.seed"


class Level(Config):
    """One value of an axis: `changes` (dotted path → value) to the base; none at all is the base itself."""

    label: str = Field(min_length=1, max_length=80)
    changes: dict[str, Any] = Field(default_factory=dict)


class Axis(Config):
    """`name` is the dotted path that it varies, or a word for levels that change several paths at once."""

    name: str = Field(min_length=1, max_length=80)
    levels: tuple[Level, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _labels_differ(self) -> Self:
        labels = [level.label for level in self.levels]
        if twice := sorted({label for label in labels if labels.count(label) > 1}):
            raise ValueError(f"{self.name} has {', '.join(twice)} more than once; each level needs a label of its own")
        return self

    @property
    def path(self) -> str | None:
        """The one path that every level sets; None for levels that change several, or nothing."""
        paths = {tuple(level.changes) for level in self.levels}
        return next(iter(paths))[0] if len(paths) == 1 and all(len(found) == 1 for found in paths) else None

    @property
    def numbers(self) -> tuple[float, ...] | None:
        """The levels as numbers, where all of them are."""
        path = self.path
        values = [level.changes[path] for level in self.levels] if path else []
        if values and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            return tuple(float(value) for value in values)
        return None


@dataclass(frozen=True, slots=True)
class Point:
    """One run of a sweep: `levels` are labels, one an axis."""

    levels: tuple[str, ...]
    changes: Mapping[str, Any]
    seed: int
    config: RunConfig


class SweepSpec(Config):
    """`base` with every combination of the axes' levels, each with every seed."""

    base: RunConfig
    axes: tuple[Axis, ...] = ()
    seeds: tuple[int, ...] = Field((0,), min_length=1)

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        if isinstance(self.base, PriorRunConfig):
            raise ValueError("a sweep varies the training of a model, and this is a prior's configuration: choose a model's run")
        names = [axis.name for axis in self.axes]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)} is varied twice: give all of its values at once")
        owners: dict[str, str] = {}
        for axis in self.axes:
            for path in {path for level in axis.levels for path in level.changes}:
                if path == SEED:
                    raise ValueError(f"{SEED} is no axis: say how many seeds")
                if owners.setdefault(path, axis.name) != axis.name:
                    raise ValueError(f"{path} is changed by two axes, {owners[path]} and {axis.name}")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed is given twice")
        if self.count > MOST_RUNS:
            raise ValueError(f"{self.count:,} runs are more than the {MOST_RUNS:,} that a sweep may have: fewer values, or fewer seeds")
        return self

    @property
    def count(self) -> int:
        """How many runs it makes."""
        count = len(self.seeds)
        for axis in self.axes:
            count *= len(axis.levels)
        return count

    def points(self) -> tuple[Point, ...]:
        """Every run, seeds innermost. Raises ConfigError naming the combination that cannot be run."""
        found = []
        for levels in itertools.product(*(axis.levels for axis in self.axes)):
            changes = {path: value for level in levels for path, value in level.changes.items()}
            labels = tuple(level.label for level in levels)
            for seed in self.seeds:
                try:
                    config = self.base.edited({**changes, SEED: seed})
                except ConfigError as error:
                    raise ConfigError(f"{', '.join(f'{axis.name} {label}' for axis, label in self._named(labels))}: {error}") from None
                found.append(Point(labels, changes, seed, config))
        return tuple(found)

    def _named(self, labels: Sequence[str]) -> list[tuple[Axis, str]]:
        return list(zip(self.axes, labels, strict=True))


def short(path: str) -> str:
    """The last word of a dotted path: `model.quantizer.D` → `D`."""
    return path.rpartition(".")[2]


def parse_vary(text: str) -> Axis:
    """`model.quantizer.D=4,16,64` → an axis of three levels. A value that is no JSON is text. Raises ConfigError."""
    path, sign, values = text.partition("=")
    path = path.strip()
    if not sign or not path or not values.strip():
        raise ConfigError(f"--vary {text}: expected PATH=VALUE,VALUE,…, as in model.quantizer.D=4,16,64.")
    levels = [value.strip() for value in values.split(",")]
    return _axis(path, [{"label": value or "(empty)", "changes": {path: parse_value(value)}} for value in levels])


def parse_arms(texts: Sequence[str]) -> Axis:
    """`cures: model.quantizer.learning=ema, model.quantizer.init=kmeans` and others like it → one axis. `plain` alone is the base.

    Raises ConfigError.
    """
    levels = []
    for text in texts:
        label, _, rest = text.partition(":")
        changes = {}
        for part in filter(None, (part.strip() for part in rest.split(","))):
            path, sign, value = part.partition("=")
            if not sign or not path.strip():
                raise ConfigError(f"--arm {text}: expected NAME: PATH=VALUE, PATH=VALUE, as in 'l2: model.quantizer.distance=l2'.")
            changes[path.strip()] = parse_value(value.strip())
        levels.append({"label": label.strip(), "changes": changes})
    return _axis("arm", levels)


def _axis(name: str, levels: Sequence[Mapping[str, Any]]) -> Axis:
    return Axis.parse({"name": name, "levels": list(levels)})
