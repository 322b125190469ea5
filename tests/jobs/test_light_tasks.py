"""One job at a time on the light worker, and an answer to each."""

from types import SimpleNamespace

import pytest

from vqcore.errors import EngineError
from vqcore.jobs.light_tasks import LightTasks


class Workers:
    """Takes jobs as Dask does; `ends` tells how the oldest of them went."""

    def __init__(self):
        self.placed = []

    def place(self, kind, target, *args, done):
        self.placed.append((target, done))
        return object()

    def ends(self, status="finished", result=None, error=None):
        def given():
            if isinstance(result, Exception):
                raise result
            return result

        self.placed.pop(0)[1](SimpleNamespace(status=status, result=given, exception=lambda: error))


@pytest.fixture
def woken():
    return []


@pytest.fixture
def tasks(woken):
    return LightTasks(lambda: woken.append(True))


@pytest.fixture
def workers():
    return Workers()


class KilledWorker(Exception):
    pass


def test_a_crash_hits_one_job_alone(tasks, workers, woken):
    answers = [tasks.add(name, ()) for name in ("a", "b", "c")]
    tasks.dispatch(workers, 1, 1.0)
    tasks.dispatch(workers, 1, 1.0)
    assert [target for target, _ in workers.placed] == ["a"]
    workers.ends("error", error=KilledWorker())
    assert woken == [True]
    with pytest.raises(EngineError, match="it crashed"):
        answers[0].result(0)
    tasks.dispatch(workers, 1, 1.0)
    workers.ends(result=5)
    tasks.dispatch(workers, 1, 1.0)
    workers.ends("error", error=ValueError("no such code"))
    assert answers[1].result(0) == 5
    with pytest.raises(ValueError, match="no such code"):
        answers[2].result(0)


def test_what_nobody_waits_for_is_not_begun_and_what_is_begun_keeps_its_worker(tasks, workers):
    first, second, third = (tasks.add(name, ()) for name in ("a", "b", "c"))
    tasks.dispatch(workers, 1, 1.0)
    first.cancel()
    second.cancel()
    tasks.dispatch(workers, 1, 1.0)
    assert [target for target, _ in workers.placed] == ["a"]
    workers.ends(result=1)
    tasks.dispatch(workers, 1, 1.0)
    assert [target for target, _ in workers.placed] == ["c"]
    workers.ends(result=3)
    assert third.result(0) == 3


def test_an_answer_that_cannot_be_read_is_an_error(tasks, workers, woken):
    answer = tasks.add("a", ())
    tasks.dispatch(workers, 1, 1.0)
    workers.ends(result=TypeError("unknown class"))
    with pytest.raises(EngineError, match="cannot be read: TypeError: unknown class"):
        answer.result(0)
    assert woken == [True]


def test_without_a_worker_it_waits_and_then_says_so(tasks, workers, monkeypatch):
    answer = tasks.add("a", ())
    tasks.dispatch(workers, 0, 0.0)
    assert not answer.done()
    monkeypatch.setattr("vqcore.jobs.light_tasks.WAIT_S", -1.0)
    tasks.dispatch(workers, 0, 1.0)
    with pytest.raises(EngineError, match="offers the resource 'light'"):
        answer.result(0)


def test_the_engines_end_is_told_to_all(tasks, workers):
    answers = [tasks.add(name, ()) for name in ("a", "b")]
    tasks.dispatch(workers, 1, 1.0)
    tasks.fail("The engine was closed.")
    for answer in answers:
        with pytest.raises(EngineError, match="closed"):
            answer.result(0)
    workers.ends(result=1)  # too late, and harmless
    assert isinstance(answers[0].exception(0), EngineError)
