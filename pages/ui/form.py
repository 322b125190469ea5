"""The form of a configuration, generated from its schema: a new field, kind or choice appears by itself.

Session keys owned here: those that begin with the form's key, one a field, as in `<key>.model.quantizer.K`. What was typed stays when it is
wrong, when the data set changes and back, and when the page is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from pages.ui import number, session
from pages.ui.fields import WIDE, called, draw, read, typed
from pages.ui.parts import hidden
from pages.ui.terms import field_help
from vqcore.config.base import Config
from vqcore.config.editing import models_in
from vqcore.config.paths import entry, leaf, nested, titled
from vqcore.config.run import RunConfig
from vqcore.errors import ConfigError

FIXED = ("kind", "schema_version")  # chosen by class, not typed

Values = dict[str, Any]  # dotted path → value


def config_form(config: RunConfig, key: str = "form", marked: Mapping[str, str] | None = None) -> RunConfig | None:
    """Draw the form, filled from `config` when that changes. Returns the configuration as it stands, or None while it is wrong.

    `marked`: by dotted path, what to say at a field until its value is another one than in `config`.
    What is wrong with a field is said at the field; under the form stand the fields to correct, and what does not fit together.
    """
    _adopt(config, key)
    values: Values = {}
    st.session_state[f"{key}.wrong"] = []
    st.session_state[f"{key}.marked"] = {path: (words, config.at(path)) for path, words in (marked or {}).items()}
    with st.container(key=key.replace(".", "_")):
        data_class = _kind("data", RunConfig.model_fields["data"], key, values)
        _row([(f"data.{name}", field) for name, field in _own_fields(data_class)], key, values)
        # the other classes are settled before any widget is drawn, as what makes sense depends on them
        fields = dict(_leaves(RunConfig, "", key, values))
        for note in _dropped(config, values):
            st.caption(f":material/info: {session.plain(note)}")
        _row([(path, field) for path, field in fields.items() if _marked(field, "short")], key, values, numbers=190)
        with st.expander("More", icon=":material/tune:", key=f"{key}_more", expanded=bool(marked)):
            for title, paths in _groups(fields).items():
                if not all(hidden(path) or _follows(path, values) for path in paths):
                    st.markdown(f"**{title}**")
                _row([(path, fields[path]) for path in paths], key, values)
        if wrong := st.session_state[f"{key}.wrong"]:
            st.error(f"Nothing can be trained until this is corrected: {session.plain(', '.join(wrong))}.", icon=":material/rule:")
            return None
        try:
            return RunConfig.parse(nested(values))
        except ConfigError as error:
            st.error(f"These settings cannot be trained yet:\n\n{_listed(str(error), fields)}", icon=":material/rule:")
            return None


def _listed(problems: str, fields: Mapping[str, FieldInfo]) -> str:
    """A problem a line, with the fields' titles in place of their paths."""
    for path, field in fields.items():
        problems = problems.replace(path, f"“{titled(path, field.title or path)}”")
    return "\n".join(f"- {session.plain(line)}" for line in problems.splitlines())


def _groups(fields: Mapping[str, FieldInfo]) -> dict[str, list[str]]:
    """What is not in the short form, under headings; of several codebooks each has its own."""
    groups: dict[str, list[str]] = {"Codes": [], "Network": [], "Training": [], "Machine and records": []}
    for path, field in fields.items():
        if _marked(field, "short"):
            continue
        if path.startswith("model.quantizer."):
            title = f"Codes, {entry(path)}" if entry(path) else "Codes"
        elif path.startswith("model."):
            title = "Network"
        else:
            title = "Machine and records" if _marked(field, "machine") else "Training"
        groups.setdefault(title, []).append(path)
    order = sorted(groups, key=lambda title: not title.startswith("Codes"))
    return {title: groups[title] for title in order if groups[title]}


def _marked(field: FieldInfo, mark: str) -> bool:
    """Whether the configuration says this of a field (`vqcore.config.base`)."""
    return isinstance(field.json_schema_extra, dict) and bool(field.json_schema_extra.get(mark))


def _dropped(config: RunConfig, values: Values) -> tuple[str, ...]:
    """What of the configuration that was handed in has no place in the kinds that are chosen now."""
    chosen = {path: value for path, value in values.items() if path.endswith(".kind") and value != config.at(path)}
    try:
        notes = config.edited_aloud(chosen)[1]
    except ConfigError:  # what does not fit together is said below the form
        return ()
    return tuple(f"{leaf(path).capitalize()} {rest}" for path, _, rest in (note.partition(" ") for note in notes))


