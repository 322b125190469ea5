"""The glossary: complete, findable, and true to the code that it names."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from vqcore.config.model import VQVAEConfig
from vqcore.config.quantizer import FSQConfig, ResidualConfig, VQConfig
from vqcore.config.run import RunConfig, TrainConfig
from vqcore.glossary import BY_FIELD, GLOSSARY, SECTIONS, search
from vqcore.lessons.loader import lessons
from vqcore.records import BookEvaluation, BookSnapshot, BookStep, Evaluation

ROOT = Path(__file__).resolve().parents[1]


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


@pytest.mark.parametrize("name", [name for name, entry in GLOSSARY.items() if entry.equation])
def test_an_equation_is_whole(name: str) -> None:
    equation = GLOSSARY[name].equation
    assert "$" not in equation and equation == equation.strip()
    depth = 0
    for sign in re.sub(r"\\\\[{}]", "", equation):  # escaped ones are drawn
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert depth >= 0, "closed before it was opened"
    assert depth == 0
    begun, ended = (re.findall(rf"\\\\{word}\{{(\w+)}}", equation) for word in ("begin", "end"))
    assert begun == ended
    for left, right in (("left", "right"), ("Bigl", "Bigr"), ("bigl", "bigr")):
        assert len(re.findall(rf"\\\\{left}(?![a-z])", equation)) == len(re.findall(rf"\\\\{right}(?![a-z])", equation))


def test_what_is_computed_by_a_formula_has_it() -> None:
    needed = """loss reconstruction bce codebook_loss commitment commitment_weight stop_gradient straight_through rotation mse nmse psnr ema
        perplexity batch_perplexity entropy revival distance index capacity fixed_bits histogram_bits kl cross_entropy bits_per_code
        surprise temperature autoregressive purity spread kept_variance quantisation gradient"""
    assert not [name for name in needed.split() if not GLOSSARY[name].equation]


def test_every_word_that_a_screen_asks_for_is_there() -> None:
    asked: dict[str, str] = {}
    for path in (ROOT / "pages").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _called(node) in ("help_text", "words"):
                constants = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
                asked |= dict.fromkeys(constants, path.name)
    for lesson in lessons().values():
        asked |= dict.fromkeys(lesson.words, lesson.title)
    assert len(asked) > 60, "the screens were not read"
    assert {name: where for name, where in asked.items() if name not in GLOSSARY} == {}


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""


def test_fields_named_by_entries_are_fields() -> None:
    fields = {name for cls in (RunConfig, VQVAEConfig, VQConfig, ResidualConfig, FSQConfig, TrainConfig) for name in cls.model_fields} | {
        "binarise"
    }
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
        assert field in record.__dataclass_fields__  # type: ignore[attr-defined]
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
    assert search("") == search("  ") == GLOSSARY


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("shannon entropy", "entropy"),
        ("Cross entropy", "cross_entropy"),
        ("cross-entropy", "cross_entropy"),
        ("vector quantization", "quantisation"),
        ("Kullback-Leibler", "kl"),
        ("voronoi", "cell"),
        ("dead code", "dead"),
        ("l2", "l2"),
        ("z_e", "z_e"),
        ("|z_e|", "z_e"),
        ("β", "commitment_weight"),
        ("nearest neighbor", "quantisation"),
        ("detach", "stop_gradient"),
    ],
)
def test_search_knows_other_names_spellings_and_signs(typed: str, first: str) -> None:
    assert next(iter(search(typed))) == first


@pytest.mark.parametrize(
    ("typed", "found"), [("log2", "entropy"), ("log_2", "fixed_bits"), ("argmin", "index"), ("gamma", "ema"), ("sqrt", "spread")]
)
def test_search_reads_equations(typed: str, found: str) -> None:
    assert found in search(typed)


@pytest.mark.parametrize("markup", ["mathrm", "frac", "textstyle", "aligned", "quad", "bigl"])
def test_how_an_equation_is_set_is_not_searched(markup: str) -> None:
    assert not search(markup)
