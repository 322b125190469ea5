"""What every model promises: levels, coarse to fine; each with a bottleneck; each bottleneck with books, or none.

Axes: B batch, … an example's shape, D a level's dimension, S its grid's axes (two for pictures, none for single vectors), K codes,
N vectors, that is B times the grid's cells.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vqcore.config.model import ModelConfig
from vqcore.errors import ConfigError
from vqcore.quantizers.base import Bottleneck, Quantizer
from vqcore.records import Term
from vqcore.shape import Book, Level

Batches = Callable[[], Iterable[Tensor]]  # the same examples (B, …) each time it is called, batch by batch


@dataclass(frozen=True, slots=True)
class LevelOutput:
    """One level's: `z_e` (B, D in, *S), `z_q` (B, D out, *S), and `indices`, one int64 grid (B, *S) a book, none without books."""

    z_e: Tensor
    z_q: Tensor
    indices: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Output:
    """`x_hat` like x, in the data's range; `loss` the weighted sum to train on and `terms` its unweighted parts, float32 scalars."""

    x_hat: Tensor
    loss: Tensor
    terms: Mapping[Term, Tensor]
    levels: tuple[LevelOutput, ...]

    @property
    def codes(self) -> tuple[Tensor, ...]:
        """All levels' indices in order: one int64 grid (B, *S) a book of the model."""
        return tuple(grid for level in self.levels for grid in level.indices)


