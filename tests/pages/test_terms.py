"""The glossary as it is read: reachable from every screen's own words, searched, and by its parts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import terms
from vqcore.glossary import GLOSSARY, SECTIONS, search

Page = Callable[..., AppTest]


def said(at: AppTest) -> str:
    return "\n".join(part.value for part in [*at.markdown, *at.caption, *at.info])


def opened(page: Page, name: str) -> AppTest:
    at = page(name)
    every = next(button for button in at.button if str(button.key).startswith("terms_all_"))
    return every.click().run()


def test_a_tooltip_holds_the_equation_in_its_line() -> None:
    for name, entry in GLOSSARY.items():
        text = terms.help_text(name)
        assert "$$" not in text and entry.definition in text, name
        assert not entry.equation or f"\n${entry.equation}$  \n" in text, name


@pytest.mark.parametrize("name", ["", "snap", "bits", "museum"])
def test_a_screens_own_words_lead_to_all_words(page: Page, name: str) -> None:
    at = opened(page, name)
    assert not at.exception and not at.error
    assert f"{len(GLOSSARY)} of {len(GLOSSARY)} words" in said(at)
    assert all(f"**{entry.title}.** {entry.sentence}" in said(at) for entry in GLOSSARY.values())


def test_it_stays_open_while_the_page_is_run_anew(page: Page) -> None:
    at = page("museum")
    at.button(key="frame_words").click().run()
    every = f"{len(GLOSSARY)} of {len(GLOSSARY)} words"
    assert every in said(at)
    at.run()  # as when the engine has become ready
    assert not at.exception and every in said(at)
    at.session_state["terms_open"] = False  # closed by hand
    at.run()
    assert every not in said(at)


def test_an_entry_shows_equation_values_and_where(page: Page) -> None:
    text = said(opened(page, "museum"))
    entry = GLOSSARY["entropy"]
    assert f"$$\n{entry.equation}\n$$" in text and f":gray[Values: {entry.values}]" in text and f"`{entry.where}`" in text


@pytest.fixture
def dialog() -> AppTest:
    """The glossary alone: a dialog's own widgets run it alone in a browser, which AppTest does not know."""

    def draw() -> None:
        from pages.ui import terms

        terms.glossary()

    return AppTest.from_function(draw, default_timeout=60).run()


def test_search_shows_what_it_finds_the_best_first(dialog: AppTest) -> None:
    dialog.text_input(key="terms_search").set_value("cross entropy").run()
    found = search("cross entropy")
    assert [part.value.partition(".**")[0] for part in dialog.markdown] == [f"**{entry.title}" for entry in found.values()]
    assert [part.value for part in dialog.caption] == [f"{len(found)} of {len(GLOSSARY)} words"]
    dialog.text_input(key="terms_search").set_value("no such word").run()
    assert not dialog.exception and "No such word. Try a shorter part of it." in said(dialog)


def test_a_part_shows_its_own_words_alone(dialog: AppTest) -> None:
    next(pills for pills in dialog.pills if pills.key == "terms_part").set_value("Training").run()
    assert f"{len(SECTIONS['Training'])} of {len(GLOSSARY)} words" in said(dialog)
    assert GLOSSARY["epoch"].sentence in said(dialog) and GLOSSARY["entropy"].sentence not in said(dialog)
    dialog.text_input(key="terms_search").set_value("perplexity").run()
    assert "No such word in “Training”" in said(dialog) and "all parts" in said(dialog)
