"""The form of a new sweep: what to vary, how many runs that makes, how long they take.

Session keys owned here: `sweepform_*`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from typing import Any, Literal

import streamlit as st

from pages.ui import number, session, sweepwork
from pages.ui.fields import CHOICES
from pages.ui.parts import hidden
from pages.ui.terms import field_help, help_text
from vqcore.config.paths import leaf
from vqcore.config.presets import PRESETS
from vqcore.config.run import RunConfig
from vqcore.errors import ConfigError, RunError, VQError
from vqcore.sweeps.spec import Point, SweepSpec
from vqcore.sweeps.store import Sweep

# of every codebook that is learned
NUMBERS: dict[str, tuple[str, tuple[float, ...]]] = {
    "K": ("Codes K", (8, 16, 32, 64, 128, 256, 512, 1024)),
    "D": ("Code dimension D", (2, 4, 8, 16, 32, 64)),
    "commitment_weight": ("Commitment weight β", (0.0, 0.05, 0.25, 1.0, 4.0)),
}
WORDS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "distance": ("Distance", ("euclidean", "l2")),
    "learning": ("How codes learn", ("gradient", "ema")),
    "estimator": ("Gradient estimator", ("straight_through", "rotation")),
    "init": ("Initial codes", ("uniform", "normal", "data", "kmeans")),
    "revival_threshold": ("Revival threshold", (0.0, 0.1)),
}
FIRST: dict[str, tuple[Any, ...]] = {"D": (4, 16, 64), "distance": ("euclidean", "l2")}
CURES = {"init": "kmeans", "learning": "ema", "ema_decay": 0.95, "revival_threshold": 0.1}
STEPS = 600
SEEDS = 2
ESTIMATE_POLL = 1.0  # seconds

_timed: dict[str, Future[Any]] = {}  # by the identity of what was timed: for all who look


def form(begun: Callable[[Sweep], None]) -> None:
    """Draw the form; `begun` hears of the sweep that it started."""
    with st.container(border=True, key="sweepform"):
        base = _base()
        axes = _axes(base)
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            seeds = number.number(
                "Seeds", number.Range(1, 10), SEEDS, key="sweepform_seeds", help=help_text("seed", "seed_spread"), width=170
            )
            steps = number.number(
                "Steps of each run", number.Range(1, 1_000_000), STEPS, key="sweepform_steps", help=help_text("step"), width=190
            )
            with st.container(width=320):
                title = st.text_input("Title", max_chars=60, key="sweepform_title", placeholder=_title(axes))
        if seeds is None or steps is None:
            st.button("Start", type="primary", icon=":material/play_arrow:", key="sweepform_start", disabled=True)
            return
        spec, problem = _spec(base, axes, int(seeds), int(steps))
        if spec is None:
            st.error(session.plain(problem), icon=":material/rule:")
            return
        points = spec.points()
        waiting = len(points) <= sweepwork.MOST_RUNS and estimate(points) is None
        st.fragment(_cost, run_every=ESTIMATE_POLL if waiting else None)(points, waiting)
        # no callback: its arguments would be older than what was typed just before the click
        if st.button(
            f"Start {len(points)} {'run' if len(points) == 1 else 'runs'}",
            type="primary",
            icon=":material/play_arrow:",
            key="sweepform_start",
            disabled=len(points) > sweepwork.MOST_RUNS,
        ):
            _start(spec, title or _title(axes), begun)
            st.rerun()


def _base() -> RunConfig:
    """What is varied: a preset, or the open run."""
    opened = session.current_model()
    choices = {name: preset.title for name, preset in PRESETS.items()}
    if opened is not None:
        choices["open"] = "The open run"
    if st.session_state.get("sweepform_base") not in choices:
        st.session_state["sweepform_base"] = "digits"
    name = str(st.pills("Vary", list(choices), format_func=choices.__getitem__, required=True, key="sweepform_base"))
    if name == "open" and opened is not None:
        try:
            return opened.config()
        except RunError as error:
            st.warning(session.plain(str(error)), icon=":material/link_off:")
        name = "digits"
    if PRESETS[name].needs_download:
        st.caption("This preset downloads its data once.")
    return PRESETS[name].config


def _axes(base: RunConfig) -> list[dict[str, Any]]:
    """What was picked: one axis a row with something in it, as plain data of an Axis."""
    if not base.learners():
        st.caption("Nothing learns the codes of this model: only seeds and steps are varied here. Its levels can be by the command line.")
        return []
    found = []
    left, right = st.columns(2, gap="large")
    with left:
        for name, (label, values) in NUMBERS.items():
            found.append(_row(name, label, values, base))
        found.append(_cures(base))
    with right:
        for name, (label, values) in WORDS.items():
            found.append(_row(name, label, values, base))
    return [axis for axis in found if axis["levels"]]


def _changes(base: RunConfig, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings for every codebook that is learned, by dotted path."""
    return {f"{path}.{name}": value for path in base.learners() for name, value in values.items()}


