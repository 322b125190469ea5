"""A plotly chart that lives through ticks: its node, its zoom and its hidden curves stay while new data arrive."""

from __future__ import annotations

from importlib.metadata import version

from pages.ui import projector
from pages.ui.component import component
from pages.ui.serial import serial
from vqcore.plots.figure import Figure, to_json

# served by app.py from the installed package; browsers keep it until the version changes
LIBRARY = f"plotly/plotly.min.js?v={version('plotly')}"

# plotly.js puts its own style sheet into the document's head
_component = component("chart", isolate_styles=False)


def chart(figure: Figure | str, key: str, height: int = 320, *, of: str = "") -> None:
    """Draw a figure, or the JSON of one, `height` pixels high and as wide as its place; larger on the projector. One key, one chart.

    `of` names what is drawn, a run's id: the zoom stays while it stays the same.
    Call it in the same place at every run: an element inserted above would mount it anew.
    """
    text = figure if isinstance(figure, str) else to_json(figure)
    _component(
        key=key,
        data={
            "figure": text,
            "height": projector.height(height),
            "scale": projector.scale(),
            "library": LIBRARY,
            "of": of,
            "serial": serial(key, text),
        },
    )
