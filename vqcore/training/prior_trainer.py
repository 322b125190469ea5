"""The trainer of priors: the codes of a frozen model are the data, their cross-entropy is the loss. The loop around it is in `loop`.

All randomness comes from (seed, epoch) or (seed, step), dropout's included, so a resumed run draws what an uninterrupted one would have.
Axes: N training and V validation examples, B batch, M codes an example.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from vqcore.config.prior import HistogramConfig
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.device import global_seed
from vqcore.errors import ConfigError, Diverged
from vqcore.models.base import Model
from vqcore.models.draw import draw_codes
from vqcore.priors.base import Prior, log_probabilities
from vqcore.priors.registry import build_prior
from vqcore.priors.sampling import sample, surprise
from vqcore.records import PriorEvaluation, Record, Samples, State
from vqcore.runs.codes import CodeSet
from vqcore.training.loop import Loop
from vqcore.training.state import PRECISIONS

SAMPLES = 16
CLIP_NORM = 1.0  # of all gradients together: a Transformer's first steps would else throw its weights far off
_NATS = math.log(2)  # in one bit


class PriorTrainer(Loop):
    """Trains one prior on one set of codes; `model` is the frozen one that decodes what it draws.

    A prior that only counts is fitted in a single step, which counts as the last one. With `state`, goes on where that state was
    taken. Raises ConfigError for codes without what the prior needs, and in `run` Diverged.
    """

    config: PriorRunConfig

    def __init__(self, config: PriorRunConfig, codes: CodeSet, model: Model, state: State | None = None) -> None:
        super().__init__(PriorRunConfig.parse(state.meta["config"]) if state else config)
        train = self.config.train
        if not len(codes.train) or not len(codes.validation):
            raise ConfigError("The parent has no codes for training or none for validation: there is nothing to learn.")
        self.codes = codes
        self.model = model.eval().requires_grad_(False)
        self.prior = self._built(self.config).to(self.device)
        self.learner: nn.Module = self.prior
        self.optimizer = None
        if self.prior.learns_by_gradient:
            fused = self.device.type in ("cpu", "cuda")
            self.optimizer = torch.optim.Adam(self.prior.parameters(), lr=train.lr, fused=fused)
        # small grids gain nothing from bfloat16 on the processor
        auto = "bfloat16" if self.device.type == "cuda" else "float32"
        self.precision = PRECISIONS[auto if train.precision == "auto" else train.precision]

        self._train, self._train_labels = self._held(codes.train, codes.train_labels)
        self._validation, self._validation_labels = self._held(codes.validation, codes.validation_labels)
        # training examples to hold against validation: always the same ones
        order = np.random.default_rng(0).permutation(len(codes.train))[: len(codes.validation)]
        self._seen = torch.from_numpy(order).to(self.device)
        self.batch_size = min(train.batch_size, len(self._train))
        self.steps_per_epoch = max(1, len(self._train) // self.batch_size)
        self.noise = torch.Generator(device=self.device)  # dropout's
        self._lines: dict[int, tuple[float, float]] = {}
        self.adopt(state)

    def parts(self) -> Mapping[str, nn.Module]:
        return {"prior": self.prior}

    def about(self) -> Mapping[str, Any]:
        return {"parameters": sum(parameter.numel() for parameter in self.prior.parameters())}

    def _begin(self) -> Iterator[Record]:
        if self.prior.learns_by_gradient:
            self._fit(self.prior)
            yield from self._look(complete=False)

    # ── a step ──

    def _train_step(self) -> None:
        if self.optimizer is None:
            self._count()
            return
        chosen = self._chosen(len(self._train))
        codes = self._train[chosen].long()  # (B, M)
        labels = self._train_labels[chosen]
        self._set_lr()
        self.prior.train()
        self.noise.manual_seed(self.config.train.seed * 1_000_003 + self.step)
        with self._autocast():
            loss = -log_probabilities(self.prior, codes, self._given(labels), self.noise).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.prior.parameters(), CLIP_NORM)
        self.optimizer.step()
        self.step += 1
        self.window.add(loss, {"cross_entropy": loss}, self.step)

    def _count(self) -> None:
        """All of the training of a prior without weights."""
        self._fit(self.prior)
        self.step = self.config.train.steps
        loss = torch.tensor(self._bits(self.prior, self._train[self._seen], self._train_labels[self._seen]) * _NATS)
        self.window.add(loss, {"cross_entropy": loss}, self.step)

    def _fit(self, prior: Prior) -> None:
        prior.fit_(self._train.long(), self._train_labels if prior.conditional else None)

    # ── what is looked at ──

    def _look(self, *, complete: bool) -> Iterator[Record]:
        """Evaluation and samples."""
        count = len(self._validation) if complete else min(len(self._validation), self.config.train.evaluation_images)
        bits = self._bits(self.prior, self._validation[:count], self._validation_labels[:count])
        if not math.isfinite(bits):
            raise Diverged(f"The cross-entropy over the validation data is NaN or infinite at step {self.step:,}. Lower the learning rate.")
        seen = self._seen[:count]
        histogram, positions = self._references(count)
        yield PriorEvaluation(
            step=self.step,
            images=count,
            complete=count == len(self._validation),
            loss=bits * _NATS,
            bits=bits,
            train_bits=self._bits(self.prior, self._train[seen], self._train_labels[seen]),
            codes_per_image=self.codes.layout.length,
            uniform_bits=float(np.log2(self.codes.layout.sizes()).mean()),
            histogram_bits=histogram,
            position_bits=positions,
        )
        yield self._samples()

    def _bits(self, prior: Prior, codes: Tensor, labels: Tensor) -> float:
        """Mean bits per code of `prior`, frozen, over `codes` (V, M). Always in float32."""
        # the same function that pages ask, so that one prior has one figure
        return float(surprise(prior, codes, labels).mean(dtype=np.float64))

    def _references(self, count: int) -> tuple[float, float]:
        """Bits per code of the first `count` validation examples under the training codes' histogram: one a book, and one a position."""
        if count not in self._lines:
            found = []
            for per_position in (False, True):
                prior = build_prior(HistogramConfig(per_position=per_position), self.codes.layout).to(self.device)
                self._fit(prior)
                found.append(self._bits(prior, self._validation[:count], self._validation_labels[:count]))
            self._lines[count] = (found[0], found[1])
        return self._lines[count]

    def _samples(self) -> Samples:
        """The same random numbers every time, so that one sees the same pictures come into being."""
        classes = self.codes.layout.classes
        labels = np.arange(SAMPLES) % classes if self.prior.conditional else np.full(SAMPLES, -1)
        given = labels if self.prior.conditional else None
        rows = sample(self.prior, SAMPLES, labels=given, seed=self.config.train.seed)
        return Samples(
            step=self.step,
            pictures=draw_codes(self.model, self.codes.layout, rows),
            codes=tuple(grid.astype(np.int32) for grid in self.codes.layout.split(rows)),
            bits=surprise(self.prior, rows, given).sum(axis=1).astype(np.float32),
            labels=labels.astype(np.int64),
        )

    # ── small parts ──

    def _built(self, config: PriorRunConfig) -> Prior:
        with global_seed(config.train.seed):
            return build_prior(config.prior, self.codes.layout)

    def _held(self, codes: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> tuple[Tensor, Tensor]:
        """Codes int32 (N, M), which every device takes, and labels int64 (N,)."""
        return torch.from_numpy(codes.astype(np.int32)).to(self.device), torch.from_numpy(labels.astype(np.int64)).to(self.device)

    def _given(self, labels: Tensor) -> Tensor | None:
        return labels if self.prior.conditional else None

    def _reconfigure(self, old: RunConfig) -> None:
        """What may change, steps, learning rate and speed, is read anew at every step."""
