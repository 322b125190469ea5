"""Drawing codes from a prior, and asking what it thinks of given ones. Grids come and go as NumPy rows in the order of `Layout`.

`fill` draws each free cell from p(code_i | codes before i): every free cell sees the given ones before it, not those after it.
So it draws from p(free | given) exactly where nothing is given after the first free cell (`is_exact`), else only in a first
approximation; `gibbs` then moves towards the right distribution, sweep by sweep, by scoring each candidate with all later terms.

Random numbers are drawn up front, one for each grid and position, and a code is read off the cumulative distribution: so the same
seed gives the same codes whatever else is in the batch, and with cached or recomputed logits alike.

Axes: B grids, M codes a grid, K the largest book's codes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vqcore.errors import ConfigError, GridError
from vqcore.priors.base import Prior, Stepper, log_probabilities

Codes = NDArray[np.int64]
Labels = Sequence[int] | NDArray[Any] | Tensor | None

_LOGITS = 1 << 22  # numbers held at once by what scores many grids
_GRIDS = 256  # that `sample` draws together


@dataclass(frozen=True, slots=True)
class Filled:
    """One position of all grids, drawn. `codes` (B, M) so far; `probabilities` float32 (B, K): what the code was drawn from.

    `drawn` bool (B,): where this cell was free; elsewhere the code was given, and the probabilities are what would have been.
    """

    position: int
    codes: Codes
    probabilities: NDArray[np.float32]
    drawn: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Swept:
    """One cell drawn again, given all others. `sweep` from 0. `probabilities` float32 (B, K): of each code, given all other cells."""

    sweep: int
    position: int
    codes: Codes
    probabilities: NDArray[np.float32]
    drawn: NDArray[np.bool_]


def sample(
    prior: Prior, n: int, *, labels: Labels = None, temperature: float = 1.0, top_k: int = 0, seed: int = 0, cached: bool = True
) -> Codes:
    """`n` grids (n, M). Arguments as in `fill`."""
    if n < 0:
        raise ConfigError(f"{n} samples: at least 0.")
    rows, mask, given = _given(prior, np.zeros((n, prior.layout.length), dtype=np.int64), None, labels)
    _check_drawing(temperature, top_k)
    numbers = _numbers(np.random.default_rng(seed), rows)
    codes = np.zeros(tuple(rows.shape), dtype=np.int64)
    for start in range(0, n, _GRIDS):
        part = slice(start, start + _GRIDS)
        some = None if given is None else given[part]
        for filled in _fill(prior, rows[part], mask[part], some, numbers[part], temperature, top_k, cached):
            codes[part] = filled.codes
    return codes


def fill(
    prior: Prior,
    codes: Any,
    free: Any = None,
    labels: Labels = None,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    seed: int = 0,
    cached: bool = True,
) -> Iterator[Filled]:
    """Draw the `free` cells in order, bool (M,) or (B, M), all of them by default; the others stay as in `codes` (B, M).

    What `codes` holds at free cells does not matter, but must exist. `labels` (B,): for conditional priors. `temperature` above 0
    divides the logits. `top_k`: only that many of the likeliest codes (equal ones alike), 0 for all. Yields after each position
    that is free somewhere. `cached=False` computes every logit by a whole forward pass. Raises GridError, ConfigError.
    """
    rows, mask, given = _given(prior, codes, free, labels)
    _check_drawing(temperature, top_k)
    return _fill(prior, rows, mask, given, _numbers(np.random.default_rng(seed), rows), temperature, top_k, cached)


def gibbs(
    prior: Prior,
    codes: Any,
    free: Any,
    labels: Labels = None,
    *,
    sweeps: int = 1,
    temperature: float = 1.0,
    seed: int = 0,
) -> Iterator[Swept]:
    """Draw each `free` cell again given all others, in order, `sweeps` times: p(code_i | others) ∝ ∏_{j ≥ i} p(code_j | before j).

    Every code of the cell's book is tried with all later terms, none left out: K forward passes a cell and grid, in bounded
    batches. Starts from `codes` as they are (B, M). The distribution that sweeps approach is p^(1/temperature) of the whole grid,
    which at temperatures other than 1 is not what `fill` draws from. Raises GridError, ConfigError.
    """
    rows, mask, given = _given(prior, codes, free, labels)
    _check_drawing(temperature, 0)
    if sweeps < 1:
        raise ConfigError(f"{sweeps} sweeps: at least 1.")
    return _gibbs(prior, rows, mask, given, sweeps, temperature, seed)


@torch.no_grad()
def surprise(prior: Prior, codes: Any, labels: Labels = None) -> NDArray[np.float32]:
    """−log2 p of each code given those before it, bits (B, M). It depends on the order. Raises GridError, ConfigError."""
    rows, _, given = _given(prior, codes, None, labels)
    was_training = prior.training
    prior.eval()
    try:
        parts = [
            -log_probabilities(prior, rows[part], None if given is None else given[part]) / np.log(2) for part in _parts(prior, len(rows))
        ]
    finally:
        prior.train(was_training)
    bits = torch.cat(parts) if parts else torch.zeros(rows.shape)
    found: NDArray[np.float32] = bits.float().cpu().numpy()
    return found


@torch.no_grad()
def predictions(prior: Prior, codes: Any, labels: Labels = None) -> NDArray[np.float32]:
    """p(code | codes before it) of every code at every position, float32 (B, M, K). Raises GridError, ConfigError."""
    rows, _, given = _given(prior, codes, None, labels)
    was_training = prior.training
    prior.eval()
    try:
        p: NDArray[np.float32] = torch.softmax(prior(rows, given).float(), dim=-1).cpu().numpy()
    finally:
        prior.train(was_training)
    return p


def is_exact(free: Any) -> bool:
    """Whether `fill` draws from p(free | given) exactly: in every grid, nothing is given after the first free cell. (M,) or (B, M)."""
    mask = np.atleast_2d(np.asarray(free, dtype=bool))
    return bool((mask[:, 1:] | ~mask[:, :-1]).all())


class FullPass(Stepper):
    """A whole forward pass for each position: what cached steppers are held against."""

    def __init__(self, prior: Prior, labels: Tensor | None = None) -> None:
        self.prior = prior
        self.labels = labels

    @torch.no_grad()
    def logits(self, codes: Tensor, position: int) -> Tensor:
        return self.prior(codes, self.labels)[:, position]


@torch.no_grad()
def _fill(
    prior: Prior,
    rows: Tensor,
    mask: NDArray[np.bool_],
    labels: Tensor | None,
    numbers: Tensor,
    temperature: float,
    top_k: int,
    cached: bool,
) -> Iterator[Filled]:
    was_training = prior.training
    prior.eval()
    try:
        stepper = prior.stepper(len(rows), labels) if cached else FullPass(prior, labels)
        for position in np.flatnonzero(mask.any(axis=0)):
            p = _distribution(stepper.logits(rows, int(position)), temperature, top_k)  # (B, K)
            yield Filled(int(position), *_drawn(rows, int(position), p, numbers, mask))
    finally:
        prior.train(was_training)


@torch.no_grad()
def _gibbs(
    prior: Prior, rows: Tensor, mask: NDArray[np.bool_], labels: Tensor | None, sweeps: int, temperature: float, seed: int
) -> Iterator[Swept]:
    # another stream than `fill` has under this seed, which may have drawn these very grids
    generator = np.random.default_rng((1, seed))
    was_training = prior.training
    prior.eval()
    try:
        for sweep in range(sweeps):
            numbers = _numbers(generator, rows)
            for position in np.flatnonzero(mask.any(axis=0)):
                p = torch.softmax(_candidates(prior, rows, labels, int(position)).cpu().double() / temperature, dim=-1)  # (B, K)
                yield Swept(sweep, int(position), *_drawn(rows, int(position), p, numbers, mask))
    finally:
        prior.train(was_training)


def _drawn(
    rows: Tensor, position: int, p: Tensor, numbers: Tensor, mask: NDArray[np.bool_]
) -> tuple[Codes, NDArray[np.float32], NDArray[np.bool_]]:
    """Draw the free cells at `position` from p (B, K), in place; what there is to yield."""
    free = torch.from_numpy(mask[:, position].copy())
    drawn = _draw(p, numbers[:, position]).to(rows.device)
    rows[:, position] = torch.where(free.to(rows.device), drawn, rows[:, position])
    codes: Codes = rows.cpu().numpy().copy()
    return codes, p.float().cpu().numpy(), free.numpy()


def _candidates(prior: Prior, rows: Tensor, labels: Tensor | None, position: int) -> Tensor:
    """Σ_{j ≥ position} log p(code_j | before j) with each code k at `position`, nats (B, K); −inf for codes that do not exist."""
    K = int(prior.allowed[position].sum())
    scores = torch.full((len(rows), prior.layout.vocabulary), -torch.inf, device=rows.device)
    for grid in range(len(rows)):
        for part in _parts(prior, K):
            tried = torch.arange(part.start, part.stop, device=rows.device)
            block = rows[grid].repeat(len(tried), 1)  # (k, M)
            block[:, position] = tried
            given = None if labels is None else labels[grid].expand(len(tried))
            scores[grid, part] = log_probabilities(prior, block, given)[:, position:].sum(dim=1)
    return scores


def _distribution(logits: Tensor, temperature: float, top_k: int) -> Tensor:
    """Probabilities, float64 (B, K), on the processor: not every GPU has this precision."""
    logits = logits.cpu().double() / temperature
    if 0 < top_k < logits.shape[-1]:
        least = logits.topk(top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    return torch.softmax(logits, dim=-1)


def _draw(p: Tensor, numbers: Tensor) -> Tensor:
    """The code at which the cumulative distribution (B, K) passes each number in [0, 1), int64 (B,)."""
    cumulative = p.cumsum(dim=-1)
    passed = (cumulative <= numbers[:, None] * cumulative[:, -1:]).sum(dim=-1)
    # rounding must not end on a code of probability 0
    last = p.shape[-1] - 1 - (p > 0).flip(-1).to(torch.int8).argmax(dim=-1)
    return torch.minimum(passed, last)


def _numbers(generator: np.random.Generator, rows: Tensor) -> Tensor:
    """One number in [0, 1) for each grid and position; a grid's numbers do not depend on how many grids follow."""
    return torch.from_numpy(generator.random(tuple(rows.shape)))


