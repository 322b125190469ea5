"""Residual quantisation: against the peer's own with the same codes, and what its stages promise."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from vector_quantize_pytorch import ResidualVQ as Peer

from vqcore.config.quantizer import ResidualConfig, VQConfig
from vqcore.errors import ConfigError
from vqcore.quantizers.residual import Residual

D = 6


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sample(B: int = 32, seed: int = 0) -> Tensor:
    return torch.randn(B, D, 3, 4, generator=seeded(seed))


def vectors(count: int = 2000) -> Tensor:
    return torch.randn(count, D, generator=seeded(5))


def make(stages: int = 3, K: int = 16, *, shared: bool = False, stage_dropout: float = 0.0, **settings: object) -> Residual:
    torch.manual_seed(0)
    stage = VQConfig.parse({"K": K, "D": D, "init": "kmeans", **settings})
    quantizer = Residual(ResidualConfig(stages=(stage,) * stages, shared=shared, stage_dropout=stage_dropout))
    quantizer.initialise_(vectors(), seeded())
    quantizer.clear_changed_()
    return quantizer


@pytest.mark.parametrize("shared", [False, True])
def test_it_is_the_peers(shared: bool) -> None:
    ours = make(4, shared=shared).eval()
    peer = Peer(dim=D, num_quantizers=4, codebook_size=16, shared_codebook=shared).eval()
    for layer, codebook in zip(peer.layers, ours.codebooks(), strict=True):
        layer._codebook.embed.copy_(codebook[None])
        layer._codebook.initted.fill_(True)
    z = sample()
    theirs, indices, _ = peer(z.flatten(2).transpose(1, 2))
    out = ours(z)
    assert torch.equal(torch.stack(out.indices, -1).flatten(1, 2), indices)
    assert torch.allclose(out.z_q.flatten(2).transpose(1, 2), theirs, atol=1e-5)


@pytest.mark.parametrize("shared", [False, True])
def test_each_stage_takes_the_nearest_code_of_what_is_left(shared: bool) -> None:
    quantizer = make(shared=shared).eval()
    z = sample()
    left = z.movedim(1, -1).flatten(0, -2).double()  # (N, D)
    z_q = torch.zeros_like(left)
    for codebook, compared, indices in zip(quantizer.codebooks(), quantizer.compared(left), quantizer(z).indices, strict=True):
        assert torch.allclose(compared.double(), left, atol=1e-5)
        nearest = torch.cdist(left, codebook.double()).argmin(1)
        assert torch.equal(indices.flatten(), nearest)
        left, z_q = left - codebook.double()[nearest], z_q + codebook.double()[nearest]
    assert torch.allclose(quantizer(z).z_q.movedim(1, -1).flatten(0, -2).double(), z_q, atol=1e-5)


@pytest.mark.parametrize("shared", [False, True])
def test_more_stages_come_nearer(shared: bool) -> None:
    quantizer = make(4, shared=shared).eval()
    z = sample(200)
    indices = quantizer(z).indices
    errors = [(quantizer.codes(indices[:count]) - z).square().mean().item() for count in range(1, 5)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.5 * errors[0]
    assert torch.allclose(quantizer.codes(indices), quantizer(z).z_q, atol=1e-5)


@pytest.mark.parametrize("estimator", ["straight_through", "rotation"])
def test_the_gradient_passes_once_whatever_the_number_of_stages(estimator: str) -> None:
    z = sample().requires_grad_()
    weights = torch.randn(z.shape, generator=seeded(3))
    passed = [torch.autograd.grad((make(n, estimator=estimator)(z).z_q * weights).sum(), z)[0] for n in (1, 4)]
    if estimator == "straight_through":
        assert torch.equal(passed[0], weights) and torch.equal(passed[1], weights)
    assert passed[1].norm() < 1.5 * passed[0].norm()


def test_losses_add_up_over_the_stages() -> None:
    quantizer = make(3, commitment_weight=0.5)
    z = sample().requires_grad_()
    out = quantizer(z)
    left, errors = z.detach().movedim(1, -1).flatten(0, -2), []
    for codebook, indices in zip(quantizer.codebooks(), out.indices, strict=True):
        left = left - codebook[indices.flatten()]
        errors.append(left.square().mean())
    assert out.terms["commitment"].item() == pytest.approx(sum(errors).item(), rel=1e-5)  # type: ignore[union-attr]
    assert out.loss.item() == pytest.approx(1.5 * sum(errors).item(), rel=1e-5)  # type: ignore[union-attr]
    out.loss.backward()
    for weight in quantizer.parameters():
        assert weight.grad is not None and weight.grad.abs().sum() > 0


def test_a_shared_book_learns_from_all_stages() -> None:
    quantizer = make(3, K=8, shared=True, learning="ema", ema_decay=0.0)
    assert len(list(quantizer.parameters())) == 1
    assert len({id(weight) for weight in quantizer.code_weights()}) == 1
    z = sample()
    inputs = torch.cat(quantizer.compared(z.movedim(1, -1).flatten(0, -2)))
    indices = torch.cat([grid.flatten() for grid in quantizer(z).indices])
    quantizer.update_(seeded())
    # without memory, each code is the mean of what it won in any stage
    for code in indices.unique():
        assert torch.allclose(quantizer.codebooks()[0][code], inputs[indices == code].mean(0), atol=1e-5)
    assert torch.allclose(quantizer.ema_counts()[0], torch.bincount(indices, minlength=8).float())  # type: ignore[arg-type]


@pytest.mark.parametrize("shared", [False, True])
def test_revival_and_kmeans_reach_the_later_stages(shared: bool) -> None:
    quantizer = make(3, shared=shared)
    with torch.no_grad():
        for weight in quantizer.parameters():
            weight[4:] = 100.0  # nothing is near
    dead = tuple(torch.arange(16) >= 4 for _ in range(3))
    used = [len(grid.unique()) for grid in quantizer.eval()(sample(200)).indices]
    assert max(used) <= 4
    quantizer.revive_(vectors(), dead, seeded())
    assert all(rows is not None and torch.equal(rows, dead[0]) for rows in quantizer.changed)
    revived = quantizer(sample(200)).indices
    assert all(len(grid.unique()) > 8 for grid in revived)
    quantizer.kmeans_(vectors(), seeded())
    assert (quantizer(sample(200)).z_q - sample(200)).square().mean() < 0.5


def test_a_shared_books_code_is_dead_only_where_no_stage_uses_it() -> None:
    quantizer = make(2, shared=True)
    before = quantizer.codebooks()[0].clone()
    first, second = torch.zeros(16, dtype=torch.bool), torch.zeros(16, dtype=torch.bool)
    first[[1, 2]], second[[2, 3]] = True, True
    quantizer.revive_(vectors(), (first, second), seeded())
    assert (quantizer.codebooks()[0] != before).any(1).nonzero().flatten().tolist() == [2]


def test_stage_dropout_needs_training_and_a_generator() -> None:
    quantizer = make(4, stage_dropout=0.5)
    z = sample(400)
    whole = quantizer.codes(quantizer(z).indices)
    assert torch.allclose(quantizer(z).z_q, whole, atol=1e-5)
    assert torch.allclose(quantizer.eval()(z, seeded()).z_q, whole, atol=1e-5)
    out = quantizer.train()(z, seeded())
    assert torch.equal(out.z_q, quantizer(z, seeded()).z_q), "the generator alone decides"
    prefixes = torch.stack([quantizer.codes(out.indices[:count]) for count in range(1, 5)])  # (4, B, D, h, w)
    kept = (prefixes - out.z_q).abs().amax((2, 3, 4)).argmin(0)  # of each example, how many stages it got, less one
    assert ((prefixes - out.z_q).abs().amax((2, 3, 4)).amin(0) < 1e-5).all(), "each example gets a prefix of its stages"
    shares = torch.bincount(kept, minlength=4) / 400
    assert torch.allclose(shares, torch.tensor([1 / 6, 1 / 6, 1 / 6, 1 / 2]), atol=0.08)


def test_codes_that_start_from_the_first_batch_do_so_stage_by_stage() -> None:
    torch.manual_seed(0)
    for shared in (False, True):
        quantizer = Residual(ResidualConfig(stages=(VQConfig(K=8, D=D),) * 3, shared=shared))
        quantizer(sample(200))
        indices = quantizer.eval()(sample(200)).indices
        assert all(len(grid.unique()) > 4 for grid in indices)
    with pytest.raises(ConfigError, match="call initialise_"):
        Residual(ResidualConfig(stages=(VQConfig(K=500, D=D),) * 2))(sample(8))


def test_stages_stay_what_they_are_while_it_trains() -> None:
    quantizer = make(2)
    stage = VQConfig(K=16, D=D)
    quantizer.reconfigure_(ResidualConfig(stages=(stage, stage.edited({"commitment_weight": 1.0})), stage_dropout=0.2))
    for other in (ResidualConfig(stages=(stage,) * 3), ResidualConfig(stages=(stage,) * 2, shared=True), stage):
        with pytest.raises(ConfigError, match="Start a new run with other stages"):
            quantizer.reconfigure_(other)
