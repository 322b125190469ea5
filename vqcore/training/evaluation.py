"""The frozen model over validation data: figures, pictures and snapshots. Changes nothing in the model.

Axes: N examples, C H W a picture, D code dimension, h w the latent grid, K codes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqcore.colours import CodeColours
from vqcore.data.base import Dataset
from vqcore.errors import DataError
from vqcore.metrics.codebook import UsageMeter, entropy_bits, perplexity
from vqcore.metrics.reconstruction import mse, nmse, psnr
from vqcore.models.base import Model, frozen
from vqcore.models.draw import drawable
from vqcore.records import DECODED_BYTES, BookEvaluation, BookSnapshot, Evaluation, Gallery, Snapshot, compact

BATCH = 256
PICTURES = 64
SAMPLE = 512  # encoder outputs kept with each snapshot


@dataclass(frozen=True, slots=True)
class Reference:
    """What a model is measured against: `variance` of all training values, `mean` training example (C, H, W) in data range."""

    variance: float
    mean: NDArray[np.float32]


def reference(dataset: Dataset) -> Reference:
    """Global variance and mean example of the training split. Raises DataError where all of its values are the same."""
    x = dataset.x[dataset.train]
    if x.dtype == np.uint8:
        # 256 possible values: the histogram gives the exact variance without a float copy of the data
        counts = np.bincount(x.reshape(-1), minlength=256).astype(np.float64)
        values = np.arange(256) / 255
        mean = float((counts * values).sum() / counts.sum())
        variance = float((counts * (values - mean) ** 2).sum() / counts.sum())
        example = (x.mean(axis=0) / 255).astype(np.float32)
    else:
        variance = float(x.var(dtype=np.float64))
        example = x.mean(axis=0).astype(np.float32)
    # not by the variance alone: a mean that is rounded leaves some; and float32, in which the model keeps it, rounds the smallest to 0
    if x.min() == x.max() or not np.float32(variance) > 0:
        raise DataError(
            f"All training examples of {dataset.name} have the same value everywhere ({x.reshape(-1)[0]}): there is nothing to learn. "
            "Choose data that differ, or replace the files."
        )
    return Reference(variance, example)


def validation_order(dataset: Dataset) -> NDArray[np.int64]:
    """The validation examples in one fixed random order, so that any prefix is a fair sample."""
    order: NDArray[np.int64] = np.random.default_rng(0).permutation(dataset.validation)
    return order


def evaluate(model: Model, x: Tensor, step: int, ref: Reference, *, complete: bool) -> tuple[Evaluation, tuple[NDArray[np.int64], ...]]:
    """Figures of the frozen model over `x` (N, …), as stored (uint8 or float32); also each book's hits (K,).

    Always in float32, whatever the training's precision. Nothing of books while codes wait for their start.
    """
    books = model.books if model.quantises else ()
    counts = tuple(torch.zeros(book.K, dtype=torch.int64, device=x.device) for book in books)
    per_image = [0] * len(books)
    sums: dict[str, float] = {}
    error = mean_picture_error = 0.0
    mean = torch.from_numpy(ref.mean).to(x.device)
    with frozen(model):
        for start in range(0, len(x), BATCH):
            batch = to_model(x[start : start + BATCH])
            out = model(batch)
            share = len(batch) / len(x)
            for name, value in (("loss", out.loss), *out.terms.items()):
                sums[name] = sums.get(name, 0.0) + float(value) * share
            error += float(mse(batch, out.x_hat)) * share
            mean_picture_error += float(mse(batch, mean.expand_as(batch))) * share
            for i, indices in enumerate(out.codes[: len(books)]):
                counts[i].add_(torch.bincount(indices.reshape(-1), minlength=books[i].K))
                per_image[i] = indices[0].numel()
    hits = tuple(count.cpu().numpy() for count in counts)
    figures = tuple(
        BookEvaluation(
            name=book.name,
            K=book.K,
            used=int((hit > 0).sum()),
            perplexity=float(perplexity(torch.from_numpy(hit))),
            entropy_bits=float(entropy_bits(torch.from_numpy(hit))),
            vectors=int(hit.sum()),
            indices_per_image=m,
            capacity_bits=m * math.log2(book.K),
        )
        for book, hit, m in zip(books, hits, per_image, strict=True)
    )
    record = Evaluation(
        step=step,
        images=len(x),
        complete=complete,
        loss=sums.pop("loss"),
        terms=sums,
        mse=error,
        nmse=nmse(error, ref.variance),
        nmse_mean_picture=nmse(mean_picture_error, ref.variance),
        psnr=psnr(max(error, 1e-12)),  # JSON has no infinity
        books=figures,
    )
    return record, hits


def gallery(model: Model, x: Tensor, labels: NDArray[np.int64], step: int, colours: CodeColours | None) -> Gallery:
    """`x` (N, …), as stored, through the frozen model. `colours`: the first book's; None: z_e and z_q each give their own.

    No indices while codes wait for their start.
    """
    with frozen(model):
        out = model(to_model(x))
    first = out.levels[0]
    z_e, z_q = _cells(first.z_e), _cells(first.z_q)
    if colours is not None:
        # as the first book compares them, which is where its codes are
        z_e = model.compared(tuple(level.z_e for level in out.levels))[0].cpu().numpy().reshape(z_e.shape)
    return Gallery(
        step=step,
        inputs=drawable(x),
        reconstructions=drawable(out.x_hat),
        z_e=(colours or _own_colours(z_e)).of(z_e),
        z_q=(colours or _own_colours(z_q)).of(z_q),
        indices=tuple(indices.cpu().numpy().astype(np.int32) for indices in out.codes if model.quantises),
        labels=labels,
    )


def snapshot(
    model: Model, x: Tensor, meters: tuple[UsageMeter, ...], validation_hits: tuple[NDArray[np.int64], ...], step: int
) -> Snapshot:
    """Each codebook as it is compared, with its usage, what its codes decode to, and a sample of what `x` (N, …), as stored, becomes
    in the encoder.

    The caller clears the meters' counts.
    """
    books = []
    vectors = sample(model, x)
    with frozen(model):
        compared, chosen = model.compared(vectors), model.chosen(vectors)
    decoded = _decoded_codes(model, x.shape[1:])
    for book, codebook, meter, ema, hits, z, codes in zip(
        model.books, model.codebooks(), meters, model.ema_counts(), validation_hits, compared, chosen, strict=True
    ):
        books.append(
            BookSnapshot(
                name=book.name,
                codebook=compact(codebook.cpu().numpy()),
                usage=meter.counts.cpu().numpy().astype(np.int64),
                validation_usage=hits.astype(np.int64),
                age=meter.age(step).cpu().numpy(),
                ema_count=np.zeros(0, np.float32) if ema is None else ema.detach().float().cpu().numpy(),
                z=compact(z.cpu().numpy()),
                z_code=codes.cpu().numpy().astype(np.int32),
                decoded=decoded,
            )
        )
    return Snapshot(step=step, books=tuple(books))


def sample(model: Model, x: Tensor) -> tuple[Tensor, ...]:
    """Of each level at most SAMPLE encoder outputs, float32 (V, D), of the frozen model for `x` (N, …), as stored: always from the same
    places.
    """
    cells = min(level.cells for level in model.levels)
    with frozen(model):
        outputs = model.outputs(to_model(x[: max(PICTURES, -(-SAMPLE // cells))]))
    found = []
    for z_e in outputs:
        z = z_e.float().movedim(1, -1).reshape(-1, z_e.shape[1])  # (N, D)
        picked = np.random.default_rng(0).permutation(len(z))[:SAMPLE]
        found.append(z[torch.from_numpy(picked).to(z.device)])
    return tuple(found)


def _decoded_codes(model: Model, shape: Sequence[int]) -> NDArray[np.uint8]:
    """What grids of one code each decode to, uint8 (K, H, W, C), for pictures of `shape` (C, H, W); see BookSnapshot."""
    books = model.books
    if len(books) != 1 or len(shape) != 3 or books[0].K * math.prod(shape) > DECODED_BYTES:
        return np.zeros((0, 0, 0, 0), dtype=np.uint8)
    K, (grid,) = books[0].K, model.grids
    indices = torch.arange(K, device=model.device).reshape(K, *(1 for _ in grid)).expand(K, *grid)
    with frozen(model):
        parts = [model.decode_indices((indices[start : start + BATCH],)) for start in range(0, K, BATCH)]
    pictures: NDArray[np.uint8] = drawable(torch.cat(parts)).astype(np.uint8, copy=False)
    return pictures


def to_model(x: Tensor) -> Tensor:
    """Stored examples as the model takes them: uint8 becomes float32 in [0, 1], points stay as they are."""
    return x.float().div_(255) if x.dtype == torch.uint8 else x.float()


def _cells(z: Tensor) -> NDArray[np.float32]:
    """(N, D, *S) → (N, h, w, D); single vectors and sequences get axes of length 1."""
    array: NDArray[np.float32] = z.detach().float().cpu().movedim(1, -1).numpy()  # (N, *S, D)
    while array.ndim < 4:
        array = array[:, None]
    return array


def _own_colours(cells: NDArray[np.float32]) -> CodeColours:
    flat = cells.reshape(-1, cells.shape[-1])
    return CodeColours.fit(flat, np.ones(len(flat), dtype=bool))
