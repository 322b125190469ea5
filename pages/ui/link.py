"""A state that travels by address: who opens `?link=<token>` finds the same page, configuration, seed, lesson and hidden controls.

Once opened it goes along from page to page as `?with=<token>`, which a reload finds again; `?lesson=<name>` leads to a lesson.
Session keys owned here: `link_*`.
"""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from pages.ui import parts, projector, query, session
from pages.ui.screens import SCREENS, page_of
from vqcore.config.run import RunConfig
from vqcore.errors import LessonError, LinkError
from vqcore.lessons.link import State, decode, encode
from vqcore.lessons.loader import lesson as lesson_of

LINK, ALONG, LESSON = "link", "with", "lesson"  # in the address


def arrive(page: st.Page) -> None:
    """Once a script run, before the page: take the state from the address, or put the present one back after a change of page."""
    here = page.url_path or next(iter(SCREENS))
    if st.session_state.get("link_here") != here:
        st.session_state["link_here"] = here
        if st.session_state.get("link_problem", ("", ""))[0] not in ("", here):
            del st.session_state["link_problem"]
    projector.arrive()
    if token := _taken(LINK):
        _open(token, here)
    elif key := _taken(LESSON) if here != "lessons" else "":
        _lesson(key, here)
    elif (along := query.asked(ALONG)) is not None and along != st.session_state.get("link_token"):
        _resume(along, here) if along else leave()
    query.put(ALONG, st.session_state["link_token"] if active() is not None else "")


def problem() -> str:
    """Why a link could not be opened; said on the page where it led, until that is left."""
    return str(st.session_state.get("link_problem", ("", ""))[1])


def _taken(name: str) -> str:
    """A value of the address, which is then gone from it."""
    value = query.asked(name) or ""
    query.put(name, "")
    return value


def _open(token: str, here: str) -> None:
    try:
        state = decode(token, SCREENS)
    except LinkError as error:
        leave()
        st.session_state["link_problem"] = here, str(error)
        return
    enter(state)
    if state.config is not None and "run" not in st.query_params:
        session.close_run()
    if state.page != here:
        st.switch_page(page_of(state.page))


def _resume(token: str, here: str) -> None:
    """After a reload: the state again, on the page where one was."""
    try:
        enter(decode(token, SCREENS))
    except LinkError as error:
        leave()
        st.session_state["link_problem"] = here, str(error)


def _lesson(key: str, here: str) -> None:
    try:
        lesson_of(key)
    except LessonError as error:
        st.session_state["link_problem"] = here, str(error)
        return
    st.session_state["lessons_wanted"] = key
    st.switch_page(page_of("lessons"), query_params={LESSON: key})


def active() -> State | None:
    """The state that a link or a lesson brought, and that has not been left."""
    state: State | None = st.session_state.get("link_state")
    return state


def config() -> RunConfig | None:
    """The configuration that it brought."""
    state = active()
    return state.config if state is not None else None


def enter(state: State) -> None:
    """Take a state: what it hides is hidden from now on. Raises LinkError for one that no link could carry."""
    st.session_state["link_token"] = encode(state)
    st.session_state["link_state"] = state
    st.session_state.pop("link_problem", None)
    parts.hide(state.hidden)
    if state.projector:
        projector.turn(True)


def open_state(state: State) -> NoReturn:
    """Take a state and go to its page; the open run is closed where the state begins one of its own. Runs go on."""
    enter(state)
    if state.config is not None:
        session.close_run()
    st.switch_page(page_of(state.page))


def leave() -> None:
    """Everything is shown again. No run is closed, nothing is deleted."""
    for name in ("link_token", "link_state"):
        st.session_state.pop(name, None)
    parts.hide(())
    query.put(ALONG, "")


def address(state: State) -> str:
    """The address that opens the state, as this browser reaches this server. Raises LinkError for a state that no link can carry."""
    return place(state.page, **{LINK: encode(state)})


def place(page: str, **query: str) -> str:
    """The address of a page, as this browser reaches this server."""
    now = urlsplit(str(st.context.url or ""))
    parts_of_path = [part for part in now.path.split("/") if part]
    if parts_of_path and parts_of_path[-1] in SCREENS:
        parts_of_path.pop()
    if page != next(iter(SCREENS)):  # the default page has no name in addresses
        parts_of_path.append(page)
    return urlunsplit((now.scheme, now.netloc, "/" + "/".join(parts_of_path), urlencode(query), ""))