def _cures(base: RunConfig) -> dict[str, Any]:
    picked = st.pills(
        "Cures together",
        ["without", "with"],
        selection_mode="multi",
        key="sweepform_cures",
        help="k-means start, EMA with decay 0.95, and revival under 0.1, all three at once: against the base without them.",
        persist_state="session",
    )
    levels = [
        {"label": f"{name} cures", "changes": _changes(base, CURES) if name == "with" else {}}
        for name in ("without", "with")
        if name in picked
    ]
    return {"name": "cures", "levels": levels}


def _row(name: str, label: str, values: Sequence[Any], base: RunConfig) -> dict[str, Any]:
    path, *others = _changes(base, {name: None})
    if hidden(path):
        return {"name": path, "levels": []}
    now = base.at(path)
    picked = st.pills(
        f"{label} · :gray[otherwise {_called(now)}]",
        values,
        selection_mode="multi",
        default=FIRST.get(name, ()),
        format_func=_called,
        key=f"sweepform_{name}",
        help=field_help(path, label),
        persist_state="session",
    )
    levels = [{"label": _text(value), "changes": _changes(base, {name: value})} for value in values if value in picked]
    return {"name": name if others else path, "levels": levels}


def _called(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else CHOICES.get(value, str(value))


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _title(axes: Sequence[Mapping[str, Any]]) -> str:
    words = {"commitment_weight": "β"}
    return " × ".join(words.get(leaf(axis["name"]), leaf(axis["name"]).replace("_", " ")) for axis in axes) or "Seeds"


def _spec(base: RunConfig, axes: Sequence[Mapping[str, Any]], seeds: int, steps: int) -> tuple[SweepSpec | None, str]:
    """The sweep, or why it cannot be one."""
    try:
        edited = base.edited({"train.steps": steps})
        spec = SweepSpec.parse({"base": edited, "axes": list(axes), "seeds": range(edited.train.seed, edited.train.seed + seeds)})
        spec.points()
        return spec, ""
    except ConfigError as error:
        return None, str(error)


def _start(spec: SweepSpec, title: str, begun: Callable[[Sweep], None]) -> None:
    try:
        begun(sweepwork.begin(spec, title))
    except VQError as error:
        st.session_state["sweeps_problem"] = str(error)


# ── how long ──


def _cost(points: Sequence[Point], was_waiting: bool) -> None:
    """The number of runs and the time they take, before anything is started."""
    if len(points) > sweepwork.MOST_RUNS:
        most = sweepwork.MOST_RUNS
        st.warning(f"{len(points)} runs: a page starts at most {most}. Take fewer values, or use the command line.", icon=":material/rule:")
        return
    health = session.engine().health()
    if health.state == "failed":
        st.error(f"The engine failed, so nothing can be trained now. {session.plain(health.message)}", icon=":material/error:")
        return
    slots = max(1, health.slots)
    seconds = estimate(points)
    if was_waiting and seconds is not None:
        st.rerun()  # polling ends
    if seconds is None:
        took = "measuring how long a step takes"
    elif seconds == "unknown":
        took = "how long they take will be seen"
    else:
        abreast = f", {slots} at a time" if slots > 1 else ""
        took = f"about {duration(seconds / slots)}{abreast}, from steps timed just now"
    waiting = f" {health.waiting} runs wait already." if health.waiting else ""
    st.markdown(f"**{len(points)} {'run' if len(points) == 1 else 'runs'}** · {took}.{waiting}")


def estimate(points: Sequence[Point]) -> float | Literal["unknown"] | None:
    """Seconds that all runs take one after the other, evaluations included; None while that is being measured.

    A step's time grows in step with K·D, for the lookup: smallest and largest are timed on the light worker, the others lie between.
    """
    ordered = sorted(points, key=lambda point: _size(point.config))
    ends = (ordered[0].config, ordered[-1].config)
    measured = [_step_seconds(config) for config in ends]
    if "unknown" in measured:
        return "unknown"
    if None in measured:
        return None
    low, high = (float(value) for value in measured if isinstance(value, float))
    span = _size(ends[1]) - _size(ends[0])
    total = 0.0
    for point in points:
        step = low + (high - low) * (_size(point.config) - _size(ends[0])) / span if span else low
        train = point.config.train
        # an evaluation only goes forwards, about a third of a training step for as many examples
        evaluations = (train.steps // train.evaluate_every + 1) * train.evaluation_images / train.batch_size / 3
        total += step * (train.steps + evaluations)
    return total


def _size(config: RunConfig) -> int:
    return sum(book.K * book.D for book in config.books() if book.learned)


def _step_seconds(config: RunConfig) -> float | Literal["unknown"] | None:
    if config.data.kind in ("mnist", "fashion_mnist"):
        return "unknown"  # timing it would mean to download it
    key = config.edited({"train.seed": 0, "train.steps": 1}).identity
    try:
        if key not in _timed:
            _timed[key] = session.engine().light("vqcore.analysis.stopwatch:step_seconds", config.model_dump(mode="json"))
        answer = _timed[key]
        return float(answer.result()) if answer.done() else None
    except (VQError, CancelledError):
        return "unknown"


def duration(seconds: float) -> str:
    """As people say it: "40 s", "12 min", "3.5 h"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
