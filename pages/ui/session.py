"""Who is here, which run is open, and the two services behind every page: the run store and the engine.

Session keys owned here: `run_id`, `run_problem`, `nickname`, `teacher`, `guest`. The address bar carries `?run=<id>`.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import platform
import re
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import streamlit as st
from streamlit.errors import FragmentHandledException

from vqcore.errors import RunError, VQError
from vqcore.jobs.cluster import gpus
from vqcore.jobs.engine import Engine
from vqcore.runs.folder import NICKNAME_LENGTH, RunFolder, cleaned
from vqcore.runs.store import RunStore, runs_folder

COOKIE = "vq_owner"
DEMO = Path(__file__).resolve().parents[2] / "assets" / "demo"

_log = logging.getLogger("vqlab")
_token = re.compile(r"[A-Za-z0-9_-]{43}")
_lock = threading.Lock()
_stores: dict[Path, RunStore] = {}
_engines: dict[Path, Engine] = {}
_closed = threading.Event()


@dataclass(frozen=True, slots=True)
class Owner:
    """Who sits at this browser. `hash` is safe to store and to show; the cookie behind it is not."""

    hash: str
    nickname: str
    teacher: bool


# ---- services


def store() -> RunStore:
    """The run folders under `VQ_RUNS`, and the bundled demo run, which nobody can change."""
    root = runs_folder()
    with _lock:
        if root not in _stores:
            _stores[root] = RunStore(root, extra=[DEMO] if DEMO.is_dir() else [])
        return _stores[root]


def engine() -> Engine:
    """The engine of this server. The first call starts it, in the background; `health()` says how far it is."""
    runs = store()
    root = runs_folder()
    with _lock:
        if root not in _engines:
            _engines[root] = Engine(runs)
        service = _engines[root]
        if not _closed.is_set():  # pages still poll while the server ends
            service.start()
    return service


def open_engine() -> None:
    """For the server's start. Raises RunError, EngineError."""
    _closed.clear()
    engine()


def close_engine() -> None:
    """For the server's end: stop every engine that this process started, and start none until `open_engine`."""
    with _lock:
        _closed.set()
        services = list(_engines.values())
        _engines.clear()
    for service in services:
        service.close()


@cache
def device() -> str:
    """What runs are trained on unless they ask for something else, in words. May take a second at first, where a GPU is."""
    if os.environ.get("VQ_SCHEDULER"):
        return "A cluster"
    found = len(gpus())
    if found:
        return "NVIDIA GPU" if found == 1 else f"{found} NVIDIA GPUs"
    return "Apple GPU" if sys.platform == "darwin" and platform.machine() == "arm64" else "Processor"


# ---- who


def is_owner_token(text: str) -> bool:
    """Whether a cookie's value has the form that this server gives out."""
    return _token.fullmatch(text) is not None


def owner() -> Owner:
    """Who is looking. Without the cookie (a host that runs `app.py` as a plain script) the owner lasts as long as the session."""
    token = str(st.context.cookies.get(COOKIE) or "")
    if not is_owner_token(token):
        token = st.session_state.setdefault("guest", secrets.token_urlsafe(32))
    name = owner_hash(token)
    if "nickname" not in st.session_state:
        st.session_state["nickname"] = _remembered(name)
    return Owner(name, str(st.session_state["nickname"]), bool(st.session_state.get("teacher", False)))


def _remembered(name: str) -> str:
    """The nickname on this owner's newest run: it outlives the session without being kept anywhere else."""
    return next((entry.nickname for entry in store().list() if entry.owner == name and entry.nickname), "")


def owner_hash(token: str) -> str:
    """What is stored of a cookie: from it nobody can make the cookie."""
    return hashlib.sha256(f"vqlab owner {token}".encode()).hexdigest()[:16]


def set_nickname(text: str) -> None:
    """Keep a name for this browser: one line, at most 24 characters."""
    st.session_state["nickname"] = cleaned(text, NICKNAME_LENGTH)


