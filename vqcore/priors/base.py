"""What every prior promises: p(codes) = ∏ p(code_i | codes before i), over the order of `vqcore.layout`.

Axes: B batch, M codes an example, K the largest book's codes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from vqcore.errors import ConfigError
from vqcore.layout import Layout


class Prior(nn.Module, ABC):
    """Codes are int64 (B, M), flat as in `Layout`; labels int64 (B,) in [0, classes). A prior that is not conditional ignores labels.

    Logits are float32 and −inf for indices that a position's book does not have. Whatever ends in `_` changes state.
    """

    layout: Layout
    conditional: bool  # whether it must be given labels
    allowed: Tensor  # bool (M, K): which indices exist at each position

    def __init__(self, layout: Layout, *, conditional: bool) -> None:
        super().__init__()
        self.layout = layout
        self.conditional = conditional
        sizes = torch.from_numpy(layout.sizes())
        self.register_buffer("allowed", torch.arange(layout.vocabulary) < sizes[:, None], persistent=False)

    @property
    def device(self) -> torch.device:
        return self.allowed.device

    @property
    def learns_by_gradient(self) -> bool:
        """False for priors that `fit_` makes complete."""
        return any(parameter.requires_grad for parameter in self.parameters())

    @abstractmethod
    def forward(self, codes: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        """Logits (B, M, K): at position i they depend on the codes before i alone. Dropout needs training mode and a generator.

        Raises ConfigError when labels are missing.
        """

    def __call__(self, codes: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        logits: Tensor = super().__call__(codes, labels, generator)
        return logits

    def fit_(self, codes: Tensor, labels: Tensor | None) -> None:
        """Once before training, with all training codes (N, M): what is counted rather than learned."""

    @abstractmethod
    def stepper(self, batch: int, labels: Tensor | None = None) -> Stepper:
        """For filling `batch` grids code by code. Raises ConfigError when labels are missing."""

    def checked_labels(self, labels: Tensor | None, batch: int) -> Tensor | None:
        """The labels to use, (B,), or None when this prior takes none. Raises ConfigError when they are missing or do not exist."""
        if not self.conditional:
            return None
        if labels is None:
            raise ConfigError(f"This prior is conditional: give it a label from 0 to {self.layout.classes - 1} for each grid.")
        if labels.shape != (batch,):
            raise ConfigError(f"{tuple(labels.shape)} labels were given for {batch} grids: one for each is needed.")
        # on a GPU the look would wait for the device; there an index outside fails by itself
        if labels.device.type == "cpu" and batch and not 0 <= int(labels.min()) <= int(labels.max()) < self.layout.classes:
            wrong = int(labels[(labels < 0) | (labels >= self.layout.classes)][0])
            raise ConfigError(f"Label {wrong} does not exist: labels go from 0 to {self.layout.classes - 1}.")
        return labels

    def only_existing(self, logits: Tensor) -> Tensor:
        """Logits (…, M, K) with −inf for indices that do not exist."""
        return logits.masked_fill(~self.allowed, -torch.inf)


class Stepper(ABC):
    """Logits one position after the other, each computed from what earlier ones left behind. Eval mode, no gradients."""

    @abstractmethod
    def logits(self, codes: Tensor, position: int) -> Tensor:
        """Logits (B, K) at `position`, given codes (B, M) that are final before it; equal to `forward`'s there within 1e-5.

        Positions must grow from call to call; those passed over are taken in from `codes`.
        """


def dropped(x: Tensor, share: float, generator: torch.Generator | None) -> Tensor:
    """Each number of x 0 with probability `share`, the others larger, so that the mean stays. Without a generator, on x's device, x itself.

    torch's own dropout draws from its global generator, which belongs to all threads of the process.
    """
    if generator is None or share == 0:
        return x
    return x * torch.empty_like(x).bernoulli_(1 - share, generator=generator).div_(1 - share)


def log_probabilities(prior: Prior, codes: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
    """log p of each code given those before it, in nats, float32 (B, M)."""
    logits = prior(codes, labels, generator).float()
    picked: Tensor = torch.log_softmax(logits, dim=-1).gather(-1, codes.unsqueeze(-1)).squeeze(-1)
    return picked
