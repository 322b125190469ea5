"""Large messages that never return to what they were. Session keys owned here: `serials`.

Streamlit sends a message of 10 kB or more only once and then by its name, for as long as the browser says that it still has it. The
browser forgets what was not drawn in its last runs; what it said shortly before may then no longer be true, and a picture that returns to
an earlier state (to one code and back, by two quick clicks) ends the connection with "Cached ForwardMsg MISS". So what is drawn carries
a number that changes whenever it does: an earlier state under a new number is a new message.
"""

from __future__ import annotations

import streamlit as st


def serial(key: str, content: str) -> int:
    """A number for what is drawn under this key: the same while `content` is, else one that it never had in this session."""
    kept: dict[str, tuple[int, int]] = st.session_state.setdefault("serials", {})
    known = hash(content)
    last, number = kept.get(key, (known, 0))
    if last != known:
        number += 1
    kept[key] = (known, number)
    return number
