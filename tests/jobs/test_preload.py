"""What workers do before their first task: train workers take a training step, the light one prepares UMAP behind its back."""

import threading
from types import SimpleNamespace

import pytest

from vqcore.analysis import projection
from vqcore.jobs import preload, worker


@pytest.fixture
def done(monkeypatch):
    """What was warmed up; nothing is, and this process keeps its niceness."""
    calls = {"train": threading.Event(), "light": threading.Event()}
    monkeypatch.setattr(preload, "be_nice", lambda niceness: None)
    monkeypatch.setattr(preload.os, "setpriority", lambda *_: None, raising=False)
    monkeypatch.setattr(preload, "WARM_AFTER_S", 0.05)
    monkeypatch.setattr(preload, "_ending", threading.Event())
    monkeypatch.delenv("VQ_WARM", raising=False)
    monkeypatch.setattr(worker, "closing", threading.Event())
    monkeypatch.setattr(worker, "warm", calls["train"].set)
    monkeypatch.setattr(projection, "warm_umap", calls["light"].set)
    return calls


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "warm-umap"]


def test_a_train_worker_steps_before_its_first_task_and_leaves_umap_alone(done):
    preload.dask_setup(SimpleNamespace(name="train-0"))
    assert done["train"].is_set()
    assert not threads() and not done["light"].wait(0.2)


def test_the_light_worker_answers_at_once_and_warms_up_meanwhile(done, monkeypatch):
    go_on = threading.Event()

    def slow():
        assert go_on.wait(30)
        done["light"].set()

    monkeypatch.setattr(projection, "warm_umap", slow)
    preload.dask_setup(SimpleNamespace(name="light"))
    assert threads() and not done["light"].is_set()  # it has returned, and warms up still
    go_on.set()
    assert done["light"].wait(30)
    assert not done["train"].is_set()


def test_a_worker_that_ends_at_once_warms_nothing(done, monkeypatch):
    monkeypatch.setattr(preload, "WARM_AFTER_S", 30.0)
    preload.dask_setup(SimpleNamespace(name="light"))
    (thread,) = threads()
    preload.dask_teardown(SimpleNamespace(name="light"))
    thread.join(10)
    assert not thread.is_alive()
    assert worker.closing.is_set() and not done["light"].is_set()


@pytest.mark.parametrize(("asked", "name"), [("0", "train-0"), ("0", "light"), ("train", "light")])
def test_warming_can_be_switched_off(done, monkeypatch, asked, name):
    monkeypatch.setenv("VQ_WARM", asked)
    preload.dask_setup(SimpleNamespace(name=name))
    assert not threads() and not done["train"].is_set() and not done["light"].wait(0.2)


def test_train_workers_can_be_warmed_alone(done, monkeypatch):
    monkeypatch.setenv("VQ_WARM", "train")
    preload.dask_setup(SimpleNamespace(name="train-0"))
    assert done["train"].is_set()


def test_without_umap_the_worker_lives_on(done, monkeypatch):
    def missing():
        done["light"].set()
        raise ImportError("No module named 'umap'")

    monkeypatch.setattr(projection, "warm_umap", missing)
    preload.dask_setup(SimpleNamespace(name="light"))
    (thread,) = threads()
    assert done["light"].wait(30)
    thread.join(10)  # an error in a thread would fail this test
    assert not thread.is_alive()
