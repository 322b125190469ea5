"""One run's folder: its documents, its appended records, its pictures. Safe to read while another process writes it.

`schema_version` is in every JSON document, in the first line of every `.jsonl`, and an entry of every `.npz` and checkpoint.
Whatever is torn or missing after a crash is passed over and counted; what is newer or foreign raises RunError.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from vqcore.config.run import RunConfig
from vqcore.control import Command
from vqcore.errors import ConfigError, RunError
from vqcore.records import Evaluation, Event, Line, PriorEvaluation, Step, Walk, from_json
from vqcore.runs.commands import CommandTail
from vqcore.runs.contents import RunContents
from vqcore.runs.files import (
    DamagedError,
    append_line,
    check_version,
    free_bytes,
    header,
    is_disk_full,
    is_header,
    locked,
    read_json,
    read_lines,
    write_bytes,
    write_json,
)
from vqcore.runs.names import NAME_LENGTH, NICKNAME_LENGTH, cleaned, new_id, unused_id
from vqcore.runs.status import ENDED, STATES, About, Figures, Lease, RunState, Status, judge, judged, now, parsed
from vqcore.runs.thinning import thinned

__all__ = [
    "ENDED",
    "NAME_LENGTH",
    "NICKNAME_LENGTH",
    "STATES",
    "About",
    "CommandTail",
    "Events",
    "Figures",
    "Lease",
    "Metrics",
    "RunFolder",
    "RunState",
    "Status",
    "cleaned",
    "judge",
    "judged",
    "new_id",
]

POINTS = 2_000


@dataclass(frozen=True, slots=True)
class Metrics:
    """Records of one reading. `rewound`: of those read before, drop what has a step above it, for the run went on from there."""

    records: tuple[Step | Evaluation | PriorEvaluation, ...]
    offset: int
    skipped: int
    rewound: int | None = None
    walks: tuple[Walk, ...] = ()


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one reading. All of them: what happened before a crash happened."""

    records: tuple[Event, ...]
    offset: int
    skipped: int


