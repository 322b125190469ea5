"""Galleries, snapshots, samples and codes as `.npz`, checkpoints as safetensors: no pickle, a version inside, errors that name the file."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from vqcore.errors import RunError
from vqcore.records import BookSnapshot, Gallery, Samples, Snapshot, State
from vqcore.runs.codes import CodeSet
from vqcore.runs.files import SCHEMA_VERSION, DamagedError, check_version, retried, write_bytes

_BOOK_FIELDS = ("codebook", "usage", "validation_usage", "age", "ema_count")
_SAMPLES = ("pictures", "bits", "labels")
_LATER_FIELDS = ("z", "z_code", "decoded")  # not in runs of earlier versions


def write_gallery(path: Path, gallery: Gallery) -> None:
    """Raises OSError."""
    arrays = {name: getattr(gallery, name) for name in ("inputs", "reconstructions", "z_e", "z_q", "labels")}
    arrays |= {f"indices_{i}": grid for i, grid in enumerate(gallery.indices)}
    _write_npz(path, gallery.step, len(gallery.indices), arrays)


def read_gallery(path: Path) -> Gallery:
    """Raises FileNotFoundError, DamagedError, or RunError when it is newer."""
    data = _read_npz(path)
    try:
        return Gallery(
            step=int(data["step"]),
            inputs=data["inputs"],
            reconstructions=data["reconstructions"],
            z_e=data["z_e"],
            z_q=data["z_q"],
            indices=tuple(data[f"indices_{i}"] for i in range(int(data["books"]))),
            labels=data["labels"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} is damaged: {error} is missing or not as expected.") from None


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Raises OSError."""
    arrays: dict[str, NDArray[Any]] = {}
    for i, book in enumerate(snapshot.books):
        arrays[f"name_{i}"] = np.array(book.name)
        arrays |= {f"{name}_{i}": getattr(book, name) for name in (*_BOOK_FIELDS, *_LATER_FIELDS)}
    _write_npz(path, snapshot.step, len(snapshot.books), arrays)


def read_snapshot(path: Path) -> Snapshot:
    """Raises FileNotFoundError, DamagedError, or RunError when it is newer."""
    data = _read_npz(path)
    try:
        books = tuple(
            BookSnapshot(
                name=str(data[f"name_{i}"]),
                **{name: data[f"{name}_{i}"] for name in _BOOK_FIELDS},
                **{name: data[f"{name}_{i}"] for name in _LATER_FIELDS if f"{name}_{i}" in data},
            )
            for i in range(int(data["books"]))
        )
        return Snapshot(step=int(data["step"]), books=books)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} is damaged: {error} is missing or not as expected.") from None


def write_samples(path: Path, samples: Samples) -> None:
    """Raises OSError."""
    arrays = {name: getattr(samples, name) for name in _SAMPLES}
    arrays |= {f"codes_{i}": grid for i, grid in enumerate(samples.codes)}
    _write_npz(path, samples.step, len(samples.codes), arrays)


def read_samples(path: Path) -> Samples:
    """Raises FileNotFoundError, DamagedError, or RunError when it is newer."""
    data = _read_npz(path)
    try:
        codes = tuple(data[f"codes_{i}"] for i in range(int(data["books"])))
        return Samples(step=int(data["step"]), codes=codes, **{name: data[name] for name in _SAMPLES})
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} is damaged: {error} is missing or not as expected.") from None


def write_codes(path: Path, codes: CodeSet) -> None:
    """Raises OSError."""
    write_bytes(path, codes_bytes(codes))


def codes_bytes(codes: CodeSet) -> bytes:
    """A set of codes as `read_codes` reads it."""
    arrays = codes.arrays()
    return _npz_bytes(int(arrays.pop("step")), len(codes.layout.grids), arrays)


def read_codes(path: Path) -> CodeSet:
    """Raises FileNotFoundError, DamagedError, or RunError when it is newer."""
    data = _read_npz(path)
    try:
        return CodeSet.of(data)
    except RunError as error:
        raise DamagedError(f"{path} is damaged: {error}") from None


def _write_npz(path: Path, step: int, books: int, arrays: Mapping[str, NDArray[Any]]) -> None:
    write_bytes(path, _npz_bytes(step, books, arrays))


def _npz_bytes(step: int, books: int, arrays: Mapping[str, NDArray[Any]]) -> bytes:
    buffer = io.BytesIO()
    scalars = {"schema_version": np.int64(SCHEMA_VERSION), "step": np.int64(step), "books": np.int64(books)}
    np.savez_compressed(buffer, allow_pickle=False, **scalars, **arrays)
    return buffer.getvalue()


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    try:
        loaded = np.load(io.BytesIO(retried(path.read_bytes)), allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array, not an archive of them")
        with loaded as archive:
            data = {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise DamagedError(f"{path} is damaged: {error or type(error).__name__}.") from None
    version = data.get("schema_version")
    check_version(int(version) if version is not None and version.ndim == 0 and version.dtype.kind in "iu" else None, path)
    return data


def write_state(path: Path, state: State) -> None:
    """Replace the checkpoint at `path`; until the new one is on the disk whole, the old one stays. Raises OSError."""
    write_bytes(path, state_bytes(state), durable=True)


def state_bytes(state: State) -> bytes:
    """A checkpoint as `read_state` reads it."""
    tensors = {name: np.asarray(value, order="C") for name, value in state.tensors.items()}
    metadata = {"schema_version": str(SCHEMA_VERSION), "checksum": _checksum(tensors), "meta": json.dumps(dict(state.meta))}
    packed: bytes = safetensors.numpy.save(tensors, metadata=metadata)
    return packed


def read_state(path: Path) -> State:
    """Raises FileNotFoundError, DamagedError when it is torn or altered, or RunError when it is foreign or newer."""
    data = retried(path.read_bytes)
    try:
        (length,) = struct.unpack_from("<Q", data)
        metadata = json.loads(data[8 : 8 + length]).get("__metadata__") or {}
        version = str(metadata.get("schema_version", ""))
    except (ValueError, AttributeError, struct.error, RecursionError):
        raise DamagedError(f"{path} is damaged: its header cannot be read. {_REMEDY}") from None
    check_version(int(version) if version.isascii() and version.isdigit() else None, path)
    try:
        tensors = safetensors.numpy.load(data)
        meta = json.loads(metadata["meta"])
        checksum = metadata["checksum"]
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise DamagedError(f"{path} is damaged: {error}. {_REMEDY}") from None
    if checksum != _checksum(tensors) or not isinstance(meta, dict):
        raise DamagedError(f"{path} is damaged: its numbers are not those that were written. {_REMEDY}")
    return State(tensors=tensors, meta=meta)


_REMEDY = "The run cannot go on from it; start the same settings again as a new run."


def _checksum(tensors: Mapping[str, NDArray[Any]]) -> str:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].tobytes(), zlib.crc32(name.encode(), total))
    return f"{total:08x}"
