"""A field for a number. What stands in it is what counts; where it is no number that is allowed, the field says why.

The browser's own number field takes "2e3" for 2 and keeps the old value when the new one is out of range, and says neither.
Session keys owned here: `number_ranges`; a field's own key holds its text, so read it with `value`, also in callbacks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from pages.ui import session

Number = int | float

LONGEST = 40  # characters
_RANGES = "number_ranges"
_grouped = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?")  # as this program writes them: 10,000
_plain = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_spaces = re.compile(r"[\s\u00a0\u2009\u202f]+")


@dataclass(frozen=True, slots=True)
class Range:
    """The numbers that a field takes. `above`, `below`: the limit itself is not among them."""

    low: Number | None = None
    high: Number | None = None
    whole: bool = True
    multiple: int = 1
    above: bool = False
    below: bool = False

    @classmethod
    def of(cls, field: FieldInfo) -> Range:
        """The range of a configuration's field, from its own limits."""
        marks: dict[str, Any] = {
            name: getattr(mark, name) for mark in field.metadata for name in ("ge", "gt", "le", "lt", "multiple_of") if hasattr(mark, name)
        }
        return cls(
            low=marks.get("ge", marks.get("gt")),
            high=marks.get("le", marks.get("lt")),
            whole=field.annotation is int,
            multiple=int(marks.get("multiple_of", 1)),
            above="gt" in marks,
            below="lt" in marks,
        )

    @property
    def words(self) -> str:
        """What is allowed, as in "a whole number, 2 to 65,536"."""
        kind = f"a multiple of {self.multiple}" if self.multiple > 1 else "a whole number" if self.whole else "a number"
        low = None if self.low is None else f"{'above ' if self.above else ''}{_spoken(self.low)}"
        high = None if self.high is None else f"{'below ' if self.below else ''}{_spoken(self.high)}"
        if low is not None and high is not None:
            return f"{kind}, {low} to {high}"
        return f"{kind}, {low} or more" if low is not None else f"{kind}, {high} at most" if high is not None else kind

    def read(self, text: str) -> Number:
        """The number that the text means. Raises ValueError, in words for whoever typed it."""
        typed = _spaces.sub("", text).replace("\u2212", "-")
        if not typed:
            raise ValueError(f"Empty. Type {self.words}.")
        number = self._decimal(typed)
        if number is None:
            raise ValueError(f"“{text.strip()}” is not a number. Type {self.words}.")
        if self.low is not None and (number < Decimal(str(self.low)) or (self.above and number == Decimal(str(self.low)))):
            raise ValueError(f"{text.strip()} is too small. Type {self.words}.")
        if self.high is not None and (number > Decimal(str(self.high)) or (self.below and number == Decimal(str(self.high)))):
            raise ValueError(f"{text.strip()} is too large. Type {self.words}.")
        if not self.whole:
            return float(number)
        if number != number.to_integral_value() or abs(number) >= 2**63:
            raise ValueError(f"{text.strip()} is not a whole number. Type {self.words}.")
        if int(number) % self.multiple:
            raise ValueError(f"{text.strip()} is not a multiple of {self.multiple}. Type {self.words}.")
        return int(number)

    def _decimal(self, typed: str) -> Decimal | None:
        if _grouped.fullmatch(typed):
            if not self.whole and typed.count(",") == 1 and "." not in typed:
                without = typed.replace(",", "")
                raise ValueError(f"“{typed}” can be read in two ways. Type {without} or {typed.replace(',', '.')}.")
            typed = typed.replace(",", "")
        elif typed.count(",") == 1 and "." not in typed:
            typed = typed.replace(",", ".")  # a decimal comma
        try:
            return Decimal(typed) if _plain.fullmatch(typed) else None
        except InvalidOperation:
            return None


def _spoken(number: Number) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"


def written(number: Number) -> str:
    """A number as its field shows it: nothing of it is lost."""
    return str(number) if isinstance(number, int) else repr(float(number)).removesuffix(".0")


def number(
    label: str,
    allowed: Range,
    default: Number | None = None,
    *,
    key: str,
    help: str | None = None,
    width: int | str = "stretch",
    disabled: bool = False,
    optional: bool = False,
    live: bool = True,
    on_change: Callable[..., None] | None = None,
    args: tuple[Any, ...] = (),
    placeholder: str | None = None,
    keep: bool = True,
) -> Number | None:
    """Draw a field. Returns the number in it; None while there is none, and then the field says why.

    `optional`: empty is right, and means None. `live`: what is typed counts a moment later, without Enter; not inside a form.
    `keep`: what was typed is still there when the page is left and entered again.
    """
    # the usual number goes along with every drawing: put into the session, it would be sent once, and lost where that drawing is not shown
    usual = "" if default is None else written(default)
    held = st.session_state.get(key, usual)
    if not isinstance(held, str):  # set by the program
        st.session_state[key], usual = "" if held is None else written(held), ""
    st.session_state[_RANGES] = st.session_state.get(_RANGES, {}) | {key: (allowed, optional)}
    with st.container(width=width, gap="xxsmall"):  # type: ignore[arg-type]
        st.text_input(
            label,
            usual,
            key=key,
            max_chars=LONGEST,
            help=help,
            disabled=disabled,
            live=live,
            on_change=on_change if on_change is not None else "rerun",
            args=args or None,
            placeholder=placeholder,
            persist_state="session" if keep else None,
        )
        if not disabled and (wrong := problem(key)):
            st.markdown(f":red[:material/error: {session.plain(wrong)}]")
    return value(key)


def value(key: str, default: Number | None = None) -> Number | None:
    """The number in the field of that key as it stands now; None while there is none that is allowed, `default` before it was drawn."""
    held = st.session_state.get(key)
    if held is None:
        return default
    if not isinstance(held, str):
        return held if isinstance(held, int | float) else None  # set by the program, not yet drawn
    allowed, optional = _range(key)
    if optional and not held.strip():
        return None
    try:
        return allowed.read(held)
    except ValueError:
        return None


def whole(key: str, default: int | None = None) -> int | None:
    """As `value`, for a field of whole numbers."""
    held = value(key, default)
    return None if held is None else int(held)


def problem(key: str) -> str:
    """What is wrong with the text in the field of that key, in words; "" when nothing is."""
    held = st.session_state.get(key)
    if not isinstance(held, str):
        return ""
    allowed, optional = _range(key)
    if optional and not held.strip():
        return ""
    try:
        allowed.read(held)
    except ValueError as error:
        return str(error)
    return ""


def _range(key: str) -> tuple[Range, bool]:
    found: tuple[Range, bool] = st.session_state.get(_RANGES, {}).get(key, (Range(whole=False), False))
    return found
