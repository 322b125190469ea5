"""Sweeps: the same run with other settings, queued, followed and compared.

Session keys owned here: `sweeps_*`; those of the form are in `sweepform`.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from pages.ui import scroll, session, showcode, sweepform, sweepwork, terms
from pages.ui.chart import chart
from pages.ui.parts import hidden, hint
from pages.ui.screens import page_of
from vqcore.errors import VQError
from vqcore.plots.sweeps import against, name_of, seeds_only, title_of
from vqcore.runs.files import SCHEMA_VERSION
from vqcore.snippets import sweeping
from vqcore.snippets.snippet import Snippet
from vqcore.sweeps.results import Cell, Result, cells
from vqcore.sweeps.store import Sweep, document, state_of

POLL = 2.0  # seconds
LOW = 330  # pixels
RANGE = 130  # pixels: "67 to 100", and its column's title
USE = ("used", "used_epoch", "perplexity")
ERROR = ("psnr", "nmse")
BADGES = {
    "waiting": ("Waiting", "gray", ":material/hourglass_empty:"),
    "running": ("Training", "blue", ":material/play_circle:"),
    "partial": ("Not complete", "orange", ":material/incomplete_circle:"),
    "finished": ("Finished", "green", ":material/check_circle:"),
}


def panel() -> None:
    """Choose a sweep, or make one. The rest follows it while it goes on."""
    found = sweepwork.sweeps().list()
    if begun := st.session_state.pop("sweeps_begun", ""):
        st.session_state["sweeps_chosen"], st.session_state["sweeps_new"] = begun, False
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweeps_top"):
        chosen = choose(found, "sweeps_chosen", "Sweep")
        if not hidden("customise"):
            st.session_state.setdefault("sweeps_new", not found)
            st.toggle("New sweep", key="sweeps_new", persist_state="session")
    if problem := st.session_state.pop("sweeps_problem", ""):
        st.error(session.plain(problem), icon=":material/error:")
    if st.session_state.get("sweeps_new") and not hidden("customise"):
        sweepform.form(_begun)
    if chosen is None:
        st.info(
            "A sweep trains the same model with other settings and seeds, one run after the other: here their use of codes and their error "
            "stand against each setting. **Try this:** start the one that the form proposes.",
            icon=":material/lightbulb:",
        )
        return
    active = state_of(sweepwork.sweeps().results(chosen)) in ("waiting", "running")
    st.fragment(_look, run_every=POLL if active else None)(chosen.id, active)
    scroll.to_top(f"sweep {chosen.id}")


def choose(found: Sequence[Sweep], key: str, label: str) -> Sweep | None:
    """A list of sweeps by title. None when there is none."""
    if not found:
        return None
    by_id = {sweep.id: sweep for sweep in found}
    if st.session_state.get(key) not in by_id:
        st.session_state[key] = next(iter(by_id))
    names = {sweep.id: " · ".join(filter(None, (sweep.title, sweep.nickname or ("example" if sweep.read_only else "")))) for sweep in found}
    chosen = st.selectbox(
        label, list(by_id), format_func=names.__getitem__, key=key, help=terms.help_text("sweep"), persist_state="session"
    )
    return by_id[chosen]


def _begun(sweep: Sweep) -> None:
    st.session_state["sweeps_begun"] = sweep.id  # shown, in the form's place, by the next run of the script


def _look(sweep_id: str, was_active: bool) -> None:
    with session.errors_shown():
        store = sweepwork.sweeps()
        sweep = store.get(sweep_id)
        results = store.results(sweep)
        state = state_of(results)
        if (state in ("waiting", "running")) != was_active:
            st.rerun()
        _line(sweep, results, state)
        _charts(sweep, cells(results))
        _table(sweep, results)
        showcode.show("sweeps", lambda: _code(sweep))
        terms.words("sweep", "seed_spread", "share_used", "used_epoch", "perplexity", "psnr", "nmse", "K", "D", key="sweeps")


def _code(sweep: Sweep) -> list[Snippet]:
    """The sweep's figures, and one of its runs, once there are any."""
    store = sweepwork.sweeps()
    trained = sweeping.point(store, sweep.id, 0)
    return [] if trained is None else [sweeping.table(store, sweep.id, sweepwork.BUNDLED), trained]


# ── how it stands ──


def _line(sweep: Sweep, results: Sequence[Result], state: str) -> None:
    title, colour, icon = BADGES[state]
    done = sum(result.done for result in results)
    with st.container(horizontal=True, vertical_alignment="center", key="sweeps_line"):
        st.badge(title, color=colour, icon=icon)  # type: ignore[arg-type]
        st.markdown(f"**{done} of {len(results)}** runs finished{_left(sweep, results, state)}", width="stretch")
        if session.may_control(sweep):
            _controls(sweep, state)
    if state != "finished":
        st.progress(_share(sweep, results))
    _note(sweep, results, state)


