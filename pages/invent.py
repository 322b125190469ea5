"""Invent: what priors draw, from every code alike up to PixelCNN and the Transformer, over one codebook."""

from __future__ import annotations

import streamlit as st

from pages.ui import example, needed, session, showcode, terms
from pages.ui.empty import no_run
from pages.ui.invent import bits, code, complete, copies, files, fill, guess, ladder, settings
from pages.ui.invent.family import Family, family_of
from pages.ui.invent.wanted import BITS, COMPLETE, COPY, FILES, FILL, GUESS, NEEDS, TABS, Answers, Wanted, answers, begin, below, wanted
from pages.ui.parts import hint
from pages.ui.screens import header
from vqcore.errors import RunError
from vqcore.runs.folder import RunFolder

POLL = 1.0  # seconds between looks while something is drawn


def screen(run: RunFolder, polling: bool) -> None:
    """The ladder and what hangs on it. A fragment redraws it; the page is run anew when polling has to begin or to end."""
    with session.errors_shown():
        family = family_of(run)
        ladder.settle(family, wanted(family))
        ladder.picked_image(guess.IMAGES, complete.IMAGES)
        want = wanted(family)
        found = answers(family, want)
        if found.pending != polling:  # before anything is drawn: of what is drawn twice a browser may see only the second
            st.rerun()
        ladder.ladder(family, want, found)
        settings.settings(family, found)  # right below the samples that they change
        _about(family)
        hint(
            "Which prior first looks like the real ones? Tap a sample to watch it fill. Then lower the "
            "temperature to 0.5: what becomes better, and what is lost?"
        )
        settings.several_of_a_kind(family)
        _below(family, want, found)
        showcode.show("invent", lambda: code.snippets_of(family, want, found))


def _about(family: Family) -> None:
    found = f"From the codebook of **{session.plain(family.name)}**, step {family.step:,}. Bits: what a real image takes under each prior."
    st.markdown(found, help=terms.help_text("prior", "bits_per_image", "samples"))
    if family.note:
        st.info(family.note, icon=":material/content_copy:")


def _below(family: Family, want: Wanted, found: Answers) -> None:
    question = below(family, want, found.sheets)
    title = ladder.titled(family, want, found)
    parts = dict(zip(TABS, st.tabs(list(TABS), key="invent_tab", on_change="rerun"), strict=True))
    for name, part in parts.items():
        if not part.open:
            continue
        with part:
            if name == FILL:
                fill.show(found.below, question, want, title)
            elif name == GUESS:
                guess.show(family, found, question, want)
            elif name == COMPLETE and needed.met(COMPLETE, NEEDS[COMPLETE], family.source.config(), key="complete"):
                complete.show(family, found, question, want)
            elif name == COPY:
                copies.show(found.below, question, found.sheets.get(want.rung), want, title)
            elif name == BITS:
                bits.show(family, found, want)
            elif name == FILES:
                files.show(family, found, want)


def _opened() -> RunFolder | None:
    """The open run; without one the example, for this screen opens on pictures."""
    run = session.current_run()
    if run is not None:
        return run
    run = example.folder_of(session.example_prior() or session.example())
    if run is not None:
        example.say(run)
    return run


header("invent")
opened = _opened()
if opened is None:
    no_run(
        "Here priors draw new pictures from the codes of a model: from every code alike up to networks that have learnt what follows what."
    )
elif needed.served("invent", opened):
    try:
        family = family_of(opened)
        begin(family)
        pending = answers(family, wanted(family)).pending
    except RunError as error:
        st.info(session.plain(str(error)), icon=":material/hourglass_empty:")
    else:
        st.fragment(screen, run_every=POLL if pending else None)(opened, pending)
        terms.words(
            "prior",
            "autoregressive",
            "raster_order",
            "samples",
            "temperature",
            "top_k",
            "conditional",
            "surprise",
            "bits_per_image",
            "resampling",
            "nearest_training",
            key="invent",
        )