class Model(nn.Module, ABC):
    """x is float32 (B, …): pictures in [0, 1], points as they are. What is said of books is aligned with `books`, all levels' in order.

    Whoever trains it asks it, not its bottlenecks: `initialise_` once before the first step, `update_` and `clear_moments_` after each.
    Without a generator nothing is drawn: noise takes its mean, nothing is dropped. Whatever ends in `_` changes state.
    """

    @property
    @abstractmethod
    def levels(self) -> tuple[Level, ...]:
        """Coarse to fine."""

    @property
    @abstractmethod
    def bottlenecks(self) -> tuple[Bottleneck, ...]:
        """One a level."""

    @abstractmethod
    def outputs(self, x: Tensor) -> tuple[Tensor, ...]:
        """What the encoder gives each level's bottleneck for x (B, …), given the quantised coarser levels: z_e (B, D, *S) each."""

    @abstractmethod
    def encoder_weights(self) -> Iterator[nn.Parameter]:
        """What `outputs` has learned."""

    @abstractmethod
    def decode(self, z_q: tuple[Tensor, ...]) -> Tensor:
        """z_q (B, D, *S) of each level -> x_hat (B, …) in the data's range."""

    @abstractmethod
    def errors(self, z_q: tuple[Tensor, ...], x: Tensor) -> Tensor:
        """The reconstruction term of each example x (B, …), were the decoder given z_q: float32 (B,), with its gradient."""

    @abstractmethod
    def forward(self, x: Tensor, *, generator: torch.Generator | None = None) -> Output:
        """The whole way, with the losses."""

    def __call__(self, x: Tensor, *, generator: torch.Generator | None = None) -> Output:
        output: Output = super().__call__(x, generator=generator)
        return output

    def indices(self, x: Tensor) -> tuple[Tensor, ...]:
        """The codes of x (B, …): an int64 grid (B, *S) a book."""
        return self.chosen(self.outputs(x))

    def chosen(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """The codes of what `outputs` gave, or of some of its vectors (N, D) a level: an int64 grid (B, *S) a book."""
        return tuple(grid for z_e, bottleneck in zip(outputs, self.bottlenecks, strict=True) for grid in bottleneck(z_e).indices)

    def quantised(self, indices: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What the decoder is given for these indices, a grid (B, *S) a book: float32 (B, D, *S) a level. Raises ShapeError.

        Where the last level's books are stages, its last ones may be left out.
        """
        z_q = []
        for quantizer in self._quantizers():
            z_q.append(quantizer.codes(indices[: len(quantizer.books)]))
            indices = indices[len(quantizer.books) :]
        return tuple(z_q)

    def decode_indices(self, indices: tuple[Tensor, ...]) -> Tensor:
        """What these codes stand for: x_hat (B, …) in the data's range. Indices as in `quantised`."""
        return self.decode(self.quantised(indices))

    # ── what it is ──

    @property
    def books(self) -> tuple[Book, ...]:
        return tuple(book for level in self.levels for book in level.books)

    @property
    def level_of_book(self) -> tuple[int, ...]:
        """Where in `levels` each book stands."""
        return tuple(place for place, level in enumerate(self.levels) for _ in level.books)

    @property
    def grids(self) -> tuple[tuple[int, ...], ...]:
        """S of each book."""
        return tuple(level.grid for level in self.levels for _ in level.books)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def batch(self, numbers: int, most: int = 256) -> int:
        """How many examples at once, at most `most`, keep what is between encoder and decoder under so many numbers."""
        cells = sum(level.cells * max(part.dim_in, part.dim_out) for level, part in zip(self.levels, self.bottlenecks, strict=True))
        return max(1, min(most, numbers // max(1, cells)))

    def codebooks(self) -> tuple[Tensor, ...]:
        """The codes as they are compared, float32 (K, D) each, detached."""
        return tuple(codebook for quantizer in self._quantizers() for codebook in quantizer.codebooks())

    def compared(self, outputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """What each book compares with its codes when its level is given z_e (B, D, *S): float32 (N, D of the book), detached."""
        return tuple(
            vectors
            for z_e, bottleneck in zip(outputs, self.bottlenecks, strict=True)
            if isinstance(bottleneck, Quantizer)
            for vectors in bottleneck.compared(_vectors(z_e))
        )

    def code_weights(self) -> tuple[nn.Parameter | None, ...]:
        """The parameters whose rows are the codes; None for a book without."""
        return tuple(weight for quantizer in self._quantizers() for weight in quantizer.code_weights())

    def ema_counts(self) -> tuple[Tensor | None, ...]:
        """How many vectors a batch each code wins, as a running average, float32 (K,) each; None for a book that keeps none."""
        return tuple(counts for quantizer in self._quantizers() for counts in quantizer.ema_counts())

    @property
    def changed(self) -> tuple[Tensor | None, ...]:
        """Which codes were moved by hand since `clear_moments_`, bool (K,) each; None for a book in which none is."""
        return tuple(rows for quantizer in self._quantizers() for rows in quantizer.changed)

    # ── what training asks ──

    def examples_wanted(self, per_code: int) -> int:
        """How many examples give the largest book `per_code` vectors for each code."""
        return max((-(-per_code * book.K // math.prod(grid)) for book, grid in zip(self.books, self.grids, strict=True)), default=1)

    @property
    def quantises(self) -> bool:
        """Whether all levels do more than pass z on, as they do until codes that start late have started."""
        return all(part.quantises for part in self.bottlenecks)

    @property
    def starts_now(self) -> bool:
        """Whether codes are to be started with `initialise_` before the next step."""
        return any(part.starts_now for part in self.bottlenecks)

    def initialise_(self, examples: Batches, generator: torch.Generator) -> None:
        """Start codes that start from data, level by level. Raises ConfigError for too few examples."""
        for place, quantizer in self._placed():
            quantizer.initialise_(self._sample(examples, place), generator)

    def update_(self, generator: torch.Generator) -> None:
        """After each optimizer's step: what gradients do not teach."""
        for quantizer in self._quantizers():
            quantizer.update_(generator)

    def clear_moments_(self, optimizer: torch.optim.Optimizer) -> None:
        """After `update_`, `revive_` and `kmeans_`: the optimizer forgets the former places of codes that were moved by hand."""
        for quantizer in self._quantizers():
            quantizer.clear_moments_(optimizer)

    def revive_(self, examples: Batches, dead: tuple[Tensor, ...], generator: torch.Generator) -> None:
        """Move the `dead` codes, bool (K,) a book, onto encoder outputs. Raises ConfigError where nothing moves codes."""
        for place, quantizer in self._movable():
            start = sum(len(level.books) for level in self.levels[:place])
            quantizer.revive_(self._sample(examples, place), dead[start : start + len(quantizer.books)], generator)

    def kmeans_(self, examples: Batches, generator: torch.Generator) -> None:
        """Replace all codes by k-means of encoder outputs. Raises ConfigError for too few examples, and where nothing moves codes."""
        for place, quantizer in self._movable():
            quantizer.kmeans_(self._sample(examples, place), generator)

    def start_late_(self, steps: int, generator: torch.Generator, optimizer: torch.optim.Optimizer) -> None:
        """Quantise nothing for `steps` steps, then start all codes anew; the optimizer forgets them. Raises ConfigError without any."""
        for _, quantizer in self._movable():
            quantizer.start_late_(steps, generator)
            quantizer.clear_changed_()
            for weight in quantizer.code_weights():
                if weight is not None:
                    optimizer.state.pop(weight, None)

    @abstractmethod
    def reconfigure_(self, config: ModelConfig, optimizer: torch.optim.Optimizer | None = None) -> None:
        """Go on under another configuration, as a bottleneck's `reconfigure_`. Raises ConfigError for what cannot change."""

    # ── small parts ──

    def _quantizers(self) -> tuple[Quantizer, ...]:
        return tuple(quantizer for _, quantizer in self._placed())

    def _placed(self) -> Iterator[tuple[int, Quantizer]]:
        return ((place, part) for place, part in enumerate(self.bottlenecks) if isinstance(part, Quantizer))

    def _movable(self) -> list[tuple[int, Quantizer]]:
        found = [(place, part) for place, part in self._placed() if any(book.learned for book in part.books)]
        if not found:
            raise ConfigError("This model has no codes that could be moved: what it has is fixed, or it has none.")
        return found

    @torch.no_grad()
    def _sample(self, examples: Batches, place: int) -> Tensor:
        """What a level's bottleneck is given of the examples: float32 (N, D)."""
        return torch.cat([_vectors(self.outputs(x)[place]).float() for x in examples()])


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Inside, the model is in eval mode and no gradient is kept; afterwards it is in the mode in which it was."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)


def _vectors(z: Tensor) -> Tensor:
    """(B, D, *S) -> (N, D)."""
    return z.movedim(1, -1).reshape(-1, z.shape[1])