class RunFolder(RunContents):
    """The run at `path`. Opening looks at nothing; each reading does, and raises RunError that says what is wrong."""

    def __init__(self, path: Path | str, *, read_only: bool = False) -> None:
        super().__init__(path)
        self.read_only = read_only

    def __repr__(self) -> str:
        return f"RunFolder({str(self.path)!r})"

    @classmethod
    def create(
        cls,
        root: Path | str,
        config: RunConfig,
        *,
        name: str,
        owner: str = "",
        nickname: str = "",
        preset: str = "",
        sweep: str = "",
        leader: str = "",
        follower: str = "",
        run_id: str = "",
        parts: Mapping[str, bytes] | None = None,
    ) -> RunFolder:
        """A new queued run under `root`, which is made if need be. Raises RunError when it cannot be written.

        `sweep`, `leader`, `follower`: see About. `run_id`: one that `unused_id` gave, where another run names it before it is made.
        `parts`: further files that it begins with, by name.
        """
        about = About(
            name=cleaned(name, NAME_LENGTH) or "Untitled",
            owner=owner,
            nickname=cleaned(nickname, NICKNAME_LENGTH),
            preset=preset,
            created=now(),
            identity=config.identity,
            leader=leader,
            follower=follower,
            sweep=sweep,
        )
        hidden, root = None, Path(root)
        try:
            root.mkdir(parents=True, exist_ok=True)
            path = root / (run_id or unused_id(root))
            # filled under a hidden name, so that no listing meets half a run
            hidden = root / f".new-{path.name}"
            for part in ("gallery", "snapshots"):
                (hidden / part).mkdir(parents=True)
            write_json(hidden / "config.json", config.model_dump(mode="json"))
            write_json(hidden / "about.json", asdict(about))
            write_json(hidden / "status.json", asdict(Status("queued", updated=now())))
            for log in ("metrics", "events", "control"):
                write_bytes(hidden / f"{log}.jsonl", header(Path(f"{log}.jsonl")))
            for file, data in (parts or {}).items():
                write_bytes(hidden / file, data)
            hidden.rename(path)
        except OSError as error:
            if hidden is not None:
                shutil.rmtree(hidden, ignore_errors=True)
            raise RunError(
                f"The disk of {root} is full ({_free(root)}): no run was made. Delete runs, or set VQ_RUNS to a folder on another disk."
                if is_disk_full(error)
                else f"Runs cannot be written to {root} ({error.strerror or error}). Make it writable, or set VQ_RUNS to one that is."
            ) from None
        return cls(path)

    # ── documents ──

    def config(self) -> RunConfig:
        """The configuration as started. Raises RunError when it is missing, damaged, or newer."""
        try:
            return RunConfig.parse(self._document("config"))
        except ConfigError as error:
            raise DamagedError(f"{self.path / 'config.json'} is no configuration of this program:\n{error}") from None

    def effective_config(self) -> RunConfig:
        """The configuration after the treatments that count, which are not those after a checkpoint that the run went back to."""
        treated: list[tuple[int, Any]] = []
        for event in self.events().records:
            if event.kind == "started":
                treated = []
            elif event.kind == "resumed":
                treated = [(step, config) for step, config in treated if step <= event.step]
            elif event.kind == "treated" and "config" in event.data:
                treated.append((event.step, event.data["config"]))
        if not treated:
            return self.config()
        try:
            return RunConfig.parse(treated[-1][1])
        except ConfigError as error:
            raise DamagedError(f"{self.path / 'events.jsonl'} holds a treatment that this program cannot read:\n{error}") from None

    def about(self) -> About:
        """Names. Where the file is missing or damaged, the id stands for the name and nobody is the owner."""
        try:
            return parsed(About, self._document("about"), self.path / "about.json")
        except DamagedError:
            return About(name=self.id)

    def rename(self, name: str) -> None:
        """Raises RunError for an empty name."""
        text = cleaned(name, NAME_LENGTH)
        if not text:
            raise RunError("A run needs a name: type at least one letter.")
        path = self.path / "about.json"
        with self.writing(), locked(path):
            write_json(path, asdict(replace(self.about(), name=text)))

    def status(self) -> Status:
        """As last written. Where the file is missing or damaged: interrupted, with an error that says so."""
        try:
            return parsed(Status, self._document("status"), self.path / "status.json")
        except DamagedError as error:
            return Status("interrupted", error=str(error))

    def set_status(self, **changes: Any) -> None:
        """Change fields of the status. Raises RunError while another process holds the run: only its owner writes then."""

        def change(old: Status) -> Status:
            if old.lease is not None and not old.lease.ours and judge(old) == "alive":
                raise RunError(
                    f"Run {self.id} is held by {_who(old.lease)}: only that process writes its status. Send it a command instead."
                )
            return replace(old, **changes)

        self.change_status(change)

    def change_status(self, change: Callable[[Status], Status]) -> Status:
        """Read, change and write the status, against every other thread and process. When `change` raises, nothing is written."""
        path = self.path / "status.json"
        with self.writing(), locked(path):
            status = replace(change(self.status()), updated=now())
            write_json(path, asdict(status))
        return status

    def moved_away(self, move: Callable[[Status], None]) -> None:
        """Call `move`, which renames the folder, with the status, while nobody can take or write the run."""
        with self.writing(), locked(self.path / "status.json"):
            move(self.status())

    # ── records ──

    def metrics(self, offset: int = 0, limit: int | None = None) -> Metrics:
        """Steps and evaluations from byte `offset` on (about `limit` bytes of them), without those that a resumed run left behind."""
        records: list[Step | Evaluation | PriorEvaluation] = []
        walks: list[Walk] = []
        rewound: int | None = None
        rows, end, skipped = self._rows("metrics", offset, limit)
        for row in rows:
            if row.get("type") == "rewind" and isinstance(row.get("step"), int):
                step = row["step"]
                rewound = step if rewound is None else min(step, rewound)
                records = [record for record in records if record.step <= step]
                walks = [walk for walk in walks if walk.step <= step]
                continue
            record = _record(row)
            if isinstance(record, Step | Evaluation | PriorEvaluation):
                records.append(record)
            elif isinstance(record, Walk):
                walks.append(record)
            else:
                skipped += 1
        return Metrics(tuple(records), end, skipped, rewound, tuple(walks))

    def thinned(self, points: int = POINTS) -> Metrics:
        """At most `points` steps and as many evaluations, with the spikes of the loss. To read often, use `tail.MetricsTail`."""
        whole = self.metrics()
        steps = [record for record in whole.records if isinstance(record, Step)]
        evaluations = [record for record in whole.records if not isinstance(record, Step)]
        kept_steps = thinned(steps, points, lambda record: record.loss)
        return replace(whole, records=(*kept_steps, *thinned(evaluations, points, lambda record: record.loss)))

    def events(self, offset: int = 0) -> Events:
        """Events from byte `offset` on."""
        rows, end, skipped = self._rows("events", offset)
        records = [_record(row) for row in rows]
        events = tuple(record for record in records if isinstance(record, Event))
        return Events(events, end, skipped + len(records) - len(events))

    def commands(self, after: int = 0) -> list[Command]:
        """Commands with an id above `after`. A line that is no command takes an id too."""
        return CommandTail(self.path / "control.jsonl", after).poll()

    def send(self, command: Command) -> None:
        """Append a command; its id will be the number of its line."""
        row = replace(command, nickname=cleaned(command.nickname, NICKNAME_LENGTH)).to_json()
        del row["id"]
        self.append("control", row)

    def append(self, log: str, row: Mapping[str, Any]) -> None:
        """Append a line to `metrics`, `events` or `control`. Raises RunError when the run is gone or the disk full."""
        with self.writing():
            append_line(self.path / f"{log}.jsonl", row)

    # ── the whole ──

    def size(self) -> int:
        """Bytes on the disk."""
        total = 0
        for path in self.path.rglob("*"):
            with contextlib.suppress(OSError):  # replaced or thinned meanwhile
                total += path.stat().st_size
        return total

    # ── inner ──

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Turns the operating system's refusals into RunErrors that say what to do."""
        if self.read_only:
            raise RunError(f"Run {self.id} is an example that comes with the program and cannot be changed. Start one like it instead.")
        try:
            yield
        except OSError as error:
            self.check_there()
            if is_disk_full(error):
                raise RunError(
                    f"The disk of {self.path} is full ({_free(self.path)}). Nothing written before is lost, the last checkpoint included: "
                    "make room, then resume the run."
                ) from None
            raise RunError(
                f"{error.filename or self.path} cannot be written ({error.strerror or error}). Make the folder writable."
            ) from None

    def _document(self, name: str) -> dict[str, Any]:
        path = self.path / f"{name}.json"
        try:
            return read_json(path)
        except FileNotFoundError:
            self.check_there()
            raise DamagedError(f"{path} is missing.") from None
        except OSError as error:
            raise DamagedError(f"{path} cannot be read ({error.strerror or error}).") from None

    def _rows(self, log: str, offset: int, limit: int | None = None) -> tuple[list[dict[str, Any]], int, int]:
        path = self.path / f"{log}.jsonl"
        try:
            lines = read_lines(path, offset, limit)
        except OSError as error:
            raise DamagedError(f"{path} cannot be read ({error.strerror or error}).") from None
        if not lines.rows:
            self.check_there()
        if offset == 0 and lines.rows and is_header(lines.rows[0]):
            check_version((lines.rows[0] or {}).get("schema_version"), path)
        return [row for row in lines.rows if row is not None and not is_header(row)], lines.offset, lines.skipped


def _record(row: Mapping[str, Any]) -> Line | None:
    """The record of a line, None for anything else."""
    try:
        record = from_json(row)
    except (ValueError, TypeError, AttributeError):
        return None
    match record:
        case Event():
            figures: tuple[Any, ...] = ()
        case Walk():
            figures = tuple(figure for book in record.books for figure in (book.moved, book.common, book.nearest or 0.0))
        case _:
            figures = (record.loss,)
    return record if isinstance(record.step, int) and all(isinstance(figure, int | float) for figure in figures) else None


def _who(lease: Lease) -> str:
    return f"process {lease.pid} on {lease.host} ({'the command line' if lease.kind == 'cli' else 'the engine'})"


def _free(path: Path) -> str:
    try:
        return f"{free_bytes(path) / 1e6:,.0f} MB free"
    except OSError:
        return "free space unknown"
