"""UMAP of codes and encoder outputs: the same picture each time, repeats put together, and an answer for whatever comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vqcore.analysis import probe as probing
from vqcore.analysis import projection
from vqcore.analysis.projection import lay_out, umap
from vqcore.errors import RunError
from vqcore.runs.analysis import read, scratch_of, write
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Layout

Rows = np.ndarray


def blobs(count: int, size: int, D: int = 8, seed: int = 0) -> tuple[Rows, Rows]:
    """Rows (count·size, D) around far apart centres, and which centre each belongs to."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(count, D)) * 10
    group = np.repeat(np.arange(count), size)
    return centres[group] + random.normal(size=(count * size, D)), group


def laid(codebook: Rows, z: Rows, **settings: Any) -> Layout:
    return Layout.of({"step": np.array(1), **lay_out(codebook, np.ones(len(codebook), dtype=np.int64), z, **settings)})


def test_neighbours_stay_neighbours() -> None:
    rows, group = blobs(4, 40)
    layout = laid(rows[::4], rows)
    assert (layout.method, layout.neighbours, layout.left_out) == ("umap", 15, 0)
    distance = np.linalg.norm(layout.cloud[:, None] - layout.cloud, axis=2)
    np.fill_diagonal(distance, np.inf)
    assert (group[distance.argmin(1)] == group).mean() > 0.99
    # the codes are rows of the cloud, so each stands where its twin does
    assert np.array_equal(layout.codes, layout.cloud[::4])
    assert (layout.repeated_codes, layout.repeated_cloud, layout.distinct) == (0, 40, 160)


def test_the_same_rows_give_the_same_picture_and_another_seed_another() -> None:
    rows, _ = blobs(3, 20)
    first, second, other = (laid(rows, rows[:0], seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.codes, second.codes)
    assert not np.array_equal(first.codes, other.codes)


def test_a_collapsed_codebook() -> None:
    z, _ = blobs(3, 30)
    codebook = np.repeat(z.mean(axis=0)[None], 64, axis=0)
    codebook[:2] = z[:2] + 0.5
    first, second = laid(codebook, z), laid(codebook, z)
    assert (first.repeated_codes, first.repeated_cloud, first.distinct) == (61, 0, 2 + 1 + 90)
    assert (first.codes[2:] == first.codes[2]).all()
    assert not np.array_equal(first.codes[0], first.codes[2])
    assert np.array_equal(first.codes, second.codes)
    assert np.array_equal(first.cloud, second.cloud)


def test_rows_that_differ_by_rounding_are_one() -> None:
    z, _ = blobs(2, 20)
    twins = np.concatenate([z, z + 1e-8, z + 1e-2])
    layout = laid(twins, z[:0])
    assert 38 <= layout.repeated_codes <= 40  # rounding to a grid parts a few
    assert layout.distinct + layout.repeated_codes == 120


def test_rows_on_a_line() -> None:
    rows = np.linspace(0, 1, 30)[:, None] * np.array([[1.0, -2.0, 3.0]])
    layout = laid(rows, rows[:0])
    assert np.isfinite(layout.codes).all()
    steps = np.linalg.norm(np.diff(layout.codes, axis=0), axis=1)
    assert steps.max() < np.linalg.norm(layout.codes[0] - layout.codes[-1])


def test_rows_that_are_not_finite_are_left_out() -> None:
    rows, _ = blobs(2, 20)
    rows[3], rows[7, 2] = np.nan, np.inf
    layout = laid(rows, rows[:5])
    assert layout.left_out == 3
    assert np.isnan(layout.codes[[3, 7]]).all() and np.isnan(layout.cloud[3]).all()
    assert np.isfinite(np.delete(layout.codes, [3, 7], axis=0)).all()


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 6, 7, 10])
@pytest.mark.parametrize("D", [1, 2, 5])
def test_few_rows(count: int, D: int) -> None:
    rows = np.random.default_rng(count).normal(size=(count, D)).astype(np.float16)
    layout = laid(rows, rows[:0])
    assert layout.codes.shape == (count, 2) and layout.cloud.shape == (0, 2)
    assert np.isfinite(layout.codes).all()
    assert layout.distinct == count
    assert layout.method == ("umap" if count >= 6 else "pca")
    assert layout.neighbours == (0 if count < 6 else count - 1)
    assert len(np.unique(layout.codes, axis=0)) == count


