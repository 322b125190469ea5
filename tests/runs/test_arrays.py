from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from vqcore.errors import RunError
from vqcore.records import Snapshot, State
from vqcore.runs import arrays
from vqcore.runs.files import DamagedError


def same(a: Any, b: Any) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and bool((a == b).all())


def test_gallery_round_trip(tmp_path: Path, make: Any) -> None:
    gallery = make.gallery(7)
    arrays.write_gallery(tmp_path / "7.npz", gallery)
    back = arrays.read_gallery(tmp_path / "7.npz")
    assert back.step == 7
    for name in ("inputs", "reconstructions", "z_e", "z_q", "labels"):
        assert same(getattr(back, name), getattr(gallery, name))
    assert len(back.indices) == 1
    assert same(back.indices[0], gallery.indices[0])


def test_snapshot_round_trip_with_several_books_and_with_none(tmp_path: Path, make: Any) -> None:
    for books in (make.snapshot(1).books * 3, ()):
        arrays.write_snapshot(tmp_path / "1.npz", Snapshot(1, books))
        back = arrays.read_snapshot(tmp_path / "1.npz")
        assert [book.name for book in back.books] == ["codes"] * len(books)
        for a, b in zip(back.books, books, strict=True):
            assert all(same(getattr(a, name), getattr(b, name)) for name in ("codebook", "usage", "validation_usage", "age", "ema_count"))


def test_what_codes_decode_to_is_kept_and_may_be_missing(tmp_path: Path, make: Any) -> None:
    book = make.snapshot(1).books[0]
    pictures = np.arange(len(book.codebook) * 12, dtype=np.uint8).reshape(len(book.codebook), 2, 2, 3)
    arrays.write_snapshot(tmp_path / "1.npz", Snapshot(1, (replace(book, decoded=pictures),)))
    assert same(arrays.read_snapshot(tmp_path / "1.npz").books[0].decoded, pictures)
    with np.load(tmp_path / "1.npz") as archive:  # as an earlier version wrote it
        older = {name: archive[name] for name in archive.files if not name.startswith("decoded")}
    np.savez(tmp_path / "2.npz", **older)
    assert len(arrays.read_snapshot(tmp_path / "2.npz").books[0].decoded) == 0


def test_every_cut_of_a_picture_file_is_reported(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "7.npz"
    arrays.write_gallery(path, make.gallery(7))
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedError, match=r"7\.npz is damaged"):
            arrays.read_gallery(path)


def test_pickles_are_never_read(tmp_path: Path) -> None:
    path = tmp_path / "1.npz"
    np.savez(path, schema_version=np.int64(1), step=np.int64(1), books=np.int64(0), trap=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DamagedError, match="is damaged"):
        arrays.read_snapshot(path)


def test_a_newer_or_foreign_picture_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "1.npz"
    np.savez(path, schema_version=np.int64(9))
    with pytest.raises(RunError, match=r"newer VQ Lab: its schema_version is 9, this program reads up to 1"):
        arrays.read_snapshot(path)
    np.savez(path, a=np.zeros(3))
    with pytest.raises(RunError, match="not a file of VQ Lab"):
        arrays.read_gallery(path)
    np.savez(path, schema_version=np.int64(1), step=np.int64(1), books=np.int64(2))
    with pytest.raises(DamagedError, match="is damaged"):
        arrays.read_snapshot(path)
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    path.write_bytes(buffer.getvalue())
    with pytest.raises(DamagedError, match="is damaged"):
        arrays.read_snapshot(path)


def test_checkpoint_round_trip_is_exact(tmp_path: Path, make: Any) -> None:
    state = make.state(5)
    turned = np.arange(12, dtype=np.float64).reshape(3, 4).T  # not contiguous
    state = State({**state.tensors, "turned": turned}, state.meta)
    path = tmp_path / "checkpoint.safetensors"
    arrays.write_state(path, state)
    back = arrays.read_state(path)
    assert back.meta == state.meta
    assert back.tensors.keys() == state.tensors.keys()
    for name, value in state.tensors.items():
        assert same(back.tensors[name], value), name


def test_every_cut_and_every_flipped_byte_of_a_checkpoint_is_reported(tmp_path: Path, make: Any) -> None:
    path = tmp_path / "checkpoint.safetensors"
    arrays.write_state(path, make.state(5))
    whole = path.read_bytes()
    (header,) = struct.unpack_from("<Q", whole)
    for length in [*range(0, 40), *range(40, len(whole), 61), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedError, match=r"checkpoint\.safetensors is damaged"):
            arrays.read_state(path)
    for place in range(8 + header, len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedError, match=r"checkpoint\.safetensors is damaged"):
            arrays.read_state(path)


def test_a_checkpoint_of_another_program_or_a_newer_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    tensors = {"a": np.zeros(3, dtype=np.float32)}
    path.write_bytes(safetensors.numpy.save(tensors))
    with pytest.raises(RunError, match=r"checkpoint\.safetensors is not a file of VQ Lab"):
        arrays.read_state(path)
    path.write_bytes(safetensors.numpy.save(tensors, metadata={"schema_version": "2", "meta": "{}", "checksum": "0"}))
    with pytest.raises(RunError, match="its schema_version is 2, this program reads up to 1"):
        arrays.read_state(path)
    path.write_bytes(safetensors.numpy.save(tensors, metadata={"schema_version": "1", "meta": json.dumps([1])}))
    with pytest.raises(DamagedError, match="is damaged"):
        arrays.read_state(path)
