"""The two runs of an exhibit: the package's own trainer, once with its quantizer and once with the buggy one in its place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import torch
from torch import Tensor

from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig
from vqcore.control import NoControl
from vqcore.data.base import Dataset
from vqcore.data.registry import load
from vqcore.errors import ConfigError, Diverged
from vqcore.models.vqvae import VQVAE
from vqcore.museum.bugs import BUGS
from vqcore.museum.exhibits import EXHIBITS
from vqcore.museum.trial import SERIES, Pair, Trial, write
from vqcore.quantizers.vq import VQ
from vqcore.records import Evaluation, Step
from vqcore.training.evaluation import to_model
from vqcore.training.trainer import Trainer

PROBED = 64  # training pictures on which gradients are measured
DIGITS = 6  # significant ones that are kept


class Patient(Trainer):
    """A trainer under observation. With `bug`, that quantizer stands in the model, with the same first codes."""

    def __init__(self, config: RunConfig, dataset: Dataset, bug: type[VQ] | None = None) -> None:
        super().__init__(config, dataset, build=None if bug is None else partial(_with, bug, config.plain_vq()))
        book = self._codebook()
        self._first = book.clone()
        self._revived = torch.zeros(len(book), dtype=torch.bool, device=self.device)
        self._revivals = 0
        self._last_point = 0
        self._probed = torch.from_numpy(dataset.x[dataset.train[:PROBED]]).to(self.device)

    def observed(self) -> dict[str, float]:
        """What a point of the curves lacks; counts begin anew."""
        silent = self.meters[0].last_hit <= self._last_point
        found = {
            "moved": float((self._codebook() - self._first).norm(dim=1).mean()),
            "revived": float(self._revivals),
            "died_again": float((self._revived & silent).sum()),
            **self._gradients(),
        }
        self._revivals, self._last_point = 0, self.step
        return found

    def initialise_codes_(self) -> None:
        super().initialise_codes_()
        super().clear_moments_()  # codes that have just been put somewhere are not revived ones
        self._first = self._codebook().clone()

    def clear_moments_(self) -> None:
        (changed,) = self.model.changed
        assert changed is not None
        self._revivals += int(changed.sum())
        self._revived |= changed
        super().clear_moments_()

    def _codebook(self) -> Tensor:
        return self._weights().detach()

    def _weights(self) -> Tensor:
        (weights,) = self.model.code_weights()
        assert weights is not None
        return weights

    def _gradients(self) -> dict[str, float]:
        """How long each loss's gradient is where it arrives, on the same pictures each time; exactly 0 where it does not."""
        self.model.eval()  # what a quantizer remembers in training is the batch's
        try:
            out = self.model(to_model(self._probed))
        finally:
            self.model.train()
        picture = out.terms["reconstruction"]
        ends = [out.levels[0].z_e, self._weights()]
        found = {}
        for name, loss in (("picture", picture), ("book", out.loss - picture)):
            at_z, at_codes = torch.autograd.grad(loss, ends, retain_graph=True, allow_unused=True)
            found[f"{name}_at_z"] = _length(at_z)
            found[f"{name}_at_codes"] = _length(at_codes)
        return found


def _with(bug: type[VQ], quantizer: VQConfig, config: VQVAEConfig, shape: tuple[int, ...], modality: str, variance: float) -> VQVAE:
    """The model that `config` describes, with the same first weights and codes, but for the bug."""
    return VQVAE(config, shape, modality, variance, bug(quantizer))


def _length(gradient: Tensor | None) -> float:
    return 0.0 if gradient is None else float(gradient.norm())


def observe(config: RunConfig, dataset: Dataset, bug: type[VQ] | None = None, heard: Callable[[int], None] = lambda step: None) -> Trial:
    """Train to the end, or to where it breaks; `heard` is called with the step at each point."""
    patient = Patient(config, dataset, bug)
    steps: list[int] = []
    series: dict[str, list[float]] = {name: [] for name in SERIES}
    evaluations: list[Evaluation] = []
    problem = ""
    try:
        for record in patient.run(NoControl()):
            if isinstance(record, Step):
                book = record.books[0]
                values = {
                    "loss": record.loss,
                    **record.terms,
                    "used": book.used_epoch,
                    "z_norm": record.z_norm,
                    "e_norm": book.e_norm,
                    **patient.observed(),
                }
                steps.append(record.step)
                for name in SERIES:
                    series[name].append(float(f"{values[name]:.{DIGITS}g}"))
                heard(record.step)
            elif isinstance(record, Evaluation):
                evaluations.append(record)
    except Diverged as error:
        problem = str(error)
    return Trial(
        steps=tuple(steps),
        series={name: tuple(values) for name, values in series.items()},
        evaluated=tuple(evaluation.step for evaluation in evaluations),
        nmse=tuple(float(f"{evaluation.nmse:.{DIGITS}g}") for evaluation in evaluations),
        nmse_mean_picture=evaluations[0].nmse_mean_picture,
        problem=problem,
    )


def pair(key: str, seed: int, *, steps: int = 0) -> Pair:
    """Both runs of an exhibit. `steps`: fewer or more than it says (0: as it says). Raises ConfigError for an unknown key."""
    if key not in BUGS:
        raise ConfigError(f"The museum has no {key!r}; it has: {', '.join(BUGS)}.")
    config = EXHIBITS[key].run(seed).edited({"train.steps": steps} if steps else {})
    dataset = load(config.data)
    return Pair(key, seed, config.identity, _healthy(config), observe(config, dataset, BUGS[key]))


@cache
def _healthy(config: RunConfig) -> Trial:
    """Several exhibits have the same run without their bug."""
    return observe(config, load(config.data))


def exhibit(folder: str, key: str, seed: int) -> str:
    """For the light worker: train both and keep them in `folder`, for `trial.read`. Returns the key."""
    write(Path(folder), pair(key, seed))
    return key