def _controls(sweep: Sweep, state: str) -> None:
    if state in ("waiting", "running"):
        st.button("Cancel", icon=":material/cancel:", key="sweeps_cancel", on_click=_act, args=(sweepwork.cancel, sweep))
        return
    if state == "partial":
        st.button("Go on", icon=":material/resume:", type="primary", key="sweeps_go_on", on_click=_act, args=(sweepwork.go_on, sweep))
    with st.popover("Delete", icon=":material/delete:", key="sweeps_delete"):
        st.markdown(f"Delete this sweep and its {sweep.spec.count} runs for good?")
        st.button("Delete all of it", type="primary", key="sweeps_delete_sure", on_click=_act, args=(sweepwork.delete, sweep))


def _act(act: Callable[[Sweep], Any], sweep: Sweep) -> None:
    try:
        act(sweep)
    except VQError as error:
        st.session_state["sweeps_problem"] = str(error)
    st.rerun()  # the whole page: the list of sweeps and what went wrong stand outside of the part that is run by itself


def _share(sweep: Sweep, results: Sequence[Result]) -> float:
    """Of all steps, how many are done: 0 to 1."""
    goals = [point.config.train.steps for point in sweepwork.sweeps().points(sweep)]
    done = sum(goal if result.done else min(result.steps, goal) for goal, result in zip(goals, results, strict=True))
    return min(1.0, done / max(1, sum(goals)))


def _left(sweep: Sweep, results: Sequence[Result], state: str) -> str:
    """The time left at the speed seen since this browser began to look; nothing before that can be said."""
    if state != "running":
        return ""
    share, now = _share(sweep, results), time.monotonic()
    first = st.session_state.setdefault("sweeps_seen", {}).setdefault(sweep.id, (share, now))
    if share - first[0] < 0.01 or now - first[1] < POLL:
        return ""
    return f", about {sweepform.duration((1 - share) * (now - first[1]) / (share - first[0]))} left"


def _note(sweep: Sweep, results: Sequence[Result], state: str) -> None:
    """Why something waits, failed or is missing, and what to do."""
    health = session.engine().health()
    if state in ("waiting", "running") and health.state == "failed":
        st.error(f"The engine failed, so nothing goes on. {session.plain(health.message)}", icon=":material/error:")
    elif state == "waiting":
        said = next((result.message for result in results if result.state == "queued" and result.message), "Waiting for a free place.")
        st.caption(session.plain(said))
    failed = [result for result in results if result.state == "failed"]
    if failed:
        text = f"{len(failed)} of {len(results)} runs failed, the first of them ({sweepwork.named(sweep, failed[0])}): {failed[0].message}"
        st.warning(session.plain(text), icon=":material/report:")
    rest = [result for result in results if not result.done and result.state not in ("failed", *sweepwork.AT_WORK)]
    if state == "partial" and rest:
        text = f"{len(rest)} runs have not finished: they were stopped, interrupted, deleted, or never begun. The others count."
        st.info(text, icon=":material/info:")
        if not sweep.owner and not sweep.read_only:
            st.code(f"python -m vqcore sweep --resume {sweep.id}", language="sh")


# ── what it found ──


def _charts(sweep: Sweep, found: Sequence[Cell]) -> None:
    axes = sweep.spec.axes
    with st.container(horizontal=True, vertical_alignment="bottom", key="sweeps_pick"):
        place = 0
        if len(axes) > 1:
            place = st.segmented_control(
                "Against",
                range(len(axes)),
                format_func=lambda i: title_of(axes[i]),
                default=0,
                required=True,
                key=f"sweeps_axis_{sweep.id}",
            )
        use = st.segmented_control("Use of codes", USE, format_func=_short.__getitem__, default="used", required=True, key="sweeps_use")
        error = st.segmented_control("Error", ERROR, format_func=_short.__getitem__, default="psnr", required=True, key="sweeps_error")
    left, right = st.columns(2)
    for column, measure, key in ((left, use, "use"), (right, error, "error")):
        with column:
            drawn = against(axes, found, place, measure) if axes else seeds_only(found, measure)
            chart(drawn, key=f"sweeps_chart_{key}", height=LOW, of=f"{sweep.id} {place}")
    st.caption(setting(sweep, found))
    hint(
        "Choose what stands along the axis: where do the curves part further than the seeds' bars reach?"
        if len(axes) > 1
        else "Tick a line of the table and open one of its runs: its codes say why."
    )


_short = {"used": "Validation", "used_epoch": "Last epoch", "perplexity": "Perplexity", "psnr": "PSNR", "nmse": "NMSE"}


