"""What each stage of a residual quantiser adds: rate, distortion and pictures with the first stage alone, the first two, and so on.

Axes: S stages, N validation examples, P pictures kept, H W C a picture's.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch

from vqcore.analysis.load import Loaded, current_stamp, load_model, one_thread
from vqcore.errors import RunError
from vqcore.metrics.codebook import entropy_bits
from vqcore.models.base import frozen
from vqcore.models.draw import drawable
from vqcore.runs.analysis import Arrays, name_of, read, write
from vqcore.runs.folder import RunFolder
from vqcore.training.evaluation import PICTURES, reference, to_model, validation_order

EXAMPLES = 4_000
PICTURE_BYTES = 4 * 2**20  # of all stages' pictures together, at most
_BATCH_NUMBERS = 2**22  # of what is between encoder and decoder, held at once


def stages(run_path: str, scratch_path: str) -> str:
    """Compute and keep what `vqcore.runs.probed.Stages` reads, unless it is there; returns the result's name.

    `scratch_path`: where results for a read-only run are kept; "" for a run that can be written. Raises RunError, DataError, ConfigError.
    """
    run = RunFolder(Path(run_path), read_only=bool(scratch_path))
    if read(run, Path(scratch_path), name := name_of("stages", current_stamp(run))) is not None:
        return name
    with one_thread():
        loaded = load_model(run)
        name = name_of("stages", loaded.stamp)
        write(run, Path(scratch_path), name, stage_arrays(loaded))
    return name


def stage_arrays(loaded: Loaded, examples: int = EXAMPLES) -> Arrays:
    """What `stages` keeps, over at most `examples` validation examples, in the order in which evaluations take them.

    Raises RunError for a model whose first codebooks alone say nothing.
    """
    dataset, model = loaded.dataset, loaded.model
    if not model.bottlenecks[-1].coarser or len(model.levels) > 1:
        raise RunError("This model has no stages: all its codebooks are needed at once. Choose a run with the residual quantizer.")
    count = len(model.books)
    chosen = validation_order(dataset)[:examples]
    shown = max(1, min(PICTURES, len(chosen), PICTURE_BYTES // max(1, count * dataset.x[0].nbytes)))
    x = torch.from_numpy(dataset.x[chosen])
    squares = np.zeros(count)
    hits = [torch.zeros(book.K, dtype=torch.int64) for book in model.books]
    pictures: list[list[np.ndarray]] = [[] for _ in range(count)]
    batch = model.batch(_BATCH_NUMBERS)
    with frozen(model):
        for start in range(0, len(x), batch):
            rows = to_model(x[start : start + batch])
            indices = model.indices(rows)
            for place in range(count):
                x_hat = model.decode_indices(indices[: place + 1])
                squares[place] += float((x_hat - rows).double().square().sum())
                hits[place] += torch.bincount(indices[place].reshape(-1), minlength=len(hits[place]))
                if start < shown:
                    pictures[place].append(drawable(x_hat[: shown - start]))
    cells = [math.prod(grid) for grid in model.grids]
    return {
        "step": np.array(loaded.step),
        "images": np.array(len(x)),
        "names": np.array([book.name for book in model.books], dtype=np.str_),
        "bits": np.cumsum([n * math.log2(book.K) for n, book in zip(cells, model.books, strict=True)]),
        "entropy_bits": np.cumsum([n * float(entropy_bits(counts)) for n, counts in zip(cells, hits, strict=True)]),
        "used": np.array([int((counts > 0).sum()) for counts in hits]),
        "nmse": squares / x.numel() / reference(dataset).variance,
        "pictures": np.stack([np.concatenate(parts) for parts in pictures]),
    }
