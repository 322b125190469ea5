"""A training step under the microscope: every number of it, on a model so small that all of them can be shown.

The step is the trainer's own, taken apart: the same batch, the same losses, the same optimiser, in the same order. A test holds
the two bit for bit equal. Gradients are read off the graph that training differentiates, never computed by a second formula.

Axes: N vectors of the batch, K codes, H W C a picture's. Codes and encoder outputs are points of the plane, D = 2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vqcore.config.run import RunConfig
from vqcore.data.base import Dataset
from vqcore.errors import ConfigError
from vqcore.models.base import Output, frozen
from vqcore.records import State
from vqcore.training.evaluation import to_model
from vqcore.training.state import pack, unpack
from vqcore.training.trainer import Trainer

Floats = NDArray[np.float32]

LARGEST_K = 64
HISTORY_BYTES = 8 << 20  # for the states of earlier steps; a class of thirty has one microscope each


@dataclass(frozen=True, slots=True)
class Frame:
    """One step, from the batch to the moved codes. `loss` is the batch's, as training sums it, and `terms` its unweighted parts.

    Of the moment before the step: `x` float32 points (N, 2) or uint8 pictures (N, H, W, C); `z_e` (N, 2), `codebook` (K, 2);
    `distance` (N, K), Euclidean; `index` int64 (N,); `decoded`, what each code decodes to, as x but (K, …).
    `pair_loss` (N, K): the reconstruction loss of vector n, were the decoder given code k; the batch's is the mean over n of
    the chosen ones. `pair_gradient` (N, K, 2): its gradient with respect to what the decoder is given.

    Gradients of the batch's loss: `at_z_q` (N, 2), what the decoder sends to z_q; `passed` (N, 2), what the estimator makes of
    it at z_e; `commitment` (N, 2), the weighted commitment's at z_e; `at_z_e` (N, 2), all together; `at_codes` (K, 2), exactly
    zero where no term of the loss reaches. `count` int64 (K,): how many vectors chose a code; `mean` (K, 2): their mean, NaN for
    none.

    Of the moment after it, for the same batch: `codebook_after`, `z_e_after`, `index_after`, `loss_after`, `terms_after`, and
    `ema_count` (K,), the running average of `count`.
    """

    step: int  # how many steps were taken before this one
    batch: int  # which batch of the run's order
    config: RunConfig
    frozen: bool  # the encoder is held
    kept: bool  # the next step takes the same batch
    x: NDArray[Any]
    z_e: Floats
    codebook: Floats
    distance: Floats
    index: NDArray[np.int64]
    decoded: NDArray[Any]
    loss: float
    terms: Mapping[str, float]
    pair_loss: Floats
    pair_gradient: Floats
    at_z_q: Floats
    passed: Floats
    commitment: Floats
    at_z_e: Floats
    at_codes: Floats
    count: NDArray[np.int64]
    mean: Floats
    codebook_after: Floats
    z_e_after: Floats
    index_after: NDArray[np.int64]
    loss_after: float
    terms_after: Mapping[str, float]
    ema_count: Floats


@dataclass(frozen=True, slots=True)
class Setting:
    """What a step is taken under: `frozen`, the encoder is held; `kept`, the next step takes the same batch."""

    config: RunConfig
    frozen: bool = False
    kept: bool = False


class Microscope:
    """A tiny model, one step of which lies under the lens. `frame` is that step; the model itself has already taken it.

    Steps back restore the state before a step exactly (weights, optimiser, EMA, configuration, batch), and so its frame.
    """

    def __init__(self, config: RunConfig, dataset: Dataset, start: int = 0, history_bytes: int = HISTORY_BYTES) -> None:
        """The run that `config` describes, on the processor, after `start` steps that are not looked at.

        Raises ConfigError for what cannot be drawn in a plane: D other than 2, a latent grid, more than 64 codes; and for codes that
        start later.
        """
        quantizer = config.plain_vq()
        if quantizer.D != 2 or config.model.downsampling != "vector" or quantizer.K > LARGEST_K or quantizer.distance != "euclidean":
            raise ConfigError(
                f"D = {quantizer.D}, K = {quantizer.K}, downsampling {config.model.downsampling}, distance {quantizer.distance}: the "
                f"microscope draws one plane. Choose D = 2, K up to {LARGEST_K}, 'vector', 'euclidean'."
            )
        if quantizer.start_after:
            raise ConfigError(
                f"start_after = {quantizer.start_after}: the microscope shows codes at work from the first step. Set it to 0."
            )
        self._bench = _Bench(config, dataset)
        self._history_bytes = history_bytes
        self._bench.begin(start)
        self._past: deque[_Moment] = deque()
        self._now = self._bench.moment()
        self._first = self._now
        self._trail = [self._now.setting]
        self.frame = self._bench.look(self._now)

    @property
    def trail(self) -> tuple[Setting, ...]:
        """What each step was taken under, from the first to the one under the lens: all that has to be done to come here again."""
        return tuple(self._trail)

    @property
    def steps_back(self) -> int:
        """How many steps back are still remembered."""
        return len(self._past)

    def forward(self, steps: int = 1) -> None:
        """Put the next step under the lens, or the one `steps` further."""
        for remaining in range(steps - 1, -1, -1):
            self._past.append(self._now)
            self._now = self._bench.moment_after(self._now)
            self._trail.append(self._now.setting)
            if remaining:
                self._bench.take()
        if steps > 0:
            self.frame = self._bench.look(self._now)
        while len(self._past) > 1 and len(self._past) * self._now.bytes > self._history_bytes:
            self._past.popleft()

    def back(self, steps: int = 1) -> bool:
        """Put the step before under the lens, as it was, or as far back of `steps` as is remembered. False: nothing is."""
        went = min(steps, len(self._past))
        for _ in range(went):
            self._now = self._past.pop()
            self._trail.pop()
        return went > 0 and self._again()

    def reset(self) -> None:
        """Back to the first step, with the settings of then. What came after is forgotten."""
        self._past.clear()
        self._now = self._first
        self._trail = [self._now.setting]
        self._again()

    def change(self, changes: Mapping[str, Any] | None = None, *, frozen: bool | None = None, kept: bool | None = None) -> None:
        """Take the step under the lens again with other settings: treatable paths of the configuration, the encoder held,
        the same batch kept for the next step. Raises ConfigError, and changes nothing, for what cannot change on the way."""
        self._bench.restore(self._now)
        if frozen is not None:
            self._bench.frozen = frozen
        if kept is not None:
            self._bench.kept = kept
        try:
            self._bench.treat(changes or {})
            self._now = self._bench.moment()
            self._trail[-1] = self._now.setting
        except ConfigError:
            self._again()
            raise
        self.frame = self._bench.look(self._now)

    def state(self) -> State:
        """The state before the step under the lens: all that decides what follows."""
        return self._now.state

    def _again(self) -> bool:
        self._bench.restore(self._now)
        self.frame = self._bench.look(self._now)
        return True


@dataclass(frozen=True, slots=True)
class _Moment:
    """What has to be known to take a step once more."""

    state: State
    config: RunConfig
    batch: int
    frozen: bool
    kept: bool

    @property
    def setting(self) -> Setting:
        return Setting(self.config, self.frozen, self.kept)

    @property
    def bytes(self) -> int:
        return sum(array.nbytes for array in self.state.tensors.values())


class _Bench(Trainer):
    """The trainer, one step at a time and looked at on the way."""

    def __init__(self, config: RunConfig, dataset: Dataset) -> None:
        super().__init__(config.edited({"train.device": "cpu", "train.precision": "float32"}), dataset)
        self.at = 0
        self.frozen = False
        self.kept = False

    @property
    def codebook(self) -> nn.Parameter:
        (weights,) = self.model.code_weights()
        assert weights is not None
        return weights

    def begin(self, steps: int) -> None:
        self.initialise_codes_()
        for _ in range(steps):
            self.take()
            self.at += 1

    # ── moments ──

    def moment(self) -> _Moment:
        return _Moment(pack(self), self.config, self.at, self.frozen, self.kept)

    def moment_after(self, now: _Moment) -> _Moment:
        """Where the step taken from `now` has led to."""
        self.at = now.batch if now.kept else now.batch + 1
        return self.moment()

    def restore(self, moment: _Moment) -> None:
        self.config, self.at, self.frozen, self.kept = moment.config, moment.batch, moment.frozen, moment.kept
        self.model.reconfigure_(moment.config.model)
        self.optimizer.state.clear()  # a state from before the first step has no moments to put in their place
        unpack(self, moment.state)

    # ── the step ──

    def take(self) -> None:
        """Take a step unseen."""
        self.learn_(self.forward(self.batch(self.at)), held=self._held())

    def look(self, now: _Moment) -> Frame:
        """Take the step that begins at `now`, where this bench stands, and tell all about it."""
        rows = self.batch(self.at)
        x = to_model(rows)
        net = self.model
        codebook = self.codebook.detach().clone()
        pair_loss, pair_gradient = self._pairs(x, codebook)
        with torch.no_grad():
            decoded = net.decode((codebook,))

        out = self.forward(rows)
        (level,) = out.levels
        reconstruction = out.terms["reconstruction"]
        at_z_q, passed = torch.autograd.grad(reconstruction, (level.z_q, level.z_e), retain_graph=True)
        weighted = self.config.plain_vq().commitment_weight * out.terms["commitment"]
        (commitment,) = torch.autograd.grad(weighted, level.z_e, retain_graph=True)
        loss, terms = _plain(out)
        level.z_e.retain_grad()  # not before: what autograd.grad passes through z_e would be kept as well
        self.learn_(out, held=self._held())
        assert level.z_e.grad is not None
        z_e, index = level.z_e.detach(), out.codes[0]
        at_codes = torch.zeros_like(codebook) if self.codebook.grad is None else self.codebook.grad
        count = torch.bincount(index, minlength=len(codebook))
        mean = torch.full_like(codebook, torch.nan)
        mean[count > 0] = torch.zeros_like(codebook).index_add_(0, index, z_e)[count > 0] / count[count > 0, None]
        with frozen(net):  # a look that training must not learn from
            after = net(x)
        loss_after, terms_after = _plain(after)
        (ema_count,) = self.model.ema_counts()
        assert ema_count is not None
        return Frame(
            step=now.state.meta["step"],
            batch=now.batch,
            config=now.config,
            frozen=now.frozen,
            kept=now.kept,
            x=_shown(rows),
            z_e=_floats(z_e),
            codebook=_floats(codebook),
            distance=_floats((z_e[:, None] - codebook).norm(dim=2)),
            index=index.numpy().copy(),
            decoded=_shown(decoded),
            loss=loss,
            terms=terms,
            pair_loss=_floats(pair_loss),
            pair_gradient=_floats(pair_gradient),
            at_z_q=_floats(at_z_q),
            passed=_floats(passed),
            commitment=_floats(commitment),
            at_z_e=_floats(level.z_e.grad),
            at_codes=_floats(at_codes),
            count=count.numpy().copy(),
            mean=_floats(mean),
            codebook_after=_floats(self.codebook),
            z_e_after=_floats(after.levels[0].z_e),
            index_after=after.codes[0].numpy().copy(),
            loss_after=loss_after,
            terms_after=terms_after,
            ema_count=_floats(ema_count),
        )

    def _held(self) -> Iterator[nn.Parameter]:
        return self.model.encoder_weights() if self.frozen else iter(())

    def _pairs(self, x: Tensor, codebook: Tensor) -> tuple[Tensor, Tensor]:
        """Each vector with each code: the reconstruction loss (N, K), and its gradient (N, K, 2) at what the decoder is given."""
        N, K = len(x), len(codebook)
        given = codebook.repeat(N, 1).requires_grad_()  # (N K, 2), the codes of the first vector first
        loss = self.model.errors((given,), x.repeat_interleave(K, dim=0)).view(N, K)
        (gradient,) = torch.autograd.grad(loss.sum(), given)
        return loss.detach(), gradient.view(N, K, 2)


def _plain(out: Output) -> tuple[float, dict[str, float]]:
    return float(out.loss.detach()), {name: float(value.detach()) for name, value in out.terms.items()}


def _floats(values: Tensor) -> Floats:
    array: Floats = values.detach().float().cpu().numpy().copy()
    return array


def _shown(x: Tensor) -> NDArray[Any]:
    """Pictures (N, C, H, W), stored or in [0, 1], as uint8 (N, H, W, C); points as they are."""
    if x.ndim == 4:
        scaled = x if x.dtype == torch.uint8 else (x * 255).round().to(torch.uint8)
        return scaled.movedim(1, -1).numpy().copy()
    return _floats(x)
