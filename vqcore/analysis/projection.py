"""UMAP (arXiv:1802.03426) of a codebook together with a sample of encoder outputs.

Fixed seed, one thread, and the first principal components to start from, so that the same rows give the same picture. Rows that repeat,
as those of a collapsed codebook do, would make it depend on chance (umap's issue 1277), and crowd out every other neighbour: one of them
is laid out, the others are put on its place and counted.

Axes: K codes, V sampled vectors, D code dimension, N rows, M of them distinct, n neighbours.
"""

from __future__ import annotations

import contextlib
import importlib
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.analysis.compiler import prepare
from vqcore.analysis.load import current_stamp, importing
from vqcore.analysis.probe import probe
from vqcore.errors import RunError
from vqcore.runs.analysis import Arrays, name_of, read, stamp_of, write
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Probe

CODES = 8_192  # beyond, the most used are laid out
EPOCHS = 300
FEWEST = 6  # distinct rows; fewer have no neighbourhoods to keep
_SAME = 1e-6  # of the distances from the mean: rows that agree to that are one
_START = 10.0  # how far out the first layout reaches, as umap's own do
_BLOCK = 1_024

_guard = threading.Lock()  # numba's thread pool takes one caller at a time


def umap(run_path: str, scratch_path: str, book: int, neighbours: int, min_dist: float, seed: int) -> str:
    """Compute and keep what `vqcore.runs.probed.Layout` reads; returns the result's name. The probe is computed first where it is missing.

    Raises RunError, for a book that the model does not have too; and what `probe` raises.
    """
    run, scratch = RunFolder(Path(run_path), read_only=bool(scratch_path)), Path(scratch_path)
    settings = {"book": book, "neighbours": neighbours, "min_dist": float(min_dist), "seed": seed}
    if read(run, scratch, name := name_of("umap", current_stamp(run), **settings)) is not None:
        return name  # another server has just done it
    found = probe(run_path, scratch_path)
    arrays = read(run, scratch, found)
    if arrays is None:
        raise RunError(f"Run {run.id} wrote another checkpoint meanwhile. Try again.")
    probed = Probe.of(arrays)
    if not probed.books:
        raise RunError(f"The model of run {run.id} has no codebook, so that there is nothing to lay out.")
    if not 0 <= book < len(probed.books):
        raise RunError(f"The model of run {run.id} has {len(probed.books)} codebooks; there is no number {book + 1}.")
    one = probed.books[book]
    result = lay_out(one.codebook, one.counts, one.z, neighbours=neighbours, min_dist=min_dist, seed=seed)
    name = name_of("umap", stamp_of(found), **settings)
    write(run, scratch, name, {"step": np.array(probed.step), **result})
    return name


def lay_out(
    codebook: NDArray[Any], counts: NDArray[np.int64], z: NDArray[Any], *, neighbours: int = 15, min_dist: float = 0.1, seed: int = 0
) -> Arrays:
    """The fields of a `Layout`, less its step: codebook (K, D) with its hits (K,), and encoder outputs z (V, D)."""
    K = len(codebook)
    rows = np.concatenate([np.asarray(codebook, dtype=np.float64), np.asarray(z, dtype=np.float64)])  # (N, D)
    good = np.isfinite(rows).all(axis=1)
    if K > CODES:
        good[np.argsort(-counts, kind="stable")[CODES:]] = False
    kept = rows[good]
    first, place = _distinct(kept)  # (M,), (N kept,)
    points, used, method = _placed(kept[first], neighbours, min_dist, seed)
    where = np.full((len(rows), 2), np.nan, dtype=np.float32)
    where[good] = points[place]
    repeats = np.zeros(len(rows), dtype=bool)
    repeats[np.nonzero(good)[0]] = first[place] != np.arange(len(kept))
    numbers = {
        "repeated_codes": repeats[:K].sum(),
        "repeated_cloud": repeats[K:].sum(),
        "left_out": (~good).sum(),
        "distinct": len(first),
        "neighbours": used,
    }
    return {"codes": where[:K], "cloud": where[K:], "method": np.array(method), **{name: np.array(int(n)) for name, n in numbers.items()}}


