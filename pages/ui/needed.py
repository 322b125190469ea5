"""What a screen says of a run that it, or a part of it, cannot serve: one sentence, and a button that opens what it can."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import streamlit as st

from pages.ui import session
from pages.ui.screens import SCREENS, page_of
from vqcore.config.needs import Need, refusal
from vqcore.config.presets import PRESETS
from vqcore.config.run import RunConfig
from vqcore.errors import RunError
from vqcore.runs.folder import RunFolder


def served(screen: str, run: RunFolder) -> bool:
    """Whether that screen can show this run; where it cannot, it says so here."""
    return met(SCREENS[screen].title, SCREENS[screen].needs, run.config(), key=screen)


def met(what: str, needs: Collection[Need], config: RunConfig, *, key: str, instead: str = "") -> bool:
    """Whether a run of `config` has all that `what` needs; where it has not, it says so here, and what is shown `instead`."""
    found = refusal(what, needs, config, _examples)
    if found is None:
        return True
    st.info(session.plain(f"{found.sentence} {instead}".strip()), icon=":material/info:")
    if instead:
        return False
    if found.run:
        name = session.plain(session.store().get(found.run).about().name)
        st.button(f"Open the example {name}", icon=":material/folder_open:", on_click=_open, args=(found.run,), key=f"needed_{key}")
    elif found.preset and st.button(f"Train {PRESETS[found.preset].title}", icon=":material/play_circle:", key=f"needed_{key}"):
        session.close_run()
        st.switch_page(page_of("train"))
    return False


def _open(run_id: str) -> None:
    try:
        session.open_run(run_id)
    except RunError as error:  # deleted since the button was drawn
        session.report(str(error))


def _examples() -> Iterator[tuple[str, RunConfig]]:
    """Models that come with the program, those of a preset first."""
    listed = [entry for entry in session.store().list() if entry.read_only and entry.kind == "model" and entry.figures]
    for entry in sorted(listed, key=lambda entry: entry.preset not in PRESETS):
        try:
            yield entry.id, session.store().get(entry.id).config()
        except RunError:  # damaged, or of a kind that this version does not know
            continue
