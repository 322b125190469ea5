"""The few ways in which a run's files are touched: replaced whole, appended by lines, read by tails, locked.

What is replaced is written to a temporary name first, so a reader sees the old or the new file, never half of one.
What is appended goes out in one write on `O_APPEND`, so two writers lose nothing and a kill tears at most the last line.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psutil
from filelock import FileLock, Timeout

from vqcore.errors import RunError
from vqcore.jsontext import parse_json

SCHEMA_VERSION = 1

T = TypeVar("T")


class DamagedError(RunError):
    """A file that a crash, or someone, left unreadable or took away. Readers that can do without it go on."""


_BINARY = getattr(os, "O_BINARY", 0)  # Windows would turn \n into \r\n
_ATTEMPTS = 40  # on Windows a file that someone reads cannot be replaced: try again for about a second
_LOCK_TIMEOUT = 20.0  # seconds; what a lock protects takes milliseconds
_LOCK_POLL = 0.002


def is_disk_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))


def retried(action: Callable[[], T]) -> T:
    """Run `action`, again while Windows says that someone else has the file open."""
    for attempt in range(_ATTEMPTS):
        try:
            return action()
        except PermissionError:
            if os.name != "nt" or attempt == _ATTEMPTS - 1:
                raise
            time.sleep(0.025)
    raise AssertionError("unreachable")


def write_bytes(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Put `data` at `path` whole or not at all. `durable` also waits until the disk has it. Raises OSError."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        retried(lambda: temporary.replace(path))
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Replace `path` by `data` with the `schema_version` in front. Raises OSError."""
    document = {"schema_version": SCHEMA_VERSION, **data}
    write_bytes(path, (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object that this program can read.

    Raises FileNotFoundError when there is none, DamagedError, or RunError when its version is foreign or newer.
    """
    try:
        data = parse_json(retried(path.read_bytes))
    except ValueError as error:
        raise DamagedError(f"{path} is damaged: it is not JSON ({error}).") from None
    if not isinstance(data, dict):
        raise DamagedError(f"{path} is damaged: it should hold a JSON object, not {type(data).__name__}.")
    check_version(data.get("schema_version"), path)
    return data


def check_version(found: Any, path: Path) -> None:
    """Raises RunError unless `found` is a schema version that this program reads."""
    if isinstance(found, bool) or not isinstance(found, int) or found < 1:
        raise RunError(f"{path} is not a file of VQ Lab: its schema_version is {found!r}; this program reads version {SCHEMA_VERSION}.")
    if found > SCHEMA_VERSION:
        raise RunError(
            f"{path} was written by a newer VQ Lab: its schema_version is {found}, this program reads up to {SCHEMA_VERSION}. "
            "Update this program to open it."
        )


@dataclass(frozen=True, slots=True)
class Lines:
    """What `read_lines` found: `rows` has one entry a complete line, None for a line that is no JSON object.

    `offset` is where the next reading starts; `skipped` counts the Nones, less blank lines.
    """

    rows: tuple[dict[str, Any] | None, ...]
    offset: int
    skipped: int


def header(path: Path) -> bytes:
    """The first line of a `.jsonl` file: what it is, and its version."""
    return json.dumps({"type": "header", "file": path.stem, "schema_version": SCHEMA_VERSION}).encode() + b"\n"


def is_header(row: Mapping[str, Any] | None) -> bool:
    return row is not None and row.get("type") == "header"


def append_line(path: Path, row: Mapping[str, Any]) -> None:
    """Append one JSON line; other processes may append at the same time. Raises FileNotFoundError without its folder, OSError.

    A torn line that a crash left is closed first, so that it spoils only itself. An empty file is given its header.
    """
    data = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    if os.name == "nt":  # O_APPEND is not atomic there
        with locked(path):
            _append(path, data)
    else:
        _append(path, data)


def _append(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, 0o666)
    try:
        size = os.lseek(descriptor, 0, os.SEEK_END)
        if size == 0:
            data = header(path) + data
        else:
            os.lseek(descriptor, size - 1, os.SEEK_SET)
            if os.read(descriptor, 1) != b"\n":
                data = b"\n" + data
        while data:  # a full disk may take a part; the rest then raises
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)


def read_lines(path: Path, offset: int = 0, limit: int | None = None) -> Lines:
    """The complete lines from byte `offset` on, at most about `limit` bytes of them; a last line without newline is left for later.

    A missing file has no lines. Never raises for what the file holds.
    """
    try:
        with retried(lambda: path.open("rb")) as file:
            file.seek(offset)
            data = file.read() if limit is None else file.read(limit)
            while limit is not None and b"\n" not in data:  # one line longer than the limit
                more = file.read(limit)
                if not more:
                    break
                data += more
    except FileNotFoundError:
        return Lines((), offset, 0)
    end = data.rfind(b"\n") + 1
    rows: list[dict[str, Any] | None] = []
    skipped = 0
    for line in data[:end].split(b"\n")[:-1]:
        row = _parse(line)
        rows.append(row)
        skipped += row is None and bool(line.strip())
    return Lines(tuple(rows), offset + end, skipped)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        row = parse_json(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


def process_created(pid: int) -> float | None:
    """When the process began, in seconds since 1970; None when there is none, or only a zombie is left of it."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except (psutil.NoSuchProcess, ValueError, OverflowError):
        return None
    except psutil.AccessDenied:
        return float("nan")


def lock_file(path: Path) -> Path:
    """What is locked for `path`: a hidden file beside its folder, so that the folder can be renamed meanwhile, on Windows too."""
    return path.parent.with_name(f".{path.parent.name}.{path.name}.lock")


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold `path` against every other thread and process; not to be nested. Raises RunError after 20 s, OSError.

    The operating system holds the lock, on `lock_file(path)`, for as long as the process lives: a slow holder keeps it, a dead one
    has lost it. The file itself may stay, which means nothing.
    """
    lock = FileLock(lock_file(path), timeout=_LOCK_TIMEOUT, poll_interval=_LOCK_POLL)
    try:
        lock.acquire()
    except Timeout:
        raise RunError(f"{path} has been held by another process for {_LOCK_TIMEOUT:.0f} s. Wait until it is done, or end it.") from None
    try:
        yield
    finally:
        lock.release()


def free_bytes(path: Path) -> int:
    """Bytes free on the disk of `path`, or of its nearest parent that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return shutil.disk_usage(path).free
