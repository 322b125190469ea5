"""The form of a configuration, generated from its schema: a new field, kind or choice appears by itself.

Session keys owned here: those that begin with the form's key, one a field, as in `<key>.model.quantizer.K`. What was typed stays when it is
wrong, when the data set changes and back, and when the page is left.
"""

from __future__ import annotations

import json
import types
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from pages.ui import number, session
from pages.ui.parts import hidden
from pages.ui.terms import field_help
from vqcore.config.base import Config
from vqcore.config.run import RunConfig
from vqcore.errors import ConfigError

BASIC = ("model.quantizer.K", "model.quantizer.D", "model.downsampling", "train.steps")
MACHINE = ("device", "precision", "threads", "speed_limit", "record_every", "evaluate_every", "evaluation_images", "checkpoint_every")
WIDE = 250  # pixels, of a field
THREADS = number.Range(1, 256)  # of a field that takes a word or a number, as `train.threads` alone does
FIXED = ("kind", "schema_version")  # chosen by class, not typed
UNTYPED = ("residual", "fsq")  # kinds with fields that the form cannot draw yet

# how a choice is called on screen; what is not here is called by its own name
CHOICES: dict[Any, str] = {
    "digits": "Digits",
    "photos": "Photos",
    "shapes": "Shapes",
    "glyphs": "Letters",
    "rings": "Rings (points)",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "vector": "one vector",
    "conv": "convolutions",
    "mlp": "fully connected",
    "ema": "EMA",
    "straight_through": "straight-through",
    "kmeans": "k-means",
    "l2": "l2-normalised",
    "mse": "squared error",
    "bce": "binary cross-entropy",
}

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
        _row([(path, fields[path]) for path in BASIC], key, values, numbers=190)
        with st.expander("More", icon=":material/tune:", key=f"{key}_more", expanded=bool(marked)):
            for title, paths in _groups(fields).items():
                if not all(hidden(path) for path in paths):
                    st.markdown(f"**{title}**")
                _row([(path, fields[path]) for path in paths], key, values)
        if wrong := st.session_state[f"{key}.wrong"]:
            st.error(f"Nothing can be trained until this is corrected: {session.plain(', '.join(wrong))}.", icon=":material/rule:")
            return None
        try:
            return RunConfig.parse(_nested(values))
        except ConfigError as error:
            st.error(f"These settings cannot be trained yet:\n\n{_listed(str(error), fields)}", icon=":material/rule:")
            return None


def _listed(problems: str, fields: Mapping[str, FieldInfo]) -> str:
    """A problem a line, with the fields' titles in place of their paths."""
    for path, field in fields.items():
        problems = problems.replace(path, f"“{field.title or path}”")
    return "\n".join(f"- {session.plain(line)}" for line in problems.splitlines())


def _groups(fields: Mapping[str, FieldInfo]) -> dict[str, list[str]]:
    rest = [path for path in fields if path not in BASIC]
    train = [path for path in rest if path.startswith("train.")]
    quantizer = [path for path in rest if path.startswith("model.quantizer.")]
    return {
        "Codes": quantizer,
        "Network": [path for path in rest if path.startswith("model.") and path not in quantizer],
        "Training": [path for path in train if path.removeprefix("train.") not in MACHINE],
        "Machine and records": [path for path in train if path.removeprefix("train.") in MACHINE],
    }


# ---- schema


def _kinds(annotation: Any) -> dict[str, type[Config]]:
    """The configuration classes that a field may hold, by their `kind`; empty for a field that holds a plain value."""
    if get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    options = get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)
    classes = [option for option in options if isinstance(option, type) and issubclass(option, Config)]
    kinds = {str(option.model_fields["kind"].default if "kind" in option.model_fields else option.__name__): option for option in classes}
    return {kind: option for kind, option in kinds.items() if kind not in UNTYPED}


def _own_fields(cls: type[Config]) -> Iterator[tuple[str, FieldInfo]]:
    """The fields that are typed, in the order of the schema."""
    return ((name, field) for name, field in cls.model_fields.items() if name not in FIXED and not _kinds(field.annotation))


def _leaves(cls: type[Config], prefix: str, key: str, values: Values) -> Iterator[tuple[str, FieldInfo]]:
    """Dotted path and field of all that is typed below `cls`, less the data's. Settles each `kind` in `values`."""
    yield from ((f"{prefix}{name}", field) for name, field in _own_fields(cls))
    for name, field in cls.model_fields.items():
        if _kinds(field.annotation) and f"{prefix}{name}" != "data":
            chosen = _kind(f"{prefix}{name}", field, key, values)
            yield from _leaves(chosen, f"{prefix}{name}.", key, values)


def _kind(path: str, field: FieldInfo, key: str, values: Values) -> type[Config]:
    """The class that a tagged field holds; asked for where there are several."""
    kinds = _kinds(field.annotation)
    name = next(iter(kinds))
    if len(kinds) > 1:
        chosen = st.pills(
            path.rpartition(".")[2].capitalize(),
            list(kinds),
            required=True,
            format_func=_called,
            key=f"{key}.{path}.kind",
            help="\n\n".join(f"**{_called(kind)}.** {option.__doc__}" for kind, option in kinds.items()),
            persist_state="session",
        )
        name = chosen or name
        st.caption(kinds[name].__doc__ or "")
    if "kind" in kinds[name].model_fields:
        values[f"{path}.kind"] = name
    return kinds[name]


def _called(value: Any) -> str:
    return CHOICES.get(value, str(value))


# ---- widgets


