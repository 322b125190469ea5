"""The shape of a model from its configuration alone: what the model that is built from it really has."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch

from vqcore.config.data import DataConfig, DigitsConfig, RingsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.presets import PRESETS
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig
from vqcore.errors import ConfigError
from vqcore.layout import Layout
from vqcore.models.registry import build_model
from vqcore.shape import Level

DATA = {config.model_fields["kind"].default: config() for config in get_args(get_args(DataConfig)[0])}
CASES = {f"preset {name}": preset.config for name, preset in PRESETS.items()} | {
    f"{kind}, {size}": RunConfig(data=data, model=VQVAEConfig(downsampling=size, hidden=8, quantizer=VQConfig(K=5, D=3, init="normal")))
    for kind, data in DATA.items()
    for size in (("vector",) if data.modality == "points" else (2, 4, 8, "vector"))
}


@pytest.mark.parametrize("name", CASES)
def test_levels_are_those_of_the_built_model(name: str) -> None:
    config = CASES[name]
    data = config.data
    model: Any = build_model(config.model, data.shape, data.modality, 1.0).eval()
    (level,) = config.levels()
    with torch.inference_mode():
        out = model(torch.zeros(2, *data.shape))
    assert tuple(codes.shape[1:] for codes in out.codes) == (level.grid,)
    assert out.z_e.shape == (2, level.dim, *level.grid)
    assert (model.quantizer.books, model.quantizer.dim) == (level.books, level.dim)
    assert config.books() == level.books


def test_a_model_without_books_has_an_empty_layout() -> None:
    assert Layout.of((Level("latent", (4, 4), 16, ()),)).length == 0


def test_learners_of_a_run_stand_where_their_path_says() -> None:
    config = RunConfig(data=RingsConfig(), model=VQVAEConfig(downsampling="vector"))
    assert [config.at(path) for path in config.learners()] == list(config.learners().values()) == [VQConfig()]
    assert list(config.learners()) == ["model.quantizer"]


def test_pictures_smaller_than_a_cell_are_refused() -> None:
    with pytest.raises(ConfigError, match="downsampling 8: pictures of 4×9 pixels"):
        VQVAEConfig(downsampling=8).levels((1, 4, 9))
    assert DigitsConfig().shape == (1, 8, 8)