def _distinct(rows: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first of each set of equal rows, ascending, and for each row which of these it is."""
    if not len(rows):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    centred = rows - rows.mean(axis=0)
    size = np.abs(centred).max()
    # the last digits differ between equal pictures that were encoded in different batches
    keys = np.round(centred / (size * _SAME)) if size > 1e-30 else np.zeros_like(centred)
    _, first, place = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[place.reshape(-1)]


def _placed(rows: NDArray[np.float64], neighbours: int, min_dist: float, seed: int) -> tuple[NDArray[np.float32], int, str]:
    """Places (M, 2) of distinct rows (M, D), the neighbours used, and the method."""
    start = _plane(rows)
    if len(rows) < FEWEST:
        return start, 0, "pca"
    if np.ptp(start[:, 1]) < 1e-4 * _START:  # umap stretches both axes to one length; rows on a line start on a bow
        start[:, 1] = start[:, 0] ** 2 / _START
    n = int(np.clip(neighbours, 2, len(rows) - 1))
    # one size for all, so that single precision loses nothing far from zero
    x = rows - rows.mean(axis=0)
    x = (x / np.abs(x).max()).astype(np.float32)
    with _guard, _quiet():
        fit = _umap_class()(
            n_neighbors=n,
            min_dist=float(np.clip(min_dist, 0, 1)),
            n_epochs=EPOCHS,
            init=start,
            random_state=seed,
            n_jobs=1,
            # umap's own search would be compiled for seconds in each process, and is approximate beyond 4,096 rows
            precomputed_knn=_nearest(x, n),
        )
        points: NDArray[np.float32] = fit.fit_transform(x)
    return points, n, "umap"


def _plane(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    """Rows (M, D) on their first two principal components, (M, 2), reaching as far as a first layout should."""
    centred = rows - rows.mean(axis=0) if len(rows) else rows
    size = float(np.abs(centred).max(initial=0.0))
    if size <= 1e-30:
        return np.zeros((len(rows), 2), dtype=np.float32)
    _, vectors = np.linalg.eigh(centred.T @ centred / size**2)
    axes = vectors[:, ::-1][:, :2]  # (D, 2), or (1, 1)
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    points = np.pad(centred @ axes, [(0, 0), (0, 2 - axes.shape[1])])
    return np.asarray(points * (_START / np.abs(points).max()), dtype=np.float32)


def _nearest(x: NDArray[np.float32], n: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Each row's n nearest rows, itself first, and their Euclidean distances: (M, n) both. Exact, in blocks."""
    norms = np.square(x).sum(axis=1)
    indices, distances = np.empty((len(x), n), dtype=np.int32), np.empty((len(x), n), dtype=np.float32)
    for begin in range(0, len(x), _BLOCK):
        block = slice(begin, begin + _BLOCK)
        squares = norms[block, None] - 2 * (x[block] @ x.T) + norms  # (block, M)
        own = np.arange(len(squares))
        squares[own, begin + own] = -1.0
        near = np.argpartition(squares, n - 1, axis=1)[:, :n]
        # the short way above loses digits where rows are close: once more for those that are kept
        exact = np.sqrt(np.square(x[block][:, None] - x[near]).sum(axis=2))
        exact[near == begin + own[:, None]] = -1.0
        order = np.argsort(exact, axis=1, kind="stable")
        indices[block] = np.take_along_axis(near, order, axis=1)
        distances[block] = np.maximum(np.take_along_axis(exact, order, axis=1), 0)
    return indices, distances


def warm_umap() -> None:
    """Import UMAP and lay out a few points, so that the next layout does not wait for numba's compiler.

    The first time in an installation that takes about 40 s of processor time; then what was compiled comes from numba's disk cache
    (see `compiler`) in about 4 s, nearly all of it the import.
    """
    with importing:  # a short hold: who counts codes meanwhile finds these there, and need not wait for UMAP's own
        importlib.import_module("sklearn.linear_model")
        importlib.import_module("scipy.sparse")
    rows = np.random.default_rng(0).normal(size=(4 * FEWEST, 3))
    _placed(rows, 5, 0.1, 0)


@contextlib.contextmanager
def _quiet() -> Any:
    """UMAP warns of what is meant here: given neighbours, a seed, a module for TensorFlow that nobody needs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _umap_class() -> Any:
    """Raises RunError where UMAP cannot be imported."""
    prepare()
    try:
        import numba
        import umap.layouts as layouts
        import umap.umap_ as parts
    except (ImportError, RuntimeError, OSError) as error:
        text = str(error).strip().split("\n")[0][:200]
        raise RunError(
            f"UMAP could not be loaded ({type(error).__name__}: {text}). The map by principal components needs nothing of it; "
            "“python -m vqcore doctor” checks the installation."
        ) from None

    numba.set_num_threads(1)
    compiled = (parts.smooth_knn_dist, parts.compute_membership_strengths, layouts._nb_optimize_layout_euclidean_single_epoch)
    for function in compiled:
        # no folder to write to, or another version's layout: then it is compiled in each process
        with contextlib.suppress(Exception):
            function.enable_caching()
    return parts.UMAP
