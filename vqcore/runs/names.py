"""Ids of runs, and the names that people give them."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

NAME_LENGTH = 80
NICKNAME_LENGTH = 24
JOINERS = "\u200c\u200d"  # no sign of their own: Persian spells with the first, emoji are joined by the second
TAGS = range(0xE0020, 0xE0080)  # the letters behind a black flag that say whose it is, as Scotland's


def new_id() -> str:
    """A run id: date, time and a random part, as in 20261123-104512-3f9a."""
    return f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def unused_id(root: Path, *, unlike: Collection[str] = ()) -> str:
    """A run id that no run under `root` has, and that is not among `unlike`."""
    while (root / (found := new_id())).exists() or found in unlike:
        pass
    return found


def cleaned(text: str, length: int) -> str:
    """What people typed, as one line without control characters, of at most `length` characters."""
    line = "".join(sign if sign.isprintable() or sign in JOINERS or ord(sign) in TAGS else " " for sign in text)
    short = " ".join(line.split())[:length].strip()
    return short.strip(JOINERS).strip()  # a joiner at an end joins nothing, and a name of joiners alone could not be seen
