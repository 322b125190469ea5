"""Which code is selected, in every part of the Codes screen.

Session keys owned here: `codes_selected`, `codes_unsure`, `codes_changed`, `codes_number`, `codes_number_of`.
"""

from __future__ import annotations

import streamlit as st

from pages.ui import number
from pages.ui.codemap import selected_code

MAP = "codes_map"  # the map's key
NUMBER = "codes_number"


def chosen(of: str, default: int | None, K: int, *, sure: bool = True) -> int | None:
    """The selected code of `of` (a run's book); `default` until somebody selects. None: nothing is.

    The first default stays, though others follow, unless it is not `sure`: then the next one may take its place.
    """
    kept = _kept()
    unsure: set[str] = st.session_state.setdefault("codes_unsure", set())
    if of not in kept or (of in unsure and default is not None):
        kept[of] = default
        unsure.discard(of)
        if not sure:
            unsure.add(of)
    code = kept[of]
    return code if code is not None and 0 <= code < K else None


def choose(of: str, code: int | None) -> None:
    """Select a code, or none. A callback."""
    _kept()[of] = code
    st.session_state["codes_changed"] = True
    st.session_state.setdefault("codes_unsure", set()).discard(of)


def has_changed() -> bool:
    """Whether another code has been selected since the last call: then the parts of the screen that this one does not draw are behind."""
    return bool(st.session_state.pop("codes_changed", False))


def turn(of: str, by: int, K: int) -> None:
    """The next code by index, or the one before; after the last comes the first."""
    code = _kept().get(of)
    choose(of, (0 if by > 0 else K - 1) if code is None else (code + by) % K)


def from_map(of: str) -> None:
    """What was clicked in the map."""
    choose(of, selected_code(MAP))


def from_number(of: str) -> None:
    """What was typed; the selection stays while that is no code, and the field says why."""
    st.session_state.setdefault("codes_unsure", set()).discard(of)  # who types has begun to choose: a better default comes too late
    if not number.problem(NUMBER):
        choose(of, number.whole(NUMBER))


def refill(of: str, K: int) -> None:
    """Have the field show the selected code, unless something stands there that still waits to be corrected."""
    code = chosen(of, None, K)
    if number.problem(NUMBER) and st.session_state.get("codes_number_of") == (of, code):
        return
    st.session_state[NUMBER] = code
    st.session_state["codes_number_of"] = of, code


def _kept() -> dict[str, int | None]:
    kept: dict[str, int | None] = st.session_state.setdefault("codes_selected", {})
    return kept
