"""Plain VQ: the losses' gradients, EMA against NumPy, and what treatments do to later steps."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from vqcore.config.quantizer import VQConfig
from vqcore.errors import ConfigError, ShapeError
from vqcore.quantizers.vq import VQ

AXES = [
    {"learning": learning, "estimator": estimator, "distance": distance}
    for learning, estimator, distance in product(("gradient", "ema"), ("straight_through", "rotation"), ("euclidean", "l2"))
]


def make(**settings: Any) -> VQ:
    torch.manual_seed(0)
    return VQ(VQConfig.parse({"K": 16, "D": 4, "init": "normal", **settings}))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat(z: Tensor) -> Tensor:
    return z.movedim(1, -1).reshape(-1, z.shape[1])


@pytest.mark.parametrize("settings", AXES)
def test_indices_are_those_of_numpy_and_z_q_their_codes(settings: dict[str, str]) -> None:
    vq = make(**settings)
    z = torch.randn(3, 4, 5, 6)
    out = vq(z)
    points, codes = flat(z).double().numpy(), vq.codebook.detach().double().numpy()
    if settings["distance"] == "l2":
        points = points / np.linalg.norm(points, axis=1, keepdims=True)
        codes = codes / np.linalg.norm(codes, axis=1, keepdims=True)
    nearest = ((points[:, None] - codes[None]) ** 2).sum(2).argmin(1)
    assert np.array_equal(out.indices[0].numpy().reshape(-1), nearest)
    assert np.allclose(flat(out.z_q).detach().numpy(), codes[nearest], atol=1e-6)
    assert torch.equal(out.z_q, vq.codes(out.indices))


def test_l2_codes_have_length_one() -> None:
    vq = make(distance="l2", init_scale=7.0)
    out = vq(torch.randn(3, 4, 5))
    assert torch.allclose(out.z_q.norm(dim=1), torch.ones(3, 5))
    assert torch.allclose(vq.codebooks()[0].norm(dim=1), torch.ones(16))


@pytest.mark.parametrize("settings", AXES)
def test_without_commitment_weight_the_loss_sends_exactly_nothing_to_z(settings: dict[str, str]) -> None:
    vq = make(commitment_weight=0, **settings)
    z = torch.randn(8, 4, 3, requires_grad=True)
    (grad,) = torch.autograd.grad(vq(z).loss, z)
    assert torch.count_nonzero(grad) == 0


@pytest.mark.parametrize("settings", AXES)
def test_only_the_codebook_term_moves_codes_and_only_under_gradient_learning(settings: dict[str, str]) -> None:
    vq = make(codebook_weight=3.0, **settings)
    z = torch.randn(8, 4, 3)
    out = vq(z)
    if settings["learning"] == "ema":
        assert not (out.loss + out.z_q.square().sum()).requires_grad
        return
    (out.loss + out.z_q.square().sum()).backward()
    moved = vq.codebook.grad
    assert moved is not None
    unused = torch.ones(16, dtype=torch.bool)
    unused[out.indices[0].flatten()] = False
    assert torch.count_nonzero(moved[unused]) == 0
    if settings["distance"] == "euclidean":
        expected = torch.zeros(16, 4).index_add_(0, out.indices[0].flatten(), 2 * 3.0 * flat(out.z_q - z) / z.numel())
        assert torch.allclose(moved, expected, atol=1e-6)


def test_commitment_pulls_vectors_to_their_codes() -> None:
    vq = make(commitment_weight=0.5)
    z = torch.randn(8, 4, 3, requires_grad=True)
    out = vq(z)
    (grad,) = torch.autograd.grad(out.loss, z)
    assert torch.allclose(grad, 0.5 * 2 * (z - out.z_q).detach() / z.numel(), atol=1e-7)


def test_terms_are_unweighted_mean_squares() -> None:
    vq = make(codebook_weight=2.0, commitment_weight=0.1)
    z = torch.randn(8, 4, 3)
    out = vq(z)
    error = F.mse_loss(z, out.z_q)
    assert out.terms["codebook"].item() == pytest.approx(error.item())
    assert out.terms["commitment"].item() == pytest.approx(error.item())
    assert out.loss.item() == pytest.approx(2.1 * error.item())
    ema = make(learning="ema", codebook_weight=2.0, commitment_weight=0.1)(z)
    assert ema.loss.item() == pytest.approx(0.1 * error.item())
    assert ema.terms["codebook"].item() == pytest.approx(error.item())


@pytest.mark.parametrize("learning", ["gradient", "ema"])
def test_ema_equals_a_plain_reimplementation_with_stored_sums(learning: str) -> None:
    vq = make(learning=learning, ema_decay=0.9)
    codes: NDArray[np.float64] = vq.codebook.detach().double().numpy().copy()
    counts = np.full(16, 60 / 16)
    sums = codes * counts[:, None]
    for step in range(30):
        z = torch.randn(20, 4, 3, generator=seeded(step)) * 0.5 + 0.3
        vq(z)
        vq.update_(seeded())
        points = flat(z).double().numpy()
        nearest = ((points[:, None] - codes[None]) ** 2).sum(2).argmin(1)
        counts = 0.9 * counts + 0.1 * np.bincount(nearest, minlength=16)
        if learning == "ema":
            batch = np.zeros_like(sums)
            np.add.at(batch, nearest, points)
            sums = 0.9 * sums + 0.1 * batch
            codes = sums / counts[:, None]
    assert np.allclose(vq.ema_counts()[0].numpy(), counts, rtol=1e-4, atol=1e-5)
    assert np.allclose(vq.codebook.detach().numpy(), codes, atol=1e-4)


def test_l2_ema_turns_codes_towards_the_mean_direction_and_keeps_the_unhit() -> None:
    vq = make(learning="ema", distance="l2", ema_decay=0.5)
    z = torch.tensor([3.0, 1.0, 0.0, 0.0])[None, :, None].repeat(6, 1, 1) * torch.rand(6, 1, 1).add(0.1)
    before = vq.codebooks()[0].clone()
    hit = int(vq(z).indices[0][0])
    for _ in range(20):
        assert torch.all(vq(z).indices[0] == hit)
        vq.update_(seeded())
    after = vq.codebooks()[0]
    assert torch.allclose(after[hit], F.normalize(torch.tensor([3.0, 1.0, 0.0, 0.0]), dim=0), atol=1e-4)
    others = torch.arange(16) != hit
    assert torch.allclose(after[others], before[others], atol=1e-6)


def test_a_code_that_nothing_hits_stays_for_ever() -> None:
    vq = make(learning="ema", ema_decay=0.1)
    far = vq.codebook.detach()[0].fill_(1e6).clone()
    for step in range(200):  # long enough for its count to vanish in float32
        vq(torch.randn(20, 4, 3, generator=seeded(step)))
        vq.update_(seeded())
    assert torch.equal(vq.codebook.detach()[0], far)
    assert torch.isfinite(vq.codebook).all()
    assert vq.ema_counts()[0][0] == 0


def test_counts_are_vectors_per_batch_from_the_first_update() -> None:
    vq = make()
    vq(torch.randn(20, 4, 3))
    vq.update_(seeded())
    assert vq.ema_counts()[0].sum() == pytest.approx(60, rel=1e-5)


def test_the_forward_pass_alone_changes_nothing_and_evaluation_leaves_nothing_to_learn() -> None:
    vq = make(learning="ema", revival_threshold=0.5)
    before = {name: value.clone() for name, value in vq.state_dict().items()}
    vq(torch.randn(20, 4, 3))
    assert all(torch.equal(value, before[name]) for name, value in vq.state_dict().items())
    vq.update_(seeded())
    learnt = {name: value.clone() for name, value in vq.state_dict().items()}
    vq.eval()
    vq(torch.randn(20, 4, 3))
    vq.update_(seeded())
    vq.update_(seeded())
    assert all(torch.equal(value, learnt[name]) for name, value in vq.state_dict().items())


class TestRevival:
    @staticmethod
    def train_step(vq: VQ, optimizer: torch.optim.Optimizer, z: Tensor) -> None:
        out = vq(z)
        optimizer.zero_grad()
        (out.loss + 0 * vq.codebook.sum()).backward()
        optimizer.step()
        vq.update_(seeded())

    @pytest.mark.parametrize("settings", AXES)
    def test_a_revived_code_is_still_revived_after_the_next_step(self, settings: dict[str, str]) -> None:
        vq = make(revival_threshold=0.9, ema_decay=0.5, **settings)
        vq.codebook.detach()[8:] = -100.0
        z = torch.rand(40, 4, 3) + 0.2
        optimizer = torch.optim.SGD(vq.parameters(), lr=1e-3)
        self.train_step(vq, optimizer, z)
        revived = vq.changed[0].clone()
        assert revived[9:].all()  # under l2 the eight far codes are one direction, of which the first may win
        places = vq.codebooks()[0][revived].clone()
        vq.clear_changed_()
        vq.reconfigure_(vq.config.edited({"revival_threshold": 0.0}))
        self.train_step(vq, optimizer, z)
        assert not vq.changed[0].any()
        assert (vq.codebooks()[0][revived] - places).norm(dim=1).max() < 0.5
        assert torch.isin(torch.arange(16)[revived], vq(z).indices[0]).float().mean() > 0.6

    def test_its_count_starts_over_at_the_mean(self) -> None:
        vq = make(revival_threshold=0.5, ema_decay=0.0)
        vq.codebook.detach()[1:] = 50.0
        vq(torch.zeros(4, 4, 4))
        vq.update_(seeded())
        assert vq.changed[0].tolist() == [False] + [True] * 15
        assert vq.ema_counts()[0].tolist() == [16.0] + [1.0] * 15

    def test_no_two_codes_are_equal_afterwards_though_most_vectors_are(self) -> None:
        vq = make(revival_threshold=0.5, ema_decay=0.0)
        vq.codebook.detach()[0] = 0.0
        vq.codebook.detach()[1:] = 50.0
        z = torch.zeros(20, 4, 4)
        z[:5] = torch.rand(5, 4, 4)
        vq(z)
        vq.update_(seeded())
        assert len(vq.codebook.detach().unique(dim=0)) == 16

    def test_nothing_dead_changes_nothing(self) -> None:
        vq = make(revival_threshold=1e-9)
        before = vq.codebook.detach().clone()
        for _ in range(5):
            vq(torch.randn(40, 4, 10))
            vq.update_(seeded())
        assert torch.equal(vq.codebook.detach(), before)
        assert not vq.changed[0].any()

    def test_the_treatment_moves_the_codes_it_is_given_and_no_others(self) -> None:
        vq = make()
        before = vq.codebook.detach().clone()
        z = torch.randn(30, 4)
        dead = torch.arange(16) < 3
        vq.revive_(z, (dead,), seeded())
        now = vq.codebook.detach()
        assert torch.equal(now[3:], before[3:])
        assert all((z == row).all(1).any() for row in now[:3])
        assert torch.equal(vq.changed[0], dead)


class TestInitialisation:
    def test_uniform_and_normal_have_their_scale(self) -> None:
        assert make(K=1000, init="uniform", init_scale=3.0).codebook.abs().max().item() == pytest.approx(3 / 1000, rel=0.01)
        assert make(K=1000, init="normal", init_scale=3.0).codebook.std().item() == pytest.approx(3, rel=0.05)

    @pytest.mark.parametrize("init", ["uniform", "normal"])
    def test_what_does_not_depend_on_data_ignores_it(self, init: str) -> None:
        vq = make(init=init)
        before = vq.codebook.detach().clone()
        vq.initialise_(torch.randn(3, 4), seeded())
        assert torch.equal(vq.codebook.detach(), before)

    def test_data_takes_vectors_and_kmeans_their_middles(self) -> None:
        z = torch.randn(400, 4)
        data, kmeans = make(init="data"), make(init="kmeans")
        data.initialise_(z, seeded())
        kmeans.initialise_(z, seeded())
        assert all((z == row).all(1).any() for row in data.codebook.detach())
        grid = z.T[None]
        assert kmeans.eval()(grid).terms["commitment"] < 0.8 * data.eval()(grid).terms["commitment"]

    @pytest.mark.parametrize("init", ["data", "kmeans"])
    def test_too_few_vectors_say_so(self, init: str) -> None:
        with pytest.raises(ConfigError, match="K = 16 codes cannot start from 15 vectors"):
            make(init=init).initialise_(torch.randn(15, 4), seeded())

    @pytest.mark.parametrize("distance", ["euclidean", "l2"])
    def test_kmeans_now_replaces_every_code_and_lowers_the_error(self, distance: str) -> None:
        vq = make(distance=distance, init_scale=5.0)
        z = torch.randn(400, 4)
        before = vq(z.T[None]).terms["commitment"]
        vq.update_(seeded())
        vq.kmeans_(z, seeded())
        assert vq.changed[0].all()
        assert vq.ema_counts()[0].tolist() == pytest.approx([400 / 16] * 16)
        assert vq(z.T[None]).terms["commitment"] < before


class TestAlone:
    """In a loop of one's own, with nobody to call `initialise_`."""

    @pytest.mark.parametrize("init", ["data", "kmeans"])
    @pytest.mark.parametrize("distance", ["euclidean", "l2"])
    def test_the_first_training_batch_starts_the_codes(self, init: str, distance: str) -> None:
        vq, far = make(init=init, distance=distance), torch.randn(8, 4, 5) + 50
        vq.eval()
        vq(far)
        assert vq.codebook.abs().max() < 1, "a look starts nothing"
        vq.train()
        vq(far[:0])
        out = vq(far)
        assert torch.allclose(vq.codebooks()[0].mean(0), vq.compared(flat(far))[0].mean(0), rtol=0.05)
        assert len(out.indices[0].unique()) == 16
        started = vq.codebook.detach().clone()
        vq(torch.randn(8, 4, 5))
        assert torch.equal(vq.codebook, started), "only the first"

    def test_the_global_seed_decides_and_its_generator_stays_where_it_is(self) -> None:
        z = torch.randn(8, 4, 5)
        books = []
        for seed in (1, 1, 2):
            vq = make(init="data")
            torch.manual_seed(seed)
            before = torch.get_rng_state()
            vq(z)
            assert torch.equal(torch.get_rng_state(), before)
            books.append(vq.codebook.detach().clone())
        assert torch.equal(books[0], books[1]) and not torch.equal(books[0], books[2])

    def test_too_small_a_first_batch_says_what_to_do(self) -> None:
        with pytest.raises(ConfigError, match=r"K = 16 codes cannot start from 15 vectors.*call initialise_\(z, generator\)"):
            make(init="kmeans")(torch.randn(3, 4, 5))

    def test_what_was_started_or_loaded_is_not_started_again(self) -> None:
        given, loaded, fresh = make(init="data"), make(init="data"), make(init="data")
        given.initialise_(torch.randn(99, 4), seeded())
        loaded.load_state_dict(given.state_dict())
        older = {name: value for name, value in given.state_dict().items() if name != "started"}
        fresh.load_state_dict(older)
        unstarted = make(init="data")
        unstarted.load_state_dict(make(init="data").state_dict())
        for vq in (given, loaded, fresh, unstarted):
            vq(torch.randn(8, 4, 5) + 50)
        for vq in (given, loaded, fresh):
            assert vq.codebook.abs().max() < 10
        assert unstarted.codebook.mean() > 40

    @pytest.mark.parametrize("settings", [{"learning": "ema"}, {"revival_threshold": 0.1}])
    def test_a_loop_that_forgets_update_is_told(self, settings: dict[str, Any]) -> None:
        vq = make(**settings)
        with pytest.raises(ConfigError, match=r"without update_.*quantizer.update_\(generator\) once after each optimizer.step\(\)"):
            for _ in range(40):
                vq(torch.randn(8, 4, 5))

    def test_some_batches_for_one_update_and_gradients_alone_are_fine(self) -> None:
        ema, gradient = make(learning="ema"), make()
        start = ema.codebook.clone()
        for step in range(100):
            ema(torch.randn(8, 4, 5))
            gradient(torch.randn(8, 4, 5))
            if step % 8 == 0:
                ema.update_(seeded())
        assert not torch.equal(ema.codebook, start), "learnt from what was remembered"
        ema.eval()
        learnt = ema.codebook.clone()
        for _ in range(100):
            ema(torch.randn(8, 4, 5))
        assert torch.equal(ema.codebook, learnt), "nobody is told, and nothing moves"

    def test_vectors_of_another_shape_are_refused_in_words(self) -> None:
        for act in (make().initialise_, make().kmeans_, lambda z, g: make().revive_(z, (torch.ones(16, dtype=torch.bool),), g)):
            with pytest.raises(ShapeError, match=r"shape \(N, D\) are needed, and D is 4; these have shape \(8, 4, 5\)"):
                act(torch.randn(8, 4, 5), seeded())

    @pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.RMSprop, torch.optim.Adagrad])
    def test_moments_of_rewritten_codes_are_forgotten_whatever_the_optimizer(self, kind: type[torch.optim.Optimizer]) -> None:
        vq = make()
        optimizer = kind(vq.parameters(), lr=0.1)  # type: ignore[call-arg]
        vq(torch.randn(200, 4)).loss.backward()
        optimizer.step()
        vq.revive_(torch.randn(99, 4), (torch.arange(16) < 3,), seeded())
        vq.clear_moments_(optimizer)
        moments = [value for value in optimizer.state[vq.codebook].values() if value.ndim == 2]
        assert moments and all((value[:3] == 0).all() and (value[3:] != 0).any() for value in moments)
        assert not vq.changed[0].any()


