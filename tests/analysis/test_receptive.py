"""Receptive fields against what happens when pixels change, and against hand-made arithmetic of convolutions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vqcore.analysis.receptive import receptive_fields
from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.models.base import Model
from vqcore.models.registry import build_model

SHAPES = [((1, 8, 8), 2, 1), ((3, 32, 32), 8, 0), ((1, 28, 28), 4, 2), ((1, 13, 9), 2, 0), ((1, 11, 30), 4, 1)]


def make(shape: tuple[int, ...], downsampling: int | str, blocks: int) -> Model:
    torch.manual_seed(0)
    config = VQVAEConfig(quantizer=VQConfig(K=4, D=3), downsampling=downsampling, hidden=8, residual_blocks=blocks)
    return build_model(config, shape, "image", 0.1).eval()


def unclipped(downsampling: int, blocks: int) -> tuple[int, int]:
    """First row and height of cell 0's field: each 4×4 convolution of stride 2 and padding 1, each 3×3 of padding 1."""
    layers = [(4, 2, 1)] * (downsampling.bit_length() - 1) + [(3, 1, 1)] * (1 + blocks)
    first, size, stride = 0, 1, 1
    for kernel, step, padding in layers:
        first -= padding * stride
        size += (kernel - 1) * stride
        stride *= step
    return first, size


@pytest.mark.parametrize(("shape", "downsampling", "blocks"), SHAPES)
def test_fields_are_what_the_convolutions_arithmetic_says(shape: tuple[int, ...], downsampling: int, blocks: int) -> None:
    model = make(shape, downsampling, blocks)
    fields = receptive_fields(model, shape)
    h, w = model.levels[0].grid
    assert fields.shape == (h, w, 4)
    first, size = unclipped(downsampling, blocks)
    for row in range(h):
        for col in range(w):
            for axis, place in ((0, row), (1, col)):
                start, length = first + place * downsampling, shape[1 + axis]
                # replicated padding beyond the picture hangs on its last row
                expected = (min(max(0, start), length - 1), min(length, start + size))
                assert (fields[row, col, axis], fields[row, col, axis + 2]) == expected


@pytest.mark.parametrize(("shape", "downsampling", "blocks"), SHAPES[:4])
def test_only_pixels_inside_a_field_change_its_cell(shape: tuple[int, ...], downsampling: int, blocks: int) -> None:
    model = make(shape, downsampling, blocks)
    fields = receptive_fields(model, shape)
    h, w = model.levels[0].grid
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(1, *shape, generator=generator)
    with torch.no_grad():
        z = model.outputs(x)[0]
        for row, col in ((0, 0), (h // 2, w // 2), (h - 1, w - 1)):
            top, left, bottom, right = fields[row, col]
            outside = torch.rand(x.shape, generator=generator)
            outside[:, :, top:bottom, left:right] = x[:, :, top:bottom, left:right]
            assert torch.allclose(model.outputs(outside)[0][:, :, row, col], z[:, :, row, col], atol=1e-6)
            inside = x.clone()
            inside[:, :, top:bottom, left:right] = torch.rand(inside[:, :, top:bottom, left:right].shape, generator=generator)
            assert (model.outputs(inside)[0][:, :, row, col] - z[:, :, row, col]).abs().max() > 1e-4


def test_a_single_vector_sees_all() -> None:
    model = make((1, 8, 8), "vector", 0)
    assert receptive_fields(model, (1, 8, 8)).tolist() == [[[0, 0, 8, 8]]]


def test_trained_weights_and_silent_units_do_not_matter() -> None:
    model = make((1, 8, 8), 2, 1)
    expected = receptive_fields(model, (1, 8, 8))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert np.array_equal(receptive_fields(model, (1, 8, 8)), expected)
    assert all(not parameter.any() for parameter in model.parameters())  # and the model stays as it was
