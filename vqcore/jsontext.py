"""JSON as people hand it over: with a byte-order mark, in UTF-16, nested without end. What cannot be read raises one kind of error."""

from __future__ import annotations

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """The value that `text` holds; bytes may be UTF-8, UTF-16 or UTF-32, with or without a byte-order mark. Raises ValueError."""
    try:
        return json.loads(text.removeprefix("\ufeff") if isinstance(text, str) else text)
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None


def parse_value(text: str) -> Any:
    """A value that somebody typed: JSON where it is JSON, else the text itself."""
    try:
        return parse_json(text)
    except ValueError:
        return text
