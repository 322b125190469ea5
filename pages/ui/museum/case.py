"""Which exhibit is open, of which seed, and what this visitor has said of each.

Session keys owned here: `museum_patient`, `museum_go`, `museum_guesses`, `museum_told`, `museum_hints`, `museum_seeds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from vqcore.museum.exhibits import EXHIBITS, Exhibit
from vqcore.museum.trial import Pair


@dataclass(frozen=True, slots=True)
class Case:
    """The exhibit that is open, with the pair that is shown of it."""

    key: str
    seed: int
    pair: Pair

    @property
    def exhibit(self) -> Exhibit:
        return EXHIBITS[self.key]

    @property
    def codes(self) -> int:
        """How many codes its models have."""
        return self.exhibit.config.plain_vq().K

    @property
    def told(self) -> bool:
        """Whether the bug may be named: it was found, or asked for."""
        return known(self.key)


def opened() -> str:
    """The exhibit to show; the first one whose bug is not known yet, to begin with."""
    asked = st.session_state.pop("museum_go", None)
    if asked is not None or "museum_patient" not in st.session_state:
        st.session_state["museum_patient"] = asked or _next("")
    return str(st.session_state["museum_patient"])


def go_on(key: str) -> None:
    """Have the next run of the page open the exhibit after this one whose bug is not known yet."""
    st.session_state["museum_go"] = _next(key)


def _next(key: str) -> str:
    names = list(EXHIBITS)
    start = names.index(key) + 1 if key in names else 0
    order = names[start:] + names[:start]
    return next((name for name in order if not known(name)), order[0])


# ---- what was said


def guesses(key: str) -> tuple[str, ...]:
    """The bugs that this visitor has named for it, in order."""
    said: Mapping[str, tuple[str, ...]] = st.session_state.get("museum_guesses", {})
    return said.get(key, ())


def guess(key: str, bug: str) -> None:
    """Note a guess. Once the bug is known there is nothing to guess."""
    if not known(key) and bug in EXHIBITS:
        st.session_state["museum_guesses"] = st.session_state.get("museum_guesses", {}) | {key: (*guesses(key), bug)}


def found(key: str) -> bool:
    return key in guesses(key)


def tell(key: str) -> None:
    """Name the bug without its having been found."""
    st.session_state["museum_told"] = _told() | {key}


def _told() -> frozenset[str]:
    return frozenset(st.session_state.get("museum_told", ()))


def known(key: str) -> bool:
    """Whether the bug was found, or named."""
    return found(key) or key in _told()


def score() -> tuple[int, int]:
    """How many bugs were found, and how many of them at the first guess."""
    return sum(map(found, EXHIBITS)), sum(guesses(key)[:1] == (key,) for key in EXHIBITS)


def hints(key: str) -> int:
    """How many hints are open."""
    opened: Mapping[str, int] = st.session_state.get("museum_hints", {})
    return opened.get(key, 0)


def hint(key: str) -> None:
    st.session_state["museum_hints"] = st.session_state.get("museum_hints", {}) | {key: hints(key) + 1}


# ---- which seed


def seed(key: str) -> int:
    """Of the pair that is shown; 0 comes with the program."""
    return int(st.session_state.get("museum_seeds", {}).get(key, 0))


def show_seed(key: str, number: int) -> None:
    st.session_state["museum_seeds"] = st.session_state.get("museum_seeds", {}) | {key: number}
