"""How far work is, and ending it: seen by others while it lasts, gone afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from vqcore.runs import progress as module
from vqcore.runs.analysis import Stamp, name_of, place, scratch_of
from vqcore.runs.folder import RunFolder
from vqcore.runs.progress import Cancelled, Progress, Reporter, cancel, clear, progress

NAME = name_of("samples", Stamp(500, "0123456789ab"), rung=3, label=-1)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL_S", 0.0)


def test_it_is_seen_while_it_lasts(folder: RunFolder, tmp_path: Path) -> None:
    assert progress(folder, tmp_path, NAME) is None
    with Reporter(folder, tmp_path, NAME) as report:
        report(3, 49)
        assert progress(folder, tmp_path, NAME) == Progress(3, 49)
        report(4, 49)
        assert progress(folder, tmp_path, NAME) == Progress(4, 49)
    assert progress(folder, tmp_path, NAME) is None
    assert list(place(folder, tmp_path).iterdir()) == []


def test_writings_are_few(folder: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "INTERVAL_S", 1e6)
    with Reporter(folder, tmp_path, NAME) as report:
        for done in range(5):
            report(done, 49)
        assert progress(folder, tmp_path, NAME) == Progress(0, 49)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_wish_to_end_it_ends_it_once(folder: RunFolder, tmp_path: Path, read_only: bool) -> None:
    run = RunFolder(folder.path, read_only=read_only)
    scratch = scratch_of(tmp_path)
    cancel(run, scratch, NAME)
    with pytest.raises(Cancelled), Reporter(run, scratch, NAME) as report:
        report(0, 0)
    with Reporter(run, scratch, NAME) as report:
        report(1, 2)  # the wish was for the other attempt


def test_a_wish_can_be_taken_back(folder: RunFolder, tmp_path: Path) -> None:
    cancel(folder, tmp_path, NAME)
    clear(folder, tmp_path, NAME)
    with Reporter(folder, tmp_path, NAME) as report:
        report(0, 1)
        assert progress(folder, tmp_path, NAME) == Progress(0, 1)
    clear(folder, tmp_path, NAME)  # nothing to forget
    assert progress(folder, tmp_path, NAME) is None


@pytest.mark.parametrize("text", ["", "1", "a b", "1 2 3"])
def test_what_is_no_progress_is_none(folder: RunFolder, tmp_path: Path, text: str) -> None:
    with Reporter(folder, tmp_path, NAME) as report:
        report(0, 1)
        (place(folder, tmp_path) / f"{NAME}.progress").write_text(text)
        assert progress(folder, tmp_path, NAME) is None
