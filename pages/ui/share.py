"""Share this: the address of a state, and a code that a room can scan. Session keys owned here: `share_*`."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable
from functools import lru_cache
from io import BytesIO
from urllib.parse import urlsplit

import segno
import streamlit as st

from pages.ui import link, session
from vqcore.config.run import RunConfig
from vqcore.errors import LinkError
from vqcore.lessons.controls import PARTS
from vqcore.lessons.link import State, of_config

_LOCAL = ("127.0.0.1", "localhost", "::1")
# white around it in every theme: a scanner looks for dark on light
_STYLE = """<style>
.vq-qr { display: block; width: min(100%, var(--side)); height: auto; background: #fff; image-rendering: pixelated; border-radius: 4px; }
</style>"""


@lru_cache(maxsize=64)
def qr(text: str) -> str:
    """The QR code of an address as a data URI, with the quiet zone that scanners need. Error correction M."""
    out = BytesIO()
    segno.make_qr(text, error="m").save(out, kind="svg", border=4, dark="#000", light="#fff", omitsize=True)
    return f"data:image/svg+xml;base64,{base64.b64encode(out.getvalue()).decode()}"


def code(address: str, side: str) -> None:
    """Draw the QR code, `side` wide (a CSS length)."""
    told = html.escape(f"QR code of {address}", quote=True)
    st.html(f'{_STYLE}<img class="vq-qr" style="--side: {html.escape(side, quote=True)}" src="{qr(address)}" alt="{told}">')


def address_and_code(address: str, key: str) -> None:
    """Both, and a way to show the code to a room. `key` must be the caller's own."""
    with st.container(horizontal=True, gap="small"):
        with st.container(width=190):
            code(address, "190px")
        with st.container(width=300, gap="xsmall"):
            st.code(address, language=None, wrap_lines=True)
            if urlsplit(address).hostname in _LOCAL:
                st.caption("It leads to this computer only. For others, open this page under the address by which they reach it.")
            if st.button("Show it to the room", icon=":material/cast:", key=f"share_room_{key}"):
                st.session_state["share_shown"], st.session_state["share_close"] = address, f"share_{key}"
                st.rerun()


def room() -> None:
    """Once a script run: the code that was asked for, over the page."""
    closed = st.session_state.pop("share_close", "")
    if closed:
        st.session_state[closed] = False  # the popover, which would lie over it
    if address := st.session_state.get("share_shown"):
        _room(str(address))


def _dismissed() -> None:
    st.session_state.pop("share_shown", None)


@st.dialog("Scan to open", width="large", icon=":material/qr_code_2:", on_dismiss=_dismissed)
def _room(address: str) -> None:
    """As large as the window lets it be."""
    code(address, "min(66vh, 100%)")
    st.code(address, language=None, wrap_lines=True)


def popover(state: State, key: str, label: str = "Share this") -> None:
    """A button that opens the address of a state. `key` must be the caller's own."""
    with st.popover(label, icon=":material/qr_code_2:", type="tertiary", key=f"share_{key}", on_change="rerun") as opened:
        if opened.open:
            st.markdown("Who opens this finds the same page, settings, seed and hidden controls.")
            _shown(lambda: state, key)


def of_settings(page: str, config: Callable[[], RunConfig], key: str) -> None:
    """A button that shares a configuration and what its visitors' pages leave out. `key` must be the caller's own."""
    with st.popover("Share this", icon=":material/qr_code_2:", type="tertiary", key=f"share_{key}", on_change="rerun") as opened:
        if not opened.open:
            return
        st.markdown("Who opens this finds these settings and this seed, ready to train.")
        hidden = st.pills(
            "Leave out for them",
            list(PARTS),
            selection_mode="multi",
            format_func=str.capitalize,
            key=f"share_hide_{key}",
            help="\n\n".join(f"**{name.capitalize()}**: {what}." for name, what in PARTS.items()),
            persist_state="session",
        )
        large = st.toggle("In projector mode", key=f"share_large_{key}", persist_state="session")
        _shown(lambda: of_config(page, config(), hidden=tuple(hidden), projector=large), key)


def _shown(make: Callable[[], State], key: str) -> None:
    try:
        found = link.address(make())
    except LinkError as error:
        st.info(session.plain(str(error)), icon=":material/link_off:")
        return
    address_and_code(found, key)
