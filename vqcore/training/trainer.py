"""The trainer of models: what a step of a model is, and what is looked at along the way. The loop around it is in `loop`.

All randomness comes from (seed, epoch) or (seed, step), so a resumed run draws what an uninterrupted one would have drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from vqcore.colours import CodeColours
from vqcore.config.run import RunConfig
from vqcore.data.base import Dataset
from vqcore.device import choose_precision, global_seed
from vqcore.errors import ConfigError, Diverged
from vqcore.metrics.codebook import UsageMeter, histogram, perplexity
from vqcore.models.base import Model, Output
from vqcore.models.registry import build_model
from vqcore.models.work import multiplications
from vqcore.records import BookStep, Evaluation, Record, State
from vqcore.training import evaluation
from vqcore.training.loop import Loop
from vqcore.training.walk import EARLY, WalkMeter
from vqcore.training.window import LossWindow

INIT_VECTORS_PER_CODE = 32
# EMA counts under this share of the mean count no longer count as alive
EMA_ALIVE = 0.01


class Trainer(Loop):
    """Trains one model on one data set.

    With `state`, goes on where that state was taken: its effective config, with all treatments, replaces `config`.
    Raises ConfigError when config and data do not fit together, and in `run` Diverged when a loss term is NaN or infinite.
    """

    def __init__(self, config: RunConfig, dataset: Dataset, state: State | None = None, build: Callable[..., Model] | None = None) -> None:
        """`build` stands in for `build_model`, with the same arguments."""
        super().__init__(RunConfig.parse(state.meta["config"]) if state else config)
        train = self.config.train
        self.dataset = dataset
        self.reference = evaluation.reference(dataset)
        with global_seed(train.seed):
            self.model = (build or build_model)(self.config.model, dataset.shape, dataset.modality, self.reference.variance).to(self.device)
        fused = self.device.type in ("cpu", "cuda")
        self.learner = self.model
        self.optimizer: torch.optim.Optimizer = torch.optim.Adam(self.model.parameters(), lr=train.lr, fused=fused)
        self.meters = tuple(UsageMeter(book.K).to(self.device) for book in self.model.books)
        self.walk = WalkMeter(len(self.meters)).to(self.device)
        self.generator = torch.Generator(device=self.device)
        self.noise = torch.Generator(device=self.device)  # what the model draws in a forward pass

        self._train = torch.from_numpy(dataset.x[dataset.train]).to(self.device)
        order = evaluation.validation_order(dataset)
        self._validation = torch.from_numpy(dataset.x[order]).to(self.device)
        labels = next(iter(dataset.labels.values()), None)
        self._gallery_labels = labels.values[order[: evaluation.PICTURES]] if labels else np.zeros(0, dtype=np.int64)
        self.batch_size = min(train.batch_size, len(self._train))
        self.steps_per_epoch = max(1, len(self._train) // self.batch_size)
        self.window = LossWindow("Lower the learning rate or raise the commitment weight")
        self._last_codes: tuple[Tensor, ...] = ()
        self._last_z: Tensor | None = None
        self.precision = choose_precision(train.precision, self.device, multiplications(self.model, dataset.shape) * self.batch_size)
        self.adopt(state)

    def parts(self) -> Mapping[str, nn.Module]:
        return {"model": self.model, "walk": self.walk} | {f"meter{i}": meter for i, meter in enumerate(self.meters)}

    def about(self) -> Mapping[str, Any]:
        # enough to build the model anew without its data
        return {"shape": list(self.dataset.shape), "modality": self.dataset.modality}

    def _begin(self) -> Iterator[Record]:
        if self.model.quantises:
            self.initialise_codes_()
        yield from self._look(complete=False)

    # ── a step, whole or in parts ──

    def _train_step(self) -> None:
        counts = self.model.quantises
        out = self.forward(self.batch())
        self.learn_(out, held=self.model.encoder_weights() if self.config.model.freeze_encoder else ())
        for meter, indices in zip(self.meters, out.codes if counts else (), strict=counts):
            meter.update_(indices, self.step)
        self.window.add(out.loss, out.terms, self.step)
        self._last_codes, self._last_z = out.codes if counts else (), out.levels[0].z_e.detach().float()

    def batch(self, step: int | None = None) -> Tensor:
        """The training examples (B, …) of this step, or of another one, as stored."""
        return self._train[self._chosen(len(self._train), step)]

    def forward(self, rows: Tensor) -> Output:
        """The model on examples (B, …), as stored, with this step's noise and in this run's precision."""
        self.noise.manual_seed(2 * (self.config.train.seed * 1_000_003 + self.step) + 1)
        with self._autocast():
            return self.model(evaluation.to_model(rows), generator=self.noise)

    def learn_(self, out: Output, held: Iterable[nn.Parameter] = ()) -> None:
        """All of a step that follows its losses. Weights that are `held` stay as they are. `step` grows."""
        self._set_lr()
        self.optimizer.zero_grad(set_to_none=True)
        out.loss.backward()
        for weight in held:
            weight.grad = None  # Adam passes over what has none; a zero would still leave it its momentum
        self.optimizer.step()
        self.generator.manual_seed(self.config.train.seed * 1_000_003 + self.step)
        self.model.update_(self.generator)
        self.clear_moments_()
        self.step += 1
        if self.model.starts_now:
            self.initialise_codes_()
            self.clear_moments_()

    def initialise_codes_(self) -> None:
        """Start the codes that start from data."""
        self.generator.manual_seed(self.config.train.seed)
        self.model.initialise_(self._examples, self.generator)

    def clear_moments_(self) -> None:
        """After codes may have been moved by hand: the optimizer forgets where they were."""
        self.model.clear_moments_(self.optimizer)

    # ── records ──

    def _measured(self) -> tuple[float, tuple[BookStep, ...]]:
        assert self._last_z is not None
        z_norm = float(self._last_z.flatten(2).norm(dim=1).mean() if self._last_z.ndim > 2 else self._last_z.norm(dim=1).mean())
        return z_norm, tuple(self._book_points()) if self._last_codes else ()

    def _book_points(self) -> Iterator[BookStep]:
        for book, meter, codebook, ema, indices in zip(
            self.model.books, self.meters, self.model.codebooks(), self.model.ema_counts(), self._last_codes, strict=True
        ):
            used_epoch = int((~self._dead(meter)).sum())
            yield BookStep(
                name=book.name,
                batch_perplexity=float(perplexity(histogram(indices, book.K))),
                used_epoch=used_epoch,
                used_ever=int(meter.used_ever()),
                dead=book.K - used_epoch,
                ema_alive=None if ema is None else int((ema >= EMA_ALIVE * ema.mean()).sum()),
                e_norm=float(codebook.norm(dim=1).mean()),
                K=book.K,
            )

    def _look(self, *, complete: bool) -> Iterator[Record]:
        """Evaluation, pictures and a snapshot of the codebooks."""
        x = self._validation if complete else self._validation[: self.config.train.evaluation_images]
        figures, hits = evaluation.evaluate(self.model, x, self.step, self.reference, complete=len(x) == len(self._validation))
        self._check_evaluation(figures)
        yield figures
        colours = None
        counts = bool(hits)  # not while codes wait for their start: nothing to say of them
        # a book of part of the vector (a product quantizer's) has no place for the whole of it
        if counts and self.model.levels[0].dim == self.model.books[0].D:
            used = ~self._dead(self.meters[0]).cpu().numpy() | (hits[0] > 0)
            colours = CodeColours.fit(self.model.codebooks()[0].cpu().numpy(), used)
        yield evaluation.gallery(self.model, self._validation[: evaluation.PICTURES], self._gallery_labels, self.step, colours)
        if counts:
            yield evaluation.snapshot(self.model, self._validation, self.meters, hits, self.step)
            for meter in self.meters:
                meter.clear_()

        yield from self._walked()

    def _glance(self) -> Iterator[Record]:
        if self.step in EARLY:
            yield from self._walked()

    def _walked(self) -> Iterator[Record]:
        walk = self.walk.look_(self.model, self._validation, self.step)
        if walk is not None:
            yield walk

    def _check_evaluation(self, figures: Evaluation) -> None:
        for name, value in (*figures.terms.items(), ("loss", figures.loss)):
            if not math.isfinite(value):
                raise Diverged(f"The {name} over the validation data is NaN or infinite at step {self.step:,}. Lower the learning rate.")

    def _dead(self, meter: UsageMeter) -> Tensor:
        """Which codes were not hit within the last epoch's worth of steps: bool (K,)."""
        return meter.last_hit < max(0, self.step - self.steps_per_epoch + 1)

    # ── commands ──

    def _reconfigure(self, old: RunConfig) -> None:
        self.model.reconfigure_(self.config.model, self.optimizer)

    def _rewrite_codes(self, kind: Literal["revive", "kmeans"]) -> str:
        self.generator.manual_seed(self.config.train.seed * 1_000_003 + self.step + 500_009)
        if not self.model.quantises:
            raise ConfigError("The codes have not started yet, so there is none to replace. Wait until they are in use.")
        if kind == "revive":
            dead = tuple(self._dead(meter) for meter in self.meters)
            self.model.revive_(self._examples, dead, self.generator)
            message = f"Revived {sum(int(mask.sum()) for mask in dead):,} dead codes onto encoder outputs."
        else:
            self.model.kmeans_(self._examples, self.generator)
            message = "Re-initialised every code by k-means on encoder outputs."
        self.clear_moments_()
        return message

    def _start_late(self, steps: int) -> str:
        paths = [f"model.{path}.start_after" for path in self.config.model.learners()]
        if not paths:
            raise ConfigError("This model has no codes that are learned: there is nothing to start anew.")
        start = self.step + max(1, steps)
        self.config = self.config.edited(dict.fromkeys(paths, start))
        self.generator.manual_seed(self.config.train.seed * 1_000_003 + self.step + 500_009)
        self.model.start_late_(start - self.step, self.generator, self.optimizer)
        for meter in self.meters:
            meter.forget_()
        return f"All codes start anew at step {start:,}, after {start - self.step:,} steps without quantising."

    # ── small parts ──

    def _examples(self) -> Iterator[Tensor]:
        """Training examples as the model takes them, enough for k-means with the largest book; whole batches."""
        generator = torch.Generator().manual_seed(self.config.train.seed * 1_000_003 + self.step)
        order = torch.randperm(len(self._train), generator=generator).to(self.device)
        for start in range(0, min(len(order), self.model.examples_wanted(INIT_VECTORS_PER_CODE)), evaluation.BATCH):
            yield evaluation.to_model(self._train[order[start : start + evaluation.BATCH]])
