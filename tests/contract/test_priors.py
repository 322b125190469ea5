"""What every prior must do: be a distribution, be causal, sample alike with and without a cache, for every layout of codes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vqcore.config.prior import AnyPriorConfig, HistogramConfig, PixelCNNConfig, TransformerConfig, UniformConfig
from vqcore.errors import ConfigError, GridError
from vqcore.layout import Grid, Layout
from vqcore.priors.base import Prior, log_probabilities
from vqcore.priors.registry import PRIORS, build_prior
from vqcore.priors.sampling import fill, sample, surprise

SMALL = {"hidden": 16, "layers": 3}
CONFIGS: dict[str, AnyPriorConfig] = {
    "uniform": UniformConfig(),
    "histogram": HistogramConfig(),
    "histogram-global": HistogramConfig(per_position=False),
    "pixelcnn": PixelCNNConfig(**SMALL),
    "pixelcnn-one-layer": PixelCNNConfig(hidden=8, layers=1),
    "pixelcnn-kernel-5": PixelCNNConfig(hidden=8, layers=2, kernel=5),
    "transformer": TransformerConfig(**SMALL, heads=2),
}
GRIDS: dict[str, tuple[Grid, ...]] = {
    "grid": (Grid("main", 7, (3, 4)),),
    "sequence": (Grid("main", 5, (4,)),),
    "vector": (Grid("main", 9, ()),),
    "hierarchy": (Grid("top", 3, (2, 2)), Grid("bottom", 6, (4, 4))),
    "finer-first": (Grid("fine", 4, (4, 3)), Grid("coarse", 5, (2, 2)), Grid("whole", 3, ())),
}
CLASSES = 3
Build = Callable[..., Prior]


class Case(NamedTuple):
    config: AnyPriorConfig
    layout: Layout


def _conditional(config: AnyPriorConfig) -> AnyPriorConfig | None:
    return config.edited({"conditional": True}) if hasattr(config, "conditional") else None


def _cases() -> dict[str, Case]:
    cases = {}
    for (name, config), (form, grids) in itertools.product(CONFIGS.items(), GRIDS.items()):
        if name not in ("pixelcnn", "transformer") and form not in ("grid", "hierarchy"):
            continue
        cases[f"{name}-{form}"] = Case(config, Layout(grids, CLASSES))
        conditional = _conditional(config)
        if conditional is not None and form in ("grid", "hierarchy"):
            cases[f"{name}-{form}-conditional"] = Case(conditional, Layout(grids, CLASSES))
    return cases


CASES = _cases()


def build(case: Case) -> Prior:
    """A prior whose every weight matters: none are zero, and histograms have counted."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        prior = build_prior(case.config, case.layout)
        with torch.no_grad():
            for parameter in prior.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    codes, labels = some(case.layout, 50, seed=9)
    prior.fit_(torch.from_numpy(codes), torch.from_numpy(labels))
    return prior.eval()


