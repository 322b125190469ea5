from __future__ import annotations

import json
import shutil
import threading
from typing import Any

import pytest

from vqcore.errors import RunError
from vqcore.records import BookWalk, Event, Walk, to_json
from vqcore.runs import folder as folders
from vqcore.runs import tail as tails
from vqcore.runs.folder import RunFolder
from vqcore.runs.tail import MetricsTail, shared_tail


def test_a_tail_reads_on(folder: RunFolder, make: Any) -> None:
    tail = MetricsTail(folder)
    tail.refresh()
    assert (tail.steps, tail.evaluations, tail.events, tail.last_step, tail.last_evaluation) == ((), (), (), None, None)
    folder.append("metrics", to_json(make.step(1)))
    folder.append("metrics", to_json(make.evaluation(1)))
    folder.append("events", to_json(Event(0, "started", "")))
    version = tail.version
    assert tail.refresh()
    assert tail.version > version
    assert (tail.steps, tail.evaluations) == ((make.step(1),), (make.evaluation(1),))
    assert (tail.last_step, tail.last_evaluation) == (make.step(1), make.evaluation(1))
    assert [event.kind for event in tail.events] == ["started"]
    folder.append("metrics", to_json(make.step(2)))
    tail.refresh()
    assert [record.step for record in tail.steps] == [1, 2]


def test_nothing_new_is_not_read(folder: RunFolder, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.append("metrics", to_json(make.step(1)))
    tail = MetricsTail(folder)
    tail.refresh()
    version, thinned = tail.version, tail.thinned()
    monkeypatch.setattr(folders, "read_lines", lambda *_: pytest.fail("read although nothing was new"))
    assert not tail.refresh()
    assert tail.version == version
    assert tail.thinned() is thinned


def test_only_what_is_new_is_read(folder: RunFolder, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for i in range(500):
        folder.append("metrics", to_json(make.step(i)))
    tail = MetricsTail(folder)
    tail.refresh()
    folder.append("metrics", to_json(make.step(500)))
    read: list[int] = []
    read_lines = folders.read_lines  # type: ignore[attr-defined]

    def counted(*arguments: Any) -> Any:
        found = read_lines(*arguments)
        read.append(len(found.rows))
        return found

    monkeypatch.setattr(folders, "read_lines", counted)
    tail.refresh()
    assert sum(read) == 1
    assert len(tail.steps) == 501


def test_a_half_written_line_is_left_for_later(folder: RunFolder, make: Any) -> None:
    tail = MetricsTail(folder)
    line = (json.dumps(to_json(make.step(1))) + "\n").encode()
    path = folder.path / "metrics.jsonl"
    with path.open("ab") as file:
        file.write(line[:40])
    tail.refresh()
    assert tail.steps == ()
    with path.open("ab") as file:
        file.write(line[40:])
    tail.refresh()
    assert tail.steps == (make.step(1),)
    assert tail.skipped == 0


def test_a_rewind_reaches_what_was_read_before(folder: RunFolder, make: Any) -> None:
    tail = MetricsTail(folder)
    for step in range(1, 6):
        folder.append("metrics", to_json(make.step(step)))
        folder.append("metrics", to_json(make.evaluation(step)))
        tail.refresh()
    folder.append("metrics", {"type": "rewind", "step": 3})
    folder.append("metrics", to_json(make.step(4, loss=9.0)))
    tail.refresh()
    assert [(record.step, record.loss) for record in tail.steps] == [(1, 1.0), (2, 1.0), (3, 1.0), (4, 9.0)]
    assert [record.step for record in tail.evaluations] == [1, 2, 3]


def test_reading_in_chunks_is_reading_at_once(folder: RunFolder, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "_CHUNK", 700)
    for step in range(1, 40):
        folder.append("metrics", to_json(make.step(step)))
        if step % 10 == 0:
            folder.append("metrics", {"type": "rewind", "step": step - 3})
    tail = MetricsTail(folder)
    tail.refresh()
    assert tail.steps == folder.metrics().records


def test_memory_is_bounded(folder: RunFolder, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "KEPT", 100)
    tail = MetricsTail(folder)
    for step in range(1, 400):
        folder.append("metrics", to_json(make.step(step, loss=50.0 if step == 77 else 1.0)))
        if step % 13 == 0:
            tail.refresh()
            assert len(tail.steps) <= 100
    tail.refresh()
    assert {1, 77, 399} <= {record.step for record in tail.steps}
    steps, _ = tail.thinned(20)
    assert len(steps) <= 20


def test_a_file_put_back_from_a_copy_is_read_anew(folder: RunFolder, make: Any) -> None:
    folder.append("metrics", to_json(make.step(1)))
    copy = (folder.path / "metrics.jsonl").read_bytes()
    folder.append("metrics", to_json(make.step(2)))
    tail = MetricsTail(folder)
    tail.refresh()
    (folder.path / "metrics.jsonl").write_bytes(copy)
    tail.refresh()
    assert tail.steps == (make.step(1),)


def test_one_tail_for_all_threads(folder: RunFolder, make: Any) -> None:
    found: list[MetricsTail] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            steps = shared_tail(folder).steps
            assert [record.step for record in steps] == list(range(1, len(steps) + 1))
        found.append(shared_tail(folder))

    threads = [threading.Thread(target=watch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for step in range(1, 101):
        folder.append("metrics", to_json(make.step(step)))
    ended.set()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(map(id, found))) == 1
    assert len(found[0].steps) == 100


def test_few_tails_are_kept(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tails, "_TAILS", 2)
    first = shared_tail(folder)
    for i in range(2):
        copy = folder.path.with_name(f"copy{i}")
        shutil.copytree(folder.path, copy)
        shared_tail(RunFolder(copy))
    assert shared_tail(folder) is not first


def test_a_deleted_run_says_so_and_is_forgotten(folder: RunFolder) -> None:
    first = shared_tail(folder)
    shutil.move(folder.path, folder.path.with_name("away"))
    with pytest.raises(RunError, match="no longer there"):
        shared_tail(folder)
    shutil.move(folder.path.with_name("away"), folder.path)
    assert shared_tail(folder) is not first


def test_walks_are_read_and_rewound(folder: RunFolder) -> None:
    walks = [Walk(step, max(0, step - 10), (BookWalk("codes", 0.5, 0.9, None if step < 20 else 0.1),)) for step in (0, 10, 20, 30)]
    for walk in walks[:3]:
        folder.append("metrics", to_json(walk))
    tail = MetricsTail(folder)
    tail.refresh()
    assert tail.walks == tuple(walks[:3]) == folder.metrics().walks
    assert tail.skipped == 0 and folder.metrics().records == ()
    folder.append("metrics", {"type": "rewind", "step": 10})
    folder.append("metrics", to_json(walks[3]))
    tail.refresh()
    assert tail.walks == (walks[0], walks[1], walks[3]) == folder.metrics().walks