class TestTreatments:
    @pytest.mark.parametrize("distance", ["euclidean", "l2"])
    def test_from_gradient_to_ema_nothing_jumps(self, distance: str) -> None:
        vq = make(distance=distance)
        optimizer = torch.optim.Adam(vq.parameters(), lr=0.05)
        for step in range(40):
            out = vq(torch.randn(20, 4, 3, generator=seeded(step)))
            optimizer.zero_grad()
            out.loss.backward()
            optimizer.step()
            vq.update_(seeded())
        before = vq.codebooks()[0].clone()
        vq.reconfigure_(vq.config.edited({"learning": "ema"}))
        vq(torch.randn(20, 4, 3))
        vq.update_(seeded())
        assert (vq.codebooks()[0] - before).norm(dim=1).max() < 0.1

    @pytest.mark.parametrize(
        ("path", "value"), [("distance", "l2"), ("estimator", "rotation"), ("learning", "ema"), ("commitment_weight", 2.0)]
    )
    def test_the_codes_are_kept(self, path: str, value: Any) -> None:
        vq = make()
        before = {name: tensor.clone() for name, tensor in vq.state_dict().items()}
        vq.reconfigure_(vq.config.edited({path: value}))
        assert all(torch.equal(tensor, before[name]) for name, tensor in vq.state_dict().items())

    @pytest.mark.parametrize("changes", [{"K": 8}, {"D": 2}])
    def test_another_size_is_refused_and_nothing_changes(self, changes: dict[str, int]) -> None:
        vq = make()
        with pytest.raises(ConfigError, match="16 codes of 4 numbers"):
            vq.reconfigure_(vq.config.edited(changes))
        assert (vq.config.K, vq.config.D) == (16, 4)


@pytest.mark.parametrize("settings", AXES)
def test_saved_loaded_and_continued_equals_uninterrupted(settings: dict[str, str]) -> None:
    def go(vq: VQ, steps: range) -> None:
        for step in steps:
            vq(torch.randn(20, 4, 3, generator=seeded(step)))
            vq.update_(seeded(step))

    whole = make(revival_threshold=0.3, ema_decay=0.8, **settings)
    go(whole, range(20))
    first = make(revival_threshold=0.3, ema_decay=0.8, **settings)
    go(first, range(11))
    second = VQ(first.config)
    second.load_state_dict(first.state_dict())
    go(second, range(11, 20))
    assert all(torch.equal(value, whole.state_dict()[name]) for name, value in second.state_dict().items())
