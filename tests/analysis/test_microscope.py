"""The microscope shows the trainer's own step: its numbers are autograd's, its steps back are exact."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from vqcore.analysis.microscope import Frame, Microscope
from vqcore.config.run import RunConfig
from vqcore.control import NoControl
from vqcore.data.base import Dataset
from vqcore.data.registry import load
from vqcore.errors import ConfigError
from vqcore.records import State
from vqcore.training.trainer import Trainer

QUANTIZER = {"kind": "vq", "K": 10, "D": 2, "init": "normal", "init_scale": 0.3, "ema_decay": 0.8}
RINGS = RunConfig.parse(
    {
        "data": {"kind": "rings", "count": 512},
        "model": {"kind": "vqvae", "downsampling": "vector", "hidden": 8, "residual_blocks": 0, "quantizer": QUANTIZER},
        "train": {"batch_size": 24, "lr": 0.02, "seed": 3, "device": "cpu", "precision": "float32", "threads": 1, "evaluation_images": 16},
    }
)
DIGITS = RINGS.edited({"data": {"kind": "digits"}})
EMA = {"model.quantizer.learning": "ema"}
ROTATION = {"model.quantizer.estimator": "rotation"}
VARIANTS = [{}, EMA, ROTATION, {"model.quantizer.commitment_weight": 0.0}, {"model.quantizer.init": "data"}]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@cache
def dataset(kind: str) -> Dataset:
    return load((RINGS if kind == "rings" else DIGITS).data)


def under(config: RunConfig, start: int = 0, **more: Any) -> Microscope:
    return Microscope(config, dataset(config.data.kind), start, **more)


def same(a: Frame, b: Frame) -> bool:
    pairs = [(getattr(a, field.name), getattr(b, field.name)) for field in fields(Frame)]
    return all(np.array_equal(x, y, equal_nan=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x == y for x, y in pairs)


def equal(a: State, b: State) -> bool:
    skip = {"elapsed", "last_command"}
    meta = [{name: value for name, value in state.meta.items() if name not in skip} for state in (a, b)]
    return (
        meta[0] == meta[1] and a.tensors.keys() == b.tensors.keys() and all(np.array_equal(a.tensors[k], b.tensors[k]) for k in a.tensors)
    )


@pytest.mark.parametrize("config", [RINGS, DIGITS])
@pytest.mark.parametrize("changes", VARIANTS)
def test_its_steps_are_the_trainers_bit_for_bit(config: RunConfig, changes: dict[str, Any]) -> None:
    config = config.edited({**changes, "train.steps": 20})  # an epoch of rings has 17: the next one's order is drawn on the way
    trainer = Trainer(config, dataset(config.data.kind))
    for _ in trainer.run(NoControl()):
        pass
    whole = trainer.state().tensors
    scope = under(config, 3)
    scope.forward(2)
    for _ in range(15):
        scope.forward()
    seen = scope.state().tensors
    assert scope.frame.step == 20
    learned = [name for name in whole if name.startswith(("model", "optimizer"))]
    assert len(learned) > 20 and all(np.array_equal(whole[name], seen[name]) for name in learned)


def plain_gradients(scope: Microscope, config: RunConfig) -> tuple[Frame, Tensor, Tensor, dict[str, Tensor]]:
    """The batch's gradients from a loss written out by hand on a copy of the weights: at z_e, at the codes, at the encoder's weights."""
    frame = scope.frame
    trainer = Trainer(config, dataset(config.data.kind))
    trainer.model.load_state_dict({name[6:]: torch.from_numpy(v) for name, v in scope.state().tensors.items() if name.startswith("model.")})
    net = trainer.model
    x = torch.from_numpy(frame.x)
    x = x.movedim(-1, 1).float() / 255 if x.ndim == 4 else x
    e = torch.from_numpy(frame.codebook).requires_grad_()
    (z,) = net.outputs(x)
    z.retain_grad()
    index = torch.cdist(z.detach().double(), e.detach().double()).argmin(1)
    assert np.array_equal(index.numpy(), frame.index)
    z_q = z + (e[index] - z).detach()
    raw = net.decoder(z_q) + (0.5 if x.ndim == 4 else 0.0)  # type: ignore[operator]
    quantizer = config.model.quantizer
    loss = ((raw - x) ** 2).mean() / net.variance  # type: ignore[operator]
    loss = loss + ((z.detach() - e[index]) ** 2).mean() + quantizer.commitment_weight * ((z - e[index].detach()) ** 2).mean()
    loss.backward()
    assert z.grad is not None and e.grad is not None
    assert frame.loss == pytest.approx(float(loss.detach()), rel=1e-5)
    return frame, z.grad, e.grad, {name: p.grad for name, p in net.encoder.named_parameters()}  # type: ignore[union-attr, misc]


@pytest.mark.parametrize("config", [RINGS, DIGITS])
def test_gradients_are_those_of_the_loss_written_out_by_hand(config: RunConfig) -> None:
    frame, at_z_e, at_codes, _ = plain_gradients(under(config, 30), config)
    np.testing.assert_allclose(frame.at_z_e, at_z_e, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(frame.at_codes, at_codes, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(frame.passed, frame.at_z_q)
    np.testing.assert_allclose(frame.passed + frame.commitment, frame.at_z_e, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("config", [RINGS, DIGITS])
@pytest.mark.parametrize("start", [0, 40])
def test_every_number_again_in_numpy(config: RunConfig, start: int) -> None:
    frame = under(config, start).frame
    z, e = frame.z_e.astype(np.float64), frame.codebook.astype(np.float64)
    N, K = frame.distance.shape
    distance = np.sqrt(((z[:, None] - e[None]) ** 2).sum(2))
    np.testing.assert_allclose(frame.distance, distance, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(frame.index, distance.argmin(1))
    np.testing.assert_array_equal(frame.count, np.bincount(frame.index, minlength=K))
    chosen = e[frame.index]
    square = float(((z - chosen) ** 2).mean())
    assert frame.terms["commitment"] == pytest.approx(square, rel=1e-5) == pytest.approx(frame.terms["codebook"], rel=1e-5)
    assert frame.loss == pytest.approx(frame.terms["reconstruction"] + 1.25 * square, rel=1e-5)
    np.testing.assert_allclose(frame.commitment, 0.25 * (z - chosen) / N, rtol=1e-4, atol=1e-8)  # 2/(N·D) with D = 2
    for k in range(K):
        own = z[frame.index == k]
        np.testing.assert_allclose(frame.at_codes[k], (e[k] - own).sum(0) / N if len(own) else [0, 0], rtol=1e-4, atol=1e-7)
        np.testing.assert_allclose(frame.mean[k], own.mean(0) if len(own) else [np.nan] * 2, rtol=1e-5, atol=1e-6)
    own_loss = frame.pair_loss[np.arange(N), frame.index]
    assert own_loss.mean() == pytest.approx(frame.terms["reconstruction"], rel=1e-5)
    np.testing.assert_allclose(frame.pair_gradient[np.arange(N), frame.index] / N, frame.at_z_q, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("config", [RINGS, DIGITS])
def test_the_table_of_vectors_and_codes_holds_what_training_would_count(config: RunConfig) -> None:
    scope = under(config, 25)
    frame = scope.frame
    trainer = Trainer(config, dataset(config.data.kind))
    trainer.model.load_state_dict({name[6:]: torch.from_numpy(v) for name, v in scope.state().tensors.items() if name.startswith("model.")})
    n, k = 5, int(np.argsort(frame.distance[5])[3])
    x = torch.from_numpy(frame.x[n : n + 1])
    x = x.movedim(-1, 1).float() / 255 if x.ndim == 4 else x

    def loss(code: Tensor) -> Tensor:
        raw = trainer.model.decoder(code[None]) + (0.5 if x.ndim == 4 else 0.0)  # type: ignore[operator]
        return ((raw - x) ** 2).mean() / trainer.model.variance  # type: ignore[no-any-return, operator]

    code = torch.from_numpy(frame.codebook[k])
    assert frame.pair_loss[n, k] == pytest.approx(float(loss(code).detach()), rel=1e-5)
    step = 1e-2
    for axis in (0, 1):
        shift = torch.eye(2)[axis] * step
        slope = float((loss(code + shift) - loss(code - shift)).detach()) / (2 * step)
        assert frame.pair_gradient[n, k, axis] == pytest.approx(slope, rel=0.05, abs=5e-3)
    decoded = trainer.model.decode((code[None],)).detach()
    shown = (decoded * 255).round() if x.ndim == 4 else decoded
    np.testing.assert_allclose(frame.decoded[k].squeeze(), shown.squeeze(), atol=1e-6)


def test_rotation_turns_the_gradient_as_the_code_is_turned() -> None:
    frame = under(RINGS.edited(ROTATION), 30).frame
    for z, q, sent, passed in zip(frame.z_e, frame.codebook[frame.index], frame.at_z_q, frame.passed, strict=True):
        angle = np.arctan2(z[1], z[0]) - np.arctan2(q[1], q[0])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        np.testing.assert_allclose(passed, np.linalg.norm(q) / np.linalg.norm(z) * turn @ sent, rtol=1e-3, atol=1e-7)


def test_ema_moves_codes_by_its_formula_and_gradients_never() -> None:
    scope = under(RINGS.edited(EMA), 30)
    frame = scope.frame
    assert not frame.at_codes.any()
    before = scope.state().tensors["model.quantizer.ema_count"]
    count = 0.8 * before + 0.2 * frame.count
    np.testing.assert_allclose(frame.ema_count, count, rtol=1e-5)
    used = frame.count > 0
    step = 0.2 * frame.count[used, None] * (frame.mean[used] - frame.codebook[used]) / count[used, None]
    np.testing.assert_allclose(frame.codebook_after[used], frame.codebook[used] + step, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(frame.codebook_after[~used], frame.codebook[~used])
    assert used.any() and not used.all()


@pytest.mark.parametrize("changes", [{}, EMA, ROTATION])
def test_codes_that_nothing_chose_get_exactly_zero_gradient(changes: dict[str, Any]) -> None:
    scope = under(RINGS.edited({**changes, "model.quantizer.init_scale": 3.0}))
    never = np.ones(10, dtype=bool)
    for _ in range(8):
        frame = scope.frame
        unused = frame.count == 0
        assert unused.any() and not frame.at_codes[unused].any()
        never &= unused
        np.testing.assert_array_equal(frame.codebook_after[never], frame.codebook[never])
        scope.forward()


def test_what_comes_after_is_where_the_next_step_begins() -> None:
    scope = under(RINGS, 10)
    scope.change(kept=True)
    first = scope.frame
    scope.forward()
    second = scope.frame
    np.testing.assert_array_equal(first.codebook_after, second.codebook)
    np.testing.assert_array_equal(first.z_e_after, second.z_e)
    np.testing.assert_array_equal(first.x, second.x)
    np.testing.assert_array_equal(first.index_after, second.index)
    assert first.loss_after == pytest.approx(second.loss, rel=1e-6) and first.batch == second.batch
    scope.change(kept=False)
    scope.forward()
    assert scope.frame.batch == second.batch + 1 and not np.array_equal(scope.frame.x, second.x)


@pytest.mark.parametrize("changes", [{}, EMA])
def test_frozen_codes_walk_onto_the_means_of_their_cells(changes: dict[str, Any]) -> None:
    scope = under(RINGS.edited({**changes, "train.lr": 0.05}), 40)
    scope.change(frozen=True, kept=True)
    first = scope.frame
    np.testing.assert_array_equal(first.z_e_after, first.z_e)
    encoder = {name: value for name, value in scope.state().tensors.items() if name.startswith("model.encoder")}
    scope.forward(150)
    last = scope.frame

    def distance(frame: Frame) -> float:
        return float(np.nanmean(np.abs(frame.mean - frame.codebook)))

    # on average: Adam goes slowly where gradients were large before
    assert distance(last) < 0.2 * distance(first)
    now = scope.state().tensors
    assert encoder and all(np.array_equal(value, now[name]) for name, value in encoder.items())
    assert last.terms["codebook"] < first.terms["codebook"]
    scope.change(frozen=False)
    assert not np.array_equal(scope.frame.z_e_after, scope.frame.z_e)


moves = st.lists(
    st.one_of(
        st.integers(1, 4),  # forward
        st.just(-1),  # back
        st.sampled_from([("frozen", True), ("frozen", False), ("kept", True), ("learning", "ema"), ("learning", "gradient"), ("lr", 0.05)]),
    ),
    max_size=12,
)


@settings(max_examples=12)
@given(moves=moves, init=st.sampled_from(["normal", "data"]))
def test_back_restores_the_state_exactly_however_one_came(moves: list[Any], init: str) -> None:
    scope = under(RINGS.edited({"model.quantizer.init": init}))
    seen = [(scope.frame, scope.state())]  # of each step that leads here
    for move in moves:
        if move == -1:
            assert scope.back() == (len(seen) > 1)
            seen = seen[:-1] or seen
        elif isinstance(move, int):
            for _ in range(move):
                scope.forward()
                seen.append((scope.frame, scope.state()))
        else:
            name, value = move
            if name in ("frozen", "kept"):
                scope.change(**{name: value})
            else:
                scope.change({"train.lr" if name == "lr" else "model.quantizer.learning": value})
            seen[-1] = (scope.frame, scope.state())
        assert same(scope.frame, seen[-1][0]) and equal(scope.state(), seen[-1][1])
    for frame, state in reversed(seen[:-1]):
        assert scope.back()
        assert same(scope.frame, frame) and equal(scope.state(), state)
    assert not scope.back()


@pytest.mark.parametrize("config", [RINGS, DIGITS])
def test_forward_after_back_comes_by_the_same_way(config: RunConfig) -> None:
    scope, straight = under(config), under(config)
    scope.forward(10)
    assert scope.back(7) and scope.frame.step == 3
    scope.forward(4)
    scope.forward(3)
    straight.forward(10)
    assert same(scope.frame, straight.frame) and equal(scope.state(), straight.state())


def test_reset_is_the_first_step_with_the_settings_of_then() -> None:
    scope = under(RINGS, 5)
    first = scope.frame
    scope.change({"model.quantizer.learning": "ema"}, frozen=True)
    scope.forward(12)
    scope.reset()
    assert same(scope.frame, first) and scope.steps_back == 0


def test_a_change_that_is_refused_changes_nothing() -> None:
    scope = under(RINGS, 5)
    scope.forward(2)
    frame = scope.frame
    for changes in ({"model.quantizer.K": 5}, {"train.lr": -1.0}, {"train.seed": 4}):
        with pytest.raises(ConfigError):
            scope.change(changes, frozen=True)
        assert same(scope.frame, frame)
    scope.forward()
    straight = under(RINGS, 5)
    straight.forward(3)
    assert same(scope.frame, straight.frame)


def test_history_keeps_to_its_bytes_and_the_newest_steps() -> None:
    one = sum(value.nbytes for value in under(RINGS, 1).state().tensors.values())
    scope = under(RINGS, 1, history_bytes=5 * one)
    scope.forward(20)
    assert scope.steps_back == 5
    assert scope.back(99) and scope.frame.step == 16 and not scope.back()


@pytest.mark.parametrize(
    "changes",
    [
        {"model.quantizer.D": 3},
        {"model.quantizer.K": 65},
        {"model.quantizer.distance": "l2"},
        {"data": {"kind": "digits"}, "model.downsampling": 4},
    ],
)
def test_what_cannot_be_drawn_in_a_plane_is_refused_in_words(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"one plane.*Choose D = 2"):
        under(RINGS.edited(changes))
