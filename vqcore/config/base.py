"""What every configuration shares: frozen, nothing unknown, and errors that a person can act on."""

from __future__ import annotations

import hashlib
import json
import reprlib
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from vqcore.config.editing import edit, path_of, value_at
from vqcore.errors import ConfigError

# json_schema_extra of a field: it may be changed while a run trains; it stands in the short form; it is of the machine, not of the model
TREATABLE: dict[str, Any] = {"treatable": True}
SHORT: dict[str, Any] = {"short": True}
MACHINE: dict[str, Any] = {"machine": True}

# what somebody gave may be as long or as deep as a file allows
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxlist, _SHORT.maxother = 3, 120, 8, 120


class Config(BaseModel):
    """A frozen configuration. `parse` and `edited` validate and raise ConfigError; `model_copy` would not validate."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @classmethod
    def parse(cls, data: Any) -> Self:
        """Validate plain data (parsed JSON). Raises ConfigError listing every problem."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise ConfigError(explain(error, cls)) from None

    def edited(self, changes: Mapping[str, Any]) -> Self:
        """A validated copy with values replaced at dotted paths: `edited({"model.quantizer.K": 64})`.

        A number in a path is a place in a list. Another `kind` starts from that kind's defaults and keeps what has the same name
        there; `edited_aloud` says what that left out. A part may also be given whole, as a mapping.
        """
        return self.edited_aloud(changes)[0]

    def edited_aloud(self, changes: Mapping[str, Any]) -> tuple[Self, tuple[str, ...]]:
        """The same, and a sentence for each part whose new kind had no place for values that somebody had chosen."""
        data = self.model_dump(mode="json")
        notes = edit(type(self), data, changes)
        return self.parse(data), notes

    def at(self, path: str) -> Any:
        """The value at a dotted path. Raises ConfigError when there is none."""
        return value_at(self, path)


def explain(error: ValidationError, owner: type[BaseModel]) -> str:
    """Every problem of an `owner` on a line of its own: the field, what is wrong, what was given."""
    found = (_line(path_of(owner, problem["loc"]) or "configuration", problem) for problem in error.errors(include_url=False))
    return "\n".join(line for line in found if line)


def _line(path: str, problem: ErrorDetails) -> str:
    """One problem; "" for one that only follows from another."""
    given, limits = problem["input"], problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            return f"{path}: unknown field. Remove it, or check its spelling."
        case "missing":
            return f"{path}: missing."
        case "union_tag_not_found":
            return f"{path}.kind: missing."
        case "union_tag_invalid":
            kinds = limits["expected_tags"].replace("'", "")
            return f"{path}.kind: there is no kind {_SHORT.repr(limits['tag'])}. There are: {kinds}."
        case "too_short":
            # pydantic counts what is valid: entries that are wrong have lines of their own
            enough = len(given) >= limits["min_length"]
            return "" if enough else f"{path}: {len(given)} were given, while at least {limits['min_length']} are needed."
        case "too_long":
            return f"{path}: {len(given)} were given, while at most {limits['max_length']} are allowed."
    message = problem["msg"].removeprefix("Value error, ")
    shown = "" if isinstance(given, dict | BaseModel) else f" (given: {_SHORT.repr(given)})"
    return f"{path}: {message[:1].lower() + message[1:]}{shown}."


def fingerprint(config: Config, exclude: frozenset[str] = frozenset()) -> str:
    """A short hash of everything in the configuration, less the dotted paths in `exclude`."""
    data = config.model_dump(mode="json")
    for path in exclude:
        *sections, name = path.split(".")
        node = data
        for section in sections:
            node = node.get(section, {})
        node.pop(name, None)
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