@pytest.mark.parametrize("value", [0.0, 3.0, 1e30, 1e-30])
def test_rows_that_are_all_alike(value: float) -> None:
    layout = laid(np.full((9, 3), value), np.full((4, 3), value))
    assert (layout.distinct, layout.method) == (1, "pca")
    assert (layout.codes == layout.codes[0]).all() and (layout.cloud == layout.codes[0]).all()
    assert (layout.repeated_codes, layout.repeated_cloud) == (8, 4)


@pytest.mark.parametrize("scale", [1e-6, 1e6, 1e30])
def test_the_scale_of_the_vectors_does_not_matter(scale: float) -> None:
    rows, group = blobs(2, 15)
    layout = laid(rows * scale, rows[:0])
    assert np.isfinite(layout.codes).all() and layout.distinct == 30
    middles = np.array([layout.codes[group == i].mean(axis=0) for i in (0, 1)])
    assert np.linalg.norm(middles[0] - middles[1]) > layout.codes[group == 0].std()


def test_a_very_large_book_lays_out_its_most_used_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "CODES", 20)
    rows, _ = blobs(2, 20)
    counts = np.arange(40)
    layout = Layout.of({"step": np.array(1), **lay_out(rows, counts, rows[:4])})
    assert layout.left_out == 20
    assert np.isnan(layout.codes[:20]).all() and np.isfinite(layout.codes[20:]).all()
    assert np.isfinite(layout.cloud).all()


def test_its_nearest_neighbours_are_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "_BLOCK", 7)
    x = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32) + 100  # far from zero, where the short way loses digits
    indices, distances = projection._nearest(x, 9)
    wanted = np.linalg.norm(x[:, None].astype(float) - x, axis=2)
    order = wanted.argsort(axis=1, kind="stable")[:, :9]
    assert np.array_equal(indices[:, 0], np.arange(50))
    assert (distances[:, 0] == 0).all()
    assert distances == pytest.approx(np.take_along_axis(wanted, order, axis=1), rel=1e-4, abs=1e-4)


def test_a_run_is_laid_out_and_kept(digits: RunFolder, tmp_path: Path) -> None:
    scratch = scratch_of(tmp_path)
    run = RunFolder(digits.path, read_only=True)
    name = umap(str(digits.path), str(scratch), 0, 10, 0.25, 3)
    assert name.endswith("-b0-n10-m0.250-s3")
    arrays = read(run, scratch, name)
    assert arrays is not None
    layout = Layout.of(arrays)
    assert (layout.step, layout.codes.shape, layout.cloud.shape) == (60, (16, 2), (2000, 2))
    assert len(list(scratch.rglob("probe-*.npz"))) == 1  # the probe came with it
    next(scratch.rglob("umap-*.npz")).unlink()
    assert umap(str(digits.path), str(scratch), 0, 10, 0.25, 3) == name
    again = read(run, scratch, name)
    assert again is not None and np.array_equal(again["codes"], layout.codes)


def test_a_book_that_is_not_there(digits: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has 1 codebooks; there is no number 2"):
        umap(str(digits.path), str(scratch_of(tmp_path)), 1, 15, 0.1, 0)


def test_a_model_without_codes(digits: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = scratch_of(tmp_path)

    def no_books(run_path: str, scratch_path: str) -> str:
        name = probing.probe(run_path, scratch_path)
        arrays = read(RunFolder(Path(run_path), read_only=True), scratch, name)
        assert arrays is not None
        write(RunFolder(Path(run_path), read_only=True), scratch, name, {**arrays, "books": np.array(0)})
        return name

    monkeypatch.setattr(projection, "probe", no_books)
    with pytest.raises(RunError, match="no codebook"):
        umap(str(digits.path), str(scratch), 0, 15, 0.1, 0)
