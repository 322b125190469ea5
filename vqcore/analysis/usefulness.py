"""Are the codes useful in themselves? A linear classifier that knows only how often each code occurs in a picture.

It is trained on the training split and judged on the validation split, against three others that were trained and judged alike:

- *shuffled*: every picture is given the codes of another one of its split, drawn at random. All else stays: how often each code occurs
  overall, what a picture's counts look like, how many examples there are. Whatever it gets right, it gets right by chance and by the
  labels' frequencies. Drawn several times. This is the control that tells whether the codes say anything about the label.
- *renamed*: within each picture the codes' names are exchanged at random. How many different codes it has and how often each occurs
  stays; which ones they are is lost. What the true codes do better comes from the codes' identities.
- *majority*: always the training split's most frequent label.

Renaming all codes alike would be no control, for a linear classifier would learn the same under the new names; neither would moving
codes about within a picture, which leaves its counts as they are. The VQ-VAE paper's own control (arXiv:1711.00937 §4.3) is random
latents: shuffling keeps the codes' frequencies as well.

Axes: N pictures, K codes of all books together, S label sets, R shuffles.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vqcore.analysis.load import Loaded, current_stamp, importing, load_model, one_thread
from vqcore.errors import RunError
from vqcore.runs.analysis import Arrays, name_of, read, write
from vqcore.runs.folder import RunFolder
from vqcore.training.evaluation import to_model, validation_order

EXAMPLES = 4_000  # of each split, at most
SHUFFLES = 3
_COUNTS = 2**24  # numbers held for one split; books of more than 4,096 codes are judged on fewer examples
_ROUNDS = 500
_BATCH_NUMBERS = 2**22


def usefulness(run_path: str, scratch_path: str) -> str:
    """Compute and keep what `vqcore.runs.probed.Usefulness` reads, unless it is there; returns the result's name.

    Raises RunError, DataError, ConfigError.
    """
    run = RunFolder(Path(run_path), read_only=bool(scratch_path))
    if read(run, Path(scratch_path), name := name_of("usefulness", current_stamp(run))) is not None:
        return name
    with one_thread():
        loaded = load_model(run)
        name = name_of("usefulness", loaded.stamp)
        write(run, Path(scratch_path), name, usefulness_arrays(loaded))
    return name


def usefulness_arrays(loaded: Loaded) -> Arrays:
    """What `usefulness` keeps. Raises RunError for a model without codes."""
    dataset = loaded.dataset
    if not loaded.model.books:
        raise RunError("This model has no codebook, so that there are no codes to count.")
    most = min(EXAMPLES, _COUNTS // sum(book.K for book in loaded.model.books))
    train = np.random.default_rng(0).permutation(dataset.train)[:most]
    held_out = validation_order(dataset)[:most]
    sets = {name: labels for name, labels in dataset.labels.items() if len(labels.names) > 1}
    rows: dict[str, list[Any]] = {name: [] for name in ("correct", "shuffled", "renamed", "majority", "classes", "converged")}
    if sets:
        counts, seen = code_counts(loaded, train), code_counts(loaded, held_out)
        random = np.random.default_rng(0)
        mixed = renamed(counts, random), renamed(seen, random)
        for labels in sets.values():
            y, truth = labels.values[train], labels.values[held_out]
            correct, converged = judged(counts, y, seen, truth)
            shuffles = [judged(random.permutation(counts), y, random.permutation(seen), truth)[0] for _ in range(SHUFFLES)]
            rows["correct"].append(correct)
            rows["shuffled"].append(shuffles)
            rows["renamed"].append(judged(mixed[0], y, mixed[1], truth)[0])
            rows["majority"].append(int((truth == np.bincount(y).argmax()).sum()))
            rows["classes"].append(len(labels.names))
            rows["converged"].append(converged)
    return {
        "step": np.array(loaded.step),
        "label_sets": np.array(list(sets), dtype=np.str_),
        "trained_on": np.array(len(train)),
        "judged_on": np.array(len(held_out)),
        **{name: np.array(row) for name, row in rows.items()},
    }


@torch.no_grad()
def code_counts(loaded: Loaded, examples: NDArray[np.int64]) -> NDArray[np.float32]:
    """How often each code occurs in each of these examples (rows of the data set): (N, K), the books' codes one after the other."""
    model = loaded.model
    x = torch.from_numpy(loaded.dataset.x[examples])
    sizes = [book.K for book in model.books]
    counts = np.zeros((len(x), sum(sizes)), dtype=np.float32)
    batch = model.batch(_BATCH_NUMBERS)
    for start in range(0, len(x), batch):
        grids = model.indices(to_model(x[start : start + batch]))
        for first, grid in zip(np.cumsum([0, *sizes]), grids, strict=False):
            row = np.repeat(np.arange(start, start + len(grid)), grid[0].numel())
            np.add.at(counts, (row, first + grid.reshape(-1).numpy()), 1)
    return counts


def renamed(counts: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    """The counts (N, K) of each picture, given to codes at random."""
    return random.permuted(counts, axis=1)


def judged(x: NDArray[np.float32], y: NDArray[np.int64], seen: NDArray[np.float32], truth: NDArray[np.int64]) -> tuple[int, bool]:
    """Train a classifier on counts x (N, K) with labels y (N,): how many of `seen` it names as in `truth`, and whether it converged.

    Logistic regression over all classes at once, weights penalised (C = 1), counts divided by each code's standard deviation.
    """
    with importing:
        from scipy.sparse import csr_array  # type: ignore[import-untyped]
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression

    if len(np.unique(y)) < 2:
        return int((truth == y[0]).sum()), True
    spread = x.std(axis=0)
    scale = 1 / np.where(spread > 0, spread, 1)  # a code that never occurs stays at zero
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier = LogisticRegression(C=1.0, max_iter=_ROUNDS).fit(csr_array(x * scale), y)
    correct = int((classifier.predict(csr_array(seen * scale)) == truth).sum())
    return correct, not any(issubclass(warning.category, ConvergenceWarning) for warning in caught)
