"""What every model must do, for every shape of data and with any quantizer: one book, several or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from vqcore.config.model import ModelConfig, VQVAEConfig
from vqcore.models.base import Model
from vqcore.models.draw import layout_of
from vqcore.models.registry import MODELS, build_model
from vqcore.models.vqvae import VQVAE
from vqcore.models.work import multiplications
from vqcore.quantizers.base import Bottleneck

SMALL = {"hidden": 8, "residual_blocks": 1}


class Case(NamedTuple):
    config: ModelConfig
    shape: tuple[int, ...]
    modality: str
    build: Callable[[ModelConfig, tuple[int, ...], str, float, Bottleneck], Model]


CASES: dict[str, Case] = {
    "vqvae-grid": Case(VQVAEConfig(downsampling=4, **SMALL), (1, 12, 10), "image", VQVAE),
    "vqvae-colour-8": Case(VQVAEConfig(downsampling=8, **SMALL), (3, 16, 16), "image", VQVAE),
    "vqvae-vector": Case(VQVAEConfig(downsampling="vector", **SMALL), (1, 9, 9), "image", VQVAE),
    "vqvae-bce": Case(VQVAEConfig(downsampling=2, reconstruction="bce", **SMALL), (1, 8, 8), "image", VQVAE),
    "vqvae-points": Case(VQVAEConfig(downsampling="vector", **SMALL), (2,), "points", VQVAE),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def make_model(case: Case, make_bottleneck: Callable[[], Bottleneck]) -> Callable[[], Model]:
    def make() -> Model:
        with torch.random.fork_rng():
            torch.manual_seed(7)
            return case.build(case.config, case.shape, case.modality, 0.1, make_bottleneck())

    return make


@pytest.fixture
def model(make_model: Callable[[], Model]) -> Model:
    return make_model()


def examples(case: Case, B: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(B, *case.shape, generator=generator) ** 3  # mostly dark: there is something to learn
    return x.round() if case.config.reconstruction == "bce" else x


def test_every_registered_kind_is_held_to_the_contract() -> None:
    assert {case.config.kind for case in CASES.values()} == set(MODELS)


def test_the_registry_builds_what_the_configuration_says(case: Case) -> None:
    model = build_model(case.config, case.shape, case.modality, 0.1)
    assert model.levels == case.config.levels(case.shape)
    assert model.eval()(examples(case, 3)).x_hat.shape == (3, *case.shape)


@pytest.mark.parametrize("B", [1, 5])
def test_shapes_and_terms(model: Model, case: Case, B: int) -> None:
    x = examples(case, B)
    out = model(x)
    assert out.x_hat.shape == x.shape
    assert out.x_hat.dtype == torch.float32
    if case.modality == "image":
        assert out.x_hat.min() >= 0 and out.x_hat.max() <= 1
    assert "reconstruction" in out.terms
    assert len(out.levels) == len(model.levels) == len(model.bottlenecks)
    parts = [part(found.z_e) for part, found in zip(model.eval().bottlenecks, out.levels, strict=True)]
    for level, bottleneck, found in zip(model.levels, model.bottlenecks, out.levels, strict=True):
        assert found.z_e.shape == (B, bottleneck.dim_in, *level.grid)
        assert found.z_q.shape == (B, level.dim, *level.grid)
        assert [grid.shape for grid in found.indices] == [(B, *level.grid)] * len(level.books)
    assert set(out.terms) == {"reconstruction"}.union(*(part.terms for part in parts))
    assert torch.allclose(out.loss, out.terms["reconstruction"] + sum(part.loss for part in parts))


def test_all_that_is_said_of_books_is_aligned_with_them(model: Model, case: Case) -> None:
    x = examples(case, 6)
    outputs = model.outputs(x)
    books = model.books
    assert books == tuple(book for level in model.levels for book in level.books)
    for told in (model.codebooks(), model.code_weights(), model.ema_counts(), model.changed, model.grids, model.level_of_book):
        assert len(told) == len(books)
    for book, grid, z, indices in zip(books, model.grids, model.compared(outputs), model.chosen(outputs), strict=True):
        assert indices.shape == (6, *grid)
        assert z.shape == (indices.numel(), book.D)
    layout = layout_of(model, 3) if books else None
    assert layout is None or [(g.name, g.K, g.shape) for g in layout.grids] == [
        (book.name, book.K, grid) for book, grid in zip(books, model.grids, strict=True)
    ]


def test_the_errors_of_examples_are_those_of_the_loss(model: Model, case: Case) -> None:
    x = examples(case, 5)
    out = model.eval()(x)
    errors = model.errors(tuple(level.z_q for level in out.levels), x)
    assert errors.shape == (5,)
    assert torch.allclose(errors.mean(), out.terms["reconstruction"], rtol=1e-5)


def test_only_a_generator_draws(model: Model, case: Case) -> None:
    x = examples(case, 5)
    torch.manual_seed(1)
    first = model(x).x_hat
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert torch.equal(model(x).x_hat, first)
    drawn = [model(x, generator=torch.Generator().manual_seed(seed)).x_hat for seed in (3, 3, 4)]
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(torch.get_rng_state(), before), "torch's global generator belongs to nobody"
    if not model.books:
        assert not torch.equal(drawn[0], drawn[2])


def test_the_whole_way_is_its_parts(model: Model, case: Case) -> None:
    model.eval()
    x = examples(case, 4)
    out = model(x)
    outputs = model.outputs(x)
    assert all(torch.equal(z_e, level.z_e) for z_e, level in zip(outputs, out.levels, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(model.chosen(outputs), out.codes, strict=True))
    assert torch.equal(model.decode(tuple(level.z_q for level in out.levels)), out.x_hat)


def test_pictures_can_be_drawn_from_their_codes_alone(model: Model, case: Case) -> None:
    if not model.books or not model.quantises:
        pytest.skip("no codes, or not yet")
    model.eval()
    out = model(examples(case, 4))
    assert all(torch.equal(a, b) for a, b in zip(model.indices(examples(case, 4)), out.codes, strict=True))
    assert torch.allclose(model.decode_indices(out.codes), out.x_hat, atol=1e-5)


def test_evaluation_changes_nothing(model: Model, case: Case) -> None:
    model.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model(examples(case, 4))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_permuting_the_batch_permutes_the_output(model: Model, case: Case) -> None:
    model.eval()
    x = examples(case, 6)
    order = torch.tensor([3, 1, 5, 0, 2, 4])
    assert torch.allclose(model(x).x_hat[order], model(x[order]).x_hat, atol=1e-5)


def test_the_loss_reaches_encoder_and_decoder(model: Model, case: Case) -> None:
    model(examples(case, 8)).loss.backward()
    codes = {id(weight) for weight in model.code_weights()}
    for name, parameter in model.named_parameters():
        if id(parameter) not in codes:
            assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_some_steps_lower_the_reconstruction_loss(model: Model, case: Case) -> None:
    x = examples(case, 16)
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(30):
        out = model(x)
        optimizer.zero_grad()
        out.loss.backward()
        optimizer.step()
        model.update_(generator)
        losses.append(float(out.terms["reconstruction"].detach()))
    assert losses[-1] < 0.97 * losses[0]


def test_a_loaded_model_answers_the_same(make_model: Callable[[], Model], case: Case) -> None:
    saved = make_model().eval()
    with torch.no_grad():
        for parameter in saved.parameters():
            parameter.add_(0.01)
    loaded = make_model().eval()
    loaded.load_state_dict(saved.state_dict())
    x = examples(case, 3)
    assert torch.equal(saved(x).x_hat, loaded(x).x_hat)


def test_mixed_precision_gives_float32_losses(model: Model, case: Case) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(examples(case, 4))
    assert out.loss.dtype == out.x_hat.dtype == torch.float32
    assert all(term.dtype == torch.float32 for term in out.terms.values())
    out.loss.backward()


def test_counting_the_work_leaves_no_trace(model: Model, case: Case) -> None:
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert multiplications(model, case.shape) > 0
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(layer._forward_hooks for layer in model.modules())
