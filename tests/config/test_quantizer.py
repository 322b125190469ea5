"""Configurations of the quantizers: what they refuse, and what they say about their books."""

from __future__ import annotations

from typing import Any

import pytest

from vqcore.config.quantizer import FSQConfig, ResidualConfig, VQConfig
from vqcore.errors import ConfigError
from vqcore.shape import Book


@pytest.mark.parametrize(
    ("config", "data", "said"),
    [
        (FSQConfig, {"levels": [8, 1, 5]}, r"levels\.1: .*greater than or equal to 2 \(given: 1\)"),
        (FSQConfig, {"levels": []}, r"levels: .*at least 1 item"),
        (FSQConfig, {"levels": [256, 256, 2]}, r"levels: 256·256·2 = 131,072 codes; at most 65,536 are allowed"),
        (ResidualConfig, {"stages": []}, r"stages: .*at least 1 item"),
        (ResidualConfig, {"stages": [{}] * 9}, r"stages: .*at most 8 items"),
        (ResidualConfig, {"stages": [{"K": 1}]}, r"stages\.0\.K: .*greater than or equal to 2"),
        (ResidualConfig, {"stages": [{"D": 4}, {"D": 8}]}, r"one code dimension D, not 4, 8"),
        (ResidualConfig, {"stages": [{"K": 8}, {"K": 9}], "shared": True}, r"stage 1 are not those of stage 0"),
        (ResidualConfig, {"stage_dropout": 1}, r"stage_dropout: .*less than 1"),
    ],
)
def test_what_is_refused(config: type[FSQConfig] | type[ResidualConfig], data: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        config.parse(data)


def test_the_most_codes_are_allowed() -> None:
    assert FSQConfig.parse({"levels": [256, 256]}).books()[0].K == 65_536
    assert FSQConfig.parse({"levels": [2] * 16}).books()[0].K == 65_536


def test_books() -> None:
    assert VQConfig(K=9, D=3).books() == (Book("codes", 9, 3),)
    assert FSQConfig(levels=(8, 5, 5)).books() == (Book("codes", 200, 3, learned=False),)
    stages = (VQConfig(K=9, D=3), VQConfig(K=5, D=3))
    assert ResidualConfig(stages=stages).books() == (Book("stage 1", 9, 3), Book("stage 2", 5, 3))


@pytest.mark.parametrize("config", [VQConfig(K=9), FSQConfig(), ResidualConfig(), ResidualConfig(stages=(VQConfig(K=5), VQConfig(K=4)))])
def test_learners_stand_where_their_path_says(config: VQConfig | FSQConfig | ResidualConfig) -> None:
    assert [(at.K, at.D) for at in config.learners().values()] == [(book.K, book.D) for book in config.books() if book.learned]
    assert all((config.at(path) if path else config) == found for path, found in config.learners().items())


def test_plain_data_and_back() -> None:
    for config in (FSQConfig(levels=(3, 4)), ResidualConfig(stages=(VQConfig(K=5),) * 2, shared=True, stage_dropout=0.5)):
        assert type(config).parse(config.model_dump(mode="json")) == config
