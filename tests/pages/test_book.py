"""Where a model has several codebooks, one choice above the page says which is shown, on every screen that shows one."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from vqcore.config.quantizer import VQConfig
from vqcore.runs.folder import RunFolder
from vqcore.shape import Book

from .conftest import D, K

Page = Callable[..., AppTest]
Finished = Callable[..., RunFolder]


@pytest.fixture
def three(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run of three codebooks, as far as its configuration says."""
    monkeypatch.setattr(VQConfig, "books", lambda self: tuple(Book(f"stage {i}", K, D) for i in (1, 2, 3)))
    return finished()


def picked(at: AppTest) -> int | None:
    found = [control for control in at.segmented_control if control.key == "frame_book"]
    return int(found[0].value) if found else None


def test_one_book_leaves_nothing_to_choose(page: Page, finished: Finished) -> None:
    at = page("train", run=finished().id)
    assert picked(at) is None and "book" not in at.query_params


def test_the_choice_goes_along_and_stands_in_the_address(page: Page, three: RunFolder) -> None:
    at = page("train", run=three.id)
    assert picked(at) == 0 and "book" not in at.query_params, "the first needs no word"
    at.segmented_control(key="frame_book").set_value(2).run()
    assert not at.exception and "".join(at.query_params["book"]) == "3"
    assert any("Codes in use of stage 3" in markdown.value for markdown in at.markdown)
    at.query_params.clear()  # as a change of page does
    at.switch_page("inside.py").run()
    assert picked(at) == 2 and "".join(at.query_params["book"]) == "3"


@pytest.mark.parametrize(("asked", "book"), [("2", 1), ("1", 0), ("9", 0), ("0", 0), ("x", 0), ("", 0)])
def test_an_address_brings_it(page: Page, three: RunFolder, asked: str, book: int) -> None:
    at = page()
    at.query_params["run"] = three.id
    at.query_params["book"] = asked
    at.switch_page("train.py").run()
    assert not at.exception and picked(at) == book


def test_screens_without_a_book_do_not_ask(page: Page, three: RunFolder) -> None:
    assert picked(page("runs", run=three.id)) is None
    assert picked(page("museum", run=three.id)) is None


def test_another_run_with_fewer_books_shows_its_first(
    page: Page, three: RunFolder, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = page("train", run=three.id)
    at.segmented_control(key="frame_book").set_value(2).run()
    monkeypatch.setattr(VQConfig, "books", lambda self: (Book("stage 1", K, D), Book("stage 2", K, D)))
    at.run()
    assert not at.exception and picked(at) == 0 and "book" not in at.query_params
