"""Sweeps on disk: `<runs>/sweeps/<id>.json` names the runs; a file that comes with the program holds the results themselves."""

from __future__ import annotations

import platform
import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from vqcore.errors import ConfigError, RunError
from vqcore.runs.files import DamagedError, is_disk_full, locked, read_json, write_json
from vqcore.runs.folder import NAME_LENGTH, NICKNAME_LENGTH, RunFolder, cleaned, new_id
from vqcore.runs.status import ENDED, instant, now
from vqcore.sweeps.results import Result, read_result
from vqcore.sweeps.spec import Point, SweepSpec

FOLDER = "sweeps"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_RESULTS = TypeAdapter(tuple[Result, ...])

SweepState = Literal["waiting", "running", "partial", "finished"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """`runs`: one id a point of `spec.points()`, "" for a run that is not made yet.

    `results`: None where they are read from the runs. `environment`: what measured them.
    """

    id: str
    title: str
    spec: SweepSpec
    runs: tuple[str, ...]
    owner: str = ""
    nickname: str = ""
    created: str = ""
    results: tuple[Result, ...] | None = None
    environment: str = ""

    @property
    def read_only(self) -> bool:
        """It holds results without their runs: nobody can go on with it."""
        return self.results is not None


class SweepStore:
    """The sweeps among the runs under `root`, and the files of each folder of `extra`, which can only be read. Threads may share it."""

    def __init__(self, root: Path | str, extra: Sequence[Path | str] = ()) -> None:
        self.root = Path(root)
        self.extra = tuple(Path(folder) for folder in extra)
        self._guard = threading.Lock()
        self._read: dict[Path, tuple[tuple[int, int], Sweep]] = {}
        self._points: dict[str, tuple[Point, ...]] = {}
        self._ended: dict[tuple[str, str], tuple[int, Result]] = {}

    def create(self, spec: SweepSpec, *, title: str, owner: str = "", nickname: str = "") -> Sweep:
        """A new sweep, none of its runs made yet. Raises ConfigError for a point that cannot be run, RunError for the disk."""
        sweep = Sweep(
            id=new_id(),
            title=cleaned(title, NAME_LENGTH) or "Sweep",
            spec=spec,
            runs=("",) * len(spec.points()),
            owner=owner,
            nickname=cleaned(nickname, NICKNAME_LENGTH),
            created=now(),
        )
        self._write(self.path(sweep.id), sweep)
        return sweep

    def list(self) -> list[Sweep]:
        """Every sweep that can be read, the newest first, then those that come with the program."""
        found = []
        for path in (self.root / FOLDER).glob("*.json"):
            with suppress(RunError):
                found.append(self._open(path))
        found.sort(key=lambda sweep: (instant(sweep.created), sweep.id), reverse=True)
        for path in (path for folder in self.extra for path in sorted(folder.glob("*.json"))):
            with suppress(RunError):
                found.append(self._open(path))
        return found

    def get(self, sweep_id: str) -> Sweep:
        """Raises RunError for what is no id, is not there, or cannot be read."""
        if not _ID.fullmatch(sweep_id):
            raise RunError(f"{sweep_id[:80]!r} is not the id of a sweep: ids are letters, digits, - and _, as in 20261123-104512-3f9a.")
        for path in (self.path(sweep_id), *(folder / f"{sweep_id}.json" for folder in self.extra)):
            if path.exists():
                return self._open(path)
        raise RunError(f"There is no sweep {sweep_id} in {self.root / FOLDER}: it was deleted, or VQ_RUNS names another folder.")

    def set_runs(self, sweep_id: str, runs: Iterable[tuple[int, str]]) -> Sweep:
        """Note the ids of runs, by place. Raises RunError."""
        path = self.path(sweep_id)
        with locked(path):
            sweep = read(path)
            ids = list(sweep.runs)
            for place, run_id in runs:
                ids[place] = run_id
            sweep = replace(sweep, runs=tuple(ids))
            self._write(path, sweep)
        return sweep

    def delete(self, sweep_id: str) -> None:
        """Forget the sweep; its runs stay. Raises RunError for one that comes with the program."""
        path = self.path(sweep_id)
        if not path.exists():
            raise RunError(f"Sweep {sweep_id} is not in {path.parent}, or comes with the program: it cannot be deleted.")
        path.unlink(missing_ok=True)

    def folder(self, run_id: str) -> RunFolder | None:
        """The run with this id; None when it is gone, or "" was given."""
        path = self.root / run_id
        return RunFolder(path) if run_id and (path / "config.json").exists() else None

    def results(self, sweep: Sweep) -> tuple[Result, ...]:
        """One a point, in the order of `spec.points()`. Reads anew only runs that have not ended."""
        if sweep.results is not None:
            return sweep.results
        return tuple(self._result(sweep, point, run_id) for point, run_id in zip(self.points(sweep), sweep.runs, strict=True))

    def points(self, sweep: Sweep) -> tuple[Point, ...]:
        """`sweep.spec.points()`, which a sweep never changes, worked out once."""
        with self._guard:
            kept = self._points.get(sweep.id)
        if kept is None:
            kept = sweep.spec.points()
            with self._guard:
                self._points[sweep.id] = kept
        return kept

    def export(self, sweep: Sweep, path: Path) -> None:
        """Write the sweep with its results, so that it can be read without its runs. Raises RunError."""
        self._write(path, self.complete(sweep))

    def complete(self, sweep: Sweep) -> Sweep:
        """The sweep with its results in it, and nobody's name."""
        return replace(sweep, results=self.results(sweep), environment=sweep.environment or environment(), owner="", nickname="")

    def _result(self, sweep: Sweep, point: Point, run_id: str) -> Result:
        folder = self.folder(run_id)
        changed = _stamp(folder.path / "status.json")[0] if folder else 0
        with self._guard:
            kept = self._ended.get((sweep.id, run_id))
        if kept is not None and kept[0] == changed:
            return kept[1]
        result = read_result(point, folder, run_id)
        if result.state in ENDED and folder is not None:
            with self._guard:
                self._ended[sweep.id, run_id] = (changed, result)
        return result

    def _open(self, path: Path) -> Sweep:
        """The sweep in this file, parsed once for each of its versions."""
        stamp = _stamp(path)
        with self._guard:
            kept = self._read.get(path)
        if kept is None or kept[0] != stamp:
            kept = (stamp, read(path))
            with self._guard:
                self._read[path] = kept
        return kept[1]

    def path(self, sweep_id: str) -> Path:
        """The file of the sweep with this id, whether or not there is one."""
        return self.root / FOLDER / f"{sweep_id}.json"

    def _write(self, path: Path, sweep: Sweep) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, document(sweep))
        except OSError as error:
            what = "the disk is full" if is_disk_full(error) else str(error.strerror or error)
            raise RunError(f"{path} cannot be written ({what}). Make its folder writable, or choose another.") from None


