"""What every configuration shares: frozen, nothing unknown, and errors that a person can act on."""

from __future__ import annotations

import hashlib
import json
import reprlib
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from vqcore.config.editing import edit, value_at
from vqcore.errors import ConfigError

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
            raise ConfigError(explain(error)) from None

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


def explain(error: ValidationError) -> str:
    """Every problem on a line of its own: the field, what is wrong, what was given."""
    lines = []
    for problem in error.errors(include_url=False):
        # pydantic adds the union's tag to the path; `data.digits.binarise` reads better without it
        path = ".".join(str(part) for part in problem["loc"]) or "configuration"
        if problem["type"] == "extra_forbidden":
            lines.append(f"{path}: unknown field. Remove it, or check its spelling.")
            continue
        if problem["type"] == "missing":
            lines.append(f"{path}: missing.")
            continue
        message = problem["msg"].removeprefix("Value error, ")
        given = problem["input"]
        shown = "" if isinstance(given, dict | BaseModel) else f" (given: {_SHORT.repr(given)})"
        lines.append(f"{path}: {message[:1].lower() + message[1:]}{shown}.")
    return "\n".join(lines)


def fingerprint(config: Config, exclude: frozenset[str] = frozenset()) -> str:
    """A short hash of everything in the configuration, less the top-level `section.field` paths in `exclude`."""
    data = config.model_dump(mode="json")
    for path in exclude:
        section, name = path.split(".")
        data.get(section, {}).pop(name, None)
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:16]
