from __future__ import annotations

import pytest
import torch

from vqcore.nets.mlp import MLP, FlatDecoder, FlatEncoder


@pytest.mark.parametrize("blocks", [0, 1, 3])
def test_points_become_codes_and_points_again(blocks: int) -> None:
    encoder, decoder = MLP(2, 16, blocks, 6), MLP(6, 16, blocks, 2)
    z = encoder(torch.randn(7, 2))
    assert z.shape == (7, 6)
    assert decoder(z).shape == (7, 2)


def test_each_point_is_encoded_on_its_own() -> None:
    net, x = MLP(2, 16, 2, 3), torch.randn(5, 2)
    assert torch.allclose(net(x)[2], net(x[2:3])[0], atol=1e-6)


def test_pictures_become_one_vector_and_come_back_in_their_shape() -> None:
    shape = (3, 5, 4)
    x = torch.rand(2, *shape)
    z = FlatEncoder(shape, 16, 1, 7)(x)
    assert z.shape == (2, 7)
    assert FlatDecoder(shape, 16, 1, 7)(z).shape == (2, *shape)
