"""Where the command line writes: any console takes it, and nothing in a name or a path is read as a style."""

from __future__ import annotations

import codecs
import io
import sys
from typing import Any

from rich.console import Console

# what an encoding lacks is written in signs that every encoding has
_PLAIN = {
    "·": "-",
    "–": "-",
    "—": "-",
    "−": "-",
    "…": "...",
    "→": "->",
    "×": "x",
    "≤": "<=",
    "≥": ">=",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "β": "beta",
}
ERRORS = "vqcore.plain"


def console(*, stderr: bool = False) -> Console:
    """A console whose texts are printed as they are: square brackets and :words: in a path are no styles and no pictures."""
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, soft_wrap=True)


def tolerate_encodings() -> None:
    """From now on a sign that the standard streams cannot encode is replaced, where Python would raise in the middle of a run."""
    codecs.register_error(ERRORS, _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # it is None without a console, and tests put their own there
            stream.reconfigure(errors=ERRORS)


def encoded(text: str, stream: Any) -> bytes:
    """`text` in the encoding of `stream`, with what that lacks replaced."""
    codecs.register_error(ERRORS, _replaced)
    return text.encode(getattr(stream, "encoding", None) or "utf-8", ERRORS)


def _replaced(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    if all("\udc80" <= sign <= "\udcff" for sign in lacking):
        # bytes of a file's name that are no text: as they are, so that the name can be copied
        return bytes(ord(sign) - 0xDC00 for sign in lacking), error.end
    return "".join(_PLAIN.get(sign, "?") for sign in lacking), error.end
