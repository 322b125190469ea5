"""All runs of an installation: one folder of run folders, and read-only ones beside it."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vqcore.config.prior import AnyPriorConfig
from vqcore.config.prior_defaults import title_of
from vqcore.config.run import PriorRunConfig, RunConfig, TrainConfig
from vqcore.errors import RunError
from vqcore.runs.analysis import drop, scratch_of
from vqcore.runs.files import retried
from vqcore.runs.folder import RunFolder
from vqcore.runs.frozen import beginning
from vqcore.runs.grids import GridStore
from vqcore.runs.names import unused_id
from vqcore.runs.status import About, Figures, RunState, Status, instant, judge, judged

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_WINDOWS_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])", re.IGNORECASE)
_TRASH = ".trash-"
EXAMPLES = Path(__file__).resolve().parents[2] / "assets" / "demo"  # runs that come with the program


def runs_folder() -> Path:
    """Where runs are kept: `VQ_RUNS`, else `runs` in the current folder."""
    return Path(os.environ.get("VQ_RUNS") or "runs").expanduser().absolute()


def is_run_id(text: str) -> bool:
    """Whether `text` has the form of a run's id."""
    return _ID.fullmatch(text) is not None and _WINDOWS_DEVICES.fullmatch(text) is None


@dataclass(frozen=True, slots=True)
class Summary:
    """A line of the table of runs. `state` is as judged now; `steps` the goal after treatments; `created` ISO time.

    `leader`, `follower` and `sweep` are ids, as in About.
    `prior` is a prior's kind, `parent` and `parent_name` the run whose codes it learns, as it was called then.
    `problem`: why the run cannot be opened, or ""; K (the codes of all books) and D are 0 then, and `data` is "".
    """

    id: str
    name: str
    owner: str
    nickname: str
    preset: str
    state: RunState
    data: str
    K: int
    D: int
    steps: int
    step: int
    figures: Figures | None
    created: str
    identity: str
    treated: bool
    read_only: bool
    message: str = ""
    error: str = ""
    problem: str = ""
    leader: str = ""
    follower: str = ""
    sweep: str = ""
    kind: Literal["model", "prior"] = "model"
    prior: str = ""
    parent: str = ""
    parent_name: str = ""

    @property
    def what(self) -> str:
        """A prior in words, as in "PixelCNN of Letters"; "" for a model."""
        return f"{title_of(self.prior)} of {self.parent_name or self.parent}" if self.kind == "prior" else ""


@dataclass(frozen=True, slots=True)
class _Cached:
    signature: tuple[Any, ...]
    about: About
    status: Status
    config: RunConfig | None
    problem: str


