"""What may be asked of a training run while it goes: the commands, and where the trainer hears them. No torch here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from vqcore.errors import RunError

CommandKind = Literal["pause", "resume", "step", "stop", "release", "treat", "revive", "kmeans", "late"]
KINDS: tuple[CommandKind, ...] = ("pause", "resume", "step", "stop", "release", "treat", "revive", "kmeans", "late")


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a run's `control.jsonl`.

    `id` grows by one with each line of the file (1, 2, …); `author` is the owner hash of who sent it, `nickname` their name.
    `step` runs `steps` more steps and pauses. `treat` sets `changes` (dotted config path → value).
    `revive` moves dead codes onto encoder outputs once; `kmeans` re-initialises all codes once; `late` starts all codes anew, after
    `steps` steps without quantising.
    `release` is for the worker alone: leave the slot, stay paused.
    """

    kind: CommandKind
    id: int = 0
    author: str = ""
    nickname: str = ""
    steps: int = 1
    changes: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Command:
        """Raises RunError for anything that is not a command."""
        if data.get("kind") not in KINDS:
            raise RunError(f"unknown command {data.get('kind')!r}; there are: {', '.join(KINDS)}")
        try:
            return cls(**{name: data[name] for name in cls.__dataclass_fields__ if name in data})
        except TypeError as error:
            raise RunError(f"not a command: {error}") from None


class Control(Protocol):
    """Where a trainer hears commands. Each command is returned once."""

    def poll(self) -> Sequence[Command]:
        """The commands that have arrived, without waiting. Called before every step, so it must be cheap."""

    def wait(self, seconds: float) -> Sequence[Command]:
        """The commands that have arrived, waiting up to `seconds` (0 or more) for the first."""


class NoControl:
    """For training without anyone at the controls."""

    def poll(self) -> Sequence[Command]:
        return ()

    def wait(self, seconds: float) -> Sequence[Command]:
        import time

        time.sleep(seconds)
        return ()


class Planned:
    """For training a run anew with its treatments: `commands` by the step before which they come. For a run from its beginning.

    A trainer polls once before every step, which is how steps are counted here.
    """

    def __init__(self, commands: Mapping[int, Sequence[Command]]) -> None:
        self._commands = dict(commands)
        self._polls = 0

    def poll(self) -> Sequence[Command]:
        step, self._polls = self._polls, self._polls + 1
        return self._commands.get(step, ())

    def wait(self, seconds: float) -> Sequence[Command]:
        return NoControl().wait(seconds)
