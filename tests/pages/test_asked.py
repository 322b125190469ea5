"""What pages ask of the light worker: once for all, never waited for, kept, and told in words when it fails."""

from __future__ import annotations

import importlib
import inspect
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pages.ui import asked
from pages.ui.asked import Answer, Requests, ask, retry
from vqcore.errors import EngineError, RunError
from vqcore.jobs.engine import Health
from vqcore.records import State
from vqcore.runs import arrays
from vqcore.runs.analysis import checkpoint_stamp, name_of, scratch_of, write
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

SOME = {"z": np.arange(4.0)}


@pytest.fixture(autouse=True)
def requests(monkeypatch: pytest.MonkeyPatch) -> Requests:
    """A server that was just started."""
    fresh = Requests()
    monkeypatch.setattr(asked, "_requests", fresh)
    return fresh


@pytest.fixture
def run(finished: Callable[..., RunFolder]) -> RunFolder:
    folder = finished()
    checkpoint(folder, 100)
    return folder


def checkpoint(folder: RunFolder, step: int) -> None:
    meta = {"step": step, "config": folder.config().model_dump(mode="json")}
    arrays.write_state(folder.checkpoint_path, State({"model.x": np.zeros(3, dtype=np.float32)}, meta))


def name(folder: RunFolder, kind: str = "probe", **settings: Any) -> str:
    stamp = checkpoint_stamp(folder)
    assert stamp is not None
    return name_of(kind, stamp, **settings)


def answer(engine: Any, folder: RunFolder, which: int = -1, kind: str = "probe", **settings: Any) -> None:
    """As the worker would: write, then say under what name."""
    found = name(folder, kind, **settings)
    write(folder, scratch_of(folder.path.parent), found, SOME)
    engine.lights[which][2].set_result(found)


def test_it_is_asked_once_and_then_there(run: RunFolder, engine: Any) -> None:
    first = ask(run, "probe")
    assert (first.state, first.data, first.message) == ("working", None, "Running the validation data through the model.")
    assert ask(run, "probe").state == "working"
    ((target, args, _),) = engine.lights
    assert (target, args) == ("vqcore.analysis.probe:probe", (str(run.path), ""))
    answer(engine, run)
    done = ask(run, "probe")
    assert (done.state, done.step) == ("ready", 100)
    assert done.data is not None and np.array_equal(done.data["z"], SOME["z"])
    assert ask(run, "probe").data is done.data  # from memory
    assert len(engine.lights) == 1


def test_each_setting_is_a_question_of_its_own(run: RunFolder, engine: Any) -> None:
    ask(run, "umap")
    ask(run, "umap", book=0, neighbours=15.0, min_dist=0.1, seed=0)  # the defaults, one of them as a slider gives it
    ask(run, "umap", neighbours=30)
    assert [args[2:] for _, args, _ in engine.lights] == [(0, 15, 0.1, 0), (0, 30, 0.1, 0)]
    answer(engine, run, 1, "umap", book=0, neighbours=30, min_dist=0.1, seed=0)
    assert (ask(run, "umap", neighbours=30).state, ask(run, "umap").state) == ("ready", "working")


def test_every_kind_names_a_function_that_takes_what_is_sent() -> None:
    for kind, entry in asked.KINDS.items():
        module, _, function = entry.target.partition(":")
        parameters = list(inspect.signature(getattr(importlib.import_module(module), function)).parameters)
        assert parameters == ["run_path", "scratch_path", *entry.settings], kind


def test_what_was_computed_before_needs_no_worker(run: RunFolder, engine: Any) -> None:
    write(run, scratch_of(run.path.parent), name(run), SOME)
    engine.state = Health("failed", "No worker.", 0, 0, 0, 1.0)
    assert ask(run, "probe").state == "ready"
    assert engine.lights == []


def test_results_for_an_example_go_to_the_runs_folder(run: RunFolder, engine: Any, store: RunStore) -> None:
    example = RunFolder(run.path, read_only=True)
    assert ask(example, "probe").state == "working"
    scratch = scratch_of(store.root)
    assert engine.lights[0][1] == (str(run.path), str(scratch))
    write(example, scratch, name(run), SOME)
    engine.lights[0][2].set_result(name(run))
    assert ask(example, "probe").state == "ready"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RunError("This model has no codebook."), "This model has no codebook."),
        (EngineError("The worker ended before it could answer."), "The worker ended before it could answer."),
        (ZeroDivisionError("x"), "A fault of the program ended this work (ZeroDivisionError). The server's log says more."),
    ],
)
def test_a_failure_stays_until_someone_tries_again(run: RunFolder, engine: Any, error: Exception, text: str) -> None:
    ask(run, "probe")
    engine.lights[0][2].set_exception(error)
    assert [ask(run, "probe") for _ in range(3)] == [Answer("failed", message=text)] * 3
    assert len(engine.lights) == 1
    retry(run, "probe")
    assert ask(run, "probe").state == "working"
    assert len(engine.lights) == 2
    answer(engine, run)
    assert ask(run, "probe").state == "ready"


def test_a_new_checkpoint_is_another_try(run: RunFolder, engine: Any) -> None:
    ask(run, "probe")
    engine.lights[0][2].set_exception(RunError("no"))
    assert ask(run, "probe").state == "failed"
    checkpoint(run, 200)
    assert ask(run, "probe").state == "working"


