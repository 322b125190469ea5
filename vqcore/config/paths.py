"""Dotted paths of settings, in words and as a tree. No torch here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def leaf(path: str) -> str:
    """The field's own name: `model.quantizer.stages.1.K` → `K`."""
    return path.rpartition(".")[2]


def entry(path: str) -> str:
    """Which entry of a list a path leads into, counted from 1: `model.quantizer.stages.1.K` → "stage 2"; "" for none."""
    parts = path.split(".")
    found = [f"{parts[i - 1].removesuffix('s')} {int(part) + 1}" for i, part in enumerate(parts) if i and part.isdecimal()]
    return ", ".join(found)


def titled(path: str, title: str) -> str:
    """A field's title, with the entry of a list that it belongs to: "Codes K, stage 2"."""
    return ", ".join(filter(None, (title, entry(path))))


def gathered(paths: Iterable[str], heads: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Paths by what is set together: a field that stands below each of the `heads` is one entry, under its first path."""
    known = tuple(f"{head}." for head in heads)
    groups: dict[tuple[bool, str], list[str]] = {}
    for path in paths:
        below = path.startswith(known) and path.removesuffix(leaf(path)) in known
        groups.setdefault((below, leaf(path) if below else path), []).append(path)
    return {found[0]: tuple(found) for found in groups.values()}


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted path as plain data of a configuration: the inverse of writing out its paths."""
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *parents, last = path.split(".")
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        node[last] = value
    return {name: _listed_by_place(part) for name, part in tree.items()}


def _listed_by_place(node: Any) -> Any:
    """Parts that are named by numbers become a list."""
    if not isinstance(node, dict):
        return node
    parts = {name: _listed_by_place(part) for name, part in node.items()}
    return [parts[name] for name in sorted(parts, key=int)] if parts and all(name.isdecimal() for name in parts) else parts
