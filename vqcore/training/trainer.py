"""The trainer: a generator of typed records. It keeps no files, prints nothing, and knows nothing of who listens.

Between two records nothing waits for the device: losses are summed there, and read when a record is due.
All randomness comes from (seed, epoch) or (seed, step), so a resumed run draws what an uninterrupted one would have drawn.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from vqcore.colours import CodeColours
from vqcore.config.run import RunConfig, treatable_paths
from vqcore.control import Command, Control
from vqcore.data.base import Dataset
from vqcore.device import choose_device, choose_precision
from vqcore.errors import ConfigError, Diverged
from vqcore.metrics.codebook import UsageMeter, histogram, perplexity
from vqcore.models.registry import build_model
from vqcore.models.work import multiplications
from vqcore.records import BookStep, Checkpoint, Evaluation, Event, EventKind, Record, State, Step
from vqcore.training import evaluation
from vqcore.training.state import pack, unpack
from vqcore.training.window import LossWindow

INIT_VECTORS_PER_CODE = 32
# EMA counts under this share of the mean count no longer count as alive
EMA_ALIVE = 0.01
PAUSE_POLL_S = 0.1


class Trainer:
    """Trains one model on one data set.

    With `state`, goes on where that state was taken: its effective config, with all treatments, replaces `config`.
    Raises ConfigError when config and data do not fit together, and in `run` Diverged when a loss term is NaN or infinite.
    """

    def __init__(self, config: RunConfig, dataset: Dataset, state: State | None = None) -> None:
        self.config = RunConfig.parse(state.meta["config"]) if state else config
        train = self.config.train
        self.device = choose_device(train.device)
        self.dataset = dataset
        self.reference = evaluation.reference(dataset)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(train.seed)
            self.model = build_model(self.config.model, dataset.shape, dataset.modality, self.reference.variance).to(self.device)
        fused = self.device.type in ("cpu", "cuda")
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=train.lr, fused=fused)
        self.meters = tuple(UsageMeter(book.K).to(self.device) for book in self.model.quantizer.books)
        self.generator = torch.Generator(device=self.device)

        self._train = torch.from_numpy(dataset.x[dataset.train]).to(self.device)
        order = evaluation.validation_order(dataset)
        self._validation = torch.from_numpy(dataset.x[order]).to(self.device)
        labels = next(iter(dataset.labels.values()), None)
        self._gallery_labels = labels.values[order[: evaluation.PICTURES]] if labels else np.zeros(0, dtype=np.int64)
        self.batch_size = min(train.batch_size, len(self._train))
        self.steps_per_epoch = max(1, len(self._train) // self.batch_size)
        self._order: Tensor | None = None
        self._order_epoch = -1

        self.step = 0
        self.elapsed = 0.0
        self.last_command = 0
        self.window = LossWindow()
        self._window_s = 0.0
        self._last_codes: tuple[Tensor, ...] = ()
        self._last_z: Tensor | None = None
        self._threads: int | None = None if train.threads == "auto" else train.threads
        self._resumed = state is not None
        self._budget: int | None = None  # steps left before the next pause; None: no pause, 0: paused
        self._end: Literal["stopped", "released"] | None = None
        self._ended_by = Command("stop")
        self._step_ended = 0.0
        self.precision = choose_precision(train.precision, self.device, multiplications(self.model, dataset.shape) * self.batch_size)
        if state:
            unpack(self, state)

    @property
    def threads(self) -> int:
        """Processor threads in use. Set between records; takes effect at the next step."""
        return self._threads or torch.get_num_threads()

    @threads.setter
    def threads(self, count: int) -> None:
        self._threads = max(1, count)

    def state(self) -> State:
        """Everything needed to go on, bit for bit on the CPU at the same number of threads."""
        return pack(self)

    def run(self, control: Control) -> Iterator[Record]:
        """Train until the last step, a stop, or a release. Commands are heard before every step."""
        threads_before = torch.get_num_threads()
        try:
            yield from self._run(control)
        finally:
            torch.set_num_threads(threads_before)

    # ── the loop ──

    def _run(self, control: Control) -> Iterator[Record]:
        yield from self._apply_threads()
        yield self._event("resumed" if self._resumed else "started", self._where())
        if not self._resumed:
            self._initialise_codes()
            yield from self._look(complete=False)
        while self._end is None and self.step < self.config.train.steps:
            for command in control.poll():
                yield from self._obey(command)
            yield from self._hold(control)
            if self._end or self.step >= self.config.train.steps:
                break
            yield from self._apply_threads()
            self._train_step()
            if self._budget is not None:
                self._budget -= 1
            yield from self._due()
            if self._budget == 0:
                yield self._event("paused", f"Paused at step {self.step:,}.")
        if self._end is None:
            yield self._event("finished", f"Finished {self.step:,} steps.")
        else:
            message = f"Stopped at step {self.step:,}." if self._end == "stopped" else "Left its place to a waiting run."
            by = self._ended_by
            yield self._event(self._end, message, by.id, author=by.author, nickname=by.nickname, command=by.kind)
        yield Checkpoint(self.step)

    def _due(self) -> Iterator[Record]:
        train = self.config.train
        last = self.step >= train.steps
        paused = self._budget == 0
        # the first steps are each a point: a curve is seen moving at once
        if last or paused or self.step % train.record_every == 0 or self.step <= min(3, train.record_every):
            yield self._point()
        if last or self.step % train.evaluate_every == 0:
            yield from self._look(complete=last)
        if not last and self.step % train.checkpoint_every == 0:
            yield Checkpoint(self.step)

    def _hold(self, control: Control) -> Iterator[Record]:
        """Wait while paused, and as long as the speed limit asks."""
        due = time.perf_counter() + (self._gap() - self._since_step())
        while self._end is None:
            if self._budget == 0:
                commands = control.wait(PAUSE_POLL_S)
            elif (remaining := due - time.perf_counter()) > 0:
                commands = control.wait(min(remaining, PAUSE_POLL_S))
            else:
                return
            for command in commands:
                yield from self._obey(command)
                due = min(due, time.perf_counter() + self._gap())

    def _since_step(self) -> float:
        return time.perf_counter() - self._step_ended

    def _gap(self) -> float:
        limit = self.config.train.speed_limit
        return 1 / limit if limit else 0.0

    def _train_step(self) -> None:
        began = time.perf_counter()
        x = evaluation.to_model(self._batch())
        lr = self._lr()
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        with self._autocast():
            out = self.model(x)
        self.optimizer.zero_grad(set_to_none=True)
        out.loss.backward()
        self.optimizer.step()
        self.generator.manual_seed(self.config.train.seed * 1_000_003 + self.step)
        self.model.quantizer.update_(self.generator)
        self._clear_moments()
        self.step += 1
        for meter, indices in zip(self.meters, out.codes, strict=True):
            meter.update_(indices, self.step)
        self.window.add(out.loss, out.terms, self.step)
        self._last_codes, self._last_z = out.codes, out.z_e.detach().float()
        self._step_ended = time.perf_counter()
        self._window_s += self._step_ended - began

    # ── records ──

    def _point(self) -> Step:
        began = time.perf_counter()
        assert self._last_z is not None
        steps = self.window.steps
        means = self.window.take()
        z_norm = float(self._last_z.flatten(2).norm(dim=1).mean() if self._last_z.ndim > 2 else self._last_z.norm(dim=1).mean())
        books = tuple(self._book_point(i) for i in range(len(self.meters)))
        self._window_s += time.perf_counter() - began
        seconds, self._window_s = self._window_s, 0.0
        self.elapsed += seconds
        return Step(
            step=self.step,
            epoch=self.step / self.steps_per_epoch,
            images=self.step * self.batch_size,
            elapsed=self.elapsed,
            images_per_s=steps * self.batch_size / max(seconds, steps * self._gap(), 1e-9),
            lr=self._lr(),
            loss=means.pop("loss"),
            terms=means,
            z_norm=z_norm,
            books=books,
        )

    def _book_point(self, i: int) -> BookStep:
        quantizer, meter = self.model.quantizer, self.meters[i]
        book = quantizer.books[i]
        ema = quantizer.ema_counts()[i]
        used_epoch = int((~self._dead(meter)).sum())
        return BookStep(
            name=book.name,
            batch_perplexity=float(perplexity(histogram(self._last_codes[i], book.K))),
            used_epoch=used_epoch,
            used_ever=int(meter.used_ever()),
            dead=book.K - used_epoch,
            ema_alive=int((ema >= EMA_ALIVE * ema.mean()).sum()),
            e_norm=float(quantizer.codebooks()[i].detach().norm(dim=1).mean()),
        )

    def _look(self, *, complete: bool) -> Iterator[Record]:
        """Evaluation, pictures and a snapshot of the codebooks."""
        x = self._validation if complete else self._validation[: self.config.train.evaluation_images]
        figures, hits = evaluation.evaluate(self.model, x, self.step, self.reference, complete=len(x) == len(self._validation))
        self._check_evaluation(figures)
        yield figures
        colours = None
        # a book of part of the vector (a product quantizer's) has no place for the whole of it
        if self.meters and self.model.quantizer.dim == self.model.quantizer.books[0].D:
            used = ~self._dead(self.meters[0]).cpu().numpy() | (hits[0] > 0)
            colours = CodeColours.fit(self.model.quantizer.codebooks()[0].float().cpu().numpy(), used)
        yield evaluation.gallery(self.model, self._validation[: evaluation.PICTURES], self._gallery_labels, self.step, colours)
        if self.meters:
            yield evaluation.snapshot(self.model, self._validation, self.meters, hits, self.step)
            for meter in self.meters:
                meter.clear_()

    def _check_evaluation(self, figures: Evaluation) -> None:
        for name, value in (*figures.terms.items(), ("loss", figures.loss)):
            if not math.isfinite(value):
                raise Diverged(f"The {name} over the validation data is NaN or infinite at step {self.step:,}. Lower the learning rate.")

    def _dead(self, meter: UsageMeter) -> Tensor:
        """Which codes were not hit within the last epoch's worth of steps: bool (K,)."""
        return meter.last_hit < max(0, self.step - self.steps_per_epoch + 1)

    def _event(self, kind: EventKind, message: str, answers: int = 0, **data: Any) -> Event:
        return Event(step=self.step, kind=kind, message=message, command=answers, data=data)

    def _where(self) -> str:
        names = {"cpu": "processor", "mps": "Apple GPU", "cuda": "GPU"}
        return (
            f"On the {names[self.device.type]}, {'bfloat16' if self.precision == torch.bfloat16 else 'float32'}, from step {self.step:,}."
        )

    # ── commands ──

    def _obey(self, command: Command) -> Iterator[Record]:
        self.last_command = max(self.last_command, command.id)
        answer = {"author": command.author, "nickname": command.nickname, "command": command.kind}
        try:
            match command.kind:
                case "pause":
                    self._budget = 0
                    yield self._event("paused", f"Paused at step {self.step:,}.", command.id, **answer)
                case "resume":
                    self._budget = None
                    yield self._event("continued", f"Goes on from step {self.step:,}.", command.id, **answer)
                case "step":
                    self._budget = max(1, command.steps)
                    yield self._event("continued", f"Goes on for {self._budget:,} steps.", command.id, **answer)
                case "stop" | "release":
                    self._end = "stopped" if command.kind == "stop" else "released"
                    self._ended_by = command
                case "treat":
                    changed = self._treat(command.changes)
                    yield self._event("treated", changed, command.id, **answer, **self._treatment(command.changes))
                case "revive" | "kmeans":
                    message = self._rewrite_codes(command.kind)
                    yield self._event("treated", message, command.id, **answer, **self._treatment({}))
        except ConfigError as error:
            yield self._event("refused", str(error), command.id, **answer)

    def _treatment(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        return {"changes": dict(changes), "config": self.config.model_dump(mode="json")}

    def _treat(self, changes: Mapping[str, Any]) -> str:
        """Apply `changes` whole, or raise ConfigError and change nothing."""
        allowed = treatable_paths(self.config)
        if unknown := sorted(set(changes) - set(allowed)):
            raise ConfigError(f"{', '.join(unknown)} cannot change while a run trains. What can: {', '.join(sorted(allowed))}.")
        old, new = self.config, self.config.edited(changes)
        if new.model.quantizer != old.model.quantizer:
            self.model.quantizer.reconfigure_(new.model.quantizer)
            if new.model.quantizer.learning != old.model.quantizer.learning:
                # moments of gradients long gone would push codes that an average has moved since
                for weight in self.model.quantizer.code_weights():
                    self.optimizer.state.pop(weight, None)
        self.config = new
        return ", ".join(f"{path} = {value}" for path, value in changes.items())

    def _rewrite_codes(self, kind: Literal["revive", "kmeans"]) -> str:
        self.generator.manual_seed(self.config.train.seed * 1_000_003 + self.step + 500_009)
        quantizer = self.model.quantizer
        z = self._encoder_outputs()
        if kind == "revive":
            dead = tuple(self._dead(meter) for meter in self.meters)
            count = sum(int(mask.sum()) for mask in dead)
            quantizer.revive_(z, dead, self.generator)
            message = f"Revived {count:,} dead codes onto encoder outputs."
        else:
            quantizer.kmeans_(z, self.generator)
            message = "Re-initialised every code by k-means on encoder outputs."
        self._clear_moments()
        return message

    # ── small parts ──

    def _batch(self) -> Tensor:
        epoch, position = divmod(self.step, self.steps_per_epoch)
        if self._order is None or self._order_epoch != epoch:
            generator = torch.Generator().manual_seed(self.config.train.seed * 1_000_003 + epoch)
            self._order = torch.randperm(len(self._train), generator=generator).to(self.device)
            self._order_epoch = epoch
        return self._train[self._order[position * self.batch_size : (position + 1) * self.batch_size]]

    def _lr(self) -> float:
        train = self.config.train
        if train.schedule == "constant":
            return train.lr
        return train.lr * (0.05 + 0.475 * (1 + math.cos(math.pi * min(1.0, self.step / train.steps))))

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)

    @torch.no_grad()
    def _encoder_outputs(self) -> Tensor:
        """Outputs of the encoder as it is, on training data: (N, D), enough for k-means with the largest book."""
        wanted = INIT_VECTORS_PER_CODE * max((book.K for book in self.model.quantizer.books), default=1)
        generator = torch.Generator().manual_seed(self.config.train.seed * 1_000_003 + self.step)
        order = torch.randperm(len(self._train), generator=generator).to(self.device)
        parts: list[Tensor] = []
        found = 0
        for start in range(0, len(order), evaluation.BATCH):
            z = self.model.encode(evaluation.to_model(self._train[order[start : start + evaluation.BATCH]]))
            parts.append(z.float().movedim(1, -1).reshape(-1, z.shape[1]))
            found += len(parts[-1])
            if found >= wanted:
                break
        return torch.cat(parts)

    def _initialise_codes(self) -> None:
        self.generator.manual_seed(self.config.train.seed)
        self.model.quantizer.initialise_(self._encoder_outputs(), self.generator)

    def _clear_moments(self) -> None:
        """A code that was rewritten must not be carried off by the moments of its former place."""
        quantizer = self.model.quantizer
        for weight, changed in zip(quantizer.code_weights(), quantizer.changed, strict=True):
            moments = self.optimizer.state.get(weight, {})
            for name in moments.keys() & {"exp_avg", "exp_avg_sq"}:
                moments[name].mul_(~changed[:, None])
        quantizer.clear_changed_()

    def _apply_threads(self) -> Iterator[Record]:
        if self._threads and self._threads != torch.get_num_threads():
            torch.set_num_threads(self._threads)
            yield self._event("threads", f"{self._threads} processor threads.", threads=self._threads)
