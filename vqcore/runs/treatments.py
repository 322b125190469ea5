"""What was done to a run while it trained, read from its events: which treatments count, and the commands that repeat them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from vqcore.control import KINDS, Command, CommandKind
from vqcore.records import Event

PACE = "train.speed_limit"  # changes how fast a run goes, not what it learns


def counting(events: Sequence[Event]) -> list[Event]:
    """The treatments that count: those after a checkpoint that the run went back to are undone."""
    treated: list[Event] = []
    for event in events:
        if event.kind == "started":
            treated = []
        elif event.kind == "resumed":
            treated = [earlier for earlier in treated if earlier.step <= event.step]
        elif event.kind == "treated":
            treated.append(event)
    return treated


def commands(events: Sequence[Event]) -> dict[int, list[Command]]:
    """The counting treatments as commands for `vqcore.control.Planned`, by the step at which they came; those of the pace are left out."""
    found: dict[int, list[Command]] = {}
    for event in counting(events):
        kind = event.data.get("command")
        changes = {path: value for path, value in (event.data.get("changes") or {}).items() if path != PACE}
        if kind in KINDS and (changes or kind != "treat"):
            steps = int(event.data.get("steps", 1))  # of a late start
            found.setdefault(event.step, []).append(Command(cast(CommandKind, kind), steps=steps, changes=changes))
    return found
