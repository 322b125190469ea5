"""What is painted on: a run's codes, their colours and use, and the pictures to begin with. No torch here; read once for all who look.

Axes: N pictures, H W C a picture's, M codes an example, K codes of a book, n codes of a palette. Session keys owned here: none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vqcore.colours import CodeColours
from vqcore.config.run import PriorRunConfig
from vqcore.errors import RunError
from vqcore.layout import Grid, Layout
from vqcore.records import BookSnapshot, Gallery
from vqcore.runs.analysis import Stamp, checkpoint_stamp, name_of, read, scratch_of
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Probe
from vqcore.runs.store import runs_folder

PALETTE = 1_024  # codes: the most used ones; any other can be typed
_CHAIN = 2_048  # codes that are put in an order of likeness, at most
_FAINT = 0.1 * 255  # mean difference from the background under which a tile shows nothing


@dataclass(frozen=True, slots=True, eq=False)
class Palette:
    """One book's codes. `colours` uint8 (K, 3), `usage` (K,) validation hits; `by_use`, `by_likeness`: the same n codes in two orders.

    `tiles` uint8 (n', h', w', C): what the codes `tiled` (n',) draw, where that is known without the model.
    `background`: the brightness of most pixels of the pictures.
    """

    colours: NDArray[np.uint8]
    usage: NDArray[np.int64]
    by_use: NDArray[np.int64]
    by_likeness: NDArray[np.int64]
    tiles: NDArray[np.uint8] | None = None
    tiled: NDArray[np.int64] | None = None
    background: int = 0

    def visible_first(self, order: NDArray[np.int64], tiles: NDArray[np.uint8], tiled: NDArray[np.int64]) -> NDArray[np.int64]:
        """`order` (n,) with the codes whose tiles cannot be told from the background moved to its end. `tiles` are those of `tiled`."""
        faint = np.abs(tiles.astype(np.int16) - self.background).reshape(len(tiles), -1).mean(axis=1) < _FAINT
        blank = np.isin(order, tiled[faint])
        return np.concatenate([order[~blank], order[blank]])


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """`pictures` and `reconstructions` uint8 (N, H, W, C), with `codes` (N, M), by the model at step `drawn_at`; `what` names them.

    `stamp`: of the checkpoint that decodes.
    """

    run: RunFolder
    stamp: Stamp
    layout: Layout
    palettes: tuple[Palette, ...]
    pictures: NDArray[np.uint8]
    reconstructions: NDArray[np.uint8]
    codes: NDArray[np.int64]
    drawn_at: int
    what: str

    @property
    def of(self) -> str:
        return self.run.id

    @property
    def settled(self) -> bool:
        """Whether the codes are those of the checkpoint, so that nothing has to be encoded anew."""
        return self.drawn_at == self.stamp.step

    def redrawn(self, codes: NDArray[np.int64]) -> NDArray[np.uint8] | None:
        """The stored reconstruction of the picture that has these codes (M,); None when none has."""
        (found,) = np.nonzero((self.codes == codes).all(axis=1))
        return self.reconstructions[found[0]] if len(found) else None


def missing(run: RunFolder) -> str:
    """Why there is nothing to paint on, as a sentence for the page; "" when there is."""
    config = run.config()
    if isinstance(config, PriorRunConfig):  # its model's own run is gone
        if run.codes() is None or run.samples() is None:
            return "This prior has not drawn any samples yet, and the model's own images went with its run. Samples come as it trains."
        return ""
    if checkpoint_stamp(run) is None:
        every = config.train.checkpoint_every
        return (
            f"This run has no checkpoint yet, from which its model could be loaded. The first one comes at step {every:,}, or when it ends."
        )
    gallery, snapshot = run.gallery(), run.snapshot()
    if gallery is None or not len(gallery.inputs):
        return "This run has no pictures yet. The first ones come as soon as it trains."
    if snapshot is None or not gallery.indices:
        return "The codes of this run had not started when its latest pictures were made. Paint from the next evaluation on."
    return ""


def source(run: RunFolder) -> Source:
    """For a run in which nothing is `missing`. Raises RunError."""
    config = run.config()
    if isinstance(config, PriorRunConfig):
        return _of_samples(
            str(run.path), run.read_only, Stamp(config.parent.step, config.parent.checkpoint), max(run.sample_steps(), default=-1)
        )
    stamp = checkpoint_stamp(run)
    if stamp is None:
        raise RunError(f"Run {run.id} has lost its checkpoint: its model cannot be loaded.")
    return _of_gallery(str(run.path), run.read_only, stamp, max(run.galleries(), default=-1))


@st.cache_resource(max_entries=8, show_spinner=False)
def _of_gallery(path: str, read_only: bool, stamp: Stamp, latest: int) -> Source:
    run = RunFolder(Path(path), read_only=read_only)
    gallery, snapshot = run.gallery(), run.snapshot()
    if gallery is None or snapshot is None:
        raise RunError(f"The pictures of run {run.id} are gone: it was restarted. Look again in a moment.")
    grids = tuple(
        Grid(book.name, len(book.codebook), tuple(found.shape[1:])) for book, found in zip(snapshot.books, gallery.indices, strict=True)
    )
    layout = Layout(grids)
    codes = layout.join([np.asarray(found, dtype=np.int64) for found in gallery.indices])
    probe = _probe(run, stamp)
    palettes = tuple(_palette(book, gallery, i, layout, probe) for i, book in enumerate(snapshot.books))
    return Source(run, stamp, layout, palettes, gallery.inputs, gallery.reconstructions, codes, gallery.step, "validation images")


@st.cache_resource(max_entries=8, show_spinner=False)
def _of_samples(path: str, read_only: bool, stamp: Stamp, latest: int) -> Source:
    """A prior that outlived its model's run: what it holds itself is all there is, and its samples are the pictures to begin with."""
    run = RunFolder(Path(path), read_only=read_only)
    held, samples, model = run.codes(), run.samples(), run.model_state()
    if held is None or samples is None or model is None:
        raise RunError(f"Run {run.id} has lost its copy of the model, of the codes, or its samples.")
    layout = Layout(held.layout.grids)
    codes = layout.join([np.asarray(found, dtype=np.int64) for found in samples.codes])
    books = [tensor for name, tensor in sorted(model.tensors.items()) if name.endswith("codebook") and tensor.ndim == 2]
    palettes = []
    for i, (grid, trained) in enumerate(zip(layout.grids, layout.split(held.train.astype(np.int64)), strict=True)):
        usage = np.bincount(trained.ravel(), minlength=grid.K)
        # a book whose vectors are stored otherwise has colours by index
        book = books[i] if len(books) == len(layout.grids) and len(books[i]) == grid.K else np.arange(grid.K, dtype=np.float32)[:, None]
        by_use = np.argsort(-usage, kind="stable")[:PALETTE]
        colours = CodeColours.fit(book, usage > 0).codes
        likeness = _chained(np.asarray(book, dtype=np.float32), by_use)
        palettes.append(Palette(colours, usage, by_use, likeness, background=int(np.median(samples.pictures))))
    # samples are decoded by the very model that they are painted with
    return Source(run, stamp, layout, tuple(palettes), samples.pictures, samples.pictures, codes, stamp.step, "samples of this prior")


