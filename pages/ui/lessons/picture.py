"""The drawing of a lesson: what it asks about, without the answer. `assets/lessons/<lesson>.svg`."""

from __future__ import annotations

import base64
import html
from functools import cache

import streamlit as st

from vqcore.lessons.loader import FOLDER

_STYLE = """<style>
.vq-lesson-picture { display: block; width: 100%; max-width: 22rem; height: auto; aspect-ratio: 2; }
@media (max-width: 640px) { .vq-lesson-picture { max-width: 12rem; } }
</style>"""


def show(key: str, title: str) -> None:
    """Draw it as wide as its place; nothing for a lesson without one."""
    if source := _inline(key):
        st.html(f'{_STYLE}<img class="vq-lesson-picture" src="{source}" alt="{html.escape(f"Drawing: {title}", quote=True)}">')


@cache
def _inline(key: str) -> str:
    try:
        return f"data:image/svg+xml;base64,{base64.b64encode((FOLDER / f'{key}.svg').read_bytes()).decode()}"
    except OSError:
        return ""
