"""What may be done to the patient while it trains: choose, read what it does and where it comes from, apply.

Session keys owned here: `collapse_treatment_*`, `collapse_given`.
"""

from __future__ import annotations

import time

import streamlit as st

from pages.ui import needed, session
from pages.ui.collapse import bar
from pages.ui.collapse.case import CaseView
from pages.ui.terms import help_text
from vqcore.clinic.diagnosis import Diagnosis
from vqcore.clinic.treatments import TREATMENTS, Treatment, why_not
from vqcore.errors import ConfigError
from vqcore.plots.marks import described

NEEDS = tuple(sorted({need for treatment in TREATMENTS.values() for need in treatment.needs}))
TWICE_S = 2.0  # a second click on the same treatment within so many seconds is not meant
# room for the longest of what treatments say of themselves: nothing below moves when another is chosen
_STYLE = """<style>
.st-key-collapse_treatment { min-height: 13rem; }
</style>"""


def panel(view: CaseView, advice: Diagnosis | None) -> None:
    """`advice`: the patient's diagnosis, None while it is not to be given away."""
    if not needed.met("Treatment", NEEDS, view.patient.config, key="treatment"):
        return
    side = "the run on the right" if view.case.paired else "this run"
    st.markdown(f"**{'2. ' if view.case.cause else ''}Treat {side}.**", help=help_text("dead", "revival", "ema", "kmeans"))
    told = advice is not None and not view.treated_since
    first, also = (advice.first, advice.also) if told and advice else ("", ())
    if st.session_state.get(key_of(view)) is None:
        choose(view, first)
    act = st.container(gap="xsmall", key="collapse_treat")
    picked = st.pills(
        "Treatments",
        list(TREATMENTS),
        format_func=lambda key: f"{_sign(key, first, also)}{TREATMENTS[key].title}",
        required=True,
        key=key_of(view),
        label_visibility="collapsed",
        wrap=True,
    )
    key = str(picked)
    changes, problem = _changes(view, TREATMENTS[key])
    idle = not changes and TREATMENTS[key].command is None
    why = problem or _closed(view) or _sent(view, key) or ("It has this treatment already: nothing would change." if idle else "")
    st.html(_STYLE)
    with act:  # above the choice: it is there however many lines that takes
        st.button(
            f"Apply: {TREATMENTS[key].title}",
            key="collapse_apply",
            icon=":material/healing:",
            type="primary" if advice is not None and not view.treated_since else "secondary",
            disabled=bool(why),
            width="stretch",
            on_click=give,
            args=(view, key),
        )
        if bar.waits(view) and not bar.why_not(view):
            bar.resume(view, primary=True)
        st.caption(why or _done(view) or "From the next step on; marked on curves and films.")
    with st.container(border=True, key="collapse_treatment"):
        st.markdown(TREATMENTS[key].what)
        st.caption(_small_print(TREATMENTS[key], changes))
    if first:
        st.caption(f":material/stethoscope: what the diagnosis names first{', :material/add: what it names besides' if also else ''}.")


def _done(view: CaseView) -> str:
    """That the patient was treated and waits, as markdown; "" while it was not, or trains."""
    if not view.treated_since or view.patient.state != "paused":
        return ""
    return "**Treated.** Now press **Resume**, or add another treatment."


def key_of(view: CaseView) -> str:
    return f"collapse_treatment_{view.case.key}"


def choose(view: CaseView, key: str) -> None:
    """Have a treatment shown; with "", the first of them."""
    st.session_state[key_of(view)] = key or next(iter(TREATMENTS))


def _sign(key: str, first: str, also: tuple[str, ...]) -> str:
    return ":material/stethoscope: " if key == first else ":material/add: " if key in also else ""


def _closed(view: CaseView) -> str:
    """Why nothing can be done now, as markdown; "" when it can."""
    patient = view.patient
    if patient.folder.read_only:
        return "An example: press New patient to treat one."
    if bar.why_not(view):
        return "Only who started this, or a teacher, may treat it."
    if patient.state in ("queued", "starting"):
        return "It has not begun yet: treatments open with its first step."
    if patient.ended:
        return "It has ended. Take a new patient." if view.case.cause else "It has ended: only a run that trains can be treated."
    return ""


def _sent(view: CaseView, key: str) -> str:
    """That the treatment was given and the trainer has not answered yet; "" when it was not, or has."""
    wanted = [(command.kind, dict(command.changes)) for command in TREATMENTS[key].commands(view.patient.config)]
    waiting = [(command.kind, dict(command.changes)) for command in view.patient.waiting]
    return "Sent. It is done before the next step." if wanted and all(command in waiting for command in wanted) else ""


def _small_print(treatment: Treatment, changes: dict[str, object]) -> str:
    sets = f"Sets {session.plain(described(changes))}. " if changes else ""
    return f"{sets}Source: {session.plain(treatment.source)}"


def _changes(view: CaseView, treatment: Treatment) -> tuple[dict[str, object], str]:
    """The settings that it would change now, and why it cannot be given; "" when it can."""
    config = view.patient.config
    if problem := why_not(config):
        return {}, problem
    try:
        wanted = treatment.changes(config)
        changes = {path: value for path, value in wanted.items() if config.at(path) != value}
        config.edited(changes)
    except ConfigError as error:  # a model that has no such setting
        return {}, session.plain(str(error))
    return changes, ""


def give(view: CaseView, key: str) -> None:
    """Send the treatment to the patient; not twice where one click arrives as two."""
    now = time.monotonic()
    given, at = st.session_state.get("collapse_given", ("", -TWICE_S))
    st.session_state["collapse_given"] = (f"{view.case.key} {key}", now)
    if given != f"{view.case.key} {key}" or now - at >= TWICE_S:
        bar.treat(view.patient, TREATMENTS[key].commands(view.patient.config))
