"""A few lines of Python that reproduce what a screen shows, and how they are put together. No torch here.

Values go in as literals only, never as pasted text.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from vqcore.runs.folder import RunFolder
from vqcore.runs.treatments import PACE

ROOT = Path(__file__).resolve().parents[2]
WIDTH = 92  # characters of a line
LINES = 25

_ALWAYS = {"K", "D", "steps", "seed"}
_PACE_FIELDS = {PACE.rpartition(".")[2], "record_every", "checkpoint_every"}  # of a run's `train`: they change no result


@dataclass(frozen=True, slots=True)
class Snippet:
    """`code` runs from the repository's folder. `prints`: what it prints, as far as the screen knows it; "" where it does not.

    `note`: in a sentence, what it does, or what must hold for the same figure.
    """

    title: str
    code: str
    prints: str = ""
    note: str = ""


def imports(*names: str) -> str:
    """`"vqcore.runs.folder:RunFolder"` as an import; a name without colon is imported as it stands, "numpy as np"."""
    whole = sorted(name for name in names if ":" not in name)
    parts: dict[str, list[str]] = {}
    for name in names:
        module, colon, what = name.partition(":")
        if colon:
            parts.setdefault(module, []).append(what)
    outside = sorted(module for module in parts if not module.startswith("vqcore"))
    inside = sorted(module for module in parts if module.startswith("vqcore"))
    groups = (
        [_from(module, parts) for module in outside if module in sys.stdlib_module_names],
        [f"import {name}" for name in whole] + [_from(module, parts) for module in outside if module not in sys.stdlib_module_names],
        [_from(module, parts) for module in inside],
    )
    return "\n\n".join("\n".join(group) for group in groups if group)


def _from(module: str, parts: Mapping[str, list[str]]) -> str:
    return f"from {module} import {', '.join(sorted(set(parts[module])))}"


def opened(run: RunFolder) -> str:
    """The expression that opens this run: its folder as seen from the repository where it lies there."""
    return f"RunFolder({place(run.path)})"


def place(path: Path) -> str:
    """A path as Python writes it, as seen from the repository where it lies there."""
    whole = path.resolve()
    shown = whole.relative_to(ROOT) if whole.is_relative_to(ROOT) else whole
    return f"Path({_flat(shown.as_posix())})"


def written(config: BaseModel) -> str:
    """The call that makes this configuration, with what differs from the defaults, and without what changes no result."""
    data = _differences(config)
    if "train" in data:
        data["train"] = {name: value for name, value in data["train"].items() if name not in _PACE_FIELDS}
    return f"{type(config).__name__}.parse({literal({name: value for name, value in data.items() if value != {}})})"


def _differences(config: BaseModel, *, kinds: bool = False) -> dict[str, Any]:
    """All fields that are not at their defaults, those that everybody asks for, and `kind` where it tells classes apart (`kinds`)."""
    found: dict[str, Any] = {}
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            if part := _differences(value, kinds=field.discriminator is not None):
                found[name] = part
        elif value != field.get_default() or name in _ALWAYS or (kinds and name == "kind"):
            parts = isinstance(value, tuple) and any(isinstance(part, BaseModel) for part in value)
            found[name] = [_differences(part) for part in value] if parts else value
    return found


def literal(value: Any, indent: int = 0, used: int = 0) -> str:
    """A value as Python writes it: on one line where `used` + it fit, else over several. Mappings, sequences, numbers, text."""
    flat = _flat(value)
    if used + indent + len(flat) < WIDTH or not isinstance(value, Mapping | list | tuple):
        return flat
    width = WIDTH - indent - 4
    if not isinstance(value, Mapping):
        return _block("[", _filled(map(_flat, value), width), "]", indent)
    lines: list[str] = []
    short: list[str] = []
    for key, part in value.items():
        begun = f"{_flat(key)}: "
        if isinstance(part, Mapping) or (isinstance(part, list | tuple) and any(isinstance(one, Mapping) for one in part)):
            lines += [*_filled(short, width), f"{begun}{literal(part, indent + 4, len(begun))},"]
            short = []
        else:
            short.append(f"{begun}{_flat(part)}")
    return _block("{", [*lines, *_filled(short, width)], "}", indent)


def _flat(value: Any) -> str:
    """On one line, in double quotes where that needs no escape."""
    text = repr(value)
    return text if '"' in text or "\\" in text else text.replace("'", '"')


def _block(opening: str, lines: list[str], closing: str, indent: int) -> str:
    inner = "\n".join(" " * (indent + 4) + line for line in lines)
    return f"{opening}\n{inner}\n{' ' * indent}{closing}"


def _filled(entries: Iterable[str], width: int) -> list[str]:
    """Entries with their commas, as many on a line as fit."""
    lines: list[str] = []
    for entry in entries:
        if lines and len(lines[-1]) + len(entry) + 2 <= width:
            lines[-1] += f" {entry},"
        else:
            lines.append(f"{entry},")
    return lines
