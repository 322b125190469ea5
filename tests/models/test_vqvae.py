"""What VQ-VAE's loss means, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.errors import ConfigError
from vqcore.metrics.reconstruction import mse, nmse
from vqcore.models.base import Model
from vqcore.models.registry import build_model
from vqcore.models.work import multiplications


def make(shape: tuple[int, ...] = (1, 8, 8), modality: str = "image", variance: float = 0.07, **settings: Any) -> Model:
    torch.manual_seed(0)
    quantizer = VQConfig(K=8, D=4, init="normal", **settings.pop("quantizer", {}))
    return build_model(VQVAEConfig(quantizer=quantizer, hidden=8, **{"downsampling": 2, **settings}), shape, modality, variance)


def test_the_reconstruction_term_is_the_nmse() -> None:
    model, x = make((2,), "points", downsampling="vector"), torch.randn(50, 2)
    out = model(x)
    assert out.terms["reconstruction"].item() == pytest.approx(nmse(mse(x, out.x_hat).item(), 0.07))
    model, x = make(), torch.rand(50, 1, 8, 8)
    out = model(x)
    assert out.x_hat.min() > 0 and out.x_hat.max() < 1  # nothing clamped
    assert out.terms["reconstruction"].item() == pytest.approx(nmse(mse(x, out.x_hat).item(), 0.07))


def test_binary_cross_entropy_is_in_nats_per_pixel() -> None:
    model, x = make(reconstruction="bce"), torch.rand(20, 1, 8, 8).round()
    out = model(x)
    p, target = out.x_hat.double().numpy(), x.double().numpy()
    nats = -(target * np.log(p) + (1 - target) * np.log(1 - p)).mean()
    assert out.terms["reconstruction"].item() == pytest.approx(nats, rel=1e-5)
    assert 0.3 < nats < 1.0  # before training about ln 2


@pytest.mark.parametrize("reconstruction", ["mse", "bce"])
def test_pictures_stay_in_range_while_the_loss_still_sees_how_far_they_are_out(reconstruction: str) -> None:
    model, x = make(reconstruction=reconstruction), torch.ones(4, 1, 8, 8)
    with torch.no_grad():
        list(model.parameters())[-1].fill_(0)
        for name, parameter in model.named_parameters():
            if name.startswith("decoder.body") and name.endswith("bias") and parameter.shape == (1,):
                parameter.fill_(-50.0)
    out = model(x)
    assert out.x_hat.max() <= 1e-6 and out.x_hat.min() >= 0
    out.loss.backward()
    assert any(parameter.grad is not None and parameter.grad.abs().max() > 0 for parameter in model.parameters())
    assert out.terms["reconstruction"] > 10


def test_points_are_not_clamped() -> None:
    model = make((2,), "points", downsampling="vector")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(10)
    x_hat = model(torch.randn(50, 2)).x_hat
    assert x_hat.min() < 0 or x_hat.max() > 1


def test_the_variance_travels_with_the_weights() -> None:
    saved, other = make(variance=0.5), make(variance=0.1)
    other.load_state_dict(saved.state_dict())
    x = torch.rand(3, 1, 8, 8)
    assert other.eval()(x).loss == saved.eval()(x).loss


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (2,), "modality": "points"}, "points have no grid. Choose 'vector'"),
        ({"shape": (8, 8)}, r"pictures of shape \(8, 8\)"),
        ({"shape": (3, 2), "modality": "points", "downsampling": "vector"}, "one axis"),
        ({"modality": "smell"}, "not smell"),
        ({"shape": (1, 4, 4), "downsampling": 8}, "smaller than one latent cell"),
        ({"variance": 0.0}, "all of it is the same"),
        ({"variance": float("nan")}, "variance is nan"),
    ],
)
def test_data_that_it_cannot_take_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(**arguments)


def test_the_work_is_counted_by_hand() -> None:
    model = make((2,), "points", downsampling="vector", residual_blocks=1)
    layers_each_way = (2 * 8 + 8 * 8 + 2 * 8 * 8 + 8 * 4, 4 * 8 + 8 * 8 + 2 * 8 * 8 + 8 * 2)
    assert multiplications(model, (2,)) == sum(layers_each_way)
    # 8×8 halved once to 4×4, without residual blocks: stem, look, head; stem and, from 4×4 places, the way back
    pictures = make((1, 8, 8), residual_blocks=0)
    encoder, decoder = 16 * (4 * 4 * 8 + 9 * 8 * 8 + 8 * 4), 16 * (9 * 4 * 8 + 4 * 4 * 8)
    assert multiplications(pictures, (1, 8, 8)) == encoder + decoder


def test_a_picture_can_go_through_without_convolutions() -> None:
    model, x = make((1, 8, 8), net="mlp", downsampling="vector"), torch.rand(6, 1, 8, 8)
    out = model(x)
    assert out.x_hat.shape == x.shape and out.codes[0].shape == (6,) and model.grids == ((),)
    assert not any(isinstance(part, torch.nn.Conv2d) for part in model.modules())
    assert torch.allclose(model.eval()(x[2:3]).x_hat, model(x).x_hat[2:3], atol=1e-6)


def test_without_convolutions_there_is_no_grid() -> None:
    with pytest.raises(ConfigError, match="downsampling"):
        VQVAEConfig.parse({"net": "mlp", "downsampling": 2})
