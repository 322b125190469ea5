"""What a run's codes stand for: all validation data through the frozen model, counted by code, with the real patches behind each.

Axes: N examples, C H W a picture's, h w the latent grid's, K codes, D code dimension, V vectors kept, L labels, P patches a code,
K' codes decoded, n pictures kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqcore.analysis.load import Loaded, current_stamp, load_model, one_thread
from vqcore.analysis.receptive import receptive_fields
from vqcore.models.draw import drawable
from vqcore.records import compact
from vqcore.runs.analysis import Arrays, name_of, read, write
from vqcore.runs.folder import RunFolder
from vqcore.shape import Book
from vqcore.training.evaluation import to_model, validation_order

EXAMPLES = 20_000
VECTORS = 2_000
PATCHES = 12
DECODED = 4_096
PICTURE_BYTES = 32 * 2**20  # of the pictures that patches are shown in
DECODED_BYTES = 16 * 2**20
_BATCH_NUMBERS = 2**22  # encoder outputs held at once
_SMALL_BOOK = 2**22  # numbers; a larger codebook is kept as float16 where that holds it


def probe(run_path: str, scratch_path: str) -> str:
    """Compute and keep what `vqcore.runs.probed.Probe` reads, unless it is there; returns the result's name.

    `scratch_path`: where results for a read-only run are kept; "" for a run that can be written. Raises RunError, DataError, ConfigError.
    """
    run = RunFolder(Path(run_path), read_only=bool(scratch_path))
    if read(run, Path(scratch_path), name := name_of("probe", current_stamp(run))) is not None:
        return name
    with one_thread(), torch.no_grad():
        loaded = load_model(run)
        name = name_of("probe", loaded.stamp)
        write(run, Path(scratch_path), name, probe_arrays(loaded))
    return name


def probe_arrays(loaded: Loaded, examples: int = EXAMPLES) -> Arrays:
    """What `probe` keeps. At most `examples` validation examples, in the order in which evaluations take them."""
    dataset, model = loaded.dataset, loaded.model
    chosen = validation_order(dataset)[:examples]
    labels = next(iter(dataset.labels.items()), None)
    values = labels[1].values[chosen] if labels else np.full(len(chosen), -1, dtype=np.int64)
    names = labels[1].names if labels else ()
    x = torch.from_numpy(dataset.x[chosen])
    books = model.books
    shown = min(len(x), max(1, PICTURE_BYTES // max(1, dataset.x[0].nbytes)))  # of these pictures patches are shown
    takers = [_Taker(book, values, len(names), shown) for book in books]
    batch = model.batch(_BATCH_NUMBERS)
    codebooks = model.codebooks()
    cells = [math.prod(grid) for grid in model.grids]
    picked = {n: np.sort(np.random.default_rng(0).permutation(len(x) * n)[:VECTORS]) for n in set(cells)}
    for start in range(0, len(x), batch) if books else ():
        outputs = model.outputs(to_model(x[start : start + batch]))
        for taker, n, z, codebook, grid in zip(takers, cells, model.compared(outputs), codebooks, model.chosen(outputs), strict=True):
            taker.take(start, z, codebook, grid, picked[n] - start * n)
    arrays: Arrays = {
        "step": np.array(loaded.step),
        "images": np.array(len(x)),
        "complete": np.array(len(x) == len(dataset.validation)),
        "books": np.array(len(books)),
        "label_set": np.array(labels[0] if labels else ""),
        "label_names": np.array(names, dtype=np.str_),
    }
    for taker in takers:
        taker.merge()
    used = np.unique(np.concatenate([taker.patch_example[taker.patch_example >= 0] for taker in takers])) if takers else np.zeros(0, int)
    arrays |= {
        "pictures": drawable(x[torch.from_numpy(used)]),
        "picture_image": chosen[used],
        "picture_label": values[used],
    }
    counts, shapes = tuple(taker.counts for taker in takers), tuple(taker.grid for taker in takers)
    for i, (taker, codebook) in enumerate(zip(takers, codebooks, strict=True)):
        book = taker.arrays(chosen, values, used)
        decoded, decoded_code = _decoded(loaded, i, counts, shapes)
        kept = codebook.cpu().numpy()
        book |= {
            "name": np.array(books[i].name),
            "codebook": kept if kept.size <= _SMALL_BOOK else compact(kept),
            "decoded": decoded,
            "decoded_code": decoded_code,
            "fields": _fields(loaded, model.level_of_book[i]),
        }
        arrays |= {f"{name}_{i}": value for name, value in book.items()}
    return arrays


@dataclass(slots=True)
class _Taker:
    """Collects what one book shows, batch by batch. `values` (N,): the examples' labels; patches come from the first `shown` examples."""

    book: Book
    values: NDArray[np.int64]
    label_count: int
    shown: int
    grid: tuple[int, ...] = ()
    counts: NDArray[np.int64] = field(init=False)
    label_counts: NDArray[np.int64] = field(init=False)
    patch_example: NDArray[np.int64] = field(init=False)  # (K, P), −1: none
    patch_cell: NDArray[np.int64] = field(init=False)
    patch_repeat: NDArray[np.int64] = field(init=False)  # how many nearer ones of the same code its picture has
    patch_distance: NDArray[np.float32] = field(init=False)
    found: list[tuple[NDArray[Any], ...]] = field(default_factory=list)  # patches not merged yet
    sample: list[tuple[NDArray[Any], ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        K = self.book.K
        self.counts = np.zeros(K, dtype=np.int64)
        self.label_counts = np.zeros((K, self.label_count), dtype=np.int64)
        self.patch_example = np.full((K, PATCHES), -1, dtype=np.int64)
        self.patch_cell = np.full((K, PATCHES), -1, dtype=np.int64)
        self.patch_repeat = np.zeros((K, PATCHES), dtype=np.int64)
        self.patch_distance = np.full((K, PATCHES), np.inf, dtype=np.float32)

    def take(self, start: int, z: Tensor, codebook: Tensor, indices: Tensor, picked: NDArray[np.int64]) -> None:
        """A batch whose first example is number `start`: z (B·cells, D) as compared, indices (B, *grid).

        `picked`: which of z's rows are kept as a sample, among others that lie outside.
        """
        self.grid = tuple(indices.shape[1:])
        places = math.prod(self.grid)
        code = indices.reshape(-1).numpy()
        example = start + np.repeat(np.arange(len(indices)), places)
        self.counts += np.bincount(code, minlength=self.book.K)
        if self.label_count:
            flat = code * self.label_count + self.values[example]
            self.label_counts += np.bincount(flat, minlength=self.label_counts.size).reshape(self.label_counts.shape)
        inside = picked[(picked >= 0) & (picked < len(z))]
        self.sample.append((z.numpy()[inside], code[inside].astype(np.int32), example[inside], inside % places))
        if start < self.shown:
            distance = (z - codebook[indices.reshape(-1)]).square().sum(1).numpy()
            good = np.isfinite(distance) & (example < self.shown)
            self.found.append((code[good], example[good], (np.arange(len(code)) % places)[good], distance[good]))
            if sum(len(part[0]) for part in self.found) > self.patch_cell.size:  # few merges, also for large books
                self.merge()

    def merge(self) -> None:
        """What was found into the nearest P of each code; a picture's second patch comes after all pictures' first ones."""
        if not self.found:
            return
        code, example, cell, distance = (np.concatenate(parts) for parts in zip(*self.found, strict=True))
        self.found.clear()
        order = np.lexsort((cell, distance, example, code))
        code, example, cell, distance = code[order], example[order], cell[order], distance[order]
        repeat = _rank(code * np.int64(len(self.values)) + example)
        K = self.book.K
        full = np.isfinite(self.patch_distance).reshape(-1)
        code = np.concatenate([np.repeat(np.arange(K), PATCHES)[full], code])
        example = np.concatenate([self.patch_example.reshape(-1)[full], example])
        cell = np.concatenate([self.patch_cell.reshape(-1)[full], cell])
        repeat = np.concatenate([self.patch_repeat.reshape(-1)[full], repeat])
        distance = np.concatenate([self.patch_distance.reshape(-1)[full], distance])
        order = np.lexsort((distance, repeat, code))
        place = _rank(code[order])
        order, place = order[place < PATCHES], place[place < PATCHES]
        row = code[order]
        self.patch_example[row, place] = example[order]
        self.patch_cell[row, place] = cell[order]
        self.patch_repeat[row, place] = repeat[order]
        self.patch_distance[row, place] = distance[order]

    def arrays(self, chosen: NDArray[np.int64], values: NDArray[np.int64], used: NDArray[np.int64]) -> Arrays:
        """`chosen` (N,): the examples' rows in the data set; `used` (n,): the examples whose pictures are kept, ascending."""
        width = self.grid[-1] if self.grid else 1
        z, z_code, z_example, z_cell = (np.concatenate(parts) for parts in zip(*self.sample, strict=True))
        none = self.patch_example < 0
        return {
            "counts": self.counts,
            "label_counts": self.label_counts,
            "z": compact(z),
            "z_code": z_code,
            "z_image": chosen[z_example],
            "z_label": values[z_example],
            "z_row": (z_cell // width).astype(np.int32),
            "z_col": (z_cell % width).astype(np.int32),
            "patch_picture": np.where(none, -1, np.searchsorted(used, self.patch_example)).astype(np.int32),
            "patch_row": np.where(none, -1, self.patch_cell // width).astype(np.int32),
            "patch_col": np.where(none, -1, self.patch_cell % width).astype(np.int32),
            "patch_distance": np.sqrt(self.patch_distance),
        }


def _rank(keys: NDArray[Any]) -> NDArray[np.int64]:
    """For sorted keys: how many equal ones stand before each."""
    if not len(keys):
        return np.zeros(0, dtype=np.int64)
    first = np.concatenate([[True], keys[1:] != keys[:-1]])
    starts = np.nonzero(first)[0]
    rank: NDArray[np.int64] = np.arange(len(keys)) - np.repeat(starts, np.diff([*starts, len(keys)]))
    return rank


def _decoded(
    loaded: Loaded, i: int, counts: tuple[NDArray[np.int64], ...], shapes: tuple[tuple[int, ...], ...]
) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """What a grid of nothing but code k of book `i` decodes to, the most used codes first; the other books give their most used code.

    Pictures uint8 (K', H, W, C), or points float32 (K', 2), and k int32 (K',).
    """
    model, dataset = loaded.model, loaded.dataset
    most = min(DECODED, max(1, DECODED_BYTES // max(1, dataset.x[0].nbytes)))
    order = np.argsort(-counts[i], kind="stable")[:most]
    batch = model.batch(_BATCH_NUMBERS, 128)
    parts = []
    for start in range(0, len(order), batch):
        codes = torch.from_numpy(order[start : start + batch])
        indices = tuple(
            (codes if j == i else codes.new_full((len(codes),), int(count.argmax()))).view(-1, *[1] * len(shape)).expand(-1, *shape)
            for j, (count, shape) in enumerate(zip(counts, shapes, strict=True))
        )
        parts.append(drawable(model.decode_indices(indices)))
    return np.concatenate(parts), order.astype(np.int32)


def _fields(loaded: Loaded, level: int) -> NDArray[np.int32]:
    """The receptive field of each cell of a level's grid, int32 (h, w, 4) as in `receptive_fields`; (0, 0, 4) for points."""
    if loaded.dataset.modality != "image":
        return np.zeros((0, 0, 4), dtype=np.int32)
    return receptive_fields(loaded.model, loaded.dataset.shape, level)
