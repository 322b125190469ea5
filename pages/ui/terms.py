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
    """A button that opens a screen's own words in place, for those who tap. `key` must be the caller's own."""
    with st.popover("What do these words mean?", icon=":material/help:", type="tertiary", key=f"terms_{key}"):
        for name in names:
            st.markdown(_markdown(GLOSSARY[name]))


@st.dialog("Words", width="large", icon=":material/menu_book:")
def glossary() -> None:
    """The whole glossary, searchable."""
    typed = st.text_input(
        "Search", key="terms_search", placeholder="codes used, perplexity, dead …", icon=":material/search:", help="Any part of a word."
    )
    found = search(typed)
    if not found:
        st.info("No such word here. Try a shorter part of it.", icon=":material/search_off:")
    for section, entries in SECTIONS.items():
        shown = [entry for name, entry in found.items() if name in entries]
        if not shown:
            continue
        st.badge(section, color="primary")  # a heading in a dialog is smaller than its text
        for entry in shown:
            st.markdown(_markdown(entry))


def _short(entry: Entry) -> str:
    values = f"  \n:gray[Values: {entry.values}]" if entry.values else ""
    return f"**{entry.title}.** {entry.sentence}  \n{entry.definition}{values}"


def _markdown(entry: Entry) -> str:
    return _short(entry) + (f"  \n:gray[Computed or held in] `{entry.where}`" if entry.where else "")
