"""Ids of runs, and the names that people give them."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

NAME_LENGTH = 80
NICKNAME_LENGTH = 24


def new_id() -> str:
    """A run id: date, time and a random part, as in 20261123-104512-3f9a."""
    return f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def unused_id(root: Path, *, unlike: str = "") -> str:
    """A run id that no run under `root` has, and that is not `unlike`."""
    while (root / (found := new_id())).exists() or found == unlike:
        pass
    return found


def cleaned(text: str, length: int) -> str:
    """What people typed, as one line without control characters, of at most `length` characters."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:length].strip()
