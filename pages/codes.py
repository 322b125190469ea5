"""Codes: the codebook on a map, and any code of it from near."""

from __future__ import annotations

import streamlit as st

from pages.ui import asked, example, needed, session, showcode, terms
from pages.ui.book import chosen as chosen_book
from pages.ui.codes import atlas, choice, colouring, download, drawing, life, meter, panel, useful
from pages.ui.codes.look import Seen, is_long, seen
from pages.ui.empty import no_run
from pages.ui.parts import hint
from pages.ui.screens import header
from vqcore.runs.folder import RunFolder
from vqcore.runs.probed import Probe
from vqcore.runs.status import ENDED, judged
from vqcore.snippets import looking
from vqcore.snippets.snippet import Snippet

TRAINING, WAITING = 2.0, 1.0  # seconds between looks: at a run that trains; for an answer of the worker, and after a first look
BELOW = ("Lives", "Usage meter", useful.TITLE, "Download")


def _every(run: RunFolder, book: int) -> float | None:
    """How often to look again; None: nothing can change."""
    waits = [asked.ask(run, "probe")]
    if atlas.wanted().umap and run.config().books()[book].D > 2:
        waits.append(asked.ask(run, "umap", **atlas.settings(book)))
    if st.session_state.get("codes_below") == useful.TITLE:
        waits.append(asked.ask(run, "usefulness"))
    if any(answer.state == "working" for answer in waits):
        return WAITING
    return None if judged(run.status()) in ENDED else TRAINING


def _top(run: RunFolder, book: int, every: float | None, first: bool) -> None:
    """The map, and the selected code beside and below it. `first`: a quick look comes first, the next tick brings the rest."""
    with session.errors_shown():
        shown = st.session_state.get("codes_shown") == (run.id, book)
        # before anything is drawn: of what is drawn twice in a row a browser may see only the second, without what came with the first
        behind = choice.has_changed() and st.session_state.get("codes_below", BELOW[0]) == BELOW[0]  # Lives marks the code's row
        if behind or (shown if first else _every(run, book) != every):
            st.rerun()
        view = seen(run, book, first=first)
        st.session_state["codes_shown"] = (run.id, book)
        if view is None:
            start = run.effective_config().codes_start
            comes = f"at step {start:,}, where its codes start" if start else "as soon as it trains"
            st.info(f"This run has no snapshot of its codebook yet. The first one comes {comes}.", icon=":material/hourglass_empty:")
        else:
            _map_and_code(view)


def _map_and_code(view: Seen) -> None:
    of = f"{view.run.id}/{view.book}"
    answer = asked.ask(view.run, "probe")
    probe = _probe(answer, view)
    left, right = st.columns([11, 9], gap="medium")
    with left:
        atlas.controls(view, probe)
        want = atlas.wanted(view)
        atlas.show(view, probe, asked.ask(view.run, "umap", **atlas.settings(view.book)) if want.umap else None, want, of)
    code = choice.chosen(of, atlas.first_shown(view, probe), view.K, sure=probe is not None)
    with right:
        panel.finder(view, of)
        if code is None:
            st.info("Tap a code in the map, or type its number.", icon=":material/touch_app:")
        else:
            panel.portrait(view, probe, answer, code)
            panel.neighbours(view, probe, code, of)
            if view.whole:  # a first look is for the map alone
                panel.life(view, code)
    hint(
        "Play the film and watch one code. Then colour by "
        + ("age: which codes does nobody need?" if colouring.ages_differ(view) else "usage: which codes do most of the work?")
    )
    if code is not None and view.whole:
        panel.fires(view, code)
        showcode.show("codes", lambda: _code(view, code))


def _code(view: Seen, code: int) -> list[Snippet]:
    snapshot = view.run.snapshot(view.last)
    return [] if snapshot is None else looking.code(view.run, view.last, snapshot.books[view.book], view.book, code)


def _probe(answer: asked.Answer, view: Seen) -> Probe | None:
    """What is known of what the codes draw; None until it is known of this very book."""
    arrays = answer.data if answer.data is not None else answer.earlier
    found = None if arrays is None else Probe.of(arrays)
    return found if found is not None and view.book < len(found.books) and len(found.books[view.book].counts) == view.K else None


def _below(run: RunFolder, book: int, every: float | None) -> None:
    """What is said of the whole codebook; only the open part is computed."""
    with session.errors_shown():
        if _every(run, book) != every:
            st.rerun()
        view = seen(run, book)
        if view is None:
            return
        probe = _probe(asked.ask(run, "probe"), view)
        lives, use, usefulness, files = st.tabs(list(BELOW), key="codes_below", on_change="rerun")
        if lives.open:
            with lives:
                life.show(view, choice.chosen(f"{run.id}/{view.book}", None, view.K))
        if use.open:
            with use:
                meter.show(view)
        if usefulness.open:
            with usefulness:
                useful.show(view)
        if files.open:
            with files:
                download.show(view, probe)


header("codes")
opened = example.model_shown()
if opened is None:
    no_run("Here every code of a codebook lies on a map, among the encoder's outputs: which are used, which are dead, what each one draws.")
elif needed.served("codes", opened):
    st.html(drawing.STYLE)
    book = chosen_book(opened)
    first = is_long(opened) and st.session_state.get("codes_shown") != (opened.id, book)
    every = WAITING if first else _every(opened, book)
    st.fragment(_top, run_every=every)(opened, book, every, first)
    terms.words("code", "codebook", "projection", "dead", "decoded_code", "patches", "receptive_field", "lives", "perplexity", key="codes")
    if not first:
        st.fragment(_below, run_every=every)(opened, book, every)
