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

from pages.ui import query
from vqcore.config.run import Parent, PriorRunConfig
from vqcore.errors import RunError, VQError
from vqcore.jobs.cluster import gpus
from vqcore.jobs.devices import require_local_device
from vqcore.jobs.engine import Engine
from vqcore.places import without_places
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
            _stores[root] = RunStore(root, extra=[DEMO] if DEMO.is_dir() else [], check=require_local_device)
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
    asked = query.asked("run")
    run_id = st.session_state.get("run_id", "") if asked is None else asked
    if not run_id:
        close_run()
        return
    try:
        store().get(run_id)
    except RunError as error:
        close_run()
        report(str(error))
        return
    st.session_state["run_id"] = run_id
    query.put("run", run_id)


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
    query.put("run", run_id)
    return folder


def current_model() -> RunFolder | None:
    """The run whose model the screens of models show: the open one, or the one whose codes the open prior learns.

    None when nothing is open, and where that prior's parent was deleted: `model_note` says so.
    """
    run = current_run()
    return run if run is None or parent_of(run) is None else model_of(run)


def parent_of(run: RunFolder) -> Parent | None:
    """What a prior's run says of the one whose codes it learns; None for the run of a model. Raises RunError when it is gone."""
    config = run.config()
    return config.parent if isinstance(config, PriorRunConfig) else None


def model_of(run: RunFolder) -> RunFolder | None:
    """The run of a model itself; for a prior the run whose codes it learns, None when that was deleted."""
    parent = parent_of(run)
    if parent is None:
        return run
    try:
        found = store().get(parent.run)
        return found if parent_of(found) is None else None
    except RunError:
        return None


def model_note() -> str:
    """Why a screen shows another run than the open one, as markdown; "" when it does not."""
    run = current_run()
    parent = parent_of(run) if run is not None else None
    if run is None or parent is None:
        return ""
    name = plain(run.about().name)
    found = model_of(run)
    if found is None:
        return f"The open run, {name}, is a prior whose model was deleted. This screen needs a model: open another run."
    return f"The open run, {name}, is a prior. This screen shows the model whose codes it learns: {plain(found.about().name)}."


def example() -> str:
    """The id of the run that comes with the program and that screens show when none is open, or "": a model, not one side of a pair."""
    listed = (entry for entry in store().list() if entry.read_only and entry.figures and not entry.problem)
    models = [entry for entry in listed if entry.kind == "model" and not entry.leader and not entry.follower]
    # one of a preset has more to show than the small one that the tour needs
    return next((entry.id for entry in sorted(models, key=lambda entry: not entry.preset)), "")


def example_prior() -> str:
    """The id of the prior that comes with the program, or "": PixelCNN where there are several."""
    listed = [entry for entry in store().list() if entry.read_only and entry.kind == "prior" and entry.figures and not entry.problem]
    return next((entry.id for entry in sorted(listed, key=lambda entry: entry.prior != "pixelcnn")), "")


def close_run() -> None:
    """No run is open afterwards."""
    st.session_state.pop("run_id", None)
    query.put("run", "")


def report(problem: str) -> None:
    """Have the frame say, at the next run of the page, why a run could not be opened."""
    st.session_state["run_problem"] = problem


def take_problem() -> str:
    """What was reported; said once."""
    return str(st.session_state.pop("run_problem", ""))


# ---- text and errors

_invisible = "\u2060"  # word joiner


def plain(text: str) -> str:
    """Text that people typed, and messages, so that Streamlit draws them letter by letter: no markdown, no icons, no links.

    Where the server keeps its files is left out.
    """
    text = re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$&:])", r"\\\1", without_places(text))
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
