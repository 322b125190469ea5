"""Which treatments of a run count, and the commands that repeat them."""

from __future__ import annotations

from vqcore.records import Event
from vqcore.runs.treatments import commands, counting


def treated(step: int, command: str = "revive", **changes: object) -> Event:
    return Event(step, "treated", "", 1, {"command": command, "changes": changes})


def test_what_lies_behind_a_checkpoint_that_was_gone_back_to_is_undone() -> None:
    early, late, after = treated(10), treated(30), treated(25)
    events = [Event(0, "started", ""), early, late, Event(20, "resumed", ""), after]
    assert counting(events) == [early, after]
    assert counting([*events, Event(0, "started", "")]) == [], "begun anew"


def test_commands_by_step_without_those_that_only_set_the_pace() -> None:
    events = [
        treated(5, "treat", **{"train.speed_limit": 10.0}),
        treated(8, "treat", **{"train.speed_limit": 0.0, "train.lr": 0.01}),
        treated(8, "kmeans"),
        Event(9, "treated", "", 3, {"command": "late", "steps": 50, "changes": {}}),
        Event(9, "refused", "", 3, {"command": "treat"}),
    ]
    found = commands(events)
    assert list(found) == [8, 9]
    assert [(command.kind, command.steps) for command in found[9]] == [("late", 50)]
    assert [(command.kind, dict(command.changes)) for command in found[8]] == [("treat", {"train.lr": 0.01}), ("kmeans", {})]
