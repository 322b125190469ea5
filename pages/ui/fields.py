"""One field of a configuration as a widget: what it holds, what that means, and what is said where it means nothing.

Session keys owned here: none; a widget's key is its caller's.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args, get_origin

import streamlit as st
from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from pages.ui import number, session

WIDE = 250  # pixels, of a field
THREADS = number.Range(1, 256)  # of a field that takes a word or a number, as `train.threads` alone does

# how a choice is called on screen; what is not here is called by its own name
CHOICES: dict[Any, str] = {
    "digits": "Digits",
    "photos": "Photos",
    "shapes": "Shapes",
    "glyphs": "Letters",
    "rings": "Rings (points)",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "vq": "One codebook",
    "residual": "Residual",
    "fsq": "Fixed levels (FSQ)",
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


def called(value: Any) -> str:
    """What a value is called on screen."""
    return str(CHOICES.get(value, value)) if isinstance(value, str | int | float) else str(value)


def typed(field: FieldInfo, value: Any) -> Any:
    """A value as its widget holds it."""
    if field.annotation in (int, float):
        return number.written(field.annotation(value))
    if _is_list(field):
        return ", ".join(map(str, value))
    plain = field.annotation is bool or get_origin(field.annotation) is Literal
    return value if plain else str(value)


def read(field: FieldInfo, held: Any) -> Any:
    """What a widget holds, as a configuration takes it; None for text that is not a value of the field."""
    try:
        return _meaning(field, held)
    except ValueError:
        return None


def draw(label: str, field: FieldInfo, key: str, shown: str, *, disabled: bool, allowed: number.Range) -> Any:
    """The widget of a field with the help `shown`; returns its value, None while it is wrong, which is said below it.

    `allowed`: what a number may be.
    """
    kind = field.annotation
    options = list(get_args(kind)) if get_origin(kind) is Literal else []
    common: dict[str, Any] = {"key": key, "help": shown, "disabled": disabled, "persist_state": "session"}
    # about 34 pixels of padding and 8.2 a letter: what would wrap becomes a list
    if options and sum(34 + 8.2 * len(called(option)) for option in options) <= WIDE - 5:
        return st.segmented_control(label, options, required=True, format_func=called, **common)
    if options:
        return st.selectbox(label, options, format_func=called, **common)
    if kind is bool:
        return st.toggle(label, **common)
    if kind in (int, float):
        found = number.number(label, allowed, key=key, help=shown, disabled=disabled)
        return field.default if disabled and found is None else found
    held = str(st.text_input(label, live=True, **common)).strip()
    try:
        return _meaning(field, held)
    except ValueError as error:
        st.markdown(f":red[:material/error: {session.plain(str(error))}]")
        return None


def _meaning(field: FieldInfo, held: Any) -> Any:
    """Raises ValueError, in words for whoever typed it."""
    if not isinstance(held, str) or get_origin(field.annotation) is Literal:
        return held
    if field.annotation in (int, float):
        return number.Range.of(field).read(held)
    if _is_list(field):
        return _numbers(field, held)
    if held in (words := _words(field)):
        return held
    try:
        return THREADS.read(held)
    except ValueError:
        raise ValueError(f"“{held}” is not understood. Type {', '.join(words)}, or {THREADS.words}.") from None


def _words(field: FieldInfo) -> list[str]:
    """The words that a field takes beside numbers."""
    return [str(word) for option in get_args(field.annotation) if get_origin(option) is Literal for word in get_args(option)]


def _is_list(field: FieldInfo) -> bool:
    """Whether it takes numbers, as many as one likes."""
    return get_origin(field.annotation) is tuple


def _numbers(field: FieldInfo, held: str) -> list[number.Number]:
    entry = get_args(field.annotation)[0]
    allowed = number.Range.of(FieldInfo.from_annotation(entry)) if get_origin(entry) is Annotated else number.Range()
    texts = held.replace(";", ",").replace("·", ",").replace("×", ",").split(",")
    if not held:
        raise ValueError(f"Empty. Type numbers with commas between them, each {allowed.words}.")
    numbers = [allowed.read(text) for text in texts]
    try:
        of_list: Any = Annotated[field.annotation, *field.metadata]
        TypeAdapter(of_list).validate_python(numbers)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ") + ".") from None
    return numbers