def _probe(run: RunFolder, stamp: Stamp) -> Probe | None:
    """What was computed of this very checkpoint for other screens, if it was."""
    arrays = read(run, scratch_of(runs_folder()), name_of("probe", stamp))
    return None if arrays is None else Probe.of(arrays)


def _palette(book: BookSnapshot, gallery: Gallery, i: int, layout: Layout, probe: Probe | None) -> Palette:
    usage = book.validation_usage
    colours = CodeColours.fit(book.codebook, (usage > 0) | (book.usage > 0)).codes
    # of several books each adds to z_q, which then has no code's own colour
    if len(layout.grids) == 1 and gallery.z_q.shape[:-1] == gallery.indices[0].reshape(*gallery.z_q.shape[:-1]).shape:
        colours[gallery.indices[0].ravel()] = gallery.z_q.reshape(-1, 3)  # the very colours that other screens show
    by_use = np.argsort(-usage, kind="stable")[:PALETTE]
    tiles, tiled = None, None
    if probe is not None and i < len(probe.books) and probe.books[i].decoded.ndim == 4 and len(layout.grids) == 1:
        tiles, tiled = _middles(probe.books[i].decoded, layout.grids[i].shape), probe.books[i].decoded_code.astype(np.int64)
    likeness = _chained(book.codebook.astype(np.float32), by_use)
    return Palette(colours, usage, by_use, likeness, tiles, tiled, int(np.median(gallery.inputs)))


def _middles(pictures: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The middle cell of each picture (n, H, W, C) of a grid of one code alone; the whole picture where there are no cells."""
    if len(shape) != 2 or shape[0] * shape[1] < 2:
        return pictures
    H, W = pictures.shape[1:3]
    high, wide = -(-H // shape[0]), -(-W // shape[1])
    top, left = min((shape[0] // 2) * high, H - high), min((shape[1] // 2) * wide, W - wide)
    return pictures[:, top : top + high, left : left + wide]


def _chained(codebook: NDArray[np.float32], codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """`codes` (n,) one after the other, each followed by the nearest that is left, from the most used on: neighbours look alike."""
    if not 2 < len(codes) <= _CHAIN:
        return codes
    points = np.nan_to_num(codebook[codes])
    left = np.ones(len(codes), dtype=bool)
    order = [0]
    left[0] = False
    while left.any():
        distance = np.square(points - points[order[-1]]).sum(axis=1)
        distance[~left] = np.inf
        order.append(int(distance.argmin()))
        left[order[-1]] = False
    chained: NDArray[np.int64] = codes[np.array(order)]
    return chained
