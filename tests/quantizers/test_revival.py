"""Who is dead, and where the dead are put."""

from __future__ import annotations

import pytest
import torch

from vqcore.quantizers.revival import dead_codes, first_of_each, replacements, row_keys


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


ALL = torch.ones(200, dtype=torch.bool)


@pytest.mark.parametrize("seed", range(5))
def test_dead_codes_get_different_values_not_only_different_rows(seed: int) -> None:
    z = torch.cat([torch.zeros(900, 4), torch.randn(100, 4), -torch.zeros(900, 4)])  # −0 equals 0
    chosen = replacements(ALL, z, torch.Generator().manual_seed(seed))
    assert len(chosen.unique(dim=0)) == 101
    few = torch.arange(200) < 101
    assert len(replacements(few, z, torch.Generator().manual_seed(seed))[few].unique(dim=0)) == 101


def test_when_different_vectors_run_out_each_is_taken_about_as_often() -> None:
    z = torch.cat([torch.zeros(900, 1), torch.arange(1.0, 7.0)[:, None]])
    _, counts = replacements(ALL, z, torch.Generator().manual_seed(0)).unique(return_counts=True)
    assert sorted(counts.tolist()) == [28] * 3 + [29] * 4


def test_no_dead_code_lands_on_a_living_one_while_other_vectors_exist() -> None:
    codes = torch.tensor([[0.0], [1.0], [9.0], [9.0]])
    dead = torch.tensor([False, False, True, True])
    z = torch.tensor([0.0] * 50 + [1.0] * 50 + [2.0, 9.0])[:, None]
    chosen = replacements(dead, z, torch.Generator().manual_seed(0), codes)[dead]
    assert sorted(chosen.flatten().tolist()) == [2.0, 9.0]
    none_left = replacements(dead, z[:100], torch.Generator().manual_seed(0), codes)
    assert torch.isin(none_left, z).all()


def test_keys_tell_rows_apart_and_equal_rows_alike() -> None:
    grid = torch.cartesian_prod(*[torch.tensor([0.0, 0.5, 1.0, 2.0, 4.0, -1.0, -2.0])] * 5)  # few mantissa bits differ
    assert len(row_keys(grid).unique()) == len(grid)
    assert torch.equal(row_keys(grid), row_keys(grid.T.contiguous().T))


def test_first_of_each() -> None:
    assert first_of_each(torch.tensor([3, 1, 3, 2, 1])).tolist() == [True, True, False, True, False]
    assert first_of_each(torch.tensor([], dtype=torch.int64)).tolist() == []


def test_fewer_vectors_than_dead_codes_are_shared_evenly() -> None:
    chosen = replacements(torch.ones(6, dtype=torch.bool), torch.arange(3.0)[:, None], torch.Generator().manual_seed(1))
    assert sorted(chosen.flatten().tolist()) == [0, 0, 1, 1, 2, 2]


def test_the_generator_decides() -> None:
    z, dead = torch.randn(50, 3), torch.ones(5, dtype=torch.bool)
    first, again, other = (replacements(dead, z, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
