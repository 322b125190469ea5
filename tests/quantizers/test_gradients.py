"""Both estimators give z_q exactly; backwards they do what their papers say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from vqcore.quantizers.gradients import rotation, straight_through


def gradient(estimator, z: Tensor, z_q: Tensor, upstream: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
    z = z.clone().requires_grad_()
    (grad,) = torch.autograd.grad((estimator(z, z_q) * upstream).sum(), z)
    return grad


@pytest.mark.parametrize("estimator", [straight_through, rotation])
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e5])
def test_the_value_is_exactly_z_q_and_codes_get_no_gradient(estimator, scale: float) -> None:  # type: ignore[no-untyped-def]
    z, z_q = torch.randn(50, 6, requires_grad=True), (torch.randn(50, 6) * scale).requires_grad_()
    out = estimator(z, z_q)
    assert torch.equal(out, z_q)
    out.sum().backward()
    assert z.grad is not None
    assert z_q.grad is None


def test_straight_through_copies_the_gradient() -> None:
    z, z_q, upstream = torch.randn(3, 20, 5).unbind()
    assert torch.equal(gradient(straight_through, z, z_q, upstream), upstream)


def test_rotation_turns_the_gradient_by_the_matrix_that_turns_z_onto_z_q() -> None:
    z, z_q, upstream = torch.randn(3, 30, 4, dtype=torch.float64).unbind()
    grads = gradient(rotation, z, z_q, upstream)
    eye = torch.eye(4, dtype=torch.float64)
    for e, q, up, grad in zip(z, z_q, upstream, grads, strict=True):
        e_hat, q_hat = e / e.norm(), q / q.norm()
        r = (e_hat + q_hat) / (e_hat + q_hat).norm()
        R = eye - 2 * torch.outer(r, r) + 2 * torch.outer(q_hat, e_hat)
        assert torch.allclose(R.T @ R, eye, atol=1e-9)
        assert torch.det(R) == pytest.approx(1)
        scale = q.norm() / e.norm()
        assert torch.allclose(scale * R @ e, q, atol=1e-9)
        assert torch.allclose(grad, scale * R.T @ up, atol=1e-9)


def test_rotation_keeps_the_angle_between_gradient_and_vector() -> None:
    z, z_q, upstream = torch.randn(3, 30, 8).unbind()
    grads = gradient(rotation, z, z_q, upstream)
    assert torch.allclose(torch.cosine_similarity(grads, z), torch.cosine_similarity(upstream, z_q), atol=1e-5)


def test_rotation_stays_finite_where_no_direction_is() -> None:
    z = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 0.0], [1e-30, 0.0]])
    z_q = torch.tensor([[1.0, 2.0], [-1.0, 0.0], [0.0, 0.0], [5.0, 5.0]])
    upstream = torch.ones(4, 2)
    grads = gradient(rotation, z, z_q, upstream)
    assert torch.isfinite(grads).all()
    assert grads[0].tolist() == [1, 1]  # no direction: as it is
    assert grads[2].tolist() == [0, 0]  # a code at the origin: z's direction and length do not matter to it
    assert grads[3].tolist() == [1, 1]