# ---- schema


def _kinds(annotation: Any) -> dict[str, type[Config]]:
    """The configuration classes that a field may hold, by their `kind`; empty for a field that holds a plain value."""
    classes = [found for found in models_in(annotation) if issubclass(found, Config)]
    return {str(found.model_fields["kind"].default if "kind" in found.model_fields else found.__name__): found for found in classes}


def _entry_class(field: FieldInfo) -> type[Config] | None:
    """The class of the entries of a field that holds a list of configurations."""
    entries = get_args(field.annotation)[:1] if get_origin(field.annotation) is tuple else ()
    return next((found for part in entries for found in models_in(part) if issubclass(found, Config)), None)


def _own_fields(cls: type[Config]) -> Iterator[tuple[str, FieldInfo]]:
    """The fields that are typed, in the order of the schema."""
    fields = cls.model_fields.items()
    return ((name, field) for name, field in fields if name not in FIXED and not _kinds(field.annotation) and not _entry_class(field))


def _leaves(cls: type[Config], prefix: str, key: str, values: Values) -> Iterator[tuple[str, FieldInfo]]:
    """Dotted path and field of all that is typed below `cls`, less the data's. Settles each `kind` and the length of each list."""
    yield from ((f"{prefix}{name}", field) for name, field in _own_fields(cls))
    for name, field in cls.model_fields.items():
        path = f"{prefix}{name}"
        if _kinds(field.annotation) and path != "data":
            yield from _leaves(_kind(path, field, key, values), f"{path}.", key, values)
        elif (entries := _entry_class(field)) is not None:
            for place in range(_count(path, field, key)):
                _begin(entries, field, path, place, key)
                yield from _leaves(entries, f"{path}.{place}.", key, values)


def _count(path: str, field: FieldInfo, key: str) -> int:
    """How many entries a list has, as typed; the least there may be while that is wrong."""
    marks = {name: getattr(mark, name) for mark in field.metadata for name in ("min_length", "max_length") if hasattr(mark, name)}
    allowed = number.Range(marks.get("min_length", 0), marks.get("max_length"))
    label, name = field.title or path, f"{key}.{path}.count"
    st.session_state.setdefault(name, str(len(field.get_default(call_default_factory=True))))
    found = number.number(label, allowed, key=name, help=field_help(path, field.description or ""), width=190)
    if found is None:
        st.session_state[f"{key}.wrong"].append(label)
    return int(found if found is not None else allowed.low or 0)


def _begin(cls: type[Config], field: FieldInfo, path: str, place: int, key: str) -> None:
    """Fill the widgets of an entry that was not there before: as the one before it, the first as by default."""
    default = field.get_default(call_default_factory=True)[0]
    for name, own in _own_fields(cls):
        before = st.session_state.get(f"{key}.{path}.{place - 1}.{name}", typed(own, getattr(default, name)))
        st.session_state.setdefault(f"{key}.{path}.{place}.{name}", before)


def _kind(path: str, field: FieldInfo, key: str, values: Values) -> type[Config]:
    """The class that a tagged field holds; asked for where there are several."""
    kinds = _kinds(field.annotation)
    name = next(iter(kinds))
    if len(kinds) > 1:
        chosen = st.pills(
            path.rpartition(".")[2].capitalize(),
            list(kinds),
            required=True,
            format_func=called,
            key=f"{key}.{path}.kind",
            help="\n\n".join(f"**{called(kind)}.** {option.__doc__}" for kind, option in kinds.items()),
            persist_state="session",
        )
        name = chosen or name
        st.caption(kinds[name].__doc__ or "")
    if "kind" in kinds[name].model_fields:
        values[f"{path}.kind"] = name
    return kinds[name]


# ---- widgets


def _row(fields: Iterable[tuple[str, FieldInfo]], key: str, values: Values, numbers: int = WIDE) -> None:
    """Widgets side by side, as many as there is room for: they wrap on a telephone. `numbers`: pixels for a number."""
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        for path, field in fields:
            if hidden(path) or _follows(path, values):
                _leave(path, field, key, values)
                continue
            with st.container(width=numbers if field.annotation in (int, float) else WIDE):
                _widget(path, field, key, values)


