"""The lookup against distances computed naively in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from vqcore.quantizers import lookup
from vqcore.quantizers.lookup import nearest_code


def excess(z: Tensor, codebook: Tensor, indices: Tensor) -> float:
    """How much farther the chosen code is than the nearest, in float64, relative to |z|² + |e|²: rounding, if the choice is right."""
    points, codes = z.double().numpy(), codebook.double().numpy()
    distances = ((points[:, None] - codes[None]) ** 2).sum(2)  # (N, K)
    scale = (points**2).sum(1) + (codes**2).sum(1).max() + 1e-300
    return float(((distances[np.arange(len(points)), indices.numpy()] - distances.min(1)) / scale).max(initial=0))


@given(
    N=st.integers(0, 40),
    D=st.integers(1, 9),
    K=st.sampled_from([1, 2, 3, 63, 64, 255, 256, 257, 300, 320, 511, 513]),
    scale=st.sampled_from([1e-6, 1.0, 1e4]),
    offset=st.sampled_from([0.0, 3.0]),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=150, deadline=None)
def test_chooses_the_nearest_code_up_to_rounding(N: int, D: int, K: int, scale: float, offset: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(N, D, generator=generator) * scale + offset
    codebook = torch.randn(K, D, generator=generator) * scale + offset
    nearest = nearest_code(z, codebook)
    assert nearest.shape == (N,)
    assert nearest.dtype == torch.int64
    assert excess(z, codebook, nearest) <= 4 * D**0.5 * torch.finfo(torch.float32).eps


@pytest.mark.parametrize("K", [7, 300, 1024])
def test_blocks_and_groups_do_not_show(K: int, monkeypatch: pytest.MonkeyPatch) -> None:
    z, codebook = torch.randint(-9, 9, (1000, 3)).float(), torch.randint(-9, 9, (K, 3)).float()  # integers: sums are exact
    whole = (codebook.square().sum(1) / 2 - z @ codebook.T).argmin(1)
    assert torch.equal(nearest_code(z, codebook), whole)
    monkeypatch.setattr(lookup, "_BLOCK_CPU", 13 * K)
    assert torch.equal(nearest_code(z, codebook), whole)
    monkeypatch.setattr(lookup, "_BLOCK_CPU", 1)
    assert torch.equal(nearest_code(z, codebook), whole)


@pytest.mark.parametrize("K", [10, 500])
def test_equal_codes_go_to_the_lowest_index(K: int) -> None:
    codebook = torch.zeros(K, 4)
    codebook[:3] = 100.0
    assert nearest_code(torch.zeros(6, 4), codebook).tolist() == [3] * 6


@pytest.mark.parametrize("K", [5, 257])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
def test_vectors_that_are_not_finite_get_an_index_in_range_and_leave_others_alone(K: int, bad: float) -> None:
    z, codebook = torch.randn(12, 4), torch.randn(K, 4)
    right = nearest_code(z, codebook)
    z[3, 1] = z[7] = bad
    nearest = nearest_code(z, codebook)
    assert nearest.min() >= 0 and nearest.max() < K
    others = [i for i in range(12) if i not in (3, 7)]
    assert torch.equal(nearest[others], right[others])


@pytest.mark.parametrize("K", [5, 256, 300])
@pytest.mark.parametrize("shift", [1e3, -1e5])
def test_far_from_the_origin_each_code_is_nearest_to_itself(K: int, shift: float) -> None:
    codebook = torch.randn(K, 2, generator=torch.Generator().manual_seed(0)) + shift
    codebook = codebook.unique(dim=0)  # so far out, float32 makes some alike
    nearest = nearest_code(codebook, codebook)
    assert torch.equal(nearest, torch.arange(len(codebook)))


@pytest.mark.parametrize("K", [32, 300])
def test_a_few_codes_far_away_do_not_blur_the_others(K: int) -> None:
    codebook = torch.randn(K, 4, generator=torch.Generator().manual_seed(0))
    codebook[: K // 4] = 1e7
    z = torch.randn(500, 4, generator=torch.Generator().manual_seed(1))
    points, codes = z.double(), codebook.double()
    assert torch.equal(nearest_code(z, codebook), (points[:, None] - codes).square().sum(2).argmin(1))


@pytest.mark.parametrize("K", [7, 300, 320])
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf"), 3e38])
def test_a_code_that_is_not_finite_is_never_chosen_and_leaves_the_others_alone(K: int, bad: float) -> None:
    z, codebook = torch.randn(200, 3), torch.randn(K, 3)
    codebook[K // 2] = codebook[K // 2 + 1]
    codebook[K // 2 + 1] = 99.0
    right = nearest_code(z, codebook)
    broken = codebook.clone()
    broken[K // 2 + 1, 1] = bad
    broken[K - 1] = bad
    codebook[K - 1] = 99.0
    assert torch.equal(nearest_code(z, broken), nearest_code(z, codebook))
    assert not (right == K // 2 + 1).any()


@pytest.mark.parametrize("K", [3, 257])
def test_a_codebook_without_a_finite_code_gives_indices_in_range(K: int) -> None:
    nearest = nearest_code(torch.randn(9, 2), torch.full((K, 2), float("nan")))
    assert nearest.min() >= 0 and nearest.max() < K


def test_permuting_the_vectors_permutes_the_indices() -> None:
    z, codebook = torch.randn(500, 8), torch.randn(300, 8)
    order = torch.randperm(500)
    assert torch.equal(nearest_code(z, codebook)[order], nearest_code(z[order], codebook))


def test_computes_in_float32_under_autocast_and_needs_no_gradient() -> None:
    z, codebook = torch.randn(200, 16, requires_grad=True), torch.nn.Parameter(torch.randn(50, 16))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        nearest = nearest_code(z, codebook)
    assert torch.equal(nearest, nearest_code(z, codebook))
    assert not nearest.requires_grad
    assert excess(z.detach(), codebook.detach(), nearest) <= 1e-6


class Largest(TorchDispatchMode):
    """Notes the size of the largest tensor that any operation returns."""

    numel = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        out = func(*args, **(kwargs or {}))
        if isinstance(out, Tensor):
            self.numel = max(self.numel, out.numel())
        return out


@pytest.mark.parametrize("K", [100, 3000])
def test_never_holds_all_scores(K: int) -> None:
    z, codebook = torch.randn(20_000, 2), torch.randn(K, 2)
    with Largest() as largest:
        nearest_code(z, codebook)
    assert largest.numel <= lookup._BLOCK_CPU
