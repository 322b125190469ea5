"""The shape of a model from its configuration alone: what the model that is built from it really has."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch

from vqcore.config.data import DataConfig, DigitsConfig, RingsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.presets import PRESETS
from vqcore.config.quantizer import FSQConfig, ResidualConfig, VQConfig
from vqcore.config.run import RunConfig
from vqcore.errors import ConfigError
from vqcore.layout import Grid, Layout
from vqcore.models.registry import build_model
from vqcore.shape import Book, Level

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
    assert tuple(codes.shape[1:] for codes in out.codes) == (level.grid,) * len(level.books)
    assert out.levels[0].z_e.shape == (2, level.dim, *level.grid)
    assert model.levels == (level,)
    assert config.books() == level.books


def test_several_books_stand_on_one_grid() -> None:
    stages = (VQConfig(K=9, D=3), VQConfig(K=5, D=3))
    levels = VQVAEConfig(quantizer=ResidualConfig(stages=stages), downsampling=4).levels((1, 10, 17))
    assert levels == (Level("codes", (3, 5), 3, (Book("stage 1", 9, 3), Book("stage 2", 5, 3))),)
    layout = Layout.of(levels, classes=7)
    assert layout == Layout((Grid("stage 1", 9, (3, 5)), Grid("stage 2", 5, (3, 5))), 7)
    assert layout.length == 2 * levels[0].cells == 30


def test_codes_that_nothing_learns() -> None:
    levels = VQVAEConfig(quantizer=FSQConfig(levels=(8, 5)), downsampling="vector").levels((2,))
    assert levels == (Level("codes", (), 2, (Book("codes", 40, 2, learned=False),)),)
    assert levels[0].cells == 1


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
