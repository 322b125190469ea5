"""The diagnosis in words: what that usually means, what to try first, and what was measured on each side."""

from __future__ import annotations

import streamlit as st

from pages.ui import session
from pages.ui.collapse import guess
from pages.ui.collapse.case import CaseView
from pages.ui.live import View
from pages.ui.terms import help_text
from vqcore.clinic.diagnosis import Diagnosis
from vqcore.clinic.treatments import TREATMENTS
from vqcore.clinic.walk import early_walk
from vqcore.plots.marks import treatments
from vqcore.runs.tail import shared_tail

STILL = 0.01  # distances to the nearest codes: an encoder that went no farther did not move


def panel(view: CaseView) -> None:
    """Each side's diagnosis, as it stands; of what is wrong no more than that, while the cause is still to be guessed."""
    st.markdown("**Diagnosis**", help=help_text("diagnosis", "collapse", "dead"))
    if not any(view.diagnoses):
        st.caption("It comes with the first snapshot of the codebook.")
    for title, found, side in zip(view.titles, view.diagnoses, view.views, strict=True):
        if side is view.patient and view.treated_since:
            _wait(side)
        elif found is not None:
            _words(f"{title}: " if view.case.several else "", found, guess.known(view))


def _words(title: str, found: Diagnosis, known: bool) -> None:
    if found.healthy:
        st.success(f"**{title}{found.pattern}.** {found.meaning}", icon=":material/check_circle:")
    elif not known:
        st.warning(f"**{title}codes are dying.** Guess why, then read what the figures mean.", icon=":material/visibility_off:")
    else:
        first = f"  \n**First: {TREATMENTS[found.first].title}.**" if found.first else ""
        also = f" May help too: {', '.join(TREATMENTS[key].title for key in found.also)}." if found.also else ""
        st.warning(f"**{title}{found.pattern}.** {found.meaning}{first}{also}", icon=":material/stethoscope:")


def _wait(patient: View) -> None:
    every = patient.config.train.evaluate_every
    paused = " Press **Resume**." if patient.state == "paused" else ""
    after = max((patient.at // every + 1) * every, -(-patient.config.codes_start // every) * every)
    st.info(f"**Treated.** What it did shows at the next snapshot, at step {after:,}.{paused}", icon=":material/hourglass_bottom:")


def findings(view: CaseView) -> None:
    """What was measured, as sentences, one column a side: evidence for a guess."""
    if not any(view.diagnoses):
        return
    st.markdown(
        "**What was measured**, at the latest snapshot",
        help=help_text("dead_distance", "spread", "kept_variance", "runaway", "vectors_per_code"),
    )
    for column, title, found, side in zip(st.columns(len(view.views)), view.titles, view.diagnoses, view.views, strict=True):
        with column:
            if found is not None:
                lines = "\n".join(f"- {finding.text}" for finding in found.findings)
                step = f"step {side.snapshot.step:,}" if side.snapshot else ""
                st.markdown(f"{f'{title}, {step}' if view.case.several else step[:1].upper() + step[1:]}\n\n{lines}")


def outcome(view: CaseView) -> str:
    """What the treatment has done so far, side against side, as markdown; "" until both have been measured after it."""
    marks = treatments(view.patient.events)
    if not (view.case.paired and marks) or treatments(view.views[0].events):
        return ""
    told = [_told(side, view.book) for side in view.views if side.evaluation and side.evaluation.step > marks[0].step]
    if len(told) < len(view.views):
        return ""
    done = ", then ".join(dict.fromkeys(f"{mark.label} at step {mark.step:,}" for mark in marks))
    return f":material/balance: **What it did.** Untreated: {told[0]}. Treated ({session.plain(done)}): {told[1]}."


def walked(title: str, side: View, book: int) -> str:
    """How far the encoder went in its first steps with codes, as markdown."""
    found = early_walk(shared_tail(side.folder).walks, book)
    if found is None:
        start = side.config.codes_start
        return f"{title}: codes start at step {start:,}." if side.at <= start and start else f"{title}: no step with codes is recorded yet."
    when = f"in {found.steps} steps" + (f" from step {found.start:,} on" if found.start else "")
    if found.times < STILL:
        return f"{title}: {when} the encoder did not move."
    times = f"{found.times:.0f}" if found.times >= 2 else f"{found.times:.1f}"
    return (
        f"{title}: {when} the encoder walked **{times} times** the distance to its nearest codes, {100 * found.common:.0f} % of it in one "
        "common direction."
    )


def _told(side: View, place: int) -> str:
    book = side.step.books[place] if side.step and place < len(side.step.books) else None
    used = f"{book.used_epoch:,} of {side.config.books()[place].K:,} codes used, " if book else ""
    assert side.evaluation is not None
    return f"{used}error {side.evaluation.nmse:.3f} at step {side.evaluation.step:,}"
