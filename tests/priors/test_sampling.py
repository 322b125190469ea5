"""Drawing: the right distribution, exactly what is asked for, and errors that say what is wrong."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from vqcore.config.prior import HistogramConfig, PixelCNNConfig
from vqcore.errors import ConfigError, GridError
from vqcore.layout import Grid, Layout
from vqcore.priors.base import Prior, Stepper
from vqcore.priors.registry import build_prior
from vqcore.priors.sampling import FullPass, fill, gibbs, is_exact, predictions, sample, surprise

K, M = 3, 3
LAYOUT = Layout((Grid("main", K, (M,)),))
EVERY = np.array(list(itertools.product(range(K), repeat=M)))  # all 27 rows


class Chain(Prior):
    """A prior of which everything is known: a table of p(first), and of p(next | the one before)."""

    def __init__(self) -> None:
        super().__init__(LAYOUT, conditional=False)
        generator = torch.Generator().manual_seed(4)
        self.begin = torch.randn(K, generator=generator)
        self.next = 1.5 * torch.randn(K, K, generator=generator)

    def forward(self, codes: Tensor, labels: Tensor | None = None, generator: torch.Generator | None = None) -> Tensor:
        return torch.cat([self.begin.expand(len(codes), 1, K), self.next[codes[:, :-1]]], dim=1)

    def stepper(self, batch: int, labels: Tensor | None = None) -> Stepper:
        return FullPass(self)


@pytest.fixture
def chain() -> Chain:
    return Chain().eval()


def joint(prior: Prior) -> np.ndarray:
    """The probability of each row of EVERY."""
    return np.exp2(-surprise(prior, EVERY).sum(axis=1, dtype=np.float64))


def frequencies(codes: np.ndarray) -> np.ndarray:
    return np.bincount(codes @ np.array([9, 3, 1]), minlength=27) / len(codes)


def test_samples_have_the_priors_distribution(chain: Chain) -> None:
    assert frequencies(sample(chain, 40_000, seed=1)) == pytest.approx(joint(chain), abs=0.01)


def test_completion_is_exact_when_nothing_given_follows(chain: Chain) -> None:
    free = np.array([False, True, True])
    assert is_exact(free)
    given = np.tile([2, 0, 0], (40_000, 1))
    *_, last = fill(chain, given, free, seed=1)
    p = joint(chain) * (EVERY[:, 0] == 2)
    assert frequencies(last.codes) == pytest.approx(p / p.sum(), abs=0.01)


def test_gibbs_finds_what_filling_misses(chain: Chain) -> None:
    """With the middle cell free, the last given: filling does not look at the last one, Gibbs does."""
    free = np.array([False, True, False])
    assert not is_exact(free)
    given = np.tile([1, 0, 2], (20_000, 1))
    p = joint(chain) * ((EVERY[:, 0] == 1) & (EVERY[:, 2] == 2))
    p /= p.sum()
    *_, filled = fill(chain, given, free, seed=1)
    (swept,) = gibbs(chain, given[:4000], free, seed=1)
    assert frequencies(swept.codes) == pytest.approx(p, abs=0.03)
    assert np.abs(frequencies(filled.codes) - p).max() > 0.1
    for code in range(K):  # one free cell: the very probabilities
        assert swept.probabilities[0, code] == pytest.approx(p[EVERY[:, 1] == code].sum(), abs=1e-5)


def test_sweeps_approach_the_conditional_of_several_cells(chain: Chain) -> None:
    given = np.tile([0, 0, 2], (1500, 1))
    *_, last = gibbs(chain, given, np.array([True, True, False]), sweeps=6, seed=3)
    assert last.sweep == 5
    p = joint(chain) * (EVERY[:, 2] == 2)
    assert frequencies(last.codes) == pytest.approx(p / p.sum(), abs=0.05)


def test_gibbs_at_a_temperature_sharpens_the_conditional(chain: Chain) -> None:
    free = np.array([False, True, False])
    (plain,) = gibbs(chain, [[1, 0, 2]], free)
    (cold,) = gibbs(chain, [[1, 0, 2]], free, temperature=0.5)
    assert cold.probabilities == pytest.approx(plain.probabilities**2 / (plain.probabilities**2).sum(), abs=1e-5)


def test_gibbs_tries_every_code_in_bounded_batches(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    free = np.array([True, True, False])
    whole = [swept.probabilities for swept in gibbs(chain, EVERY[:5], free, sweeps=2)]
    monkeypatch.setattr("vqcore.priors.sampling._LOGITS", 2 * M * K)
    parts = [swept.probabilities for swept in gibbs(chain, EVERY[:5], free, sweeps=2)]
    assert len(whole) == len(parts) == 4
    assert np.array(whole) == pytest.approx(np.array(parts), abs=1e-6)


def test_gibbs_knows_how_many_codes_a_cells_book_has() -> None:
    layout = Layout((Grid("top", 2, ()), Grid("bottom", 5, (2,))))
    prior = build_prior(HistogramConfig(), layout)
    for swept in gibbs(prior, [[1, 4, 3]], np.ones(3, bool), sweeps=20):
        assert (swept.probabilities[0] > 0).sum() == (2 if swept.position == 0 else 5)
        layout.checked(swept.codes)


@pytest.mark.parametrize(
    ("free", "exact"),
    [([1, 1, 1], True), ([0, 0, 1], True), ([0, 0, 0], True), ([1, 0, 0], False), ([1, 0, 1], False), ([[0, 1, 1], [1, 1, 0]], False)],
)
def test_which_completions_are_exact(free: list[int], exact: bool) -> None:
    assert is_exact(free) is exact


def test_temperature_and_top_k(chain: Chain) -> None:
    p = predictions(chain, EVERY[:1])[0, 0]
    first = {name: next(fill(chain, EVERY[:1], **settings)).probabilities[0] for name, settings in SETTINGS.items()}
    assert first["plain"] == pytest.approx(p, abs=1e-6)
    assert first["cold"] == pytest.approx(p**2 / (p**2).sum(), abs=1e-6)
    assert first["hot"].std() < p.std()
    assert first["top 1"].tolist() == np.eye(K)[p.argmax()].tolist()
    two = np.where(p >= np.sort(p)[-2], p, 0)
    assert first["top 2"] == pytest.approx(two / two.sum(), abs=1e-6)
    assert first["top 9"] == pytest.approx(p, abs=1e-6)


SETTINGS: dict[str, dict[str, float]] = {
    "plain": {},
    "cold": {"temperature": 0.5},
    "hot": {"temperature": 3.0},
    "top 1": {"top_k": 1},
    "top 2": {"top_k": 2},
    "top 9": {"top_k": 9},
}


def test_many_samples_are_drawn_in_parts(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sample(chain, 50, seed=3)
    monkeypatch.setattr("vqcore.priors.sampling._GRIDS", 7)
    assert np.array_equal(sample(chain, 50, seed=3), whole)


def test_a_code_of_probability_zero_is_never_drawn(chain: Chain) -> None:
    chain.begin[0] = -torch.inf
    chain.next[:, 2] = -torch.inf
    codes = sample(chain, 2000, seed=0)
    assert (codes[:, 0] != 0).all() and (codes[:, 1:] != 2).all()


def test_only_what_is_free_is_drawn_and_said(chain: Chain) -> None:
    free = np.array([[True, False, False], [False, False, True]])
    steps = list(fill(chain, [[0, 1, 2], [2, 1, 0]], free, seed=5))
    assert [step.position for step in steps] == [0, 2]
    assert [step.drawn.tolist() for step in steps] == [[True, False], [False, True]]
    assert steps[-1].codes[0, 1:].tolist() == [1, 2]
    assert steps[-1].codes[1, :2].tolist() == [2, 1]
    assert not np.shares_memory(steps[0].codes, steps[1].codes)


def test_a_step_of_nothing_free(chain: Chain) -> None:
    assert list(fill(chain, EVERY, np.zeros(M, bool))) == []


def test_given_codes_are_not_written_to(chain: Chain) -> None:
    codes = np.zeros((4, M), dtype=np.int64)
    list(fill(chain, codes))
    list(gibbs(chain, codes, np.ones(M, bool)))
    assert not codes.any()


def test_other_seeds_give_other_codes(chain: Chain) -> None:
    assert not np.array_equal(sample(chain, 20, seed=1), sample(chain, 20, seed=2))


def test_a_sampler_that_is_left_gives_the_prior_back() -> None:
    prior = build_prior(PixelCNNConfig(hidden=4, layers=1), LAYOUT).train()
    steps = fill(prior, EVERY)
    next(steps)
    assert torch.is_grad_enabled()
    assert not prior.training
    steps.close()  # type: ignore[attr-defined]
    assert prior.training


def test_errors_come_at_once(chain: Chain) -> None:
    with pytest.raises(ConfigError, match="Temperature 0: above 0"):
        fill(chain, EVERY, temperature=0)
    with pytest.raises(ConfigError, match="Top-k -1"):
        sample(chain, 1, top_k=-1)
    with pytest.raises(ConfigError, match="0 sweeps"):
        gibbs(chain, EVERY, np.ones(M, bool), sweeps=0)
    with pytest.raises(ConfigError, match="-1 samples"):
        sample(chain, -1)
    with pytest.raises(GridError, match=r"given as \(2,\), for codes of \(27, 3\)"):
        fill(chain, EVERY, np.ones(2, bool))
    with pytest.raises(GridError, match="Code 3 at position 1 does not exist: indices go from 0 to 2"):
        surprise(chain, [[0, 3, 0]])
    with pytest.raises(GridError, match="whole numbers"):
        surprise(chain, [[0.5, 1, 0]])


def test_labels_for_every_grid() -> None:
    prior = build_prior(HistogramConfig(conditional=True), Layout(LAYOUT.grids, classes=2))
    with pytest.raises(ConfigError, match=r"1,\) labels were given for 27 grids"):
        surprise(prior, EVERY, [1])
    assert surprise(prior, EVERY[:2], torch.tensor([0, 1])).shape == (2, M)
