"""The glossary: complete, findable, and true to the code that it names."""

from __future__ import annotations

import importlib
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.glossary import BY_FIELD, GLOSSARY, SECTIONS, search
from vqcore.records import BookEvaluation, BookSnapshot, BookStep, Evaluation


def resolve(dotted: str) -> Any:
    """The module, class, function, attribute or configuration field of that name. Raises AttributeError."""
    parts = dotted.split(".")
    for count in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:count]))
        except ModuleNotFoundError:
            continue
        for name in parts[count:]:
            is_config = isinstance(found, type) and issubclass(found, BaseModel)
            found = found.model_fields[name] if is_config and name in found.model_fields else getattr(found, name)
        return found
    raise AttributeError(dotted)


@pytest.mark.parametrize("name", [name for name, entry in GLOSSARY.items() if entry.where])
def test_where_it_is_computed_exists(name: str) -> None:
    assert resolve(GLOSSARY[name].where) is not None


def test_resolving_notices_what_is_not_there() -> None:
    with pytest.raises((AttributeError, KeyError)):
        resolve("vqcore.config.quantizer.VQConfig.beta")


def test_titles_are_unique_and_nothing_is_lost_in_the_sections() -> None:
    titles = [entry.title for entry in GLOSSARY.values()]
    assert len(titles) == len(set(titles))
    assert sum(len(section) for section in SECTIONS.values()) == len(GLOSSARY)


@pytest.mark.parametrize("name", GLOSSARY)
def test_an_entry_is_written_out(name: str) -> None:
    entry = GLOSSARY[name]
    assert entry.sentence.endswith(".") and entry.definition.strip()
    assert entry.definition.count("$") % 2 == 0, "a formula is not closed"


def test_fields_named_by_entries_are_fields() -> None:
    fields = {name for cls in (RunConfig, VQVAEConfig, VQConfig, TrainConfig) for name in cls.model_fields} | {"binarise"}
    assert set(BY_FIELD) <= fields


def test_every_setting_of_the_quantizer_is_explained() -> None:
    assert set(VQConfig.model_fields) - {"kind"} <= set(BY_FIELD)


@pytest.mark.parametrize(
    ("record", "names"),
    [
        (
            BookStep,
            {
                "batch_perplexity": "batch_perplexity",
                "used_epoch": "used_epoch",
                "used_ever": "used_ever",
                "dead": "dead",
                "e_norm": "e_norm",
            },
        ),
        (BookEvaluation, {"perplexity": "perplexity", "entropy_bits": "entropy", "indices_per_image": "M", "capacity_bits": "capacity"}),
        (Evaluation, {"mse": "mse", "nmse": "nmse", "psnr": "psnr", "nmse_mean_picture": "mean_picture"}),
        (BookSnapshot, {"usage": "usage", "age": "age", "ema_count": "ema_count"}),
    ],
)
def test_every_figure_of_a_record_has_its_word(record: type, names: dict[str, str]) -> None:
    for field, word in names.items():
        assert field in record.__dataclass_fields__
        assert word in GLOSSARY


def test_ranges_agree_with_the_configuration() -> None:
    for cls, field, word in (
        (VQConfig, "K", "K"),
        (VQConfig, "D", "D"),
        (TrainConfig, "batch_size", "batch"),
        (VQVAEConfig, "hidden", "hidden"),
    ):
        limits = {type(mark).__name__: mark for mark in cls.model_fields[field].metadata}
        assert f"{limits['Ge'].ge:,} to {limits['Le'].le:,}" in GLOSSARY[word].values
    options = get_args(VQVAEConfig.model_fields["downsampling"].annotation)
    assert all(str(option) in GLOSSARY["downsampling"].values for option in options if isinstance(option, int))


def test_search_finds_words_by_any_part_and_by_other_names() -> None:
    assert list(search("PERPLEX"))[:2] == ["batch_perplexity", "perplexity"]
    assert "revival" in search("restart") and "commitment_weight" in search("beta")
    assert "dead" in search("dead code") and not search("no such word")
    assert search("") == GLOSSARY
