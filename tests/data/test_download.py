"""Downloads from a server on this machine: what arrives, what is refused, and what is left behind (nothing)."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vqcore.config.data import MnistConfig
from vqcore.data.download import Remote, obtain
from vqcore.data.registry import DATASETS, load
from vqcore.errors import DataError

FIRST = "train-images-idx3-ubyte.gz"


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_downloads_once_and_shows_progress(server: Any, small_mnist: Remote, tmp_path: Path) -> None:
    calls: list[tuple[str, int, int]] = []
    dataset = load(MnistConfig(), cache=tmp_path, progress=lambda *call: calls.append(call))
    assert len(dataset.x) == 50
    assert server.asked == [f"/first/{file.packed}" for file in small_mnist.files]
    assert left_in(tmp_path) == sorted(file.packed for file in small_mnist.files)
    done = [count for _, count, _ in calls]
    assert done[0] == 0 and done[-1] == small_mnist.size and done == sorted(done)
    assert {total for _, _, total in calls} == {small_mnist.size}
    assert FIRST in calls[0][0]

    calls.clear()
    load(MnistConfig(), cache=tmp_path, progress=lambda *call: calls.append(call))
    assert len(server.asked) == len(small_mnist.files) and not calls


def test_only_what_is_missing_is_downloaded(server: Any, remote: Remote, small_files: dict[str, bytes], tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(small_files["train-images-idx3-ubyte"])
    (raw / "t10k-images-idx3-ubyte.gz").write_bytes(b"placed by hand: no hash is demanded here")
    totals = set()
    paths = obtain(remote, tmp_path, lambda what, done, total: totals.add(total))
    assert server.asked == ["/first/train-labels-idx1-ubyte.gz", "/first/t10k-labels-idx1-ubyte.gz"]
    assert totals == {remote.files[1].size + remote.files[3].size}
    assert paths["train-images-idx3-ubyte"] == raw / "train-images-idx3-ubyte"
    assert (raw / "t10k-images-idx3-ubyte.gz").read_bytes().startswith(b"placed by hand")


@pytest.mark.parametrize("fault", ["404", "500", "wrong hash", "cut off", "cut off, unannounced", "too long"])
def test_the_second_mirror_helps(server: Any, small_mnist: Remote, tmp_path: Path, fault: str) -> None:
    path = f"/first/{FIRST}"
    body = server.files[path]
    if fault.isdigit():
        server.status[path] = int(fault)
    elif fault == "wrong hash":
        server.files[path] = body[:-1] + bytes([body[-1] ^ 1])
    elif fault == "too long":
        server.files[path] = body * 40
    else:
        server.cut.add(path)
        if "unannounced" in fault:
            server.unannounced.add(path)
    assert len(load(MnistConfig(), cache=tmp_path).x) == 50
    # the mirror that worked is asked first from then on
    assert server.asked[:3] == [path, f"/second/{FIRST}", "/second/train-labels-idx1-ubyte.gz"]
    assert left_in(tmp_path) == sorted(file.packed for file in small_mnist.files)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("404", "answered 404 Not Found"),
        ("wrong hash", "gave another file than"),
        ("other file", r"gave 20 bytes, where [\d,]+ are expected"),
        ("cut off", "the connection broke off"),
        ("too long", "gives more than the [0-9,]+ bytes"),
    ],
)
def test_a_mirrors_fault_is_named_and_nothing_half_is_left(server: Any, remote: Remote, tmp_path: Path, fault: str, reason: str) -> None:
    remote = replace(remote, mirrors=remote.mirrors[:1])
    path = f"/first/{FIRST}"
    body = server.files[path]
    if fault == "404":
        del server.files[path]
    elif fault == "cut off":
        server.cut.add(path)
    else:
        server.files[path] = {
            "wrong hash": body[:-1] + bytes([body[-1] ^ 1]),
            "other file": b"<html>sign in</html>",
            "too long": body * 40,
        }[fault]
    with pytest.raises(DataError, match=rf"{FIRST}: {reason}"):
        obtain(remote, tmp_path)
    assert left_in(tmp_path) == []


def test_offline_says_what_was_tried_and_where_to_put_which_file(remote: Remote, tmp_path: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{held.getsockname()[1]}"
        remote = replace(remote, mirrors=(f"{closed}/one/", f"{closed}/two/"))
        with pytest.raises(DataError) as caught:
            obtain(remote, tmp_path)
    message = str(caught.value)
    for mirror in remote.mirrors:
        assert f"{mirror}{FIRST}: no connection" in message
    assert str(tmp_path / "MNIST" / "raw") in message and "VQ_DATA" in message
    for file in remote.files:
        assert file.packed in message
    assert left_in(tmp_path) == []


def test_what_is_there_already_is_not_asked_for(server: Any, remote: Remote, tmp_path: Path) -> None:
    obtain(remote, tmp_path)
    (tmp_path / "MNIST" / "raw" / FIRST).unlink()
    server.files.clear()
    with pytest.raises(DataError) as caught:
        obtain(remote, tmp_path)
    by_hand = str(caught.value).partition("Put these files")[2]
    assert FIRST in by_hand and "labels" not in by_hand


def test_an_interrupted_download_leaves_nothing(remote: Remote, tmp_path: Path) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        obtain(remote, tmp_path, interrupt)
    assert left_in(tmp_path) == []


def test_leftovers_of_a_killed_download_go_and_growing_ones_stay(remote: Remote, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    old, young = raw / f".{FIRST}.1-aa.part", raw / f".{FIRST}.2-bb.part"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (time.time() - 7200,) * 2)
    obtain(remote, tmp_path)
    assert not old.exists() and young.exists()


def test_others_may_read_what_one_downloaded(remote: Remote, tmp_path: Path) -> None:
    obtain(remote, tmp_path)
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    assert (tmp_path / "MNIST" / "raw" / FIRST).stat().st_mode == ordinary.stat().st_mode


def test_a_folder_that_cannot_be_made(server: Any, remote: Remote, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"(?s)cannot be kept in .*VQ_DATA") as caught:
        obtain(remote, tmp_path / "file")
    assert FIRST in str(caught.value) and not server.asked


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user to whom a folder can be closed")
def test_a_folder_that_may_only_be_read(server: Any, remote: Remote, tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    raw.chmod(0o500)
    try:
        with pytest.raises(DataError, match=r"(?s)cannot be kept in .*Permission denied.*VQ_DATA"):
            obtain(remote, tmp_path)
    finally:
        raw.chmod(0o700)


def test_a_disk_that_refuses_is_not_the_mirrors_fault(server: Any, remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(DataError, match="No space left on device"):
        obtain(remote, tmp_path)
    assert len(server.asked) == 1 and left_in(tmp_path) == []


@pytest.mark.parametrize("kind", ["mnist", "fashion_mnist"])
def test_what_is_published_is_complete(kind: str) -> None:
    remote = DATASETS[kind].remote
    assert remote is not None and len(remote.mirrors) > 1 and all(mirror.endswith("/") for mirror in remote.mirrors)
    assert len({file.sha256 for file in remote.files}) == 4
    assert all(len(bytes.fromhex(file.sha256)) == 32 and file.size > 4000 for file in remote.files)