def _row(fields: Iterable[tuple[str, FieldInfo]], key: str, values: Values, numbers: int = WIDE) -> None:
    """Widgets side by side, as many as there is room for: they wrap on a telephone. `numbers`: pixels for a number."""
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        for path, field in fields:
            if hidden(path):
                _leave(path, field, key, values)
                continue
            with st.container(width=numbers if field.annotation in (int, float) else WIDE):
                _widget(path, field, key, values)


def _widget(path: str, field: FieldInfo, key: str, values: Values) -> None:
    """Draw one field and put its value into `values`."""
    forced, why = _settled(path, values)
    label = field.title or path
    shown = field_help(path, field.description or "")
    name = _widget_key(path, key, values)
    if forced is not None:
        values[path] = forced
        st.text_input(label, _called(forced), help=shown, disabled=True, key=f"{name}.forced")
    else:
        st.session_state.setdefault(name, _typed(field, field.get_default(call_default_factory=True)))
        values[path] = _input(label, field, name, shown, disabled=bool(why), allowed=_range(path, field, values))
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
    value = st.session_state.setdefault(name, _typed(field, field.get_default(call_default_factory=True)))
    st.session_state[name] = value  # written anew, as the session forgets the values of widgets that are not drawn
    values[path] = forced if forced is not None else _read(field, value)
    if values[path] is None:
        st.session_state[f"{key}.wrong"].append(field.title or path)


def _read(field: FieldInfo, held: Any) -> Any:
    """What a widget holds, as a configuration takes it; None for text that is not a value of the field."""
    if not isinstance(held, str) or get_origin(field.annotation) is Literal:
        return held
    try:
        if field.annotation in (int, float):
            return number.Range.of(field).read(held)
        return held if held in _words(field) else THREADS.read(held)
    except ValueError:
        return None


def _words(field: FieldInfo) -> list[str]:
    """The words that a field takes beside numbers."""
    return [str(word) for option in get_args(field.annotation) if get_origin(option) is Literal for word in get_args(option)]


def _widget_key(path: str, key: str, values: Values) -> str:
    section, _, rest = path.partition(".")
    # each data set keeps its own values, as two may share a field's name with other limits
    return f"{key}.data.{values['data.kind']}.{rest}" if section == "data" and rest != "kind" else f"{key}.{path}"


def _range(path: str, field: FieldInfo, values: Values) -> number.Range:
    """What a number may be, beside what was chosen before it."""
    allowed = number.Range.of(field)
    steps = values.get("train.steps")
    return replace(allowed, high=max(0, steps - 1)) if path.endswith(".start_after") and isinstance(steps, int) else allowed


def _input(label: str, field: FieldInfo, name: str, shown: str, *, disabled: bool, allowed: number.Range) -> Any:
    kind = field.annotation
    options = list(get_args(kind)) if get_origin(kind) is Literal else []
    common: dict[str, Any] = {"key": name, "help": shown, "disabled": disabled, "persist_state": "session"}
    # about 34 pixels of padding and 8.2 a letter: what would wrap becomes a list
    if options and sum(34 + 8.2 * len(_called(option)) for option in options) <= WIDE - 5:
        return st.segmented_control(label, options, required=True, format_func=_called, **common)
    if options:
        return st.selectbox(label, options, format_func=_called, **common)
    if kind is bool:
        return st.toggle(label, **common)
    if kind in (int, float):
        typed = number.number(label, allowed, key=name, help=shown, disabled=disabled)
        return field.default if disabled and typed is None else typed
    held = str(st.text_input(label, live=True, **common)).strip()  # a number or a word, as threads are
    if (read := _read(field, held)) is None:
        words = f"{', '.join(_words(field))}, or {THREADS.words}"
        st.markdown(f":red[:material/error: {session.plain(f'“{held}” is not understood. Type {words}.')}]")
    return read


def _typed(field: FieldInfo, value: Any) -> Any:
    """A value as its widget holds it."""
    if field.annotation in (int, float):
        return number.written(field.annotation(value))
    plain = field.annotation is bool or get_origin(field.annotation) is Literal
    return value if plain else str(value)


def _settled(path: str, values: Mapping[str, Any]) -> tuple[Any, str]:
    """What earlier choices force this field to be (None: nothing), and why it cannot be chosen now ("": it can)."""
    match path:
        case "model.downsampling" if values.get("data.kind") == "rings":
            return "vector", "Points have no grid: they become one vector."
        case "model.net" if values.get("data.kind") == "rings":
            return None, "Points take fully connected layers."
        case "model.net" if values.get("model.downsampling") != "vector":
            return "conv", "A grid of codes needs convolutions."
        case "model.reconstruction" if values.get("data.kind") == "rings":
            return "mse", "Points are not black or white: squared error it is."
        case "model.quantizer.init_scale" if values.get("model.quantizer.init") in ("data", "kmeans"):
            return None, "Codes start on encoder outputs: no scale to choose."
        case "model.quantizer.codebook_weight" if values.get("model.quantizer.learning") == "ema":
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
        st.session_state[_widget_key(path, key, values)] = value if field is None else _typed(field, value)


def _walk(config: Config, prefix: str) -> Iterator[tuple[str, FieldInfo | None, Any]]:
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        if isinstance(value, Config):
            yield from _walk(value, f"{prefix}{name}.")
        elif name == "kind":
            yield f"{prefix}{name}", None, value
        elif name not in FIXED:
            yield f"{prefix}{name}", field, value


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, value in values.items():
        *parents, leaf = path.split(".")
        node = tree
        for part in parents:
            node = node.setdefault(part, {})
        node[leaf] = value
    return tree
