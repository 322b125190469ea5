"""Finite scalar quantisation: against the peer's own, and what its lattice promises."""

from __future__ import annotations

import math

import pytest
import torch
import vector_quantize_pytorch as peers
from hypothesis import given
from hypothesis import strategies as st

from vqcore.config.quantizer import FSQConfig
from vqcore.errors import ConfigError
from vqcore.quantizers.fsq import FSQ

LEVELS = [(8, 6, 5), (5, 5, 5, 5), (3, 4), (7,), (8, 8, 8, 5, 5)]


@pytest.mark.parametrize("levels", LEVELS)
def test_it_is_the_peers(levels: tuple[int, ...]) -> None:
    ours, peer = FSQ(FSQConfig(levels=levels)), peers.FSQ(list(levels))
    z = (3 * torch.randn(2, len(levels), 12, 12, generator=torch.Generator().manual_seed(0))).requires_grad_()
    theirs, indices = peer(z)
    out = ours(z)
    assert torch.equal(out.indices[0], indices.long())
    assert torch.allclose(out.z_q, theirs, atol=1e-5)
    weights = torch.randn(theirs.shape, generator=torch.Generator().manual_seed(1))
    gradients = [torch.autograd.grad((z_q * weights).sum(), z)[0] for z_q in (out.z_q, theirs)]
    assert torch.allclose(gradients[0], gradients[1], atol=1e-5)
    assert torch.allclose(ours.codebooks()[0], peer.implicit_codebook, atol=1e-5)


@given(st.lists(st.integers(2, 9), min_size=1, max_size=4).map(tuple))
def test_each_index_is_found_again_from_its_code(levels: tuple[int, ...]) -> None:
    quantizer = FSQ(FSQConfig(levels=levels))
    (codebook,) = quantizer.codebooks()
    K = math.prod(levels)
    assert codebook.shape == (K, len(levels))
    assert len(torch.unique(codebook, dim=0)) == K
    assert codebook.min() == -1 and codebook.max() <= 1
    # z that is bounded to the code itself: the inverse of tanh(z + shift) · bound − offset
    z = torch.atanh((codebook * quantizer.centre + quantizer.offset) / quantizer.bound) - quantizer.shift
    out = quantizer(z)
    assert torch.equal(out.indices[0], torch.arange(K))
    assert torch.equal(out.z_q, codebook)


def test_zero_is_in_the_middle_and_every_level_can_be_reached() -> None:
    levels = (2, 3, 4, 5, 8, 1001)
    quantizer = FSQ(FSQConfig.model_construct(levels=levels))  # more codes than a run may have
    assert quantizer(torch.zeros(1, 6)).z_q.tolist() == [[0.0] * 6]
    z = torch.linspace(-9, 9, 200_001)[:, None].expand(-1, 6)
    digits = quantizer(z).z_q * quantizer.centre + quantizer.centre
    for i, count in enumerate(levels):
        assert digits[:, i].round().unique().tolist() == list(range(count))


@pytest.mark.parametrize("levels", [(2,), (65_536,), (1200, 50)])
def test_indices_stay_in_range_however_far_z_is(levels: tuple[int, ...]) -> None:
    quantizer = FSQ(FSQConfig(levels=levels))
    far = torch.tensor([-torch.inf, -1e30, 0.0, 1e30, torch.inf, torch.nan])[:, None].expand(-1, len(levels))
    (indices,) = quantizer(far).indices
    assert ((indices >= 0) & (indices < quantizer.books[0].K)).all()


def test_nothing_is_learned_and_nothing_pulls() -> None:
    quantizer = FSQ(FSQConfig())
    z = torch.randn(8, 3, 4, 4, requires_grad=True)
    out = quantizer(z)
    assert not list(quantizer.parameters()) and not quantizer.state_dict()
    assert out.terms == {} and out.loss == 0 and not out.loss.requires_grad


def test_levels_cannot_change_while_it_trains() -> None:
    quantizer = FSQ(FSQConfig(levels=(3, 3)))
    quantizer.reconfigure_(FSQConfig(levels=(3, 3)))
    with pytest.raises(ConfigError, match="Start a new run with other levels"):
        quantizer.reconfigure_(FSQConfig(levels=(3, 4)))
