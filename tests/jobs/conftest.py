"""A small run, and one engine for all tests."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from vqcore.config.data import DigitsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.jobs.engine import Engine
from vqcore.records import Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore


class Tools:
    """What these tests ask of runs and processes."""

    SMALL = RunConfig(
        data=DigitsConfig(),
        model=VQVAEConfig(quantizer=VQConfig(K=8, D=4), downsampling=4, hidden=8),
        train=TrainConfig(
            steps=40,
            batch_size=16,
            threads=1,
            precision="float32",
            record_every=5,
            evaluate_every=1000,
            evaluation_images=16,
            checkpoint_every=10,
        ),
    )

    @staticmethod
    def until(what: Callable[[], Any], seconds: float = 60.0) -> float:
        """Wait until `what()` holds; returns how long that took."""
        began = time.monotonic()
        while not what():
            assert time.monotonic() - began < seconds, f"not within {seconds} s"
            time.sleep(0.02)
        return time.monotonic() - began

    @classmethod
    def config(cls, **train: Any) -> RunConfig:
        return cls.SMALL.edited({f"train.{name}": value for name, value in train.items()})

    @classmethod
    def endless(cls) -> RunConfig:
        """Goes on until someone ends it, without needing a core for it."""
        return cls.config(steps=1_000_000, speed_limit=50.0, checkpoint_every=5)

    @staticmethod
    def create(store: RunStore, config: RunConfig, owner: str = "") -> RunFolder:
        return store.create(config, name="test", owner=owner)

    @classmethod
    def reaches(cls, folder: RunFolder, *states: str, seconds: float = 60.0) -> None:
        began = time.monotonic()
        while (status := folder.status()).state not in states:
            assert time.monotonic() - began < seconds, f"not {states} within {seconds} s: {status}"
            time.sleep(0.02)

    @staticmethod
    def steps(folder: RunFolder) -> int:
        """The last step that the curves know."""
        return max((record.step for record in folder.metrics().records if isinstance(record, Step)), default=0)

    @classmethod
    def trains(cls, folder: RunFolder, beyond: int = 0, seconds: float = 60.0) -> None:
        cls.until(lambda: cls.steps(folder) > beyond, seconds)

    @staticmethod
    def events(folder: RunFolder) -> list[str]:
        return [event.kind for event in folder.events().records]

    @staticmethod
    def kill(pid: int) -> None:
        psutil.Process(pid).kill()

    @staticmethod
    def worker_of(folder: RunFolder) -> int:
        lease = folder.status().lease
        assert lease is not None
        return lease.pid


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools()


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(Path(tmp_path_factory.mktemp("runs")))


@pytest.fixture(scope="session")
def engine(store: RunStore) -> Iterator[Engine]:
    """Ready, with two slots. Tests that kill its processes leave it to recover: `idle` waits until it has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VQ_SLOTS", "2")
        patch.delenv("VQ_SCHEDULER", raising=False)
        engine = Engine(store, release_after=0.5)
        engine.start()
        Tools.until(lambda: engine.health().slots == 2, 90)
        yield engine
        assert engine._backend is not None and engine._backend.pid
        cluster = psutil.Process(engine._backend.pid)
        own = [cluster, *cluster.children(recursive=True)]  # not all of ours: other tests may have left a browser open
        engine.close()
        assert not psutil.wait_procs(own, timeout=5)[1]


@pytest.fixture
def idle(engine: Engine, store: RunStore) -> Iterator[Engine]:
    """The engine with both slots free, and free again afterwards."""
    Tools.until(lambda: (engine.health().slots, engine.health().busy) == (2, 0), 60)
    yield engine
    for summary in store.list():
        if summary.state in ("queued", "starting", "running", "paused"):
            engine.stop(summary.id, grace=3)
    Tools.until(lambda: engine.health().busy == 0, 30)
