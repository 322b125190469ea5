"""k-means as the start of a codebook."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from vqcore.errors import ConfigError
from vqcore.quantizers.kmeans import kmeans, sample_codes
from vqcore.quantizers.lookup import nearest_code

Start = Callable[[Tensor, int, torch.Generator], Tensor]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def error(z: Tensor, centres: Tensor) -> float:
    return float((z - centres[nearest_code(z, centres)]).square().sum(1).mean())


def test_iterations_lower_the_error() -> None:
    z = torch.randn(3000, 4, generator=seeded())
    errors = [error(z, kmeans(z, 32, seeded(1), iterations)) for iterations in range(8)]
    assert all(later <= earlier * 1.0001 for earlier, later in pairwise(errors))
    assert errors[-1] < 0.85 * errors[0]


def test_finds_clusters_that_are_there() -> None:
    middles = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    z = (middles[:, None] + 0.1 * torch.randn(4, 100, 2, generator=seeded())).reshape(-1, 2)
    for seed in range(10):
        assert error(z, kmeans(z, 12, seeded(seed))) < 0.02  # within a cluster: 0.02 = 2 · 0.1²


def test_no_centre_is_wasted_on_vectors_that_repeat() -> None:
    z = torch.zeros(2000, 3)
    z[:40] = torch.randn(40, 3, generator=seeded())
    centres = kmeans(z, 30, seeded())
    assert len(nearest_code(z, centres).unique()) == 30


def test_data_with_fewer_different_vectors_than_codes_is_met_exactly() -> None:
    z = torch.tensor([[0.0], [1.0], [2.0]]).repeat(10, 1)
    centres = kmeans(z, 8, seeded())
    assert torch.isfinite(centres).all()
    assert error(z, centres) == 0


@pytest.mark.parametrize("start", [sample_codes, kmeans])
@pytest.mark.parametrize("seed", range(5))
def test_no_two_codes_start_equal_while_enough_different_vectors_exist(start: Start, seed: int) -> None:
    z = torch.cat([torch.zeros(500, 2), torch.tensor([[5.0, 5.0]]).expand(500, 2), torch.randn(30, 2, generator=seeded())])
    assert len(start(z, 32, seeded(seed)).unique(dim=0)) == 32


@pytest.mark.parametrize("start", [sample_codes, kmeans])
def test_where_different_vectors_run_out_each_is_a_code(start: Start) -> None:
    z = torch.tensor([[0.0], [1.0], [2.0]]).repeat(100, 1)
    assert start(z, 8, seeded()).unique().tolist() == [0, 1, 2]


def test_the_generator_decides() -> None:
    z = torch.randn(500, 2, generator=seeded())
    assert torch.equal(kmeans(z, 16, seeded(1)), kmeans(z, 16, seeded(1)))
    assert not torch.equal(kmeans(z, 16, seeded(1)), kmeans(z, 16, seeded(2)))


def test_a_sample_takes_different_rows() -> None:
    z = torch.arange(20.0)[:, None]
    assert sorted(sample_codes(z, 20, seeded()).flatten().tolist()) == z.flatten().tolist()


@pytest.mark.parametrize("start", [sample_codes, kmeans])
def test_fewer_vectors_than_codes_says_what_to_do(start) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigError, match=r"K = 9 codes cannot start from 8 vectors. Lower K to 8 or less"):
        start(torch.randn(8, 2), 9, seeded())
