"""The small finished run that comes with the program for the tour: sixteen digits, one code a picture."""

from __future__ import annotations

from pages.ui import session
from vqcore.config.tour import BUNDLED
from vqcore.runs.folder import RunFolder


def run() -> RunFolder | None:
    """That run; None in an installation without its examples."""
    run_id = next((entry.id for entry in session.store().list() if entry.read_only and entry.identity == BUNDLED.identity), "")
    return session.store().get(run_id) if run_id else None
