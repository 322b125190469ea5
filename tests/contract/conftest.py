"""Quantizers to hold the contracts against: every registered kind in several settings, and fakes with several books and with none."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from vqcore.config.quantizer import AnyQuantizerConfig, FSQConfig, ResidualConfig, VQConfig
from vqcore.quantizers.base import Bottleneck, Quantized, Quantizer
from vqcore.quantizers.lookup import nearest_code
from vqcore.quantizers.registry import QUANTIZERS, build_quantizer
from vqcore.shape import Book

D = 6

# several settings of each kind, all of code dimension D
SETTINGS: dict[str, list[AnyQuantizerConfig]] = {
    "vq": [
        VQConfig(K=16, D=D, init="normal"),
        VQConfig(K=9, D=D, init="kmeans", learning="ema", revival_threshold=0.1),
        VQConfig(K=300, D=D, init="data", distance="l2", estimator="rotation", revival_threshold=0.1),
        VQConfig(K=16, D=D, init="uniform", distance="l2", learning="ema"),
        VQConfig(K=16, D=D, init="data", start_after=5),
    ],
    "residual": [
        ResidualConfig(stages=(VQConfig(K=8, D=D, init="normal"), VQConfig(K=5, D=D, init="normal", init_scale=0.5))),
        ResidualConfig(
            stages=(VQConfig(K=16, D=D, learning="ema", revival_threshold=0.1, estimator="rotation"),) * 3, shared=True, stage_dropout=0.5
        ),
        ResidualConfig(stages=(VQConfig(K=8, D=D, init="data", start_after=5), VQConfig(K=5, D=D, learning="ema", start_after=5))),
    ],
    "fsq": [FSQConfig(levels=(2, 3, 4, 5, 2, 2))],
}


class Halves(Quantizer):
    """A fake with two books of half the dimension, one for each half of the vector: the right one is fixed, neither keeps counts."""

    def __init__(self) -> None:
        super().__init__()
        self.left = nn.Parameter(torch.randn(4, D // 2))
        self.right: Tensor
        self.register_buffer("right", torch.randn(7, D // 2))
        self.books = (Book("left", 4, D // 2), Book("right", 7, D // 2, learned=False))
        self.dim = D

    def forward(self, z: Tensor, generator: torch.Generator | None = None) -> Quantized:
        self._check_z(z)
        flat = z.movedim(1, -1).float()  # (B, *S, D)
        indices = tuple(
            nearest_code(half.reshape(-1, D // 2), book).view(half.shape[:-1])
            for half, book in zip(flat.chunk(2, dim=-1), (self.left, self.right), strict=True)
        )
        z_q = self.codes(indices)
        error = (z.float() - z_q).square().sum() / max(1, z.numel())
        return Quantized((z_q.detach() + (z - z.detach())).to(z.dtype), indices, error, {"commitment": error})

    def codes(self, indices: tuple[Tensor, ...]) -> Tensor:
        self._check_indices(indices)
        return torch.cat([self.left[indices[0]], self.right[indices[1]]], dim=-1).movedim(-1, 1)

    def codebooks(self) -> tuple[Tensor, ...]:
        return self.left.detach(), self.right.detach()

    def compared(self, z: Tensor) -> tuple[Tensor, ...]:
        return z.detach().float().chunk(2, dim=1)

    def code_weights(self) -> tuple[nn.Parameter | None, ...]:
        return self.left, None

    def reconfigure_(self, config: AnyQuantizerConfig, optimizer: torch.optim.Optimizer | None = None) -> None: ...


class Gaussian(Bottleneck):
    """A fake without books, as a VAE's: it takes twice what it gives, draws where it is given a generator, and has a KL term."""

    dim_in = 2 * D
    dim_out = D

    def forward(self, z: Tensor, generator: torch.Generator | None = None) -> Quantized:
        self._check_z(z)
        mean, spread = z.float().chunk(2, dim=1)
        noise = torch.zeros_like(mean) if generator is None else torch.randn(mean.shape, generator=generator)
        kl = z.float().square().sum() / 2 / max(1, len(z))
        return Quantized((mean + spread.exp() * noise).to(z.dtype), (), kl, {"kl": kl})

    def reconfigure_(self, config: AnyQuantizerConfig, optimizer: torch.optim.Optimizer | None = None) -> None: ...


def two_stages() -> Quantizer:
    """Residual, with books of 8 and 5 codes."""
    return build_quantizer(SETTINGS["residual"][0])


def _cases() -> dict[str, Callable[[], Quantizer]]:
    cases: dict[str, Callable[[], Quantizer]] = {
        f"{kind}-{i}": (lambda config=config: build_quantizer(config))  # type: ignore[misc]
        for kind, configs in SETTINGS.items()
        for i, config in enumerate(configs)
    }
    return cases | {"fake-halves": Halves}


CASES = _cases()


def _made(case: Callable[[], Quantizer]) -> Quantizer:
    """The same each time, its codes started."""
    with torch.random.fork_rng():
        torch.manual_seed(5)
        quantizer = case()
    quantizer.initialise_(torch.randn(600, quantizer.dim, generator=torch.Generator().manual_seed(9)), torch.Generator().manual_seed(9))
    quantizer.clear_changed_()
    return quantizer


@pytest.fixture(params=CASES)
def make_quantizer(request: pytest.FixtureRequest) -> Callable[[], Quantizer]:
    """Builds the same quantizer each time it is called, its codes started."""
    return lambda: _made(CASES[request.param])


@pytest.fixture(params=[*CASES, "fake-no-books"])
def make_bottleneck(request: pytest.FixtureRequest) -> Callable[[], Bottleneck]:
    """A quantizer, as `make_quantizer`, or a bottleneck without books."""
    return Gaussian if request.param == "fake-no-books" else lambda: _made(CASES[request.param])


@pytest.fixture
def quantizer(make_quantizer: Callable[[], Quantizer]) -> Quantizer:
    return make_quantizer()


@pytest.fixture
def covered_kinds() -> set[str]:
    return set(SETTINGS)


@pytest.fixture
def registered_kinds() -> set[str]:
    return set(QUANTIZERS)
