"""What was computed from a run's checkpoint, kept beside the run: `analysis/<name>.npz`. No torch, so that pages read it.

A name carries the checkpoint's step and hash (`Stamp`): what belongs to another checkpoint is never found, and goes when the next
result is written. What comes with a read-only run is found there, and new results go to `scratch`/<run id>.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import secrets
import shutil
import struct
import threading
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.errors import RunError
from vqcore.runs.files import SCHEMA_VERSION, is_disk_full, retried, write_bytes
from vqcore.runs.folder import RunFolder

KEPT = 24  # results of one kind and checkpoint; each setting of UMAP is one
_HEADER_BYTES = 16 * 2**20  # a longer header is no checkpoint of ours
_NAME = re.compile(r"[a-z][a-z0-9_]*-[0-9]+-[0-9a-f]{12}(-[a-z]+-?[0-9.]+)*", re.ASCII)

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which checkpoint a result belongs to. `hash`: twelve hexadecimal digits over its checksum, settings and progress."""

    step: int
    hash: str


def scratch_of(root: Path) -> Path:
    """Where results for read-only runs are kept, given the folder of all runs."""
    return root / ".analysis"


def name_of(kind: str, stamp: Stamp, **settings: int | float) -> str:
    """The name of a result of this kind, as in `umap-1500-3f9a12bc45de-b0-n15-m0.100-s0`; settings go in by their first letters."""
    parts = [f"{name[0]}{value:.3f}" if isinstance(value, float) else f"{name[0]}{value}" for name, value in settings.items()]
    return "-".join([kind, str(stamp.step), stamp.hash, *parts])


def stamp_of(name: str) -> Stamp:
    """The checkpoint that a result belongs to, from its name."""
    _, step, digits, *_ = _checked(name).split("-")
    return Stamp(int(step), digits)


_stamps: dict[Path, tuple[tuple[int, int, int], Stamp | None]] = {}
_stamps_guard = threading.Lock()


def checkpoint_stamp(run: RunFolder) -> Stamp | None:
    """The stamp of the run's checkpoint; None while there is none, or none that can be read.

    Costs a look at the file's time and size; its header is read when they have changed.
    """
    path = run.checkpoint_path
    try:
        found = path.stat()
        signature = (found.st_mtime_ns, found.st_size, found.st_ino)
        with _stamps_guard:
            kept = _stamps.get(path)
        if kept is not None and kept[0] == signature:
            return kept[1]
        stamp = _read_stamp(path)
    except OSError:
        return None
    with _stamps_guard:
        if len(_stamps) > 1_000:  # runs come and go for as long as a server lives
            _stamps.clear()
        _stamps[path] = (signature, stamp)
    return stamp


def _read_stamp(path: Path) -> Stamp | None:
    with retried(lambda: path.open("rb")) as file:
        length = file.read(8)
        header = file.read(min(_HEADER_BYTES, struct.unpack("<Q", length)[0])) if len(length) == 8 else b""
    try:
        metadata = json.loads(header)["__metadata__"]
        # not the header as it is: the order of its entries differs from one writing to the next
        content = f"{metadata['checksum']} {metadata['meta']}"
        return Stamp(int(json.loads(metadata["meta"])["step"]), hashlib.sha256(content.encode()).hexdigest()[:12])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def read(run: RunFolder, scratch: Path, name: str) -> Arrays | None:
    """The result called `name`, or None when it is not there, torn, or of another version: it is then computed again."""
    for folder in _places(run, scratch):
        found = _read(folder / f"{_checked(name)}.npz")
        if found is not None:
            return found
    return None


def write(run: RunFolder, scratch: Path, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Keep a result, whole or not at all; what belongs to other checkpoints goes. Raises RunError: disk full, run gone, not writable."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, schema_version=np.int64(SCHEMA_VERSION), **arrays)
    folder = place(run, scratch)
    path = folder / f"{_checked(name)}.npz"
    try:
        folder.mkdir(parents=run.read_only, exist_ok=True)  # a run that was deleted meanwhile is not made anew
        write_bytes(path, buffer.getvalue())
    except OSError as error:
        run.check_there()
        if is_disk_full(error):
            raise RunError(f"The disk of {folder} is full: the result was not kept. Make room, then try again.") from None
        raise RunError(f"{error.filename or path} cannot be written ({error.strerror or error}). Make the folder writable.") from None
    _tidy(folder, name, checkpoint_stamp(run))


def drop(scratch: Path, run_id: str) -> None:
    """Forget what `scratch` holds for a run; harmless when it holds nothing."""
    aside = scratch / f".trash-{secrets.token_hex(4)}"
    with contextlib.suppress(OSError):
        retried(lambda: (scratch / run_id).rename(aside))
        shutil.rmtree(aside, ignore_errors=True)


def place(run: RunFolder, scratch: Path) -> Path:
    """The folder that new results of a run go to. It may not be there yet."""
    return _places(run, scratch)[-1]


def _places(run: RunFolder, scratch: Path) -> list[Path]:
    """Where a result may lie; new ones go to the last."""
    own = run.path / "analysis"
    return [own, scratch / run.id] if run.read_only else [own]


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a result: `name_of` makes them")
    return name


def _read(path: Path) -> Arrays | None:
    try:
        loaded = np.load(io.BytesIO(retried(path.read_bytes)), allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            return None
        with loaded as archive:
            data = {name: archive[name] for name in archive.files}
        return data if int(data.pop("schema_version")) == SCHEMA_VERSION else None
    except (OSError, ValueError, EOFError, KeyError, TypeError, zipfile.BadZipFile, zlib.error, NotImplementedError):
        return None


def _tidy(folder: Path, written: str, current: Stamp | None) -> None:
    """Remove what belongs neither to the present checkpoint nor to the one just written for, and the oldest of too many of a kind."""
    fresh = {written.split("-")[2]} | ({current.hash} if current else set())
    kept: dict[str, list[tuple[float, Path]]] = {}  # by kind
    for path in folder.glob("*.npz"):
        with contextlib.suppress(OSError):
            if not _NAME.fullmatch(path.stem):
                continue
            if path.stem.split("-")[2] in fresh:
                kept.setdefault(path.stem.split("-")[0], []).append((path.stat().st_mtime, path))
            else:
                path.unlink()
    for _, path in (old for results in kept.values() for old in sorted(results)[:-KEPT]):
        with contextlib.suppress(OSError):
            path.unlink()
