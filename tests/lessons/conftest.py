"""A student who does what lessons ask for, on real runs. Each run is trained once for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from vqcore.config.prior import HistogramConfig, PixelCNNConfig
from vqcore.config.run import TrainConfig
from vqcore.control import Command
from vqcore.jobs import worker
from vqcore.lessons.answers import Answer
from vqcore.lessons.checks import Verdict, check
from vqcore.lessons.evidence import Evidence, Seen, gather
from vqcore.lessons.loader import lesson
from vqcore.records import Record, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.grids import GridStore
from vqcore.runs.store import RunStore

OWNER = "cafe"
QUICK: dict[str, Any] = {"train.speed_limit": 0.0, "train.evaluate_every": 50, "train.evaluation_images": 128}
_PRIOR = TrainConfig(steps=120, batch_size=64, lr=3e-3, threads=1, device="cpu", evaluate_every=120, evaluation_images=128)


class Room:
    """One folder of runs. What `act` and the others return is trained once."""

    def __init__(self, root: Path) -> None:
        self.store = RunStore(root)
        self._runs: dict[Any, RunFolder] = {}

    def act(self, key: str, name: str, treat: Sequence[Command] = (), at: int = 40, **changes: Any) -> RunFolder:
        """The run of a lesson's act, `changes` of dotted paths (with __ for a dot) included; `treat`: sent at step `at`."""
        config = lesson(key).act(name).config
        assert config is not None
        config = config.edited(QUICK | {path.replace("__", "."): value for path, value in changes.items()})

        def treated(folder: RunFolder) -> Callable[[Record], None]:
            def heard(record: Record) -> None:
                if isinstance(record, Step) and record.step == at:
                    for command in treat:
                        folder.send(command)

            return heard

        known = config.identity, tuple((command.kind, *command.changes) for command in treat)
        if known not in self._runs:
            folder = self.store.create(config, name=name, owner=OWNER)
            assert worker.run(folder, "cli", on_record=treated(folder)) == "finished", folder.status().error
            self._runs[known] = folder
        return self._runs[known]

    def prior(self, parent: RunFolder, *, looks: bool = True) -> RunFolder:
        known = parent.id, looks
        if known not in self._runs:
            config = PixelCNNConfig(hidden=16, layers=2, dropout=0.0) if looks else HistogramConfig()
            folder = self.store.create_prior(parent, config, _PRIOR, name="Prior", owner=OWNER)
            assert worker.run(folder, "cli") == "finished", folder.status().error
            self._runs[known] = folder
        return self._runs[known]

    def seen(self, *runs: RunFolder, **more: Any) -> Evidence:
        return Evidence(tuple(Seen(run) for run in runs), **more)

    def verdict(self, key: str, *runs: RunFolder, **more: Any) -> Verdict:
        return check(lesson(key), self.seen(*runs, **more))

    def gathered(self, *runs: RunFolder) -> Evidence:
        return gather(self.store, OWNER, Answer("any", OWNER, runs=tuple(run.id for run in runs)))

    @property
    def grids(self) -> GridStore:
        return GridStore(self.store.root)


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield Room(tmp_path_factory.mktemp("lessons") / "runs")
    torch.set_num_threads(before)
