"""The priors as cards: what each knows, what has been trained of it, and the button that trains it.

Session keys owned here: `priors_conditional`, `priors_steps_*`, `priors_problem`, `priors_said`.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from pages.ui import number, session
from pages.ui.terms import help_text
from vqcore.config.prior_defaults import LADDER, Rung, name_of, rung_of, sized
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.errors import RunError, VQError
from vqcore.runs.analysis import checkpoint_stamp, scratch_of
from vqcore.runs.folder import RunFolder
from vqcore.runs.frozen import beginning
from vqcore.runs.store import Summary

STEPS = "priors_steps"
CARD = 164  # pixels: five abreast on a laptop, two on a telephone


def cards(parent: RunFolder) -> None:
    """Choose a prior for the codes of `parent` and train it. A parent that is a prior stands for its model."""
    if problem := st.session_state.pop("priors_problem", ""):
        st.error(session.plain(str(problem)), icon=":material/error:")
    if said := st.session_state.pop("priors_said", ""):
        st.info(session.plain(str(said)), icon=":material/content_copy:")
    config = parent.effective_config()
    own = isinstance(config, PriorRunConfig)
    if not own and checkpoint_stamp(parent) is None:
        st.info("This run keeps its first checkpoint soon. Then its codes can be learnt.", icon=":material/hourglass_empty:")
        return
    row = st.container(horizontal=True, gap="small", key="priors_rungs")
    conditional, steps = _settings(parent, config)  # drawn under the cards, read before them
    trained = trained_on(parent)
    for rung in LADDER:
        with row, st.container(border=True, width=CARD, height="stretch", gap="xxsmall"):
            _card(rung, trained.get((rung.key, conditional and rung.key != "uniform")), parent, config, conditional, steps)


def trained_on(parent: RunFolder) -> Mapping[tuple[str, bool], Summary]:
    """The best prior of each kind, finished or not, over the codes of `parent`, by its key and whether it is given the label."""
    told = session.parent_of(parent)
    checkpoint, of = (told.checkpoint, told.run) if told else (getattr(checkpoint_stamp(parent), "hash", ""), parent.id)
    found: dict[tuple[str, bool], Summary] = {}
    for entry in session.store().list():
        if entry.kind != "prior" or entry.parent != of or entry.problem or entry.figures is None or entry.figures.bits is None:
            continue
        try:
            config = session.store().get(entry.id).config()
        except RunError:  # deleted since it was listed
            continue
        if not isinstance(config, PriorRunConfig) or config.parent.checkpoint != checkpoint:
            continue
        key = rung_of(config.prior).key, bool(getattr(config.prior, "conditional", False))
        best = found.get(key)
        if best is None or best.figures is None or best.figures.bits is None or entry.figures.bits < best.figures.bits:
            found[key] = entry
    return found


def _settings(parent: RunFolder, config: RunConfig) -> tuple[bool, int | None]:
    """Whether labels are given, and steps for the priors that learn; None while no number of steps is typed."""
    labelled = _labelled(parent)
    usual = sized(LADDER[-1], config)[1].steps
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        conditional = st.toggle(
            "Given the label",
            key="priors_conditional",
            persist_state="session",
            disabled=not labelled,
            help=help_text("conditional") if labelled else "These data have no labels.",
        )
        key = f"{STEPS}_{config.data.kind}"
        number.number("Steps", number.Range(1, 1_000_000), usual, key=key, width=220, help=help_text("step"))
    return bool(conditional) and labelled, number.whole(key)


def _labelled(parent: RunFolder) -> bool:
    codes = parent.codes()
    if codes is not None:
        return codes.layout.classes > 0
    gallery = parent.gallery()
    return gallery is not None and len(gallery.labels) > 0


def _card(rung: Rung, trained: Summary | None, parent: RunFolder, config: RunConfig, conditional: bool, steps: int | None) -> None:
    st.markdown(f"**{rung.title}**", help=rung.sentence)
    if trained is not None and trained.figures is not None and trained.figures.bits is not None:
        st.markdown(f"**{trained.figures.bits:.2f}** bits per code", help=help_text("bits_per_code"))
        st.button(
            "Open",
            key=f"priors_open_{rung.key}",
            icon=":material/visibility:",
            width="stretch",
            on_click=_open,
            args=(trained.id,),
            disabled=trained.id == parent.id,
            help="It is open." if trained.id == parent.id else None,
        )
    # no callback: its arguments would be older than what was typed just before the click
    if st.button(
        "Train again" if trained is not None else "Train" if rung.learns else "Fit",
        key=f"priors_train_{rung.key}",
        icon=":material/play_arrow:",
        type="secondary" if trained is not None else "primary",
        width="stretch",
        help="Takes seconds." if not rung.learns else None,
        disabled=rung.learns and steps is None,
    ) and (steps is not None or not rung.learns):
        _start(rung, parent, config, conditional, steps or 0)
        st.rerun()


def _open(run_id: str) -> None:
    try:
        session.open_run(run_id)
    except RunError as error:  # deleted since the button was drawn
        session.report(str(error))


def _start(rung: Rung, parent: RunFolder, config: RunConfig, conditional: bool, steps: int) -> None:
    """Train this prior and open it; the same experiment is opened where it exists."""
    prior, train = sized(rung, config, conditional=conditional)
    if rung.learns:
        train = train.edited({"steps": steps})
    try:
        wanted, _ = beginning(parent, prior, train, scratch_of(session.store().root))
        existing = session.store().find(wanted.identity)
        if existing is not None:
            session.open_run(existing.id)
            st.session_state["priors_said"] = (
                "This has been trained already, with the same settings and the same seed, which give the same run: here it is. "
                "Change the steps to train another."
            )
            return
        who = session.owner()
        made = session.store().create_prior(parent, prior, train, name=name_of(wanted), owner=who.hash, nickname=who.nickname)
        session.open_run(made.id)
        session.engine().submit(made.id)
    except VQError as error:
        st.session_state["priors_problem"] = str(error)
