"""Going on with a run under other settings: what may change once it has begun, and what an edited config.json cannot do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vqcore.config.run import RunConfig, treatable_paths
from vqcore.control import Command
from vqcore.errors import ConfigError, RunError
from vqcore.records import State
from vqcore.runs.files import locked, write_json
from vqcore.runs.folder import RunFolder
from vqcore.runs.status import judge

# where and how a run goes, not what it computes: config.json decides these at each beginning, the checkpoint all others
PLACE = ("train.device", "train.threads", "train.record_every", "train.checkpoint_every")


def change_run(folder: RunFolder, changes: Mapping[str, Any], *, nickname: str = "") -> RunConfig:
    """Have a run that rests go on with `changes` (dotted path → value); returns the configuration with which it will.

    What says where it goes is written to its config.json; the rest becomes a treatment, which is recorded as any other.
    Raises ConfigError for what cannot change once a run has begun or cannot be run, RunError while a process trains it.
    """
    config = _placed(folder.effective_config(), folder.config())
    allowed = {*PLACE, *treatable_paths(config)}
    if wrong := sorted(set(changes) - allowed):
        raise ConfigError(f"{', '.join(wrong)} cannot change once a run has begun. What can: {', '.join(sorted(allowed))}.")
    changed = config.edited(changes)
    status = folder.status()
    if status.lease is not None and judge(status) != "dead":
        raise RunError(f"Run {folder.id} is being trained by process {status.lease.pid} on {status.lease.host}: stop it there first.")
    place = {path: value for path, value in changes.items() if path in PLACE}
    treatment = {path: value for path, value in changes.items() if path not in PLACE}
    if place:
        path = folder.path / "config.json"
        with folder.writing(), locked(path):
            write_json(path, folder.config().edited(place).model_dump(mode="json"))
    if treatment:
        folder.send(Command("treat", nickname=nickname, changes=treatment))
    return changed


def with_place(state: State, written: RunConfig) -> State:
    """A checkpoint that goes on where the run's config.json, `written`, says."""
    config = _placed(RunConfig.parse(state.meta["config"]), written)
    return replace(state, meta={**state.meta, "config": config.model_dump(mode="json")})


def ignored_edits(folder: RunFolder, written: RunConfig, state: State) -> str:
    """What someone changed in config.json that has no effect, for the run goes on from a checkpoint; "" for nothing."""
    ours, theirs = (dict(_leaves(config)) for config in (RunConfig.parse(state.meta["config"]), written))
    treated = {path for event in folder.events().records if event.kind == "treated" for path in event.data.get("changes", {})}
    edited = [path for path in ours | theirs if ours.get(path) != theirs.get(path) and path not in treated and path not in PLACE]
    if not edited:
        return ""
    said = ", ".join(f"{path} is {theirs.get(path)!r} there and {ours.get(path)!r} in the checkpoint" for path in edited)
    allowed = ", ".join(sorted({*PLACE, *treatable_paths(written)}))
    return (
        f"config.json was edited: {said}. A run that has begun keeps the settings of its checkpoint. "
        f"What may change on the way (a treatment, or --set when resuming): {allowed}."
    )


def _placed(config: RunConfig, written: RunConfig) -> RunConfig:
    moved = {path: written.at(path) for path in PLACE if written.at(path) != config.at(path)}
    return config.edited(moved) if moved else config


def _leaves(config: RunConfig) -> Iterator[tuple[str, Any]]:
    def walk(node: Any, prefix: str) -> Iterator[tuple[str, Any]]:
        if isinstance(node, dict):
            for name, value in node.items():
                yield from walk(value, f"{prefix}.{name}" if prefix else name)
        else:
            yield prefix, node

    return walk(config.model_dump(mode="json"), "")
