"""A definition one hover or tap away. Session keys owned here: `terms_*`."""

from __future__ import annotations

import streamlit as st

from vqcore.glossary import BY_FIELD, GLOSSARY, SECTIONS, search
from vqcore.words.entry import Entry


def help_text(*names: str) -> str:
    """For the `help=` of any widget, metric or heading: the entries' sentences and definitions. Raises KeyError for an unknown word."""
    return "\n\n---\n\n".join(_short(GLOSSARY[name]) for name in names)


def field_help(path: str, description: str) -> str:
    """For the widget of a configuration's field, by its dotted path: what the field says of itself, then the glossary."""
    name = BY_FIELD.get(path.rpartition(".")[2])
    return description if name is None else f"{description}\n\n---\n\n{_short(GLOSSARY[name])}"


def words(*names: str, key: str) -> None:
    """A button that opens a screen's own words in place, for those who tap, and leads to all others. `key` must be the caller's own."""
    again = st.session_state.get("terms_shut", 0)
    name = f"terms_{key}_{again}" if again else f"terms_{key}"
    with st.popover("What do these words mean?", icon=":material/help:", type="tertiary", key=name):
        for name in names:
            st.markdown(_markdown(GLOSSARY[name]))
        if st.button("All words", icon=":material/menu_book:", key=f"terms_all_{key}"):
            ask()
            st.session_state["terms_shut"] = again + 1  # another popover, which is shut: this one would lie over the dialog
            st.rerun()  # the frame opens it: a fragment's next tick would close what the fragment opened


def ask() -> None:
    """Have the frame open the whole glossary at the next run of the page."""
    st.session_state["terms_open"] = True


def open_asked() -> None:
    """For the frame, once a script run. It stays open until it is closed by hand, though the page be run anew beneath it."""
    if st.session_state.get("terms_open", False):
        glossary()


def _closed() -> None:
    st.session_state["terms_open"] = False


@st.dialog("Words", width="large", icon=":material/menu_book:", on_dismiss=_closed)
def glossary() -> None:
    """The whole glossary: by its parts, or searched while one types."""
    typed = st.text_input(
        "Search",
        key="terms_search",
        type="search",
        live=True,
        placeholder="codes used, entropy, log2, dead …",
        icon=":material/search:",
        help="Any part of a word, of another name for it, or of an equation.",
    )
    part = st.pills("Part", list(SECTIONS), key="terms_part", label_visibility="collapsed", wrap=True)
    found = {name: entry for name, entry in search(str(typed or "")).items() if part is None or name in SECTIONS[part]}
    if not found:
        where = f" in “{part}”" if part else ""
        st.info(f"No such word{where}. Try a shorter part of it{', or all parts' if part else ''}.", icon=":material/search_off:")
        return
    st.caption(f"{len(found)} of {len(GLOSSARY)} words")
    if typed:  # the best come first
        for entry in found.values():
            st.markdown(_markdown(entry))
        return
    for section, entries in SECTIONS.items():
        shown = [entry for name, entry in found.items() if name in entries]
        if not shown:
            continue
        st.badge(section, color="primary")  # a heading in a dialog is smaller than its text
        for entry in shown:
            st.markdown(_markdown(entry))


def _short(entry: Entry) -> str:
    """For a tooltip, where an equation stands in a line of its own like a sentence."""
    return _said(entry, f"  \n${entry.equation}$  \n" if entry.equation else "  \n")


def _markdown(entry: Entry) -> str:
    said = _said(entry, f"\n\n$$\n{entry.equation}\n$$\n\n" if entry.equation else "  \n")
    return said + (f"  \n:gray[Computed or held in] `{entry.where}`" if entry.where else "")


def _said(entry: Entry, equation: str) -> str:
    values = f"  \n:gray[Values: {entry.values}]" if entry.values else ""
    return f"**{entry.title}.** {entry.sentence}{equation}{entry.definition}{values}"
