"""Numbers that keep a large message from looking like an earlier one."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def script() -> None:
    import streamlit as st

    from pages.ui.serial import serial

    said = serial("a", st.session_state.get("content", "one"))
    st.markdown(f"{said} {serial('b', 'always')}")


def test_a_return_to_an_earlier_state_has_a_new_number() -> None:
    at = AppTest.from_function(script).run()
    numbers = [at.markdown[0].value]
    for content in ("one", "two", "two", "one", "two"):
        at.session_state["content"] = content
        numbers.append(at.run().markdown[0].value)
    assert not at.exception
    assert numbers == ["0 0", "0 0", "1 0", "1 0", "2 0", "3 0"]
