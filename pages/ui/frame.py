"""What stands around every page: the open run, the engine, who you are, the words. Session keys owned here: `frame_*`."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from pages.ui import projector, session, terms
from pages.ui.parts import hidden
from pages.ui.screens import SCREENS, page_of
from vqcore.errors import RunError
from vqcore.jobs.engine import State
from vqcore.runs.folder import NICKNAME_LENGTH
from vqcore.runs.store import Summary

POLL = 1.0  # seconds between looks while the engine starts
LOOK = 15.0  # and afterwards
NO_RUN = ""
LINKS = 560  # pixels of the list of screens in projector mode: three abreast

# Room for pictures: Streamlit's own margins leave 660 pixels of 1280 when the sidebar is open, and take 200 of 720 above them.
# The header line stands beside the button that opens the sidebar, above whatever the frame has to say.
STYLE = """<style>
.stMainBlockContainer { padding: 0.5rem clamp(1rem, 3vw, 3rem) 3rem; max-width: 1500px; }
[data-testid="stLayoutWrapper"]:has(> .st-key-screen_header) { order: -1; }
.st-key-screen_header { align-items: baseline; min-height: 2.75rem; column-gap: 0.9rem; row-gap: 0; }
.st-key-screen_header h1 { padding: 0; font-size: 1.6rem; line-height: 2.75rem; white-space: nowrap; }
.st-key-screen_header p { line-height: 1.3; }
[data-testid="stLayoutWrapper"]:has(> .st-key-example_line) { margin: -1rem 0 -0.9rem; }
[data-testid="stHeader"] { background: none; }
[data-testid="stToolbar"] > :first-child > :first-child { background: #FBFAF7; border-radius: 0 0 0.5rem 0; }
.stApp:has([data-testid="stExpandSidebarButton"]) .st-key-screen_header > :first-child { margin-left: 5.5rem; }
@media (max-width: 640px) {
  /* above what stays in view while the page moves, and hides what passes behind it */
  .st-key-screen_header, .st-key-example_line { position: relative; z-index: 6; }
  .st-key-screen_header { display: grid; grid-template-columns: auto minmax(0, 1fr); align-items: center; align-content: center; }
  .st-key-screen_header > * { min-width: 0; width: auto; }
  .st-key-screen_header > :first-child { grid-row: 1 / span 2; }
  .st-key-screen_header > :nth-child(2) p {
    font-size: 0.75rem; line-height: 1.1; white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
  }
  .st-key-screen_header > :nth-child(3) p { font-size: 0.8rem; line-height: 1.1; }
}
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.82; }
[data-testid="stMetricValue"], [data-testid="stMarkdownContainer"] { font-variant-numeric: tabular-nums; }
[data-testid="stMetricValue"], [data-testid="stMetricValue"] * { white-space: normal; overflow: visible; text-overflow: clip; }
label[disabled], label[disabled] [data-testid="stMarkdownContainer"] { color: inherit; }
[data-testid="stCaptionContainer"] code, [data-testid="stCode"] .token { color: inherit; }
[data-testid="stCode"] .token.keyword { color: #0A5F8C; }
[data-testid="stCode"] .token.string { color: #0B6648; }
[data-testid="stCode"] .token.number { color: #8F4A00; }
[data-testid="stCode"] .token.comment { color: #5B5F66; }
.katex-display { margin: 0.3rem 0 0.6rem; padding: 0.15rem 0; overflow-x: auto; overflow-y: hidden; text-align: left; }
.katex-display > .katex { text-align: left; }
[data-testid="stTooltipContent"] .katex { font-size: 1.2em; }
</style>"""
# the dark theme's accent is light, as it also colours text; Streamlit writes white on it all the same
ON_ACCENT = "#0C1512"
ACCENT_LIT = "#7FD6CD"  # and darkens it under the mouse, until it cannot be read on the ground
STYLE_DARK = f"""<style>
[data-testid="stToolbar"] > :first-child > :first-child {{ background: #14181C; }}
button[kind^="primary"]:not(:disabled), button[kind^="primary"]:not(:disabled):hover {{ color: {ON_ACCENT}; }}
button[kind="tertiary"]:not(:disabled):is(:hover, :active, :focus, [aria-expanded="true"]) {{ color: {ACCENT_LIT}; }}
[data-testid="stCode"] .token.keyword {{ color: #7CC4F0; }}
[data-testid="stCode"] .token.string {{ color: #7BD3AC; }}
[data-testid="stCode"] .token.number {{ color: #F4B06A; }}
[data-testid="stCode"] .token.comment {{ color: #AEB4BB; }}
</style>"""

_ENGINE: dict[State, tuple[str, Literal["orange", "green", "red"], str]] = {
    "starting": ("Engine starting", "orange", ":material/hourglass_top:"),
    "ready": ("Engine ready", "green", ":material/check_circle:"),
    "failed": ("Engine failed", "red", ":material/error:"),
}


def sidebar() -> None:
    """Draw the sidebar under the navigation; above the page, why a run could not be opened."""
    st.html(STYLE + (STYLE_DARK if st.context.theme.type == "dark" else ""))
    problem = session.take_problem()
    if problem:
        st.warning(f"{session.plain(problem)} Choose another under “Open run”.", icon=":material/link_off:")
    terms.open_asked()
    if projector.on():
        _projected()
        return
    with st.sidebar:
        if not hidden("runs"):
            _run_picker()
        left, right = st.columns(2)
        left.button(
            "Words",
            icon=":material/menu_book:",
            width="stretch",
            key="frame_words",
            on_click=terms.ask,
            help="Every word and figure, explained.",
        )
        name = session.plain(session.owner().nickname) or "You"
        if right.button(
            name, icon=":material/person:", width="stretch", key="frame_you", help="Your name, as others see it beside your runs."
        ):
            _you()
        st.button(
            "Projector",
            icon=":material/cast:",
            width="stretch",
            key="frame_projector",
            on_click=projector.turn,
            args=(True,),
            help="For a room: one chart, large type, no sidebar.",
        )
        starting = session.engine().health().state == "starting"
        st.fragment(_engine, run_every=POLL if starting else LOOK)(starting)


def _projected() -> None:
    """In the sidebar's stead: a row with the way to other screens and runs, and the way back."""
    st.html(projector.STYLE)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="frame_bar"):
        with st.popover("Screens", icon=":material/menu:", key="frame_screens"):
            with st.container(horizontal=True, gap="xsmall", width=LINKS):
                for name, screen in SCREENS.items():
                    st.page_link(page_of(name), label=screen.title, icon=screen.icon, width=LINKS // 3 - 8)
            if not hidden("runs"):
                _run_picker()
        st.button("End projector mode", icon=":material/cancel_presentation:", key="frame_end", on_click=projector.turn, args=(False,))


def _run_picker() -> None:
    runs = {entry.id: entry for entry in session.store().list() if not entry.problem}
    mine = session.owner().hash
    order = sorted(runs, key=lambda run_id: runs[run_id].owner != mine)  # own runs first, else as the store lists them
    opened = st.session_state.get("run_id")
    st.session_state["frame_run"] = opened if opened in runs else NO_RUN
    st.selectbox(
        "Open run",
        [NO_RUN, *order],  # an entry of its own: a list that can be cleared is cleared by Escape
        format_func=lambda run_id: _title(runs[run_id]) if run_id in runs else "None: examples are shown" if runs else "No runs yet",
        key="frame_run",
        on_change=_picked,
        disabled=not runs,
        help="The run that every screen shows: your own first, then other people's, then the examples.",
    )


def _title(entry: Summary) -> str:
    # the list finds its entries again by their text, so the end of the id keeps two runs of one name apart
    what = entry.what if entry.what != entry.name else ""
    parts = (entry.name, what, "example") if entry.read_only else (entry.name, what, entry.nickname, entry.id[-4:])
    return " · ".join(part for part in parts if part)


def _picked() -> None:
    run_id = st.session_state["frame_run"]
    if run_id == NO_RUN:
        session.close_run()
        return
    try:
        session.open_run(run_id)
    except RunError as error:  # deleted since the list was drawn
        session.close_run()
        session.report(str(error))


def _engine(was_starting: bool) -> None:
    health = session.engine().health()
    if was_starting and health.state != "starting":
        st.rerun()  # the pages may offer what they could not before
    title, colour, icon = _ENGINE[health.state]
    load = f" · {health.busy} of {health.slots} busy" if health.state == "ready" else ""
    waiting = f", {health.waiting} waiting" if health.waiting else ""
    st.badge(
        f"{title}{load}{waiting}", color=colour, icon=icon, help="Trains runs in processes of its own: they go on when this page is closed."
    )
    if health.state == "ready":
        told = "What trains: the fastest that this machine has. A run's settings may ask for another."
        st.badge(session.device(), color="gray", icon=":material/memory:", help=told)
    if health.message:
        st.caption(session.plain(health.message))


@st.dialog("You", icon=":material/person:")
def _you() -> None:
    who = session.owner()
    with st.form("frame_you_form", border=False):
        name = st.text_input("Nickname", who.nickname, max_chars=NICKNAME_LENGTH, placeholder="As others shall see it")
        token = ""
        if session.teacher_possible() and not who.teacher:
            token = st.text_input("Teacher's token", type="password", help="Whoever holds it may control and delete every run.")
        saved = st.form_submit_button("Save", type="primary")
    if who.teacher:
        st.caption("You hold the teacher's token: every run is yours to control.")
    st.caption("This browser is known by a random cookie. Runs started here are yours to stop, rename and delete; everyone may look.")
    if saved:
        session.set_nickname(name)
        if token and not session.become_teacher(token):
            st.error("That is not the teacher's token. Ask whoever started the server.", icon=":material/key_off:")
            return
        st.rerun()
