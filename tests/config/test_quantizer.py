"""Configurations of the quantizers: what they refuse, and what they say about their books."""

from __future__ import annotations

from typing import Any

import pytest

from vqcore.config.presets import PRESETS
from vqcore.config.quantizer import FSQConfig, ResidualConfig, VQConfig
from vqcore.config.run import RunConfig, treatable_paths
from vqcore.errors import ConfigError
from vqcore.lessons.bases import differences
from vqcore.shape import Book


@pytest.mark.parametrize(
    ("config", "data", "said"),
    [
        (FSQConfig, {"levels": [8, 1, 5]}, r"levels\.1: .*greater than or equal to 2 \(given: 1\)"),
        (FSQConfig, {"levels": []}, r"levels: 0 were given, while at least 1 are needed"),
        (FSQConfig, {"levels": [256, 256, 2]}, r"levels: 256·256·2 = 131,072 codes; at most 65,536 are allowed"),
        (ResidualConfig, {"stages": []}, r"stages: 0 were given, while at least 1 are needed"),
        (ResidualConfig, {"stages": [{}] * 9}, r"stages: 9 were given, while at most 8 are allowed"),
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


def test_another_quantizer_starts_from_its_defaults_and_says_what_it_dropped() -> None:
    digits = PRESETS["digits"].config
    residual, notes = digits.edited_aloud({"model.quantizer.kind": "residual", "model.quantizer.stages.1.K": 8})
    assert [book.K for book in residual.books()] == [32, 8, 32]
    assert notes == ("model.quantizer is residual now, which has no place for K = 32, D = 4, init = data.",)
    back, notes = residual.edited_aloud({"model.quantizer.kind": "vq"})
    assert back.plain_vq() == VQConfig()
    assert notes == ("model.quantizer is vq now, which has no place for stages.",)
    fsq = digits.edited({"model.quantizer.kind": "fsq", "model.quantizer.levels": [4, 4]})
    assert RunConfig.parse(fsq.model_dump(mode="json")) == fsq
    assert digits.edited(differences(digits, residual)) == residual


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model.quantizer.kind": "lfq"}, r"^model\.quantizer\.kind: there is no kind 'lfq'\. There are: fsq, residual, vq\.$"),
        ({"model.quantizer.kind": "fsq", "model.quantizer.levels": [1, 3]}, r"^model\.quantizer\.levels\.0: "),
        ({"model.quantizer.kind": "residual", "model.quantizer.stages": []}, r"^model\.quantizer\.stages: 0 were given"),
        ({"model.quantizer.kind": "residual", "model.quantizer.stages.1.K": 1}, r"^model\.quantizer\.stages\.1\.K: "),
        ({"model.quantizer.K": 1}, r"^model\.quantizer\.K: "),
        ({"data.binarise": "perhaps"}, r"^data\.binarise: "),
    ],
)
def test_errors_name_the_field_by_the_path_that_one_would_type(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        PRESETS["digits"].config.edited(changes)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"model": {"quantizer": {"kind": "lfq"}}}, r"^model\.quantizer\.kind: there is no kind 'lfq'\. There are: vq, residual, fsq\.$"),
        ({"data": {"kind": "faces"}}, r"^data\.kind: there is no kind 'faces'\. There are: digits, "),
        ({"data": {}}, r"^data\.kind: missing\.$"),
        ({"model": {"quantizer": {"kind": "residual", "stages": [{"kind": "fsq"}]}}}, r"^model\.quantizer\.stages\.0\.kind: [^\n]*$"),
    ],
)
def test_files_of_other_kinds(data: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        RunConfig.parse(data)


def test_a_file_from_before_there_were_kinds() -> None:
    assert RunConfig.parse({"model": {"quantizer": {"K": 4}}}).plain_vq() == VQConfig(K=4)


def test_what_was_made_for_one_learned_book_refuses_others() -> None:
    with pytest.raises(ConfigError, match="one learned codebook is needed, 'vq', and this is 'fsq'"):
        RunConfig().edited({"model.quantizer.kind": "fsq"}).plain_vq()


def test_stages_are_treated_one_by_one() -> None:
    residual = RunConfig().edited({"model.quantizer.kind": "residual"})
    paths = treatable_paths(residual)
    for name in ("commitment_weight", "learning"):
        assert [path for path in paths if path.endswith(name)] == [f"model.quantizer.stages.{i}.{name}" for i in range(3)]
    assert "model.quantizer.stage_dropout" in paths
    fsq = treatable_paths(RunConfig().edited({"model.quantizer.kind": "fsq"}))
    assert fsq and not [path for path in fsq if path.startswith("model.")]