def document(sweep: Sweep) -> dict[str, Any]:
    """What its file holds, as plain data."""
    return {
        "kind": "sweep",
        **{name.name: getattr(sweep, name.name) for name in fields(sweep)},
        "spec": sweep.spec.model_dump(mode="json"),
        "results": None if sweep.results is None else [asdict(result) for result in sweep.results],
    }


def state_of(results: Sequence[Result]) -> SweepState:
    """How the whole stands: "waiting" before its first run begins, "partial" when it has come to rest unfinished."""
    states = {result.state for result in results}
    if states <= {"finished"}:
        return "finished"
    if states & {"starting", "running", "paused"}:
        return "running"
    if "queued" in states:
        return "running" if states & ENDED else "waiting"
    return "partial"


def read(path: Path) -> Sweep:
    """The sweep in this file. Raises RunError for one that is missing, damaged, foreign or newer."""
    try:
        data: dict[str, Any] = read_json(path)
    except FileNotFoundError:
        raise RunError(f"There is no file {path}.") from None
    except OSError as error:
        raise RunError(f"{path} cannot be read ({error.strerror or error}).") from None
    if data.get("kind") != "sweep":
        raise RunError(f"{path} is no sweep: its kind is {data.get('kind')!r}.")
    try:
        spec = SweepSpec.parse(data["spec"])
        results = data.get("results")
        sweep = Sweep(
            id=path.stem,
            title=str(data["title"]),
            spec=spec,
            runs=tuple(str(run) for run in data["runs"]),
            results=None if results is None else _RESULTS.validate_python(results),
            **{name: str(data.get(name, "")) for name in ("owner", "nickname", "created", "environment")},
        )
        if not len(sweep.runs) == spec.count == len(sweep.results if sweep.results is not None else sweep.runs):
            raise ValueError(f"{spec.count} points, but {len(sweep.runs)} runs")
    except (KeyError, TypeError, ValueError, ConfigError, ValidationError) as error:
        raise DamagedError(f"{path} is damaged: {error}") from None
    return sweep


def environment() -> str:
    """What measures: versions and the kind of machine, in one line."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        torch = "unknown"
    return f"Python {platform.python_version()}, torch {torch}, {platform.system()} on {platform.machine()}"


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