def _widget(path: str, field: FieldInfo, key: str, values: Values) -> None:
    """Draw one field and put its value into `values`."""
    forced, why = _settled(path, values)
    label = titled(path, field.title or path)
    shown = field_help(path, field.description or "")
    name = _widget_key(path, key, values)
    if forced is not None:
        values[path] = forced
        st.text_input(label, called(forced), help=shown, disabled=True, key=f"{name}.forced")
    else:
        st.session_state.setdefault(name, typed(field, field.get_default(call_default_factory=True)))
        values[path] = draw(label, field, name, shown, disabled=bool(why), allowed=_range(path, field, values))
        if values[path] is None:
            st.session_state[f"{key}.wrong"].append(label)
        words, old = st.session_state[f"{key}.marked"].get(path, ("", None))
        if words and values[path] == old:
            st.markdown(f":orange[:material/flag: {session.plain(words)}]")
    if why:
        st.caption(why)


def _leave(path: str, field: FieldInfo, key: str, values: Values) -> None:
    """Put the value of a field that is not drawn into `values`: as it was handed in, or typed before it was hidden."""
    forced, _ = _settled(path, values)
    name = _widget_key(path, key, values)
    value = st.session_state.setdefault(name, typed(field, field.get_default(call_default_factory=True)))
    st.session_state[name] = value  # written anew, as the session forgets the values of widgets that are not drawn
    values[path] = forced if forced is not None else read(field, value)
    if values[path] is None:
        st.session_state[f"{key}.wrong"].append(titled(path, field.title or path))


def _follows(path: str, values: Mapping[str, Any]) -> bool:
    """Whether this field of a later stage is the first one's, and so need not be drawn."""
    return bool(_first(path)) and (path.endswith((".D", ".start_after")) or bool(values.get("model.quantizer.shared")))


def _first(path: str) -> str:
    """The same field of the first stage, for one of a later stage; else ""."""
    head, stages, rest = path.partition(".stages.")
    place, _, name = rest.partition(".")
    return f"{head}{stages}0.{name}" if stages and place != "0" else ""


def _widget_key(path: str, key: str, values: Values) -> str:
    section, _, rest = path.partition(".")
    # each data set keeps its own values, as two may share a field's name with other limits
    return f"{key}.data.{values['data.kind']}.{rest}" if section == "data" and rest != "kind" else f"{key}.{path}"


def _range(path: str, field: FieldInfo, values: Values) -> number.Range:
    """What a number may be, beside what was chosen before it."""
    allowed = number.Range.of(field)
    steps = values.get("train.steps")
    return replace(allowed, high=max(0, steps - 1)) if path.endswith(".start_after") and isinstance(steps, int) else allowed


def _settled(path: str, values: Mapping[str, Any]) -> tuple[Any, str]:
    """What earlier choices force this field to be (None: nothing), and why it cannot be chosen now ("": it can)."""
    if _follows(path, values):
        return values[_first(path)], "As in the first stage."
    points = values.get("data.kind") == "rings"
    if path == "model.downsampling" and points:
        return "vector", "Points have no grid: they become one vector."
    if path == "model.net" and points:
        return None, "Points take fully connected layers."
    if path == "model.net" and values.get("model.downsampling") != "vector":
        return "conv", "A grid of codes needs convolutions."
    if path == "model.reconstruction" and points:
        return "mse", "Points are not black or white: squared error it is."
    codebook, _, name = path.rpartition(".")
    if name == "init_scale" and values.get(f"{codebook}.init") in ("data", "kmeans"):
        return None, "Codes start on encoder outputs: no scale to choose."
    if name == "codebook_weight" and values.get(f"{codebook}.learning") == "ema":
        return None, "EMA moves the codes: the codebook loss is only shown."
    return None, ""


# ---- state


def _adopt(config: RunConfig, key: str) -> None:
    """Fill the widgets anew when another configuration is handed in."""
    text = json.dumps(config.model_dump(mode="json"), sort_keys=True)
    if st.session_state.get(f"{key}.adopted") == text:
        return
    st.session_state[f"{key}.adopted"] = text
    values = {"data.kind": config.data.kind}
    for path, field, value in _walk(config, ""):
        st.session_state[_widget_key(path, key, values)] = value if field is None else typed(field, value)


def _walk(config: Config, prefix: str) -> Iterator[tuple[str, FieldInfo | None, Any]]:
    """Path, field and value of all that widgets hold; without a field: a kind, and how many entries a list has, as text."""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, Config):
            yield from _walk(value, f"{prefix}{name}.")
        elif _entry_class(field) is not None:
            yield f"{prefix}{name}.count", None, str(len(value))
            for place, part in enumerate(value):
                yield from _walk(part, f"{prefix}{name}.{place}.")
        elif name == "kind":
            yield f"{prefix}{name}", None, value
        elif name not in FIXED:
            yield f"{prefix}{name}", field, value
