"""How a component is made of its files: `assets/<folder>/component.html`, `.css`, and scripts, one after the other in one scope."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

ASSETS = Path(__file__).resolve().parents[2] / "assets"


def component(folder: str, *scripts: str, isolate_styles: bool = True) -> Any:
    """The component `vq_<folder>`, to be mounted by a call; once at import. `scripts` without ending, `../shared/…` for those of several.

    Without `scripts`: `component.js` alone. `isolate_styles` False: it lives in the document itself, not under a shadow root.
    """
    home = ASSETS / folder
    return st.components.v2.component(
        f"vq_{folder}",
        html=(home / "component.html").read_text(encoding="utf-8"),
        css=(home / "component.css").read_text(encoding="utf-8"),
        js="\n".join((home / f"{script}.js").read_text(encoding="utf-8") for script in scripts or ("component",)),
        isolate_styles=isolate_styles,
    )
