"""All examples of a data set as codes of a frozen model: what a prior learns from.

Axes: N examples, M codes an example.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vqcore.analysis.load import Frozen, current_stamp, load_dataset, load_frozen, one_thread
from vqcore.config.run import PriorRunConfig
from vqcore.data.base import Dataset
from vqcore.errors import GridError, RunError
from vqcore.layout import Layout
from vqcore.runs.analysis import name_of, read, write
from vqcore.runs.codes import CodeSet
from vqcore.runs.folder import RunFolder
from vqcore.training.evaluation import to_model, validation_order

_BATCH_NUMBERS = 2**22  # encoder outputs held at once
_LARGEST = 2**16  # codes are kept as uint16


def codes(run_path: str, scratch_path: str) -> str:
    """Compute and keep the run's `CodeSet` as a result of kind "codes", unless it is there; returns the result's name.

    `scratch_path`: where results for a read-only run are kept; "" for a run that can be written. A prior's run gives the codes that
    it holds. Raises RunError, DataError, ConfigError.
    """
    run = RunFolder(Path(run_path), read_only=bool(scratch_path))
    if read(run, Path(scratch_path), name := name_of("codes", current_stamp(run))) is not None:
        return name
    if isinstance(run.config(), PriorRunConfig):
        kept = run.codes()
        if kept is None:
            raise RunError(f"Run {run.id} has no codes yet: they are there once it has started.")
        write(run, Path(scratch_path), name, kept.arrays())
        return name
    with one_thread():
        frozen = load_frozen(run)
        found = extract(frozen, load_dataset(frozen.config.data))
        write(run, Path(scratch_path), name := name_of("codes", frozen.stamp), found.arrays())
    return name


def codes_of(run: RunFolder) -> CodeSet:
    """The codes of all data under the run's checkpoint, computed now; of a prior's run those that it holds.

    Raises RunError, DataError, ConfigError.
    """
    if (held := run.codes()) is not None:
        return held
    frozen = load_frozen(run)
    return extract(frozen, load_dataset(frozen.config.data))


def extract(frozen: Frozen, dataset: Dataset) -> CodeSet:
    """The codes of every training and validation example, validation in the order in which evaluations take it.

    Labels are those of the data's main factor. Raises RunError for a model without a codebook, or with one of more than 65,536 codes.
    """
    main = next(iter(dataset.labels.items()), None)
    names = main[1].names if main else ()
    try:
        layout = frozen.layout(len(names))
    except GridError as error:
        raise RunError(f"{error} A prior needs them: choose a model that quantises.") from None
    if layout.vocabulary > _LARGEST:
        raise RunError(f"A codebook of {layout.vocabulary:,} codes is too large for a prior: {_LARGEST:,} at most.")
    values = main[1].values if main else np.full(len(dataset.x), -1, dtype=np.int64)
    order = validation_order(dataset)
    return CodeSet(
        layout=layout,
        step=frozen.step,
        train=_encoded(frozen, layout, dataset, dataset.train),
        validation=_encoded(frozen, layout, dataset, order),
        train_labels=values[dataset.train],
        validation_labels=values[order],
        train_images=dataset.train,
        validation_images=order,
        label_set=main[0] if main else "",
        label_names=names,
    )


@torch.no_grad()
def _encoded(frozen: Frozen, layout: Layout, dataset: Dataset, chosen: NDArray[np.int64]) -> NDArray[np.uint16]:
    """The codes of the chosen examples, (N, M)."""
    model = frozen.model
    batch = model.batch(_BATCH_NUMBERS)
    rows = np.zeros((len(chosen), layout.length), dtype=np.uint16)
    for start in range(0, len(chosen), batch):
        x = torch.from_numpy(dataset.x[chosen[start : start + batch]]).to(model.device)
        indices = model.indices(to_model(x))
        flat = torch.cat([grid.reshape(len(x), -1) for grid in indices], dim=1)  # (n, M)
        rows[start : start + len(x)] = flat.cpu().numpy()
    return rows