def setting(sweep: Sweep, found: Sequence[Cell]) -> str:
    """What the figures hold for."""
    base = sweep.spec.base
    results = [result for cell in found for result in cell.results]
    counted = sorted({result.vectors for result in results})
    vectors = (
        f" Use on validation data counts {counted[0]:,}{f' to {counted[-1]:,}' if len(counted) > 1 else ''} vectors." if counted else ""
    )
    seeds = len(sweep.spec.seeds)
    where = f" {sweep.environment}." if sweep.environment else ""
    return (
        f"Data {base.data.kind}, {base.train.steps:,} steps, batches of {base.train.batch_size}, learning rate {base.train.lr:g}, "
        f"{seeds} {'seed' if seeds == 1 else 'seeds'}. Marks are means, bars reach from the lowest seed to the highest.{vectors}{where}"
    )


def _table(sweep: Sweep, results: Sequence[Result]) -> None:
    found = cells(results)
    picked = st.dataframe(
        rows(sweep, found),
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        placeholder="–",
        key=f"sweeps_table_{sweep.id}",
        column_config={
            "Codes used (%)": st.column_config.NumberColumn(format="%.1f", help=terms.help_text("share_used")),
            "Lowest, highest": st.column_config.TextColumn(width=RANGE),
            "Last epoch (%)": st.column_config.NumberColumn(format="%.1f", help=terms.help_text("used_epoch")),
            "Perplexity": st.column_config.NumberColumn(format="%.1f", help=terms.help_text("perplexity")),
            "PSNR (dB)": st.column_config.NumberColumn(format="%.2f", help=terms.help_text("psnr")),
            "NMSE": st.column_config.NumberColumn(format="%.4f", help=terms.help_text("nmse")),
            "Seconds": st.column_config.NumberColumn(format="%.0f", help="Of training, mean over seeds."),
        },
    )
    with st.container(horizontal=True, key="sweeps_actions"):
        st.download_button(
            "Every run (CSV)", to_csv(sweep, results), f"{sweep.id}.csv", "text/csv", icon=":material/table:", key="sweeps_csv"
        )
        text = json.dumps({"schema_version": SCHEMA_VERSION, **document(sweepwork.sweeps().complete(sweep))}, ensure_ascii=False)
        st.download_button(
            "With settings (JSON)", text, f"{sweep.id}.json", "application/json", icon=":material/data_object:", key="sweeps_json"
        )
        for line in picked["selection"]["rows"]:
            if not sweep.read_only and line < len(found):
                _offer(results, found[line])


def _offer(results: Sequence[Result], cell: Cell) -> None:
    """Open one of the runs of a line."""
    for result in results:
        if result.levels != cell.levels or result.state in ("planned", "missing"):
            continue
        if st.button(f"Open seed {result.seed}", icon=":material/folder_open:", key=f"sweeps_open_{result.run}"):
            st.switch_page(page_of("train"), query_params={"run": result.run})


def rows(sweep: Sweep, found: Sequence[Cell]) -> dict[str, list[Any]]:
    """The table's columns: a line a combination, means over its seeds."""

    def means(name: str, scale: float = 1.0) -> list[float | None]:
        return [spread.mean * scale if (spread := cell.spread(name)) else None for cell in found]

    def between(name: str, scale: float) -> list[str]:
        spreads = [cell.spread(name) for cell in found]
        return [f"{spread.low * scale:.0f} to {spread.high * scale:.0f}" if spread else "" for spread in spreads]

    return {
        **{name_of(axis): [cell.levels[i] for cell in found] for i, axis in enumerate(sweep.spec.axes)},
        "Seeds": [f"{len(cell.results)} of {cell.runs}" for cell in found],
        "Codes used (%)": means("share_used", 100),
        "Lowest, highest": between("share_used", 100),
        "Last epoch (%)": means("share_used_epoch", 100),
        "Perplexity": means("perplexity"),
        "PSNR (dB)": means("psnr"),
        "NMSE": means("nmse"),
        # how long it took elsewhere says nothing about this machine
        **({} if sweep.read_only else {"Seconds": means("seconds")}),
    }


FIGURES = (
    "K",
    "D",
    "M",
    "used",
    "used_epoch",
    "perplexity",
    "entropy_bits",
    "vectors",
    "images",
    "mse",
    "nmse",
    "nmse_mean_picture",
    "psnr",
)
REST = ("steps", "seconds", "parameters", "run", "state")


def to_csv(sweep: Sweep, results: Sequence[Result]) -> str:
    """One line a run."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([*(axis.name for axis in sweep.spec.axes), "seed", *FIGURES, *REST])
    for result in results:
        writer.writerow([*result.levels, result.seed, *(getattr(result, name) for name in (*FIGURES, *REST))])
    return text.getvalue()
