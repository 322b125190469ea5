"""What is needed, whether a run has it, and what is said where it has not."""

from __future__ import annotations

from typing import get_args

import pytest

from pages.ui.screens import SCREENS
from vqcore.clinic.causes import CAUSES
from vqcore.clinic.treatments import TREATMENTS
from vqcore.config.data import RingsConfig
from vqcore.config.model import VQVAEConfig
from vqcore.config.needs import Need, met, refusal
from vqcore.config.presets import PRESETS
from vqcore.config.prior_defaults import LADDER
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig
from vqcore.lessons.loader import lessons
from vqcore.shape import Book
from vqcore.snippets import looking

GRID = RunConfig()
VECTOR = RunConfig(model=VQVAEConfig(downsampling="vector"))
POINTS = RunConfig(data=RingsConfig(), model=VQVAEConfig(downsampling="vector"))
PICTURES_OF_CODES: tuple[Need, ...] = ("pictures", "codes")


@pytest.mark.parametrize(
    ("config", "has"),
    [
        (GRID, {"codes", "one book", "learned codes", "grid", "pictures", "labels"}),
        (VECTOR, {"codes", "one book", "learned codes", "pictures", "labels"}),
        (POINTS, {"codes", "one book", "learned codes", "labels"}),
    ],
    ids=["grid", "vector", "points"],
)
def test_what_a_run_has_follows_from_its_configuration(config: RunConfig, has: set[str]) -> None:
    assert {need for need in get_args(Need) if met([need], config)} == has


def test_a_sentence_names_what_is_missing_and_what_is_there_instead() -> None:
    assert refusal("Paint", PICTURES_OF_CODES, GRID) is None
    found = refusal("Paint", PICTURES_OF_CODES, POINTS)
    assert found is not None and found.sentence == "Paint needs pictures, and this run's data are points."
    found = refusal("Complete an image", ("grid",), VECTOR)
    assert found is not None and found.sentence == "Complete an image needs a grid of codes, and this model gives each example one code."
    found = refusal("Sound", ("sequence", "sound"), GRID)
    assert found is not None and found.sentence == "Sound needs sound, and this run's data are pictures."


@pytest.mark.parametrize(
    ("books", "need", "said"),
    [
        ((), "codes", "needs a codebook, and this model has none."),
        ((), "learned codes", "needs codes that are learned, and this model has no codebook."),
        ((Book("codes", 8, 2, learned=False),), "learned codes", "and this model's codes stand where a rule puts them."),
        ((Book("stage 1", 8, 2), Book("stage 2", 8, 2)), "one book", "needs a single codebook, and this model has 2."),
        ((Book("codes", 8, 2),), "gaussian", "and this model has a codebook."),
        ((Book("codes", 8, 2),), "two levels", "and this one has a single level."),
    ],
)
def test_models_of_other_books(monkeypatch: pytest.MonkeyPatch, books: tuple[Book, ...], need: Need, said: str) -> None:
    monkeypatch.setattr(VQConfig, "books", lambda self: books)
    found = refusal("This", [need], GRID)
    assert found is not None and found.sentence.endswith(said)


def test_the_way_out_is_an_example_that_fits_else_a_preset() -> None:
    found = refusal("Paint", PICTURES_OF_CODES, POINTS, lambda: [("points", POINTS), ("vector", VECTOR), ("grid", GRID)])
    assert found is not None and (found.run, found.preset) == ("vector", "")
    found = refusal("Complete an image", ("grid",), VECTOR, lambda: [("vector", VECTOR)])
    assert found is not None and found.run == "" and met(["grid"], PRESETS[found.preset].config)
    found = refusal("Sound", ("sound",), GRID, lambda: [("grid", GRID)])
    assert found is not None and (found.run, found.preset) == ("", "")
    assert not PRESETS[refusal("Paint", ("grid",), VECTOR).preset].needs_download


def test_nobody_is_asked_what_is_at_hand_where_nothing_is_missing() -> None:
    def nobody() -> list[tuple[str, RunConfig]]:
        raise AssertionError("asked")

    assert refusal("Paint", PICTURES_OF_CODES, GRID, nobody) is None


def test_what_declares_needs_declares_known_ones() -> None:
    declared = [*SCREENS.values(), *TREATMENTS.values(), *CAUSES.values(), *LADDER, *(lesson.check for lesson in lessons().values())]
    assert all(set(each.needs) <= set(get_args(Need)) for each in declared)
    assert any(each.needs for each in declared)
    assert {need for needs in looking.NEEDS.values() for need in needs} <= set(get_args(Need))


def test_causes_presets_and_lessons_have_what_they_need() -> None:
    assert all(met(cause.needs, config) for cause in CAUSES.values() for config in (cause.config, cause.healthy))
    assert all(met(screen.needs, preset.config) for screen in SCREENS.values() for preset in PRESETS.values() if not preset.more)
    for lesson in lessons().values():
        assert all(met(lesson.check.needs, lesson.act(key).config) for key in lesson.check.acts)
