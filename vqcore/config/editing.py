"""Edits of plain configuration data at dotted paths: a field, a place in a list, another kind.

Another kind starts from that kind's defaults, and keeps what has the same name there and is valid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from vqcore.errors import ConfigError


def edit(owner: type[BaseModel], data: dict[str, Any], changes: Mapping[str, Any]) -> tuple[str, ...]:
    """Carry out `changes` (dotted path → value) on `data`, the plain form of an `owner`. Raises ConfigError for a path without a place.

    What another kind has no place for, and was not that kind's default anyway, is returned: a sentence each. Kinds change first, so
    that the order of the changes does not matter.
    """
    notes: list[str] = []
    for path, value in sorted(changes.items(), key=_turn):
        *parents, leaf = path.split(".")
        node: Any = data
        for key in parents:
            node = _step(node, key, path)
        if leaf == "kind" and isinstance(node, dict) and value != node.get("kind"):
            kinds = _kinds_at(owner, data, parents)
            if value in kinds:
                dropped = _to_kind(node, kinds[node["kind"]], kinds[value])
                if dropped:
                    notes.append(f"{'.'.join(parents)} is {value} now, which has no place for {', '.join(dropped)}.")
                continue
            if len(kinds) > 1:
                raise ConfigError(f"{path}: there is no kind {value!r}. There are: {', '.join(sorted(kinds))}.")
        if isinstance(node, list):
            node[_position(node, leaf, path)] = value
        elif isinstance(node, dict) and leaf in node:
            node[leaf] = value
        else:
            raise ConfigError(f"{path}: there is no '{leaf}' in this configuration. {_fields(node)}".strip())
    return tuple(notes)


def value_at(root: BaseModel, path: str) -> Any:
    """The value at a dotted path. Raises ConfigError when there is none."""
    node: Any = root
    for key in path.split("."):
        if isinstance(node, list | tuple):
            node = node[_position(node, key, path)]
        elif isinstance(node, BaseModel) and key in type(node).model_fields:
            node = getattr(node, key)
        else:
            raise ConfigError(f"{path}: there is no '{key}' in this configuration.")
    return node


def path_of(owner: type[BaseModel], location: Sequence[str | int]) -> str:
    """The dotted path of a pydantic error's location, without the kinds that pydantic puts into it at every union."""
    annotation: Any = owner
    parts = []
    for part in location:
        kinds = {_kind_of(found): found for found in models_in(annotation)}
        if len(kinds) > 1 and part in kinds:
            annotation = kinds[str(part)]
            continue
        parts.append(str(part))
        if isinstance(part, int):
            annotation = next(iter(get_args(_bare(annotation))), None)
        else:
            field = next((found.model_fields[part] for found in kinds.values() if part in found.model_fields), None)
            annotation = field.annotation if field else None
    return ".".join(parts)


def _turn(change: tuple[str, Any]) -> tuple[bool, int]:
    """Kinds before all else, outer ones before those within; the others in the order in which they were given."""
    path = change[0]
    return (False, path.count(".")) if _is_kind(path) else (True, 0)


def _is_kind(path: str) -> bool:
    return path.rpartition(".")[2] == "kind" and "." in path


def _step(node: Any, key: str, path: str) -> Any:
    if isinstance(node, list):
        return node[_position(node, key, path)]
    if not isinstance(node, dict) or not isinstance(node.get(key), dict | list):
        raise ConfigError(f"{path}: there is no '{key}' in this configuration. {_fields(node)}".strip())
    return node[key]


def _position(node: list[Any] | tuple[Any, ...], key: str, path: str) -> int:
    if not key.isascii() or not key.isdigit() or int(key) >= len(node):
        there = f"There are {len(node)}, counted from 0." if len(node) else "The list is empty."
        raise ConfigError(f"{path}: there is no place '{key}' in this list. {there}")
    return int(key)


def _fields(node: Any) -> str:
    return f"There are: {', '.join(sorted(node))}." if isinstance(node, dict) else ""


def _to_kind(node: dict[str, Any], old: type[BaseModel], new: type[BaseModel]) -> list[str]:
    """Turn `node` from one kind into another in place; the values that were left out, as "name = value"."""
    kept: dict[str, Any] = {"kind": _kind_of(new)}
    dropped = []
    for name, value in node.items():
        if name == "kind":
            continue
        if name in new.model_fields and _valid(new, kept | {name: value}):
            kept[name] = value
        elif not _is_default(old, name, value):
            dropped.append(name if isinstance(value, list) and value and isinstance(value[0], dict) else f"{name} = {value}")
    node.clear()
    node.update(new.model_validate(kept).model_dump(mode="json"))
    return dropped


def _valid(config: type[BaseModel], data: dict[str, Any]) -> bool:
    try:
        config.model_validate(data)
    except ValidationError:
        return False
    return True


def _is_default(config: type[BaseModel], name: str, value: Any) -> bool:
    default = config.model_fields[name].get_default(call_default_factory=True)
    return bool((default.model_dump(mode="json") if isinstance(default, BaseModel) else default) == value)


def _kinds_at(owner: type[BaseModel], data: dict[str, Any], parents: list[str]) -> dict[str, type[BaseModel]]:
    """The kinds that may stand at a path, by name."""
    classes: dict[str, type[BaseModel]] = {"": owner}
    node: Any = data
    annotation: Any = None
    for key in parents:
        if isinstance(node, list):
            annotation, node = get_args(_bare(annotation))[0], node[int(key)]
        else:
            config = classes[node["kind"]] if node.get("kind") in classes else next(iter(classes.values()))
            annotation, node = config.model_fields[key].annotation, node[key]
        classes = {_kind_of(found): found for found in models_in(annotation)} or classes
    return classes


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The configuration classes that may stand where a field has this annotation; none for a plain value or a list."""
    annotation = _bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType):
        for part in get_args(annotation):
            yield from models_in(part)


def _bare(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _kind_of(config: type[BaseModel]) -> str:
    field = config.model_fields.get("kind")
    return str(field.default) if field else ""
