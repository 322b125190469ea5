"""Who is dead, and where the dead are put."""

from __future__ import annotations

import pytest
import torch

from vqcore.quantizers.revival import dead_codes, replacements


def test_dead_is_below_a_share_of_the_mean_count() -> None:
    counts = torch.tensor([0.0, 0.4, 0.6, 3.0])  # mean 1
    assert dead_codes(counts, 0.5).tolist() == [True, True, False, False]
    assert not dead_codes(counts, 0.0).any()
    assert not dead_codes(torch.zeros(4), 0.5).any()


@pytest.mark.parametrize("N", [5, 6, 100])
def test_dead_codes_go_to_different_vectors_while_there_are_enough(N: int) -> None:
    z = torch.arange(float(N))[:, None]
    dead = torch.tensor([True, False, True, True, False, True, True])
    chosen = replacements(dead, z, torch.Generator().manual_seed(1))
    assert chosen.shape == (7, 1)
    assert len(set(chosen[dead].flatten().tolist())) == 5


def test_fewer_vectors_than_dead_codes_are_shared_evenly() -> None:
    chosen = replacements(torch.ones(6, dtype=torch.bool), torch.arange(3.0)[:, None], torch.Generator().manual_seed(1))
    assert sorted(chosen.flatten().tolist()) == [0, 0, 1, 1, 2, 2]


def test_the_generator_decides() -> None:
    z, dead = torch.randn(50, 3), torch.ones(5, dtype=torch.bool)
    first, again, other = (replacements(dead, z, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
