"""Films from snapshots: what is on the disk, in order, and nothing read twice."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vqcore import film as module
from vqcore.config.run import RunConfig
from vqcore.errors import RunError
from vqcore.film import Film, film_of, read_film
from vqcore.records import BookSnapshot, Snapshot, Step
from vqcore.runs.arrays import write_snapshot
from vqcore.runs.folder import RunFolder
from vqcore.usage import dead_codes

K, D, V = 6, 3, 5


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", RunConfig(), name="A film")


def book(step: int, K: int = K, D: int = D, V: int = V) -> BookSnapshot:
    random = np.random.default_rng(step)
    return BookSnapshot(
        "codes",
        random.normal(size=(K, D)).astype(np.float16),
        random.integers(0, 3, K) * (step > 0),
        random.integers(0, 9, K),
        random.integers(-1, 40, K),
        np.ones(K, dtype=np.float32),
        random.normal(size=(V, D)).astype(np.float16),
        random.integers(0, K, V).astype(np.int32),
    )


def keep(run: RunFolder, step: int, *books: BookSnapshot) -> None:
    write_snapshot(run.path / "snapshots" / f"{step}.npz", Snapshot(step, books or (book(step),)))


def read(run: RunFolder, number: int = 0, earlier: Film | None = None, frames: int = 120) -> Film:
    film = read_film(run, number, earlier=earlier, frames=frames)
    assert film is not None
    return film


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps of the snapshots that were read from the disk."""
    found: list[int] = []
    true = RunFolder.snapshot

    def counted(self: RunFolder, step: int | None = None) -> Snapshot | None:
        assert step is not None
        found.append(step)
        return true(self, step)

    monkeypatch.setattr(RunFolder, "snapshot", counted)
    return found


def test_a_film_holds_what_was_kept_in_the_order_of_training(run: RunFolder) -> None:
    for step in (100, 0, 20):
        keep(run, step)
    film = read(run)
    assert film.steps.tolist() == [0, 20, 100]
    assert film.codebook.shape == (3, K, D) and film.z.shape == (3, V, D)
    for t, step in enumerate((0, 20, 100)):
        there = book(step)
        for name in ("codebook", "usage", "validation_usage", "age", "z", "z_code"):
            assert (getattr(film, name)[t] == getattr(there, name)).all(), name
    assert (film.hits[0] == book(0).validation_usage).all(), "before training nothing was hit in it"
    assert (film.hits[1] == book(20).usage).all()


def test_codes_die_by_the_one_rule(run: RunFolder) -> None:
    keep(run, 10)
    keep(run, 20)
    assert (read(run).dead == [dead_codes(book(step), 0) for step in (10, 20)]).all()
    row = Step(20, 2.0, 200, 1.0, 9.0, 1e-3, 1.0, {}, 1.0, ())
    run.append("metrics", {"type": "step"} | {name: getattr(row, name) for name in Step.__dataclass_fields__})
    film = read(run)
    assert film.epoch_steps == 10
    assert (film.dead == [dead_codes(book(step), 10) for step in (10, 20)]).all()


def test_reading_on_reads_only_what_is_new(run: RunFolder, reads: list[int]) -> None:
    for step in (0, 10, 20):
        keep(run, step)
    first = read(run)
    assert sorted(reads) == [0, 10, 20]
    reads.clear()
    assert read(run, earlier=first) is first
    assert reads == []
    keep(run, 30)
    second = read(run, earlier=first)
    assert reads == [30]
    whole = read(run)
    for name in ("steps", "codebook", "usage", "validation_usage", "age", "dead", "z", "z_code"):
        assert (getattr(second, name) == getattr(whole, name)).all(), name


def test_a_step_that_was_trained_anew_is_read_anew(run: RunFolder) -> None:
    keep(run, 10)
    first = read(run)
    keep(run, 10, replace(book(99), usage=np.full(K, 7)))
    assert (read(run, earlier=first).usage == 7).all()


def test_torn_files_and_other_sizes_are_left_out(run: RunFolder) -> None:
    for step in (0, 10, 20, 30):
        keep(run, step)
    torn = run.path / "snapshots" / "20.npz"
    torn.write_bytes(torn.read_bytes()[:100])
    keep(run, 10, book(10, K=K + 1))
    assert read(run).steps.tolist() == [0, 30]
    latest = run.path / "snapshots" / "30.npz"
    latest.write_bytes(b"")
    assert read(run).steps.tolist() == [10], "the latest readable one decides which size counts"


def test_without_anything_readable_there_is_no_film(run: RunFolder) -> None:
    assert read_film(run) is None
    keep(run, 0)
    assert read_film(run, 1) is None
    assert read_film(run, -1) is None
    (run.path / "snapshots" / "0.npz").write_bytes(b"torn")
    assert read_film(run) is None


def test_a_run_that_is_gone_is_said(run: RunFolder) -> None:
    shutil.rmtree(run.path)
    with pytest.raises(RunError, match="no longer there"):
        read_film(run)


def test_a_run_with_several_books_has_a_film_of_each(run: RunFolder) -> None:
    coarse, fine = book(1), replace(book(2, K=9), name="fine")
    keep(run, 5, coarse, fine)
    assert read(run, 0).name == "codes"
    assert read(run, 1).name == "fine"
    assert read(run, 1).codebook.shape == (1, 9, D)


def test_many_snapshots_are_thinned_with_the_first_and_the_latest(run: RunFolder, reads: list[int]) -> None:
    for step in range(0, 400, 10):
        keep(run, step)
    film = read(run, frames=12)
    assert len(film.steps) <= 12
    assert film.steps[0] == 0 and film.steps[-1] == 390
    assert len(reads) == len(film.steps), "what is not shown is not read"
    with pytest.raises(ValueError, match="2 frames or more"):
        read_film(run, frames=1)


def test_a_very_large_codebook_has_fewer_moments(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_NUMBERS", 5 * K * D)
    for step in range(0, 200, 10):
        keep(run, step)
    film = read(run)
    assert 2 <= len(film.steps) <= 5
    assert film.steps[-1] == 190


def test_runs_that_kept_no_outputs_still_make_a_film(run: RunFolder) -> None:
    keep(run, 0, replace(book(0), z=np.zeros((0, 0), np.float16), z_code=np.zeros(0, np.int32)))
    assert read(run).z.shape == (1, 0, D)
    keep(run, 10)
    film = read(run)
    assert film.z.shape == (2, V, D)
    assert np.isnan(film.z[0]).all() and (film.z_code[0] == -1).all()
    keep(run, 20)
    again = read(run, earlier=film)
    assert np.isnan(again.z[0]).all() and (again.z[1] == film.z[1]).all()


def test_a_film_cannot_be_changed_by_those_who_share_it(run: RunFolder) -> None:
    keep(run, 0)
    with pytest.raises(ValueError, match="read-only"):
        read(run).codebook[0, 0, 0] = 1


def test_the_row_of_a_step() -> None:
    film = film_of([0, 10, 30], [book(step) for step in (0, 10, 30)])
    assert [film.at(step) for step in (-5, 0, 9, 10, 29, 30, 99)] == [0, 0, 0, 1, 1, 2, 2]
    with pytest.raises(ValueError, match="as many snapshots as steps"):
        film_of([0, 1], [book(0)])
