"""The stopwatch: the lookup timed here and now, from 16 codes to 65,536, on the worker that no training delays.

Session keys owned here: `bits_watch`.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from pages.ui import session, terms
from pages.ui.chart import chart
from vqcore.errors import EngineError, VQError
from vqcore.plots.bits import lookup_memory, lookup_times

SIZES = tuple(2**i for i in range(4, 17))
VECTORS = 1024  # a batch of 64 pictures with a 4×4 grid
AHEAD = 2  # sizes in line at once: more would hold up the worker for others
POLL = 0.5  # seconds
HEIGHT = 320  # pixels


@dataclass(slots=True)
class Watch:
    """One measurement: what has come, what is on the way, what is left."""

    D: int
    rows: list[dict[str, Any]] = field(default_factory=list)
    left: list[int] = field(default_factory=lambda: list(SIZES))
    pending: dict[int, Future[Any]] = field(default_factory=dict)
    problem: str = ""
    busy: bool = False  # whether something trained beside it

    @property
    def going(self) -> bool:
        return bool(self.left or self.pending) and not self.problem

    def advance(self) -> None:
        """Take what has come, and ask for the next."""
        try:
            for K, answer in list(self.pending.items()):
                if answer.done():
                    del self.pending[K]
                    self.rows.append(answer.result())
            self.rows.sort(key=lambda row: int(row["K"]))
            engine = session.engine()
            self.busy = self.busy or engine.health().busy > 0
            while self.left and len(self.pending) < AHEAD:
                K = self.left.pop(0)
                self.pending[K] = engine.light("vqcore.analysis.stopwatch:lookup", K, self.D, VECTORS)
        except (EngineError, VQError) as error:
            self.problem = str(error)

    def cancel(self) -> None:
        for answer in self.pending.values():
            answer.cancel()
        self.pending, self.left = {}, []


def stopwatch(D: int, mark: int) -> None:
    """Buttons and both charts; `D` is that of the codes to time, `mark` the K that the slider says."""
    watch: Watch | None = st.session_state.get("bits_watch")
    going = watch is not None and watch.going
    st.fragment(_tick, run_every=POLL if going else None)(D, mark, going)


def _tick(D: int, mark: int, was_going: bool) -> None:
    watch: Watch | None = st.session_state.get("bits_watch")
    if watch is not None and watch.going:
        watch.advance()
    going = watch is not None and watch.going
    if going != was_going:
        st.rerun()
    _bar(watch, D, going)
    rows = watch.rows if watch else []
    if rows or going:
        left, right = st.columns(2)
        with left:
            st.markdown("**Time**", help=terms.help_text("lookup_cost"))
            chart(lookup_times(rows, mark_codes=mark), key="bits_time", height=HEIGHT, of="stopwatch")
        with right:
            st.markdown("**Memory held at once**", help=terms.help_text("lookup_cost"))
            chart(lookup_memory(rows, mark_codes=mark), key="bits_memory", height=HEIGHT, of="stopwatch")
    st.caption(_said(watch))


def _bar(watch: Watch | None, D: int, going: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="bits_stopwatch"):
        if going:
            st.button("Cancel", icon=":material/cancel:", key="bits_cancel", on_click=_cancel)
        else:
            health = session.engine().health()
            st.button(
                "Measure again" if watch and watch.rows else "Start the stopwatch",
                icon=":material/timer:",
                type="primary",
                key="bits_start",
                on_click=_start,
                args=(D,),
                disabled=health.state == "failed",
                help=session.plain(health.message) if health.state == "failed" else None,
            )
        done = len(watch.rows) if watch else 0
        st.progress(done / len(SIZES), text=f"{done} of {len(SIZES)} sizes" if going or done else "16 to 65,536 codes, some seconds")
    if watch is not None and watch.problem:
        st.error(session.plain(f"The stopwatch was stopped: {watch.problem} Start it again."), icon=":material/error:")


def _said(watch: Watch | None) -> str:
    if watch is None or not watch.rows:
        return (
            "Both find the same nearest codes. The whole table holds every distance at once; `nearest_code` works through it in blocks "
            "of bounded size. Which one takes less time here?"
        )
    beside = " Something trained beside it, which makes both slower." if watch.busy else ""
    return (
        f"Measured here just now: {VECTORS:,} vectors, D = {watch.D}, one thread, medians; memory is counted from the tensors made, the "
        f"inputs left out.{beside}"
    )


def _start(D: int) -> None:
    st.session_state["bits_watch"] = Watch(D)


def _cancel() -> None:
    st.session_state["bits_watch"].cancel()