def some(layout: Layout, n: int, seed: int = 0) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Codes (n, M) and labels (n,) at random."""
    generator = np.random.default_rng(seed)
    return generator.integers(0, layout.sizes(), (n, layout.length)), generator.integers(0, CLASSES, n)


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def prior(case: Case) -> Prior:
    return build(case)


def test_every_registered_kind_is_held_to_the_contract() -> None:
    assert {config.kind for config in CONFIGS.values()} == set(PRIORS)


def test_the_probabilities_of_all_grids_sum_to_one() -> None:
    for config in CONFIGS.values():
        for grids in ((Grid("main", 3, (2, 2)),), (Grid("top", 3, ()), Grid("bottom", 2, (2, 2)))):
            for chosen in filter(None, (config, _conditional(config))):
                layout = Layout(grids, CLASSES)
                prior = build(Case(chosen, layout))
                every = np.array(list(itertools.product(*(range(K) for K in layout.sizes()))))
                assert len(every) in (81, 48)
                for label in range(CLASSES if prior.conditional else 1):
                    bits = surprise(prior, every, np.full(len(every), label)).sum(axis=1, dtype=np.float64)
                    assert np.exp2(-bits).sum() == pytest.approx(1, abs=1e-5), (chosen.kind, grids, label)


def test_logits_exist_where_codes_do(prior: Prior, case: Case) -> None:
    codes, labels = some(case.layout, 4)
    logits = prior(torch.from_numpy(codes), torch.from_numpy(labels))
    assert logits.shape == (4, case.layout.length, case.layout.vocabulary)
    assert logits.dtype == torch.float32
    exists = torch.arange(case.layout.vocabulary) < torch.from_numpy(case.layout.sizes())[:, None]
    assert torch.equal(logits.isfinite(), exists.expand_as(logits))
    assert (logits[~exists.expand_as(logits)] == -torch.inf).all()


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(sorted(CASES)), seed=st.integers(0, 10_000), data=st.data())
def test_a_code_changes_no_logits_up_to_its_own(name: str, seed: int, data: st.DataObject) -> None:
    case = CASES[name]
    prior = build(case)
    codes, labels = some(case.layout, 2, seed)
    position = data.draw(st.integers(0, case.layout.length - 1))
    changed = codes.copy()
    changed[:, position] = (changed[:, position] + 1) % case.layout.sizes()[position]
    given_labels = torch.from_numpy(labels)
    before, after = prior(torch.from_numpy(codes), given_labels), prior(torch.from_numpy(changed), given_labels)
    assert torch.equal(before[:, : position + 1], after[:, : position + 1])


def test_every_earlier_code_matters_to_the_nets(prior: Prior, case: Case) -> None:
    """No blind spot: deep enough for these grids, every position depends on every one before it."""
    if case.config.kind not in ("pixelcnn", "transformer") or getattr(case.config, "layers", 0) < 3:
        pytest.skip("no net, or one too shallow to reach everywhere")
    codes, labels = some(case.layout, 1)
    given_labels = torch.from_numpy(labels)
    before = prior(torch.from_numpy(codes), given_labels)
    for position in range(case.layout.length):
        changed = codes.copy()
        changed[:, position] = (changed[:, position] + 1) % case.layout.sizes()[position]
        moved = (prior(torch.from_numpy(changed), given_labels) - before).nan_to_num().abs().amax(dim=(0, 2))  # (M,)
        assert (moved[position + 1 :] > 0).all(), position


def test_labels_matter_where_they_are_asked_for(prior: Prior, case: Case) -> None:
    codes, _ = some(case.layout, 1)
    rows = torch.from_numpy(codes)
    if prior.conditional:
        logits = [prior(rows, torch.tensor([label])) for label in range(CLASSES)]
        assert not torch.equal(logits[0], logits[1])
        with pytest.raises(ConfigError, match="conditional"):
            prior(rows)
        with pytest.raises(ConfigError, match="Label 3 does not exist: labels go from 0 to 2"):
            prior(rows, torch.tensor([3]))
        with pytest.raises(ConfigError, match="conditional"):
            prior.stepper(1)
    else:
        assert torch.equal(prior(rows), prior(rows, torch.tensor([1])))


@pytest.mark.parametrize("given_cells", ["none", "half", "scattered", "per grid"])
def test_cached_equals_recomputed(prior: Prior, case: Case, given_cells: str) -> None:
    n, M = 5, case.layout.length
    codes, labels = some(case.layout, n)
    generator = np.random.default_rng(1)
    free = {
        "none": np.ones(M, dtype=bool),
        "half": np.arange(M) >= M // 2,
        "scattered": generator.random(M) < 0.4,
        "per grid": generator.random((n, M)) < 0.4,
    }[given_cells]
    runs = [list(fill(prior, codes, free, labels, temperature=0.9, top_k=4, seed=2, cached=cached)) for cached in (True, False)]
    assert len(runs[0]) == len(runs[1]) == np.atleast_2d(free).any(axis=0).sum()
    for ours, theirs in zip(*runs, strict=True):
        assert ours.position == theirs.position
        assert np.array_equal(ours.codes, theirs.codes)
        assert ours.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)
    if runs[0]:
        kept = ~np.broadcast_to(free, codes.shape)
        assert np.array_equal(runs[0][-1].codes[kept], codes[kept])


def test_cached_logits_equal_the_forward_pass(prior: Prior, case: Case) -> None:
    codes, labels = some(case.layout, 4)
    rows, given_labels = torch.from_numpy(codes), torch.from_numpy(labels)
    whole = prior(rows, given_labels)
    generator = np.random.default_rng(0)
    for share in (1.0, 0.5, 0.2):
        stepper = prior.stepper(4, given_labels)
        for position in np.flatnonzero(generator.random(case.layout.length) < share):
            later = rows.clone()
            later[:, position:] = 0  # what is not final must not be looked at
            logits = stepper.logits(later, int(position))
            assert torch.allclose(logits, whole[:, position], atol=1e-5, rtol=0), (share, position)


def test_sampling_leaves_the_prior_as_it_was(case: Case) -> None:
    prior = build(case).train()
    before = {name: value.clone() for name, value in prior.state_dict().items()}
    _, labels = some(case.layout, 3)
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    first = sample(prior, 3, labels=labels, seed=4)
    assert torch.equal(torch.rand(2), expected)
    assert prior.training and torch.is_grad_enabled()
    assert all(torch.equal(value, before[name]) for name, value in prior.state_dict().items())
    assert np.array_equal(first, sample(prior, 3, labels=labels, seed=4))
    assert np.array_equal(case.layout.checked(first), first)


def test_a_grid_does_not_depend_on_its_batch(prior: Prior, case: Case) -> None:
    _, labels = some(case.layout, 6)
    assert np.array_equal(sample(prior, 6, labels=labels, seed=4)[:2], sample(prior, 2, labels=labels[:2], seed=4))


def test_no_grids_at_all(prior: Prior, case: Case) -> None:
    codes, labels = np.zeros((0, case.layout.length), dtype=np.int64), np.zeros(0, dtype=np.int64)
    assert sample(prior, 0, labels=labels).shape == (0, case.layout.length)
    assert surprise(prior, codes, labels).shape == (0, case.layout.length)


def test_codes_that_do_not_exist(prior: Prior, case: Case) -> None:
    codes, labels = some(case.layout, 1)
    codes[0, -1] = case.layout.sizes()[-1]
    with pytest.raises(GridError, match="does not exist: indices go from 0 to"):
        surprise(prior, codes, labels)
    with pytest.raises(GridError, match="takes rows of"):
        fill(prior, np.zeros((1, case.layout.length + 1), dtype=int), None, labels)


def test_what_is_learned_by_gradient_learns(case: Case) -> None:
    prior = build(case).train()
    codes, labels = (torch.from_numpy(array) for array in some(case.layout, 16))
    learns = {"uniform": False, "histogram": False, "pixelcnn": True, "transformer": True}[case.config.kind]
    assert prior.learns_by_gradient is learns
    if not learns:
        return
    optimizer = torch.optim.Adam(prior.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        loss: Tensor = -log_probabilities(prior, codes, labels).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.97 * losses[0]
    for name, parameter in prior.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), name


def test_saved_and_loaded_answers_the_same(prior: Prior, case: Case) -> None:
    codes, labels = (torch.from_numpy(array) for array in some(case.layout, 3))
    again = build_prior(case.config, case.layout).eval()
    again.load_state_dict(prior.state_dict())
    assert torch.equal(prior(codes, labels), again(codes, labels))


def test_data_without_labels_have_no_conditional_prior() -> None:
    for config in CONFIGS.values():
        conditional = _conditional(config)
        if conditional is not None:
            with pytest.raises(ConfigError, match="no labels to learn from"):
                build_prior(conditional, Layout(GRIDS["grid"]))


@pytest.mark.parametrize("kind", ["pixelcnn", "transformer"])
def test_only_a_generator_drops_anything(kind: str) -> None:
    case = CASES[f"{kind}-grid"]
    prior = build(case._replace(config=case.config.edited({"dropout": 0.3}))).train()
    codes = torch.from_numpy(some(case.layout, 4)[0])
    before = torch.get_rng_state()
    still = prior(codes)
    assert torch.equal(still, prior(codes))
    drawn = [prior(codes, generator=torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2]) and not torch.equal(drawn[0], still)
    assert torch.equal(torch.get_rng_state(), before), "torch's global generator belongs to all threads"
    assert torch.equal(prior.eval()(codes, generator=torch.Generator().manual_seed(1)), still)