def _given(prior: Prior, codes: Any, free: Any, labels: Labels) -> tuple[Tensor, NDArray[np.bool_], Tensor | None]:
    """Codes (B, M) as a copy on the prior's device, the free cells (B, M), the labels that the prior takes."""
    array = prior.layout.checked(codes.cpu() if isinstance(codes, Tensor) else codes)
    rows = torch.from_numpy(array.copy()).to(prior.device)
    mask = np.ones(array.shape, dtype=bool) if free is None else np.asarray(free, dtype=bool)
    if mask.shape not in (array.shape, array.shape[1:]):
        raise GridError(f"Which cells are free was given as {mask.shape}, for codes of {array.shape}.")
    given: Tensor | None = None
    if labels is not None and prior.conditional:
        given = torch.as_tensor(np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels), dtype=torch.int64)
    given = prior.checked_labels(given, len(rows))
    return rows, np.broadcast_to(mask, array.shape), None if given is None else given.to(prior.device)


def _check_drawing(temperature: float, top_k: int) -> None:
    if not 0 < temperature < float("inf"):
        raise ConfigError(f"Temperature {temperature}: above 0. Small values draw the likeliest codes, 1 the prior's own distribution.")
    if top_k < 0:
        raise ConfigError(f"Top-k {top_k}: 0 for all codes, or how many of the likeliest.")


def _parts(prior: Prior, count: int) -> list[slice]:
    """Slices of `count` grids, few enough at once for memory."""
    most = max(1, _LOGITS // (prior.layout.length * prior.layout.vocabulary))
    return [slice(start, min(count, start + most)) for start in range(0, count, most)]
