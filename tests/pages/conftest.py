"""Pages under test: runs of their own, an engine that only remembers what it was asked, and browsers told apart by their cookie."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from vqcore.config.data import RingsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.control import Command
from vqcore.jobs.engine import Health
from vqcore.records import BookEvaluation, BookSnapshot, BookStep, Evaluation, Event, Gallery, Snapshot, Step
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.runs.store import RunStore
from vqcore.runs.writer import RunWriter

MAIN = Path(__file__).resolve().parents[2] / "pages" / "main.py"
ADA, BOB = "a" * 43, "b" * 43  # cookies
K, D = 8, 4


class FakeEngine:
    def __init__(self) -> None:
        self.state = Health("ready", "", 2, 0, 0, 1.0)
        self.submitted: list[str] = []
        self.sent: list[tuple[str, Command]] = []
        self.both: list[tuple[str, Command]] = []  # meant for a run and its partner
        self.lights: list[tuple[str, tuple[Any, ...], Future[Any]]] = []  # what was asked of the light worker, for tests to answer

    def health(self) -> Health:
        return self.state

    def submit(self, run_id: str) -> None:
        self.submitted.append(run_id)

    def send(self, run_id: str, command: Command) -> None:
        self.sent.append((run_id, command))

    def send_all(self, run_id: str, command: Command) -> None:
        self.both.append((run_id, command))

    def stop(self, run_id: str, author: str = "", nickname: str = "") -> None:
        self.sent.append((run_id, Command("stop", author=author, nickname=nickname)))

    def light(self, target: str, *args: Any) -> Future[Any]:
        self.lights.append((target, args, Future()))
        return self.lights[-1][2]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(session, "engine", lambda: fake)
    return fake


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> RunStore:
    monkeypatch.setenv("VQ_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(session, "DEMO", tmp_path / "no-demo")
    monkeypatch.delenv("VQ_TEACHER_TOKEN", raising=False)
    return RunStore(tmp_path / "runs")


@pytest.fixture
def page(store: RunStore) -> Callable[..., AppTest]:
    """Opens a page as a browser does: `page("runs", cookie=ADA, run=id)`."""

    def opened(name: str = "", *, cookie: str = ADA, run: str = "") -> AppTest:
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        at.session_state["guest"] = cookie
        if run:
            at.query_params["run"] = run
        if name:
            at.switch_page(f"{name}.py")
        return at.run()

    return opened


@pytest.fixture
def finished(store: RunStore) -> Callable[..., RunFolder]:
    """Makes a finished run with curves, two galleries and their snapshots: `finished("Name", cookie=ADA, K=16)`."""

    def make(name: str = "A run", *, cookie: str = "", nickname: str = "", points: bool = False, **changes: Any) -> RunFolder:
        config = RunConfig(
            data=RingsConfig() if points else RunConfig().data,
            model=VQVAEConfig(quantizer=VQConfig(K=K, D=D), downsampling="vector" if points else 4),
            train=TrainConfig(steps=100),
        ).edited(changes)
        folder = store.create(config, name=name, owner=session.owner_hash(cookie) if cookie else "", nickname=nickname)
        with acquire(folder, "cli") as lease:
            writer = RunWriter(folder, lease)
            writer.write(Event(0, "started", "On the processor."))
            for step in (0, 50, 100):
                writer.write(_step(step))
                writer.write(_evaluation(step))
                if step:
                    writer.write(_gallery(step, points))
                    writer.write(_snapshot(step))
            writer.write(Event(100, "finished", "All 100 steps are done."))
        return folder

    return make


def _step(step: int) -> Step:
    book = BookStep("codes", 3.5, 5, 6, 3, 5, 0.7)
    return Step(
        step, step / 10, step * 64, step / 100, 6400.0, 1e-3, 1 / (step + 1), {"reconstruction": 1.0, "commitment": 0.1}, 0.5, (book,)
    )


def _evaluation(step: int) -> Evaluation:
    book = BookEvaluation("codes", K, 5, 4.5, 2.1, 640, 4, 12.0)
    return Evaluation(step, 40, True, 0.3, {"reconstruction": 0.3}, 0.01, 0.25, 0.8, 20.0, (book,))


def _gallery(step: int, points: bool) -> Gallery:
    random = np.random.default_rng(step)
    if points:
        where = random.normal(size=(5, 2)).astype(np.float32)
        colours = np.full((5, 1, 1, 3), 90, dtype=np.uint8)
        return Gallery(step, where, where, colours, colours, (np.arange(5, dtype=np.int32),), np.zeros(5, dtype=np.int64))
    pictures = random.integers(0, 255, size=(5, 8, 8, 1), dtype=np.uint8)
    index = random.integers(0, K, size=(5, 2, 2), dtype=np.int32)
    palette = random.integers(0, 255, size=(K, 3), dtype=np.uint8)
    return Gallery(step, pictures, pictures, palette[index], palette[index], (index,), np.zeros(5, dtype=np.int64))


def _snapshot(step: int) -> Snapshot:
    codes = np.random.default_rng(step).normal(size=(K, D)).astype(np.float16)
    hits = np.arange(K, dtype=np.int64)
    return Snapshot(step, (BookSnapshot("codes", codes, hits, hits[::-1].copy(), hits - 1, np.ones(K, dtype=np.float32)),))
