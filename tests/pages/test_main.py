"""The frame: which run is open, who looks, what is said when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import session
from pages.ui.tour.cards import CARDS
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import RunStore

from .conftest import ADA, BOB, FakeEngine

Page = Callable[..., AppTest]
Finished = Callable[..., RunFolder]


def said(at: AppTest) -> str:
    """Everything that the page says in boxes, captions and text."""
    parts: list[Any] = [*at.error, *at.warning, *at.info, *at.caption, *at.markdown]
    return "\n".join(part.value.replace("\\", "").replace("\u2060", "") for part in parts)


def asked(at: AppTest) -> str:
    """The run in the address bar; a list where the test put it, text where the page did."""
    value = at.query_params["run"]
    return value if isinstance(value, str) else value[-1]


def test_it_opens_on_the_first_screen(page: Page) -> None:
    at = page()
    assert not at.exception
    assert at.title[0].value == CARDS[0].title


@pytest.mark.parametrize("name", ["train", "inside", "runs"])
def test_every_screen_shows_itself_with_no_runs_at_all(page: Page, name: str) -> None:
    at = page(name)
    assert not at.exception and not at.error
    assert at.title[0].value.lower() == name


BAD = ["no-such-run", "../../etc/passwd", "..", "a/b", "C:\\x", "%2e%2e", "x" * 500, "<b>", "con", "\x00"]


@pytest.mark.parametrize(
    ("name", "bad"),
    # the frame reads the address for all screens alike: every address on one of them, and one on the others
    [
        pytest.param(name, bad, marks=() if name == "train" or bad == BAD[0] else pytest.mark.nightly)
        for name in ("train", "inside", "runs")
        for bad in BAD
    ],
)
def test_a_bad_run_in_the_address_is_said_and_left(page: Page, name: str, bad: str) -> None:
    at = page(name, run=bad)
    assert not at.exception
    assert len(at.warning) >= 1
    assert "run" not in at.query_params
    assert "run_id" not in at.session_state


def test_a_run_in_the_address_is_opened_and_stays_open_on_other_screens(page: Page, finished: Finished) -> None:
    folder = finished("Mine", cookie=ADA)
    at = page(run=folder.id)
    assert not at.exception and not at.warning
    at.query_params.clear()  # as a change of page does
    at.switch_page("inside.py").run()
    assert asked(at) == folder.id
    assert at.session_state["run_id"] == folder.id


def test_a_run_that_is_deleted_while_open_is_said(page: Page, finished: Finished, store: RunStore) -> None:
    folder = finished("Gone soon", cookie=ADA)
    at = page("inside", run=folder.id)
    assert not at.warning
    store.delete(folder.id)
    at.run()
    assert not at.exception
    assert folder.id in at.warning[0].value.replace("\\", "")
    assert "run" not in at.query_params
    assert not at.run().warning, "it is said once"


def test_the_picker_keeps_apart_two_runs_of_one_name(page: Page, finished: Finished) -> None:
    runs = [finished("Twin", cookie=ADA, nickname="Ada") for _ in range(2)]
    for run in runs:
        at = page("inside", run=run.id)
        assert at.selectbox(key="frame_run").value == run.id
    assert len(set(at.selectbox(key="frame_run").options)) == 3


def test_the_picker_lists_own_runs_first_and_opens_them(page: Page, finished: Finished) -> None:
    mine = finished("Mine", cookie=ADA, nickname="Ada")
    theirs = finished("Theirs", cookie=BOB, nickname="Bob")
    at = page("inside")
    picker = at.selectbox(key="frame_run")
    assert picker.options == ["None: examples are shown", f"Mine · Ada · {mine.id[-4:]}", f"Theirs · Bob · {theirs.id[-4:]}"]
    picker.select(theirs.id).run()
    assert at.session_state["run_id"] == theirs.id
    assert asked(at) == theirs.id
    at.selectbox(key="frame_run").select("").run()
    assert "run_id" not in at.session_state
    assert mine.id  # still there
    assert not at.exception


def test_the_engine_is_described_in_words(page: Page, engine: FakeEngine) -> None:
    engine.state = replace(engine.state, state="starting", message="The engine is warming up.")
    assert "Engine starting" in said(page())
    engine.state = replace(engine.state, state="ready", message="", busy=1, waiting=3)
    assert "1 of 2 busy, 3 waiting" in said(page())
    engine.state = replace(engine.state, state="failed", message="No cluster answers at *tcp*.")
    assert "Engine failed" in said(page()) and "No cluster answers" in said(page())


def test_the_nickname_outlives_the_session_by_the_newest_run(page: Page, finished: Finished) -> None:
    finished("Mine", cookie=ADA, nickname="Ada")
    assert page(cookie=ADA).session_state["nickname"] == "Ada"
    assert page(cookie=BOB).session_state["nickname"] == ""


def test_words_are_searchable() -> None:
    def script() -> None:
        from pages.ui import terms

        terms.glossary()

    at = AppTest.from_function(script, default_timeout=30).run()
    assert not at.exception
    assert "Codebook collapse" in said(at)
    at.text_input(key="terms_search").input("psnr").run()
    assert "PSNR" in said(at) and "Codebook collapse" not in said(at)
    at.text_input(key="terms_search").input("qqqq").run()
    assert "No such word" in said(at)


def test_a_teacher_controls_everything_and_others_do_not(page: Page, finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VQ_TEACHER_TOKEN", "sesame")
    theirs = finished("Theirs", cookie=BOB)

    def answer(token: str) -> bool:
        at = AppTest.from_function(_ask, args=(token, theirs.about().owner), default_timeout=30).run()
        assert not at.exception
        return bool(at.session_state["may"])

    assert answer("sesame")
    assert not answer("Sesame")
    assert not answer("")
    monkeypatch.delenv("VQ_TEACHER_TOKEN")
    assert not answer("")


def _ask(token: str, owner: str) -> None:
    import streamlit as st

    from pages.ui import session
    from vqcore.runs.status import About

    session.become_teacher(token)
    st.session_state["may"] = session.may_control(About("x", owner=owner))


def test_a_run_without_an_owner_belongs_to_no_browser(store: RunStore) -> None:
    at = AppTest.from_function(_ask, args=("", ""), default_timeout=30).run()
    assert at.session_state["may"] is False


@pytest.mark.parametrize(
    "text",
    [
        "**bold**",
        ":red[x]",
        ":material/delete:",
        ":smile:",
        "<script>alert(1)</script>",
        "[a](http://x.y)",
        "$x$",
        "`c`",
        "# H",
        "www.evil.example",
        "a@b.cd",
        "- l",
    ],
)
def test_typed_text_is_drawn_letter_by_letter(text: str) -> None:
    drawn = session.plain(text)
    assert drawn.replace("\\", "").replace("\u2060", "") == text.replace("\\", "")
    for sign in "*_[]<>`$#!|~":
        assert drawn.count(sign) == drawn.count(f"\\{sign}")
    assert ":s" not in drawn and ":m" not in drawn and "www" not in drawn.lower() and "@b" not in drawn


def test_an_error_for_people_is_shown_as_words_and_any_other_is_not(caplog: pytest.LogCaptureFixture) -> None:
    def script() -> None:
        from pages.ui import session
        from vqcore.errors import ConfigError

        with session.errors_shown():
            raise ConfigError("K 1: at least 2")
        with session.errors_shown():
            raise KeyError("secret detail")

    at = AppTest.from_function(script, default_timeout=30).run()
    assert not at.exception
    assert at.error[0].value.replace("\\", "").replace("\u2060", "") == "K 1: at least 2"
    assert "secret detail" not in at.error[1].value
    assert "secret detail" in caplog.text


def test_a_page_can_still_stop_and_rerun_inside(page: Page) -> None:
    def script() -> None:
        import streamlit as st

        from pages.ui import session

        with session.errors_shown():
            if not st.session_state.get("again"):
                st.session_state["again"] = True
                st.rerun()
            st.title("here")
            st.stop()

    at = AppTest.from_function(script, default_timeout=30).run()
    assert at.title[0].value == "here" and not at.error