def test_a_result_that_cannot_be_read_is_a_failure(run: RunFolder, engine: Any) -> None:
    ask(run, "probe")
    engine.lights[0][2].set_result(name(run))
    assert ask(run, "probe").message == "The result was computed, yet cannot be read. Try again."
    assert ask(run, "probe").state == "failed"


def test_a_retrained_run_shows_nothing_stale(run: RunFolder, engine: Any) -> None:
    ask(run, "probe")
    answer(engine, run)
    before = ask(run, "probe").data
    checkpoint(run, 300)
    after = ask(run, "probe")
    assert (after.state, after.data, after.earlier is before) == ("working", None, True)
    # the worker may be late, and answer for the checkpoint before
    checkpoint(run, 400)
    engine.lights[1][2].set_result("probe-300-0123456789ab")
    assert ask(run, "probe").state == "working"
    assert len(engine.lights) == 3
    answer(engine, run)
    done = ask(run, "probe")
    assert (done.state, done.step) == ("ready", 400)


def test_a_run_that_trains_is_not_asked_at_every_checkpoint(run: RunFolder, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(run, "probe")
    answer(engine, run)
    assert ask(run, "probe").step == 100
    monkeypatch.setattr(asked, "judged", lambda status: "running")
    checkpoint(run, 200)
    live = ask(run, "probe")
    assert (live.state, live.step) == ("ready", 100)  # it says of which step it is
    assert len(engine.lights) == 1
    checkpoint(run, 50)  # started again from further back: what it became before is not what it is
    assert ask(run, "probe").state == "working"
    monkeypatch.setattr(asked, "LIVE_S", 0.0)
    checkpoint(run, 300)
    engine.lights[1][2].set_exception(RunError("late"))
    assert ask(run, "probe").state == "working"
    assert len(engine.lights) == 3


def test_before_the_first_checkpoint(finished: Callable[..., RunFolder], engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = finished(**{"train.checkpoint_every": 2000})
    assert ask(folder, "probe").message.startswith("This run kept no checkpoint that can be read")
    assert ask(folder, "probe").state == "failed"
    monkeypatch.setattr(asked, "judged", lambda status: "running")
    waiting = ask(folder, "probe")
    assert (waiting.state, "at step 2,000" in waiting.message) == ("waiting", True)
    assert engine.lights == []


def test_while_the_engine_warms_up_and_when_it_cannot(run: RunFolder, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine.state = Health("failed", "Restart the server.", 0, 0, 0, 1.0)
    assert (ask(run, "probe").state, ask(run, "probe").message) == ("failed", "Restart the server.")
    assert engine.lights == []
    engine.state = Health("starting", "The engine is warming up.", 0, 0, 0, 1.0)
    assert (ask(run, "probe").state, ask(run, "probe").message) == ("working", "The engine is warming up.")
    engine.state = Health("ready", "", 1, 0, 0, 1.0)
    assert ask(run, "probe").message == "Running the validation data through the model."

    def closed(target: str, *args: Any) -> Any:
        raise EngineError("The engine has not been started.")

    monkeypatch.setattr(engine, "light", closed)
    assert ask(run, "usefulness").message == "The engine has not been started."


def test_a_deleted_run(run: RunFolder, engine: Any, store: RunStore) -> None:
    ask(run, "probe")
    store.delete(run.id)
    engine.lights[0][2].set_exception(RunError("gone"))
    with pytest.raises(RunError, match="no longer there"):
        ask(run, "probe")


def test_memory_is_bounded_by_what_is_used_last(run: RunFolder, engine: Any, requests: Requests, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "MEMORY_BYTES", 3 * SOME["z"].nbytes)
    for seed in range(5):
        ask(run, "umap", seed=seed)
        answer(engine, run, -1, "umap", book=0, neighbours=15, min_dist=0.1, seed=seed)
        assert ask(run, "umap", seed=seed).state == "ready"
        assert ask(run, "umap", seed=0).state == "ready"
    kept = [key[1] for key in requests._memory]
    assert len(kept) == 3
    assert kept[-1].endswith("-s0")
    assert len(engine.lights) == 5  # what fell out is read from its file


def test_many_threads_ask_once(run: RunFolder, engine: Any) -> None:
    answers: list[str] = []
    begin = threading.Barrier(8)

    def one() -> None:
        begin.wait()
        for _ in range(20):
            answers.append(ask(run, "probe").state)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["working"] * 160
    assert len(engine.lights) == 1


@pytest.mark.parametrize(("kind", "settings"), [("tsne", {}), ("probe", {"book": 1}), ("umap", {"perplexity": 3})])
def test_what_nobody_computes_is_refused(run: RunFolder, kind: str, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"nothing is called|has no setting"):
        ask(run, kind, **settings)


def test_a_click_costs_little(run: RunFolder, engine: Any) -> None:
    large = {"z": np.zeros(2**21)}  # 16 MiB
    write(run, scratch_of(run.path.parent), name(run), large)
    assert ask(run, "probe").state == "ready"
    began = time.perf_counter()
    for _ in range(20):
        ask(run, "probe")
    assert (time.perf_counter() - began) / 20 < 0.05
    assert engine.lights == []
