"""One chart, large type, no sidebar: what a room can read from its last row. Session keys owned here: `projector`.

The address carries `?projector=1`.
"""

from __future__ import annotations

import streamlit as st

from pages.ui import query

QUERY = "projector"
ROOT = 22  # pixels of one rem; 16 otherwise
SCALE = ROOT / 16
TALL = 350  # pixels of a chart: what 720 leave beside a title, figures and controls

# what is as wide as so many pixels would cut its larger letters short
STYLE = f"""<style>
html {{ font-size: {ROOT}px; }}
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"], [data-testid="stSidebarCollapsedControl"],
[data-testid="stToolbar"], [data-testid="stHeader"], [data-testid="stForm"] {{ display: none !important; }}
.stMainBlockContainer {{ padding-block: 0.5rem 1rem; max-width: none; position: relative; }}
.stMainBlockContainer > [data-testid="stVerticalBlock"] {{ gap: 0.6rem; }}
.stMainBlockContainer h1 {{ padding: 0; font-size: 1.7rem; }}
.stMainBlockContainer .st-key-screen_header > :first-child {{ margin-left: 0; }}
.st-key-screen_header > :nth-child(3) {{ flex-basis: 100%; }}
.st-key-frame_bar {{ justify-content: flex-end; }}
.st-key-frame_bar button {{ min-height: 0; padding: 0.15rem 0.6rem; }}
[data-testid="stLayoutWrapper"]:has(> .st-key-frame_bar) {{ position: absolute; top: 0.4rem; right: 0.6rem; width: auto; z-index: 6; }}
[data-testid="stColumn"]:has([data-testid^="stBidiComponent"], [data-testid="stPlotlyChart"]) {{ min-width: calc(100% - 1rem); }}
[data-testid="stElementContainer"]:has([data-testid="stMetric"]), .st-key-control_bar [data-testid="stElementContainer"] {{
  flex: 0 0 auto !important; width: max-content !important; max-width: 100%; }}
[data-testid="stMetricLabel"] *, [data-testid="stMetricValue"] * {{ overflow: visible; text-overflow: clip; }}
.st-key-control_bar > div:has(button) {{ flex: 0 0 auto; width: max-content; }}
.st-key-control_bar button {{ width: auto; }}
.vq-strip img {{ width: auto; max-width: 100%; height: 4.4rem; }}
.vq-sheet .vq-strip img {{ height: 15rem; }}
.vq-sheet {{ max-width: none; }}
.vq-strip figcaption {{ line-height: 1.3; }}
</style>"""


def on() -> bool:
    """Whether this browser shows its screens to a room."""
    return bool(st.session_state.get("projector", False))


def turn(to: bool) -> None:
    """Callback of the switches."""
    st.session_state["projector"] = to
    query.put(QUERY, "1" if to else "")


def arrive() -> None:
    """Once a script run: take the mode from the address, or put it back there after a change of page."""
    asked = query.asked(QUERY)
    turn(on() if asked is None else asked == "1")


def scale() -> float:
    """By how much letters and lines of a chart grow."""
    return SCALE if on() else 1.0


def height(pixels: int) -> int:
    """Of a chart: as it is, or as tall as a projector has room for."""
    return TALL if on() else pixels
