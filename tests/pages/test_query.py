"""What the address asks for: a wish counts once, and what was on its way when the page wrote is no wish."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from pages.ui import query


def script() -> None:
    import streamlit as st

    from pages.ui import query

    st.session_state["wish"] = query.asked("run")
    st.button("Open b", key="open", on_click=query.put, args=("run", "b"))


@pytest.fixture
def at() -> AppTest:
    at = AppTest.from_function(script, default_timeout=60)
    at.query_params["run"] = "a"
    at.run()
    assert at.session_state["wish"] == "a"
    at.button(key="open").click().run()
    assert [*at.query_params["run"]] == ["b"]
    at.run()  # as `st.rerun` begins it: with the address as written, though the browser may not have heard of it
    assert at.session_state["wish"] is None
    return at


def test_an_address_from_before_a_change_is_late_and_no_wish(at: AppTest) -> None:
    at.query_params["run"] = "a"
    at.run()
    assert at.session_state["wish"] is None and [*at.query_params["run"]] == ["b"]


def test_a_while_later_the_same_address_is_a_wish(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "HEARD_S", -1.0)
    at.query_params["run"] = "a"
    at.run()
    assert at.session_state["wish"] == "a" and [*at.query_params["run"]] == ["a"]
