"""Results beside a run: found again, never for another checkpoint, never torn, never half."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vqcore.errors import RunError
from vqcore.runs import analysis, arrays
from vqcore.runs.analysis import KEPT, Stamp, checkpoint_stamp, drop, name_of, read, scratch_of, stamp_of, write
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

STAMP = Stamp(500, "0123456789ab")
SOME = {"z": np.arange(6, dtype=np.float16).reshape(2, 3), "names": np.array(["a", "ß"])}


@pytest.fixture
def example(folder: RunFolder) -> RunFolder:
    """The same run as one that can only be read."""
    return RunFolder(folder.path, read_only=True)


def keep(folder: RunFolder, make: Any, step: int) -> Stamp:
    arrays.write_state(folder.checkpoint_path, make.state(step))
    stamp = checkpoint_stamp(folder)
    assert stamp is not None
    return stamp


def test_names_say_what_and_of_which_checkpoint() -> None:
    assert name_of("probe", STAMP) == "probe-500-0123456789ab"
    assert name_of("umap", STAMP, book=0, neighbours=15, min_dist=0.1, seed=3) == "umap-500-0123456789ab-b0-n15-m0.100-s3"
    assert stamp_of(name_of("umap", STAMP, book=0, neighbours=15, min_dist=0.1, seed=3)) == STAMP


def test_a_stamp_changes_with_the_checkpoint_and_only_with_it(folder: RunFolder, make: Any) -> None:
    assert checkpoint_stamp(folder) is None
    first = keep(folder, make, 500)
    assert first.step == 500
    assert keep(folder, make, 500) == first  # the same content, written again
    other = keep(folder, make, 600)
    assert (other.step, other.hash != first.hash) == (600, True)
    state = make.state(500)
    tensors = {**state.tensors, "model.codebook": state.tensors["model.codebook"] * np.float32(1.0001)}
    arrays.write_state(folder.checkpoint_path, replace(state, tensors=tensors))
    retrained = checkpoint_stamp(folder)
    assert retrained is not None and retrained.step == 500
    assert retrained.hash not in (first.hash, other.hash)


def test_a_stamp_is_read_once(folder: RunFolder, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = keep(folder, make, 500)

    def read_again(path: Path) -> Stamp | None:
        raise AssertionError(path)

    monkeypatch.setattr(analysis, "_read_stamp", read_again)
    assert checkpoint_stamp(folder) == stamp


@pytest.mark.parametrize("data", [b"", b"abc", b"\xff" * 8, b"\x02\0\0\0\0\0\0\0{}", b"\x04\0\0\0\0\0\0\0null", b"\x10\0\0\0\0\0\0\0{}"])
def test_what_is_no_checkpoint_has_no_stamp(folder: RunFolder, data: bytes) -> None:
    folder.checkpoint_path.write_bytes(data)
    assert checkpoint_stamp(folder) is None


def test_round_trip(folder: RunFolder, tmp_path: Path) -> None:
    assert read(folder, tmp_path, name_of("probe", STAMP)) is None
    write(folder, tmp_path, name_of("probe", STAMP), SOME)
    found = read(folder, tmp_path, name_of("probe", STAMP))
    assert found is not None and set(found) == set(SOME)
    assert all(np.array_equal(found[name], SOME[name]) and found[name].dtype == SOME[name].dtype for name in SOME)
    assert [path.parent.name for path in folder.path.rglob("probe-*.npz")] == ["analysis"]
    assert not scratch_of(tmp_path).exists()


def test_a_read_only_run_is_left_alone_and_what_it_brings_is_found(example: RunFolder, folder: RunFolder, tmp_path: Path) -> None:
    scratch = scratch_of(tmp_path / "other")
    write(example, scratch, name_of("probe", STAMP), SOME)
    assert not (example.path / "analysis").exists()
    assert read(example, scratch, name_of("probe", STAMP)) is not None
    write(folder, scratch, name_of("umap", STAMP), SOME)  # as whoever made the example did
    assert read(example, scratch, name_of("umap", STAMP)) is not None
    assert not list(scratch.rglob("umap-*"))


def test_every_cut_of_a_result_counts_as_missing(folder: RunFolder, tmp_path: Path) -> None:
    name = name_of("probe", STAMP)
    write(folder, tmp_path, name, SOME)
    path = folder.path / "analysis" / f"{name}.npz"
    whole = path.read_bytes()
    for length in range(0, len(whole), 53):
        path.write_bytes(whole[:length])
        assert read(folder, tmp_path, name) is None


@pytest.mark.parametrize("version", [None, 2, 0])
def test_another_versions_result_counts_as_missing(folder: RunFolder, tmp_path: Path, version: int | None) -> None:
    (folder.path / "analysis").mkdir()
    name = name_of("probe", STAMP)
    np.savez(folder.path / "analysis" / f"{name}.npz", **SOME, **({} if version is None else {"schema_version": np.array(version)}))
    assert read(folder, tmp_path, name) is None


def test_pickles_are_never_read(folder: RunFolder, tmp_path: Path) -> None:
    (folder.path / "analysis").mkdir()
    name = name_of("probe", STAMP)
    np.savez(folder.path / "analysis" / f"{name}.npz", schema_version=np.array(1), trap=np.array([{"a": 1}], dtype=object))
    assert read(folder, tmp_path, name) is None


def test_results_of_other_checkpoints_go(folder: RunFolder, make: Any, tmp_path: Path) -> None:
    old, first = STAMP, keep(folder, make, 500)
    for stamp in (old, first):
        write(folder, tmp_path, name_of("umap", stamp, book=0), SOME)
        write(folder, tmp_path, name_of("probe", stamp), SOME)
    assert read(folder, tmp_path, name_of("probe", old)) is None
    assert read(folder, tmp_path, name_of("umap", first, book=0)) is not None
    # a slow worker's answer for the earlier checkpoint must not take those for the present one away
    later = keep(folder, make, 600)
    write(folder, tmp_path, name_of("probe", later), SOME)
    write(folder, tmp_path, name_of("probe", first), SOME)
    assert read(folder, tmp_path, name_of("probe", later)) is not None


def test_only_so_many_are_kept(folder: RunFolder, tmp_path: Path) -> None:
    for seed in range(KEPT + 3):
        name = name_of("umap", STAMP, seed=seed)
        write(folder, tmp_path, name, SOME)
        os.utime(folder.path / "analysis" / f"{name}.npz", (seed, seed))
    kept = [seed for seed in range(KEPT + 3) if read(folder, tmp_path, name_of("umap", STAMP, seed=seed)) is not None]
    assert len(kept) <= KEPT + 1
    assert kept[-1] == KEPT + 2
    assert 0 not in kept


def test_what_is_not_ours_stays(folder: RunFolder, tmp_path: Path) -> None:
    (folder.path / "analysis").mkdir()
    mine = folder.path / "analysis" / "my notes.npz"
    np.savez(mine, x=np.zeros(1))
    (folder.path / "analysis" / "readme.txt").write_text("hello")
    write(folder, tmp_path, name_of("probe", STAMP), SOME)
    assert mine.exists()
    assert (folder.path / "analysis" / "readme.txt").exists()


@pytest.mark.parametrize("name", ["../probe-1-0123456789ab", "probe", "probe-1-xyz", "probe-1-0123456789ab/../x", "", "a-1-0123456789AB"])
def test_only_names_of_ours_are_written_or_read(folder: RunFolder, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a result"):
        read(folder, tmp_path, name)
    with pytest.raises(ValueError, match="not the name of a result"):
        write(folder, tmp_path, name, SOME)


def test_a_run_that_was_deleted_meanwhile_is_not_made_anew(folder: RunFolder, store: RunStore, tmp_path: Path) -> None:
    store.delete(folder.id)
    with pytest.raises(RunError, match="no longer there"):
        write(folder, tmp_path, name_of("probe", STAMP), SOME)
    assert not folder.path.exists()


def test_where_nothing_can_be_written_it_says_so(folder: RunFolder, tmp_path: Path) -> None:
    (folder.path / "analysis").write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"):
        write(folder, tmp_path, name_of("probe", STAMP), SOME)
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(RunError, match="cannot be written"):
        write(RunFolder(folder.path, read_only=True), blocked / "scratch", name_of("probe", STAMP), SOME)


def test_deleting_a_run_takes_its_results_along(folder: RunFolder, store: RunStore) -> None:
    scratch = scratch_of(store.root)
    write(folder, scratch, name_of("probe", STAMP), SOME)
    write(RunFolder(folder.path, read_only=True), scratch, name_of("probe", STAMP), SOME)
    other = scratch / "20200101-000000-abcd"
    other.mkdir()
    store.delete(folder.id)
    assert [path.name for path in scratch.iterdir()] == [other.name]
    assert store.list() == []


def test_forgetting_what_is_not_there_is_harmless(tmp_path: Path) -> None:
    drop(scratch_of(tmp_path), "20200101-000000-abcd")
    assert list(tmp_path.iterdir()) == []


def test_kinds_do_not_drive_each_other_out(folder: RunFolder, tmp_path: Path) -> None:
    write(folder, tmp_path, name_of("probe", STAMP), SOME)
    os.utime(folder.path / "analysis" / f"{name_of('probe', STAMP)}.npz", (1, 1))
    for seed in range(KEPT + 2):
        write(folder, tmp_path, name_of("samples", STAMP, label=-1, seed=seed), SOME)
    assert read(folder, tmp_path, name_of("probe", STAMP)) is not None
    assert len(list((folder.path / "analysis").glob("samples-*.npz"))) == KEPT
