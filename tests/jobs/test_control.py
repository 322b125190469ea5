"""What a trainer hears: new commands once, old ones only where they still count, and when to leave."""

import threading
import time

import pytest

from vqcore.control import Command
from vqcore.errors import RunError
from vqcore.jobs.control import LOOK_S, FolderControl
from vqcore.runs.store import RunStore


@pytest.fixture
def folder(tmp_path, tools):
    return tools.create(RunStore(tmp_path), tools.config())


def heard(control):
    time.sleep(LOOK_S)
    return [command.kind for command in control.poll()]


def test_each_command_is_heard_once_in_order(folder):
    control = FolderControl(folder)
    assert heard(control) == []
    folder.send(Command("pause"))
    folder.send(Command("treat", changes={"train.lr": 0.1}))
    time.sleep(LOOK_S)
    commands = control.poll()
    assert [(command.id, command.kind) for command in commands] == [(1, "pause"), (2, "treat")]
    assert heard(control) == [] and control.heard == 2


def test_polling_between_two_looks_costs_nothing(folder):
    control = FolderControl(folder)
    control.poll()
    folder.send(Command("stop"))
    began = time.perf_counter()
    for _ in range(1000):
        control.poll()
    assert time.perf_counter() - began < 0.2
    assert control.wait(2.0)[0].kind == "stop" or control.heard == 1


def test_what_the_checkpoint_knows_is_not_heard_again(folder):
    for kind in ("treat", "treat", "pause"):
        folder.send(Command(kind))
    assert heard(FolderControl(folder, after=1)) == ["treat", "pause"]
    assert heard(FolderControl(folder, after=3)) == []


def test_a_stop_for_the_last_attempt_does_not_end_this_one_but_treatments_count(folder):
    for kind in ("pause", "treat", "step", "stop", "kmeans", "resume"):
        folder.send(Command(kind))
    assert heard(FolderControl(folder, since=5)) == ["treat", "kmeans", "resume"]


def test_waiting_ends_with_the_first_command(folder):
    control = FolderControl(folder)
    threading.Timer(0.1, folder.send, (Command("resume"),)).start()
    began = time.monotonic()
    assert [command.kind for command in control.wait(5.0)] == ["resume"]
    assert time.monotonic() - began < 2
    assert control.wait(0.0) == () or control.wait(0.0) == []


def test_a_paused_run_leaves_only_after_its_time_and_only_for_others(folder):
    waiting = []
    control = FolderControl(folder, others_wait=lambda: bool(waiting), release_after=0.2)
    waiting.append(1)
    time.sleep(0.3)
    assert heard(control) == []  # it trains
    control.paused(True)
    assert heard(control) == []  # not yet
    time.sleep(0.2)
    waiting.clear()
    assert heard(control) == []  # nobody waits
    waiting.append(1)
    time.sleep(1.0)
    assert heard(control) == ["release"]
    assert heard(control) == []


def test_a_run_that_goes_on_does_not_leave(folder):
    control = FolderControl(folder, others_wait=lambda: True, release_after=0.1)
    control.paused(True)
    control.paused(False)
    time.sleep(0.2)
    assert heard(control) == []


def test_a_process_that_is_asked_to_end_leaves_at_once(folder):
    closing = threading.Event()
    control = FolderControl(folder, closing=closing)
    closing.set()
    assert heard(control) == ["release"]


def test_looking_for_a_stop_takes_nothing_away(folder):
    control = FolderControl(folder)
    folder.send(Command("treat"))
    folder.send(Command("stop"))
    assert control.stop_waits()
    assert [command.kind for command in control.poll()] == ["treat", "stop"]


def test_a_deleted_run_is_an_error(folder):
    control = FolderControl(folder)
    for path in sorted(folder.path.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.path.rmdir()
    with pytest.raises(RunError, match="no longer there"):
        heard(control)
