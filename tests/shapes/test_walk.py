"""Every screen over every shape of model: nothing fails, nothing is empty, nothing is promised that never comes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from pages.ui.screens import SCREENS
from tests.shapes.runs import SHAPES
from tests.shapes.walk import PLACES, REFUSAL, TABS, Place, faults, places, visit, words
from vqcore.runs.folder import RunFolder

# a place, or a screen with all its places, and a shape → what is wrong there. Whoever mends it takes the line out: it fails until then.
TO_MEND: dict[tuple[str, str], str] = {}


# a place, or a screen with all its places, and a shape that it cannot serve: it says so in its one sentence, and no other does
REFUSED: set[tuple[str, str]] = {
    ("paint", "points"),
    ("invent", "points"),
    ("invent: Complete an image", "vector"),
    ("bits", "points"),
    ("bits", "residual"),
    ("collapse", "fsq"),
}


def _is_refused(place: str, shape: str) -> bool:
    model = shape.removesuffix(" prior")
    return (place, model) in REFUSED or (PLACES[place].screen, model) in REFUSED


def _cells() -> Iterator[Any]:
    for shape in SHAPES:
        for place in places(shape):
            why = TO_MEND.get((place, shape)) or TO_MEND.get((PLACES[place].screen, shape))
            marks = [pytest.mark.xfail(strict=True, reason=why, raises=AssertionError)] if why else []
            yield pytest.param(place, shape, id=f"{shape}-{place}", marks=marks)


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(("place", "shape"), list(_cells()))
def test_a_screen_serves_a_shape(place: str, shape: str, shapes: Mapping[str, RunFolder]) -> None:
    at = visit(PLACES[place], shapes[shape].id)
    assert faults(at, PLACES[place], shape) == []
    assert len(REFUSAL.findall(words(at))) == _is_refused(place, shape)


def test_what_is_to_be_mended_is_walked() -> None:
    assert {place for place, _ in TO_MEND} <= set(PLACES) | set(SCREENS) and {shape for _, shape in TO_MEND} <= set(SHAPES)


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("shape", ["residual", "residual prior"])
@pytest.mark.parametrize("place", ["train", "inside", "codes: Lives", "codes: Usage meter", "collapse", "invent: Watch it fill"])
def test_each_book_of_several_is_shown(place: str, shape: str, shapes: Mapping[str, RunFolder]) -> None:
    at = visit(PLACES[place], shapes[shape].id, book="3")
    assert faults(at, PLACES[place], shape) == []
    if place == "train" and shape == "residual prior":
        assert not [control for control in at.segmented_control if control.key == "frame_book"], "the prior itself is watched there"
        return
    assert at.segmented_control(key="frame_book").value == 2
    said = words(at)
    if place == "train":
        assert "Codes in use of stage 3" in said and "Use of each code of stage 3" in said
        assert "the 3 codes of a cell in one colour" in said and "one code, one colour" not in said
    if place.startswith("codes"):
        assert at.text_input(key="codes_number").label == "Code, 0 to 7", "the third stage has 8 codes, the others 16"


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize("screen", TABS)
def test_every_tab_is_walked(screen: str, shapes: Mapping[str, RunFolder]) -> None:
    at = visit(Place(screen, screen), shapes["grid prior"].id)
    assert [tab.label for tab in at.tabs] == list(TABS[screen][1])
