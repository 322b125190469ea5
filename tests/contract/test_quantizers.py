"""What every quantizer must do, with one book or several."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import get_args

import pytest
import torch
from torch import Tensor

from vqcore.errors import ConfigError, ShapeError
from vqcore.quantizers.base import Quantizer
from vqcore.records import Term

D = 6  # of every quantizer in conftest
GRIDS = [(), (5,), (3, 4)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def state(quantizer: Quantizer) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in quantizer.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def sample(quantizer: Quantizer, B: int, grid: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.randn(B, quantizer.dim, *grid, generator=seeded(seed))


def test_every_registered_kind_is_held_to_the_contract(covered_kinds: set[str], registered_kinds: set[str]) -> None:
    assert covered_kinds == registered_kinds


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("B", [0, 1, 7])
def test_shapes_types_and_ranges(quantizer: Quantizer, grid: tuple[int, ...], B: int) -> None:
    z = sample(quantizer, B, grid)
    out = quantizer(z)
    assert out.z_q.shape == z.shape
    assert out.z_q.dtype == z.dtype
    assert len(out.indices) == len(quantizer.books)
    for book, indices in zip(quantizer.books, out.indices, strict=True):
        assert indices.dtype == torch.int64
        assert indices.shape == (B, *grid)
        assert not indices.requires_grad
        assert ((indices >= 0) & (indices < book.K)).all()
    assert out.loss.shape == ()
    assert out.loss.dtype == torch.float32
    assert torch.isfinite(out.loss)
    assert set(out.terms) <= set(get_args(Term))
    assert all(term.shape == () and torch.isfinite(term) and term.dtype == torch.float32 for term in out.terms.values())


def test_everything_about_codes_is_aligned_with_the_books(quantizer: Quantizer) -> None:
    for book, codebook, weight, counts, changed in zip(
        quantizer.books, quantizer.codebooks(), quantizer.code_weights(), quantizer.ema_counts(), quantizer.changed, strict=True
    ):
        assert codebook.shape == (book.K, book.D)
        assert codebook.dtype == torch.float32 and not codebook.requires_grad
        assert book.learned == (weight is not None)
        if weight is not None:
            assert weight.shape == (book.K, book.D)
            assert any(weight is parameter for parameter in quantizer.parameters())
        assert counts is None or counts.shape == (book.K,)
        assert changed is None or (changed.shape == (book.K,) and changed.dtype == torch.bool)
    assert len({book.name for book in quantizer.books}) == len(quantizer.books)


def test_each_book_compares_what_is_given_with_its_codes(quantizer: Quantizer) -> None:
    z = sample(quantizer.eval(), 50, ())
    for book, compared, codebook, indices in zip(
        quantizer.books, quantizer.compared(z), quantizer.codebooks(), quantizer(z).indices, strict=True
    ):
        assert compared.shape == (50, book.D)
        assert compared.dtype == torch.float32 and not compared.requires_grad
        distance = torch.cdist(compared, codebook)
        assert torch.allclose(distance.gather(1, indices[:, None])[:, 0], distance.amin(1), atol=1e-5)


@pytest.mark.parametrize("grid", GRIDS)
def test_codes_of_the_indices_are_z_q(quantizer: Quantizer, grid: tuple[int, ...]) -> None:
    if not quantizer.quantises:
        pytest.skip("its codes have not started")
    out = quantizer.eval()(sample(quantizer, 6, grid))
    codes = quantizer.codes(out.indices)
    assert codes.shape == out.z_q.shape
    assert torch.allclose(codes, out.z_q, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_the_forward_pass_changes_nothing(quantizer: Quantizer, training: bool) -> None:
    quantizer.train(training)
    before = state(quantizer)
    quantizer(sample(quantizer, 8, (3, 4)))
    assert same(state(quantizer), before)


def test_evaluation_repeats_itself_whatever_was_seen_between(quantizer: Quantizer) -> None:
    quantizer.eval()
    z = sample(quantizer, 8, (3, 4))
    first = quantizer(z)
    quantizer(sample(quantizer, 8, (3, 4), seed=1))
    quantizer.update_(seeded())
    again = quantizer(z)
    assert torch.equal(first.z_q, again.z_q)
    assert torch.equal(first.loss, again.loss)


def test_permuting_the_batch_permutes_the_output(quantizer: Quantizer) -> None:
    quantizer.eval()
    z = sample(quantizer, 9, (3, 4))
    order = torch.randperm(9, generator=seeded(3))
    out, permuted = quantizer(z), quantizer(z[order])
    assert torch.equal(out.z_q[order], permuted.z_q)
    for indices, moved in zip(out.indices, permuted.indices, strict=True):
        assert torch.equal(indices[order], moved)
    assert torch.allclose(out.loss, permuted.loss)


def test_memory_layout_does_not_matter(quantizer: Quantizer) -> None:
    quantizer.eval()
    z = sample(quantizer, 4, (3, 4))
    out, channels_last = quantizer(z), quantizer(z.contiguous(memory_format=torch.channels_last))
    assert torch.equal(out.z_q, channels_last.z_q)


def test_float32_inside_whatever_the_precision_outside(quantizer: Quantizer) -> None:
    quantizer.eval()
    low = sample(quantizer, 8, (3, 4)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = quantizer(low)
    right = quantizer(low.float())
    assert out.z_q.dtype == torch.bfloat16
    assert out.loss.dtype == torch.float32
    assert torch.equal(out.loss, right.loss)
    assert all(torch.equal(a, b) for a, b in zip(out.indices, right.indices, strict=True))


def test_z_receives_a_finite_gradient_through_z_q(quantizer: Quantizer) -> None:
    z = sample(quantizer, 8, (3, 4)).requires_grad_()
    (grad,) = torch.autograd.grad((quantizer(z).z_q * torch.randn(8, quantizer.dim, 3, 4, generator=seeded(2))).sum(), z)
    assert torch.isfinite(grad).all()
    assert torch.count_nonzero(grad) > 0


def test_updates_and_treatments_leave_a_working_quantizer(quantizer: Quantizer) -> None:
    vectors = sample(quantizer, 600, ())
    quantizer.update_(seeded())
    quantizer.initialise_(vectors, seeded())
    for seed in range(3):
        quantizer(sample(quantizer, 8, (3, 4), seed))
        quantizer.update_(seeded(seed))
    dead = tuple(torch.ones(book.K, dtype=torch.bool) for book in quantizer.books)
    for treat in (lambda: quantizer.revive_(vectors, dead, seeded()), lambda: quantizer.kmeans_(vectors, seeded())):
        before = state(quantizer)
        try:
            treat()
        except ConfigError:
            assert same(state(quantizer), before)
    quantizer.clear_changed_()
    assert not any(rows.any() for rows in quantizer.changed if rows is not None)
    quantizer(sample(quantizer, 0, (3, 4)))
    quantizer.update_(seeded())
    assert all(torch.isfinite(value).all() for value in quantizer.state_dict().values())
    assert torch.isfinite(quantizer(sample(quantizer, 8, (3, 4))).loss)


def test_before_it_quantises_z_passes_and_costs_nothing(quantizer: Quantizer) -> None:
    if quantizer.quantises:
        pytest.skip("its codes work from the first step")
    for seed in range(100):
        z = sample(quantizer, 8, (3, 4), seed).requires_grad_()
        out = quantizer(z)
        if quantizer.quantises:
            break
        assert torch.equal(out.z_q, z)
        assert out.loss == 0 and not out.loss.requires_grad and not any(out.terms.values())
        (grad,) = torch.autograd.grad(out.z_q.square().sum(), z)
        assert torch.equal(grad, 2 * z)
        quantizer.update_(seeded())
    assert quantizer.quantises and out.loss > 0


def test_saved_loaded_and_continued_equals_uninterrupted(make_quantizer: Callable[[], Quantizer]) -> None:
    def go(quantizer: Quantizer, steps: range) -> None:
        for step in steps:
            quantizer(sample(quantizer, 8, (3, 4), step))
            quantizer.update_(seeded(step))

    whole, first, second = make_quantizer(), make_quantizer(), make_quantizer()
    go(whole, range(8))
    go(first, range(5))
    second.load_state_dict(first.state_dict())
    go(second, range(5, 8))
    assert same(state(second), state(whole))


@pytest.mark.parametrize("shape", [(4, 17, 3, 3), (4, 3, 3, D), (4, D + 1), (D,), ()])
def test_another_shape_is_refused_in_words(quantizer: Quantizer, shape: tuple[int, ...]) -> None:
    with pytest.raises(ShapeError, match=rf"its D is {D}; this z has shape {re.escape(str(shape))}\. [A-Z].*\."):
        quantizer(torch.randn(shape))


def test_indices_without_their_tuple_are_refused(quantizer: Quantizer) -> None:
    indices = quantizer.eval()(sample(quantizer, 6, (3, 4))).indices
    with pytest.raises(ShapeError, match=r"Write codes\(\(indices,\)\)"):
        quantizer.codes(indices[0])  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=r"Give one grid for each codebook"):
        quantizer.codes((*indices, indices[0]))


def test_codes_that_nothing_moves_refuse_to_be_moved(quantizer: Quantizer) -> None:
    vectors = sample(quantizer, 600, ())
    dead = tuple(torch.ones(book.K, dtype=torch.bool) for book in quantizer.books)
    before = [codebook.clone() for codebook in quantizer.codebooks()]
    if any(book.learned for book in quantizer.books):
        pytest.skip("codes that something moves")
    with pytest.raises(ConfigError, match="nothing moves them"):
        quantizer.revive_(vectors, dead, seeded())
    with pytest.raises(ConfigError, match="nothing moves them"):
        quantizer.kmeans_(vectors, seeded())
    assert all(torch.equal(a, b) for a, b in zip(before, quantizer.codebooks(), strict=True))
