"""The number field: what stands in it is what counts, or it says why not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st_
from streamlit.testing.v1 import AppTest

from pages.ui.number import Range, written

WHOLE = Range(1, 10_000_000)
REAL = Range(0, 10, whole=False, above=True)


@pytest.mark.parametrize(
    ("allowed", "text", "number"),
    [
        (WHOLE, "2e3", 2000),
        (WHOLE, " 12 ", 12),
        (WHOLE, "10,000", 10_000),
        (WHOLE, "10\u202f000", 10_000),
        (WHOLE, "+7.0", 7),
        (REAL, "0.005", 0.005),
        (REAL, "0,005", 0.005),
        (REAL, "2,5", 2.5),
        (REAL, "1e-5", 1e-5),
        (REAL, ".5", 0.5),
        (Range(whole=False), "\u22123", -3.0),
    ],
)
def test_what_people_write_is_understood(allowed: Range, text: str, number: float) -> None:
    read = allowed.read(text)
    assert read == number and isinstance(read, int if allowed.whole else float)


@pytest.mark.parametrize(
    ("allowed", "text", "words"),
    [
        (WHOLE, "", "Empty. Type a whole number, 1 to 10,000,000."),
        (WHOLE, "   ", "Empty."),
        (WHOLE, "many", "“many” is not a number."),
        (WHOLE, "2 steps", "“2 steps” is not a number."),
        (WHOLE, "0x10", "is not a number."),
        (WHOLE, "nan", "is not a number."),
        (WHOLE, "0", "0 is too small."),
        (WHOLE, "1.5", "1.5 is not a whole number."),
        (WHOLE, "99999999999999999999", "99999999999999999999 is too large."),
        (WHOLE, "1e999999999", "1e999999999 is too large."),
        (REAL, "inf", "is not a number."),
        (REAL, "0", "0 is too small. Type a number, above 0 to 10."),
        (REAL, "11", "11 is too large."),
        (REAL, "1,000", "can be read in two ways. Type 1000 or 1.000."),
        (Range(0, 1, whole=False, below=True), "1", "1 is too large. Type a number, 0 to below 1."),
        (Range(4, 512, multiple=4), "33", "33 is not a multiple of 4."),
        (Range(), "99999999999999999999", "is not a whole number."),
    ],
)
def test_what_is_no_such_number_is_refused_in_words(allowed: Range, text: str, words: str) -> None:
    with pytest.raises(ValueError) as refused:
        allowed.read(text)
    assert words in str(refused.value)


@given(st_.text(max_size=40))
def test_any_text_is_a_number_in_range_or_a_sentence(text: str) -> None:
    try:
        assert 0 < REAL.read(text) <= 10
    except ValueError as refused:
        assert str(refused).endswith(".")


@given(st_.one_of(st_.floats(allow_nan=False, allow_infinity=False), st_.integers(-(2**62), 2**62)))
def test_a_number_that_is_written_reads_as_itself(number: float) -> None:
    assert Range(whole=isinstance(number, int)).read(written(number)) == number


def script() -> None:
    import streamlit as st

    from pages.ui import number

    def press() -> None:
        st.session_state["pressed"] = number.whole("steps")

    st.session_state["read"] = number.number("Steps", number.Range(1, 100), 7, key="steps")
    st.button("Go", key="go", on_click=press)


def test_a_field_reads_says_and_keeps_what_was_typed() -> None:
    at = AppTest.from_function(script, default_timeout=60).run()
    assert at.session_state["read"] == 7 and not at.markdown
    at.text_input(key="steps").set_value("1e2").run()
    assert at.session_state["read"] == 100 and at.text_input(key="steps").value == "1e2"
    at.text_input(key="steps").set_value("101").run()
    assert at.session_state["read"] is None and at.text_input(key="steps").value == "101"
    assert "101 is too large" in at.markdown[0].value


def test_the_usual_number_goes_along_with_every_drawing() -> None:
    at = AppTest.from_function(script, default_timeout=60).run().run()
    assert at.text_input(key="steps").proto.default == "7", "a browser that missed the first drawing would show an empty field"


def test_what_is_typed_just_before_the_click_counts() -> None:
    at = AppTest.from_function(script, default_timeout=60).run()
    at.text_input(key="steps").set_value("9")
    at.button(key="go").click().run()
    assert at.session_state["pressed"] == 9
    at.text_input(key="steps").set_value("nine")
    at.button(key="go").click().run()
    assert at.session_state["pressed"] is None