class RunStore:
    """The runs under `root`, and those under each folder of `extra`, which can only be read. Threads may share it.

    `check`: raises ConfigError for a configuration that cannot be trained here, before a run of it is made.
    """

    def __init__(self, root: Path | str, extra: Sequence[Path | str] = (), check: Callable[[RunConfig], None] | None = None) -> None:
        self.check: Callable[[RunConfig], None] = check or (lambda config: None)
        self.root = Path(root)
        self.extra = tuple(Path(folder) for folder in extra)
        self._cache: dict[Path, _Cached] = {}
        self._guard = threading.Lock()

    def list(self) -> list[Summary]:
        """Every run, the newest first, then the read-only ones. Reads only what has changed since the last time."""
        found: list[Summary] = []
        seen: set[str] = set()
        for root in (self.root, *self.extra):
            summaries = [self._summary(RunFolder(path, read_only=root != self.root)) for path in _run_paths(root) if path.name not in seen]
            seen |= {summary.id for summary in summaries}
            found += sorted(summaries, key=lambda summary: (instant(summary.created), summary.id), reverse=True)
        with self._guard:
            for path in [path for path in self._cache if path.name not in seen]:
                del self._cache[path]
        return found

    def get(self, run_id: str) -> RunFolder:
        """The run with this id. Raises RunError for what is no id, is not there, or was written by a newer program."""
        if not is_run_id(run_id):
            raise RunError(f"{run_id[:80]!r} is not the id of a run: ids are letters, digits, - and _, as in 20261123-104512-3f9a.")
        for root in (self.root, *self.extra):
            path = root / run_id
            if path.is_dir():
                folder = RunFolder(path, read_only=root != self.root)
                problem = self._read(folder).problem
                if problem:
                    raise RunError(problem)
                return folder
        raise RunError(f"There is no run {run_id} in {self.root}: it was deleted, or VQ_RUNS names another folder than when it was made.")

    def create(self, config: RunConfig, *, name: str, owner: str = "", nickname: str = "", preset: str = "", sweep: str = "") -> RunFolder:
        """A new queued run, of the sweep with this id, if any. Raises RunError when the folder cannot be written, naming it."""
        self.check(config)
        return RunFolder.create(self.root, config, name=name, owner=owner, nickname=nickname, preset=preset, sweep=sweep)

    def create_prior(
        self,
        parent: RunFolder,
        prior: AnyPriorConfig,
        train: TrainConfig,
        *,
        name: str,
        owner: str = "",
        nickname: str = "",
        preset: str = "",
    ) -> RunFolder:
        """A new queued run: a prior over the codes of `parent`, with its own copy of that model. See `frozen.beginning`.

        Raises RunError for a parent without a checkpoint, and when the folder cannot be written.
        """
        config, parts = beginning(parent, prior, train, scratch_of(self.root))
        self.check(config)
        return RunFolder.create(self.root, config, name=name, owner=owner, nickname=nickname, preset=preset, parts=parts)

    def create_group(
        self,
        configs: Sequence[RunConfig],
        *,
        names: Sequence[str],
        owner: str = "",
        nickname: str = "",
        preset: str = "",
    ) -> tuple[RunFolder, ...]:
        """New queued runs that are trained in step: submit the first. `names` are theirs in this order.

        Raises RunError when the folder cannot be written, and then makes none.
        """
        ids: list[str] = []
        for config in configs:
            self.check(config)
            ids.append(unused_id(self.root, unlike=ids))
        made: list[RunFolder] = []
        # the last first: without those before it it is an ordinary run, while a leader without its follower would be started alone
        for i in reversed(range(len(ids))):
            try:
                folder = RunFolder.create(
                    self.root,
                    configs[i],
                    name=names[i],
                    owner=owner,
                    nickname=nickname,
                    preset=preset,
                    leader=ids[i - 1] if i else "",
                    follower=ids[i + 1] if i + 1 < len(ids) else "",
                    run_id=ids[i],
                )
            except RunError:
                for other in made:
                    self.delete(other.id)
                raise
            made.append(folder)
        return tuple(reversed(made))

    def group(self, run_id: str) -> tuple[RunFolder, ...]:
        """The runs that are kept in step with this one, it among them, in their order. The group ends where a run is gone, or does not name
        the one that names it. Raises RunError.
        """
        found = [self.get(run_id)]
        for end, side, other_side in ((0, "leader", "follower"), (-1, "follower", "leader")):
            while (named := getattr(found[end].about(), side)) and named not in {folder.id for folder in found}:
                try:
                    other = self.get(named)
                    if getattr(other.about(), other_side) != found[end].id:
                        break
                except RunError:
                    break
                found.insert(0 if end == 0 else len(found), other)
        return tuple(found)

    def delete(self, run_id: str) -> None:
        """Remove a run for good. Raises RunError while a process holds it, and for a read-only one."""
        folder = self._deletable(run_id)
        trash = self.root / f"{_TRASH}{run_id}-{secrets.token_hex(4)}"

        def move(status: Status) -> None:
            if status.lease is not None and judge(status) != "dead":
                raise RunError(
                    f"Run {run_id} is being trained by process {status.lease.pid} on {status.lease.host}. Stop it first, then delete it."
                )
            # first out of sight in one piece, then removed: nobody meets half a run
            retried(lambda: folder.path.rename(trash))

        folder.moved_away(move)
        for path in self.root.glob(f"{_TRASH}*"):  # with what an earlier removal could not finish
            shutil.rmtree(path, ignore_errors=True)
        for path in self.root.glob(f".{run_id}.*.lock"):  # who waits for one of them finds the run gone
            with contextlib.suppress(OSError):
                path.unlink()
        drop(scratch_of(self.root), run_id)
        GridStore(self.root).drop(run_id)

    def find(self, identity: str) -> RunFolder | None:
        """The newest run of the same experiment that has finished, waits or trains; not one that was treated, stopped, or failed.

        Examples do not count: who presses Train wants to see it train.
        """
        for summary in self.list():
            wanted = summary.state in ("queued", "starting", "running", "paused", "finished")
            if summary.identity == identity and wanted and not (summary.treated or summary.problem or summary.read_only):
                return self.get(summary.id)
        return None

    def _deletable(self, run_id: str) -> RunFolder:
        try:
            folder = self.get(run_id)
        except RunError:
            # a damaged run can be deleted as well
            if not _ID.fullmatch(run_id) or not (self.root / run_id).is_dir():
                raise
            folder = RunFolder(self.root / run_id)
        if folder.read_only:
            raise RunError(f"Run {run_id} is an example that comes with the program and cannot be deleted.")
        return folder

    def _summary(self, folder: RunFolder) -> Summary:
        cached = self._read(folder)
        about, status, config = cached.about, cached.status, cached.config
        books = config.books() if config else ()
        prior = config if isinstance(config, PriorRunConfig) else None
        return Summary(
            id=folder.id,
            name=about.name,
            owner=about.owner,
            nickname=about.nickname,
            preset=about.preset,
            state=judged(status),
            data=config.data.kind if config else "",
            K=sum(book.K for book in books),
            D=max((book.D for book in books), default=0),
            steps=status.steps or (config.train.steps if config else 0),
            step=status.step,
            figures=status.figures,
            created=about.created,
            identity=about.identity,
            treated=status.treated,
            read_only=folder.read_only,
            message=status.message,
            error=status.error,
            problem=cached.problem,
            leader=about.leader,
            follower=about.follower,
            sweep=about.sweep,
            kind="prior" if prior else "model",
            prior=prior.prior.kind if prior else "",
            parent=prior.parent.run if prior else "",
            parent_name=prior.parent.name if prior else "",
        )

    def _read(self, folder: RunFolder) -> _Cached:
        signature = tuple(_stamp(folder.path / f"{name}.json") for name in ("about", "status", "config"))
        with self._guard:
            cached = self._cache.get(folder.path)
        if cached is not None and cached.signature == signature:
            return cached
        about, status, config, problem = About(name=folder.id), Status("interrupted"), None, ""
        try:
            about = folder.about()
            status = folder.status()
            config = folder.config()
        except RunError as error:
            problem = str(error)
        cached = _Cached(signature, about, status, config, problem)
        with self._guard:
            self._cache[folder.path] = cached
        return cached


def _run_paths(root: Path) -> list[Path]:
    """Folders that look like runs: whoever put something else there keeps it to himself."""
    try:
        with os.scandir(root) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if _ID.fullmatch(entry.name) and entry.is_dir() and Path(entry.path, "config.json").exists()
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(
            f"The runs in {root} cannot be listed ({error.strerror or error}). Make it a readable folder, or set VQ_RUNS to one."
        ) from None


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
