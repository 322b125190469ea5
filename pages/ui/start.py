"""How a run is started: preset cards, one click each; a form for one's own; and the run that exists already, offered first.

Session keys owned here: `start_*`.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import streamlit as st

from pages.ui import link, linked, scroll, session, share
from pages.ui.form import config_form
from pages.ui.parts import hidden
from pages.ui.screens import page_of
from vqcore.config.presets import PRESETS, Preset
from vqcore.config.run import RunConfig
from vqcore.errors import VQError
from vqcore.runs.folder import RunFolder

CARDS = Path(__file__).resolve().parents[2] / "assets" / "cards"
PER_ROW = 3
FAILED = "failed"  # beside the presets, in the form: the settings of the run that is tried again
ADVICE = "Try a tenth of it."
LINKED = "link"  # beside the presets, in the form: what a link brought

_STYLE = """<style>
.vq-card { display: block; width: 100%; height: auto; image-rendering: pixelated; }
</style>"""


def choose() -> None:
    """The presets as cards, and under "Customise" the form. Starting one opens its run."""
    warm = session.engine().health()
    if warm.state == "starting":
        st.info("The engine is warming up. Start a run all the same: it begins by itself.", icon=":material/hourglass_top:")
    elif warm.state == "failed":
        st.error(f"The engine failed, so nothing can be trained now. {session.plain(warm.message)}", icon=":material/error:")
    if refused := problem():
        st.error(session.plain(refused), icon=":material/error:")
    linked.panel(_start)
    if not hidden("presets") and not hidden("hints"):
        st.markdown(
            "Try this: press **Train** under Digits. The cards show originals, what the trained model makes of them, and the codes in "
            "between."
        )
    st.html(_STYLE)
    shown = [] if hidden("presets") else list(PRESETS)
    names = [*(name for name in shown if not PRESETS[name].more), *([] if hidden("customise") else [""])]
    _cards(names)
    if others := [name for name in shown if PRESETS[name].more]:
        with st.expander("More models", icon=":material/category:", key="start_more"):
            _cards(others)
    if not names and link.config() is None:
        st.info("The link that led here left out everything that starts a run.", icon=":material/visibility_off:")
    if st.session_state.get("start_own") and not hidden("customise"):
        _customise()
    if offered := st.session_state.get("start_offer"):
        _offer(*offered)
    scroll.to_top("cards")


def _cards(names: Sequence[str]) -> None:
    for first in range(0, len(names), PER_ROW):
        for place, name in zip(st.columns(PER_ROW), names[first : first + PER_ROW], strict=False):
            with place, st.container(border=True, height="stretch"):
                _card(name, PRESETS[name]) if name else _own_card()


def _card(name: str, preset: Preset) -> None:
    _picture(name, f"{preset.title}: originals, what the trained model makes of them, and the codes between")
    st.markdown(f"**{preset.title}**  \n{preset.sentence}")
    note = "Downloads its data once." if preset.needs_download else ""
    st.button(
        "Train",
        key=f"start_{name}",
        icon=":material/play_arrow:",
        type="primary",
        width="stretch",
        help=note or None,
        on_click=_start,
        args=(preset.config, preset.title, name),
    )


def _own_card() -> None:
    _picture("own", "The data sets to choose from")
    st.markdown("**Your own**  \nChoose the data, the codes and how they learn. Every setting explains itself.")
    st.toggle("Customise", key="start_own", persist_state="session")


def _customise() -> None:
    st.subheader("Customise", anchor=False)
    brought = link.config()
    failed: RunConfig | None = st.session_state.get("start_failed")
    bases = [
        *([FAILED] if failed is not None else []),
        *([LINKED] if brought is not None else []),
        *([] if hidden("presets") and brought is not None else PRESETS),
    ]
    if st.session_state.get("start_base") not in bases:
        st.session_state["start_base"] = bases[0]
    base = str(st.pills("Begin with", bases, required=True, format_func=_preset_title, key="start_base"))
    filled = failed if base == FAILED else brought if base == LINKED else PRESETS[base].config
    assert filled is not None
    config = config_form(filled, key="start_form", marked=st.session_state.get("start_marked", {}) if base == FAILED else {})
    name = st.text_input("Name of the run", max_chars=80, key="start_name", placeholder=_title(config), persist_state="session")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        # no callback: its arguments would be older than what was typed just before the click
        pressed = st.button("Train", key="start_custom", icon=":material/play_arrow:", type="primary", disabled=config is None)
        if config is not None:
            share.of_settings("train", lambda: config, "form")
    if pressed and config is not None:
        _start(config, name or _title(config), "")
        st.rerun()


def _preset_title(name: str) -> str:
    return {LINKED: "The link", FAILED: "The failed run"}.get(name) or PRESETS[name].title


def _title(config: RunConfig | None) -> str:
    return "" if config is None else linked.called(config)


def _start(config: RunConfig, name: str, preset: str, again: bool = False) -> None:
    """Start the run and open it; where the same experiment exists, offer that first, unless `again`."""
    try:
        found = None if again else session.store().find(config.identity)
        if found is not None:
            st.session_state["start_offer"] = (config, name, preset, found.id)
            return
        who = session.owner()
        folder = session.store().create(config, name=name, owner=who.hash, nickname=who.nickname, preset=preset)
        session.open_run(folder.id)
        session.engine().submit(folder.id)
    except VQError as error:
        st.session_state["start_problem"] = str(error)


def _withdraw() -> None:
    st.session_state.pop("start_offer", None)


@st.dialog("This has been trained already", icon=":material/content_copy:", on_dismiss=_withdraw)
def _offer(config: RunConfig, name: str, preset: str, run_id: str) -> None:
    try:
        folder = session.store().get(run_id)
        st.markdown(_existing(folder))
    except VQError as error:  # deleted in the meantime
        st.markdown(session.plain(str(error)))
    left, right = st.columns(2)
    if left.button("Open it", key="start_open", icon=":material/visibility:", type="primary", width="stretch"):
        _withdraw()
        session.open_run(run_id)
        st.rerun()
    if right.button("Train again anyway", key="start_again", icon=":material/replay:", width="stretch"):
        _withdraw()
        _start(config, name, preset, again=True)
        st.rerun()


def problem() -> str:
    """Why the last run could not be started; said once."""
    return str(st.session_state.pop("start_problem", ""))


def _existing(folder: RunFolder) -> str:
    about, status = folder.about(), folder.status()
    who = f" by {session.plain(about.nickname)}" if about.nickname else ""
    figures = status.figures
    result = f" At step {figures.step:,} it used {figures.used} of {figures.K} codes." if figures and figures.K else ""
    return (
        f"**{session.plain(about.name)}**{who} has the same settings and the same seed ({status.state}), "
        f"and the same settings and seed give the same run.{result}"
    )


def _picture(name: str, alt: str) -> None:
    source = _inline(CARDS / f"{name}.png")
    if source:
        st.html(f'<img class="vq-card" src="{source}" alt="{html.escape(alt)}">')


@cache
def _inline(path: Path) -> str:
    try:
        return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    except OSError:
        return ""


def change_and_try_again(config: RunConfig, name: str, error: str) -> None:
    """The button beside a run that failed: the form, filled with its settings, the one to blame marked."""
    pressed = st.button("Change and try again", key="start_change", icon=":material/edit:", type="primary")
    if pressed:
        st.session_state["start_failed"] = config
        st.session_state["start_base"] = FAILED
        st.session_state["start_own"] = True
        st.session_state["start_name"] = f"{name}, changed"[:80]
        blamed = "train.lr" if "learning rate" in error.lower() else ""
        st.session_state["start_marked"] = {blamed: f"The run failed with {config.at(blamed):g}. {ADVICE}"} if blamed else {}
        session.close_run()
        st.rerun(scope="app")  # a fragment's own run would leave the page as it is


def another() -> None:
    """Leave the open run, which goes on, for the cards."""
    st.button("Train another", key="start_another", icon=":material/add:", on_click=_leave)


def _leave() -> None:
    session.close_run()
    st.rerun()  # the whole page: the button stands in a part of it that is run by itself


def links() -> None:
    """Where to go with a run that has pictures."""
    st.page_link(page_of("inside"), label="Look inside", icon=":material/account_tree:", width="content")