def teacher_possible() -> bool:
    return bool(os.environ.get("VQ_TEACHER_TOKEN"))


def become_teacher(token: str) -> bool:
    """Whether the token is `VQ_TEACHER_TOKEN`; if so, this session may control every run."""
    expected = os.environ.get("VQ_TEACHER_TOKEN", "")
    good = bool(expected) and hmac.compare_digest(token.encode(), expected.encode())
    st.session_state["teacher"] = good
    return good


class Owned(Protocol):
    """Anything that names an owner: a run's About, or its line in the table."""

    @property
    def owner(self) -> str: ...


def may_control(run: Owned) -> bool:
    """Whether this browser may stop, treat, rename or delete the run: its owner may, and a teacher. Bundled examples: nobody."""
    if getattr(run, "read_only", False):
        return False
    who = owner()
    return who.teacher or (bool(run.owner) and run.owner == who.hash)


# ---- which run


def attach() -> None:
    """Once a script run, before the page: take the run from the address, or put the open one back after a change of page."""
    asked = st.query_params.get("run", "")
    run_id = asked or st.session_state.get("run_id", "")
    if not run_id:
        return
    try:
        store().get(run_id)
    except RunError as error:
        close_run()
        report(str(error))
        return
    st.session_state["run_id"] = run_id
    if asked != run_id:
        st.query_params["run"] = run_id


def current_run() -> RunFolder | None:
    """The open run, or None when none is open or it has gone since."""
    run_id = st.session_state.get("run_id", "")
    if not run_id:
        return None
    try:
        return store().get(run_id)
    except RunError as error:
        close_run()
        report(str(error))
        return None


def open_run(run_id: str) -> RunFolder:
    """Open a run here and in the address bar. Raises RunError when there is no such run."""
    folder = store().get(run_id)
    st.session_state["run_id"] = run_id
    st.query_params["run"] = run_id
    return folder


def example() -> str:
    """The id of the run that comes with the program and that screens show when none is open, or "": not one side of a pair."""
    listed = (entry for entry in store().list() if entry.read_only and entry.figures and not entry.problem)
    return next((entry.id for entry in listed if not entry.leader and not entry.follower), "")


def close_run() -> None:
    """No run is open afterwards."""
    st.session_state.pop("run_id", None)
    if "run" in st.query_params:
        del st.query_params["run"]


def report(problem: str) -> None:
    """Have the frame say, at the next run of the page, why a run could not be opened."""
    st.session_state["run_problem"] = problem


def take_problem() -> str:
    """What was reported; said once."""
    return str(st.session_state.pop("run_problem", ""))


# ---- text and errors

_invisible = "\u2060"  # word joiner


def plain(text: str) -> str:
    """Text that people typed, so that Streamlit draws it letter by letter: no markdown, no icons, no links."""
    text = re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$&:])", r"\\\1", text)
    # icons, emoji and links are found after escapes are undone, so they are broken up by a character without width
    text = text.replace(":", f":{_invisible}").replace("@", f"@{_invisible}")
    return re.sub(r"(?i)www", f"ww{_invisible}w", text).replace("\n", "  \n")


def show_error(error: BaseException) -> bool:
    """Draw an error as words. What was not foreseen goes to the server's log, never onto the page. Always True: nothing else to draw."""
    if isinstance(error, VQError):
        st.error(plain(str(error)), icon=":material/error:")
    else:
        _log.error("a page failed", exc_info=error)
        st.error(
            "This part of the page failed. The server's log says why; nothing that you have trained is lost. Reload the page to go on.",
            icon=":material/error:",
        )
    return True


@contextmanager
def errors_shown() -> Iterator[None]:
    """Whatever fails inside is shown as words, in its place."""
    try:
        yield
    except FragmentHandledException:  # a fragment has said it in its own place
        raise
    except Exception as error:  # st.stop and st.rerun are no Exceptions and pass
        show_error(error)
