"""A run of every shape, and a worker that answers at once: what the screens show of them is computed, not made up."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from typing import Any

import pytest

from pages.ui import models, session
from tests.shapes.runs import train_all
from vqcore.control import Command
from vqcore.jobs.engine import Health
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore


class WorkingEngine:
    """Trains nothing; what pages ask of the light worker it computes here, before it returns."""

    def health(self) -> Health:
        return Health("ready", "", 2, 0, 0, 1.0)

    def submit(self, run_id: str) -> None: ...

    def send(self, run_id: str, command: Command) -> None: ...

    def light(self, target: str, *args: Any) -> Future[Any]:
        module, _, function = target.partition(":")
        answer: Future[Any] = Future()
        try:
            answer.set_result(getattr(importlib.import_module(module), function)(*args))
        except Exception as error:
            answer.set_exception(error)
        return answer


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    return RunStore(tmp_path_factory.mktemp("shapes") / "runs")


@pytest.fixture(scope="session")
def shapes(store: RunStore) -> Mapping[str, RunFolder]:
    """A finished run of each shape by its name. Tests must leave them as they are, results of analyses apart."""
    return train_all(store)


@pytest.fixture(scope="session")
def torch_ready() -> None:
    """Screens that decode in the server's process find PyTorch loaded."""
    models._load()
    assert models.ready()


@pytest.fixture
def lab(store: RunStore, torch_ready: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    """Pages see these runs and no others."""
    monkeypatch.setenv("VQ_RUNS", str(store.root))
    monkeypatch.setattr(session, "DEMO", tmp_path / "no-demo")
    monkeypatch.setattr(session, "engine", WorkingEngine)
    monkeypatch.delenv("VQ_TEACHER_TOKEN", raising=False)
    yield
