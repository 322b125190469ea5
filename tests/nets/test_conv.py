"""Encoder and decoder: any size goes in and comes out again."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vqcore.errors import ConfigError
from vqcore.nets.conv import ConvDecoder, ConvEncoder
from vqcore.shape import Geometry


@given(
    channels=st.sampled_from([1, 3]),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    downsampling=st.sampled_from([2, 4, 8, "vector"]),
    blocks=st.integers(0, 2),
)
@settings(max_examples=60, deadline=None)
def test_any_size_comes_back(channels: int, height: int, width: int, downsampling, blocks: int) -> None:  # type: ignore[no-untyped-def]
    shape = (channels, height, width)
    if downsampling != "vector" and min(height, width) < downsampling:
        with pytest.raises(ConfigError, match=f"{height}×{width}"):
            Geometry.plan(shape, downsampling)
        return
    geometry = Geometry.plan(shape, downsampling)
    encoder, decoder = ConvEncoder(geometry, 8, blocks, 5), ConvDecoder(geometry, 8, blocks, 5)
    z = encoder(torch.rand(2, *shape))
    grid = () if downsampling == "vector" else (-(-height // downsampling), -(-width // downsampling))
    assert geometry.latent_shape == grid
    assert z.shape == (2, 5, *grid)
    assert decoder(z).shape == (2, *shape)


@pytest.mark.parametrize("downsampling", [4, "vector"])
def test_what_is_padded_repeats_the_border(downsampling) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    small, padded = Geometry.plan((1, 11, 14), downsampling), Geometry.plan((1, 12, 16), downsampling)
    encoder, whole = ConvEncoder(small, 8, 1, 4), ConvEncoder(padded, 8, 1, 4)
    whole.load_state_dict(encoder.state_dict())
    x = torch.rand(2, 1, 11, 14)
    by_hand = torch.cat([x, x[:, :, -1:]], dim=2)
    by_hand = torch.cat([by_hand, by_hand[..., -1:], by_hand[..., -1:]], dim=3)
    assert torch.equal(encoder(x), whole(by_hand))


def test_a_vector_is_made_of_all_of_the_picture() -> None:
    torch.manual_seed(0)
    encoder = ConvEncoder(Geometry.plan((1, 28, 28), "vector"), 8, 1, 4)
    x = torch.rand(1, 1, 28, 28, requires_grad=True)
    encoder(x).sum().backward()
    assert x.grad is not None
    assert torch.count_nonzero(x.grad) > 0.95 * 28 * 28


def test_too_small_a_picture_names_what_would_do() -> None:
    with pytest.raises(ConfigError, match=r"downsampling 8: pictures of 5×9 pixels .* Choose 2 or 4"):
        Geometry.plan((1, 5, 9), 8)
    with pytest.raises(ConfigError, match="Choose vector"):
        Geometry.plan((1, 1, 9), 2)


@pytest.mark.parametrize(("downsampling", "widths"), [(2, [64]), (4, [32, 64]), (8, [32, 64, 64])])
def test_the_first_of_several_halvings_is_half_as_wide(downsampling, widths: list[int]) -> None:  # type: ignore[no-untyped-def]
    assert Geometry.plan((1, 32, 32), downsampling).widths(64) == widths
