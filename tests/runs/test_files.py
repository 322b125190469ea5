from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vqcore.errors import RunError
from vqcore.runs import files
from vqcore.runs.files import DamagedError, append_line, lock_file, locked, process_created, read_json, read_lines, write_bytes, write_json

ROOT = Path(__file__).resolve().parents[2]
rows = st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=8) | st.lists(st.booleans(), max_size=3), max_size=4)


def python(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, stdout=subprocess.PIPE)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(written=st.lists(rows, max_size=6), cut=st.floats(0, 1))
def test_any_truncation_leaves_exactly_the_complete_lines(tmp_path: Path, written: list[dict[str, object]], cut: float) -> None:
    path = tmp_path / "log.jsonl"
    lines = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in written]
    whole = b"".join(lines)
    data = whole[: round(cut * len(whole))]
    path.write_bytes(data)
    found = read_lines(path)
    complete = data.count(b"\n")
    assert list(found.rows) == written[:complete]
    assert found.offset == sum(map(len, lines[:complete]))
    assert found.skipped == 0
    # the rest arrives, and is read from there
    path.write_bytes(whole)
    assert list(read_lines(path, found.offset).rows) == written[complete:]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.binary(max_size=300), offset=st.integers(0, 400), limit=st.none() | st.integers(1, 50))
def test_reading_never_raises_for_what_a_file_holds(tmp_path: Path, data: bytes, offset: int, limit: int | None) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(data)
    found = read_lines(path, offset, limit)
    assert offset <= found.offset <= max(offset, len(data))
    assert sum(row is None for row in found.rows) >= found.skipped


def test_reading_in_pieces_reads_all(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    for i in range(50):
        append_line(path, {"i": i, "text": "x" * (i * 7 % 40)})
    seen, offset = [], 0
    while (found := read_lines(path, offset, limit=30)).offset != offset:
        seen += [row["i"] for row in found.rows if row and "i" in row]
        offset = found.offset
    assert seen == list(range(50))


def test_a_torn_line_spoils_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    append_line(path, {"i": 0})
    with path.open("ab") as file:
        file.write(b'{"i": 1, "te')
    append_line(path, {"i": 2})
    found = read_lines(path)
    assert [row["i"] for row in found.rows[1:] if row] == [0, 2]
    assert found.skipped == 1


def test_deeply_nested_lines_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"[" * 100_000 + b"\n" + b'{"i":1}\n[1]\n\xff\xfe\n\n')
    found = read_lines(path)
    assert found.rows == (None, {"i": 1}, None, None, None)
    assert found.skipped == 3


def test_two_processes_appending_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "control.jsonl"
    code = (
        "import sys; from pathlib import Path; from vqcore.runs.files import append_line\n"
        "for i in range(400): append_line(Path(sys.argv[1]), {'who': sys.argv[2], 'i': i, 'pad': 'x' * (i % 50)})"
    )
    writers = [python(code, path, who) for who in ("a", "b")]
    assert [writer.communicate()[0] for writer in writers] == [b"", b""]
    found = read_lines(path)
    assert found.skipped == 0
    for who in ("a", "b"):
        assert [row["i"] for row in found.rows if row and row.get("who") == who] == list(range(400))


def test_a_kill_while_replacing_leaves_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    write_json(path, {"i": -1})
    code = (
        "import sys; from pathlib import Path; from vqcore.runs.files import write_json\n"
        "print(flush=True); i = 0\n"
        "while True: write_json(Path(sys.argv[1]), {'i': i, 'pad': 'x' * 20_000}); i += 1"
    )
    for wait in (0.0, 0.003, 0.011):
        writer = python(code, path)
        assert writer.stdout
        writer.stdout.readline()
        time.sleep(wait)
        writer.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        writer.communicate()
        assert read_json(path)["i"] >= -1


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    write_bytes(path, b"old")

    def refuse(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="No space"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"schema_version": 2}', "newer VQ Lab: its schema_version is 2, this program reads up to 1"),
        ('{"schema_version": "1"}', "schema_version is '1'; this program reads version 1"),
        ("{}", "schema_version is None"),
        ('{"schema_version": true}', "schema_version is True"),
    ],
)
def test_other_schema_versions_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(RunError, match=message) as caught:
        read_json(path)
    assert str(path) in str(caught.value)
    assert not isinstance(caught.value, DamagedError)


@pytest.mark.parametrize("text", ['{"schema_version": 1', "[]", "", "\x00\x00"])
def test_damaged_documents_say_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(DamagedError, match="is damaged"):
        read_json(path)


def test_a_lock_holds_against_threads(tmp_path: Path) -> None:
    path, counts = tmp_path / "run" / "status.json", [0, 0]

    def work() -> None:
        for _ in range(20):
            with locked(path):
                counts[0] += 1
                counts[1] = max(counts[1], counts[0])
                time.sleep(0.0005)
                counts[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == [0, 1]


def test_a_lock_holds_against_processes(tmp_path: Path) -> None:
    path = tmp_path / "count.json"
    write_json(path, {"n": 0})
    code = (
        "import sys; from pathlib import Path; from vqcore.runs.files import *\n"
        "path = Path(sys.argv[1])\n"
        "for _ in range(100):\n"
        "    with locked(path): write_json(path, {'n': read_json(path)['n'] + 1, 'schema_version': 1})"
    )
    writers = [python(code, path) for _ in range(3)]
    for writer in writers:
        writer.communicate()
    assert read_json(path)["n"] == 300


def test_the_lock_of_a_dead_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "run" / "status.json"
    code = "import os, sys; from pathlib import Path; from vqcore.runs.files import locked\nwith locked(Path(sys.argv[1])): os._exit(0)"
    python(code, path).communicate()
    assert lock_file(path).exists()
    began = time.monotonic()
    with locked(path):
        assert time.monotonic() - began < 2


def test_an_old_lock_without_a_holder_is_free(tmp_path: Path) -> None:
    path = tmp_path / "run" / "status.json"
    lock_file(path).write_text("another host 1 abc")
    os.utime(lock_file(path), (time.time() - 60, time.time() - 60))
    began = time.monotonic()
    with locked(path):
        assert time.monotonic() - began < 2


def test_a_living_holder_keeps_the_lock_however_long_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run" / "status.json"
    code = (
        "import sys, time; from pathlib import Path; from vqcore.runs.files import locked\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(300)"
    )
    holder = python(code, path)
    assert holder.stdout is not None
    assert holder.stdout.readline()
    os.utime(lock_file(path), (time.time() - 3600, time.time() - 3600))
    monkeypatch.setattr(files, "_LOCK_TIMEOUT", 0.3)
    with pytest.raises(RunError, match="held by another process"), locked(path):
        pass
    holder.kill()
    holder.communicate()
    with locked(path):
        pass


def test_a_lock_makes_no_folder_that_is_gone(tmp_path: Path) -> None:
    with locked(tmp_path / "deleted" / "status.json"):
        assert not (tmp_path / "deleted").exists()


def test_when_a_process_began() -> None:
    assert abs((process_created(os.getpid()) or 0) - time.time()) < 24 * 3600
    process = python("pass")
    deadline = time.monotonic() + 20
    while process_created(process.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process_created(process.pid) is None  # not yet waited for: a zombie
    process.communicate()
    assert process_created(process.pid) is None
    assert process_created(-1) is None
