"""Every screen as a visitor meets it, every tab of it opened; and what no screen may say of a run that has ended.

Charts are messages to a component: a figure without a single point to draw is an empty chart under a title.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

from pages.ui.invent.wanted import TABS as INVENT_TABS
from pages.ui.panels import ONE as TRAIN_CHARTS
from pages.ui.screens import SCREENS
from vqcore.glossary import GLOSSARY

MAIN = Path(__file__).resolve().parents[2] / "pages" / "main.py"
LOOKS = 6  # at most, until a screen has all its answers
# of each screen with tabs: the session key of the open one, and all of them
TABS: dict[str, tuple[str, tuple[str, ...]]] = {
    "codes": ("codes_below", ("Lives", "Usage meter", "Are codes useful?", "Download")),
    "paint": ("paint_below", ("Whole grid", "Draw one", "Prior", "Save and share")),
    "invent": ("invent_tab", INVENT_TABS),
}

WITHOUT_RUN = ("start", "snap", "lessons", "museum")  # screens that show the same whatever is open

# what only a run that still trains may be told
_PROMISES = (
    "as soon as it",
    "as it trains",
    "while it trains",
    "comes with the first",
    "come with the first",
    "keeps its first checkpoint soon",
    "has no checkpoint yet",
    "no pictures yet",
    "no snapshot",
    "once samples are drawn",
    "once the samples are drawn",
    "come in a moment",
)
_NOTHING = re.compile(r"(?:= ?|of |\b)None(?! \(|:)\b(?= codes| of|[,.;)]|$)|\bnan\b|\bNaN\b|\binf\b|\bundefined\b", re.MULTILINE)
# what nobody may say of a shape that has none: screens that are about other runs as well, and the header's line, are let off
_UNTRUE = {
    "points": re.compile(r"\b(?:images?|pictures?|tiles?|pixels?)\b(?! \(PNG\))", re.IGNORECASE),
    "vector": re.compile(r"\btiles?\b", re.IGNORECASE),
    "fsq": re.compile(r"\b(?:EMA|moving average|codebook loss|revived?|dead|die[ds]?)\b", re.IGNORECASE),
}
_OF_OTHERS = ("bits", "runs", *WITHOUT_RUN)
REFUSAL = re.compile(
    r"^.* needs (?:pictures|a codebook|a single codebook|a grid of codes|codes that are learned), and this .*$", re.MULTILINE
)
_EXPLAINED = "This run's data are points, not pictures: each becomes one code, and is put back where that code decodes to."
_HEADERS = {f"**{screen.look}**" for screen in SCREENS.values()}
_WORDS = tuple(f"**{entry.title}.** {entry.sentence}" for entry in GLOSSARY.values())


@dataclass(frozen=True, slots=True)
class Place:
    """A screen, or a tab of one: `state` is what the session holds when one is there."""

    name: str
    screen: str
    state: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)


def _places() -> Iterator[Place]:
    for screen in SCREENS:
        key, values = TABS.get(screen, ("", ()))
        for value in values:
            yield Place(f"{screen}: {value}", screen, {key: value})
        if not values:
            yield Place(screen, screen)
    for name in TRAIN_CHARTS:
        yield Place(f"train, projector: {name}", "train", {"train_one": name}, {"projector": "1"})
    for colour in ("usage", "age", "label"):
        yield Place(f"codes by {colour}", "codes", {"codes_colour": colour})


PLACES = {place.name: place for place in _places()}
OF_PRIORS = ("train", "priors", "invent", "inside", "paint", "codes", "collapse", "bits", "runs")


def places(shape: str) -> list[str]:
    """Where to go with a shape: everywhere with a picture's grid; elsewhere not where the same parts are only laid out otherwise."""
    if shape == "grid":
        return list(PLACES)
    if not shape.endswith(" prior"):
        return [name for name, place in PLACES.items() if place.screen not in WITHOUT_RUN and not place.query]
    # of the screens that show its model instead, one tab
    first = {place.screen: name for name, place in reversed(PLACES.items()) if place.screen in OF_PRIORS}
    return [name for name, place in PLACES.items() if place.screen == "invent" or name in first.values() or name == "paint: Prior"]


def visit(place: Place, run: str, **query: str) -> AppTest:
    """That place with this run open, once it has all that it asks for; `query` is in the address as well."""
    at = AppTest.from_file(str(MAIN), default_timeout=60)
    at.session_state["guest"] = "a" * 43
    at.query_params["run"] = run
    for name, value in {**place.query, **query}.items():
        at.query_params[name] = value
    for name, value in place.state.items():
        at.session_state[name] = value
    at.switch_page(f"{place.screen}.py")
    before = ""
    for _ in range(LOOKS):
        at.run()
        now = words(at) + str(len(at.get("bidi_component")))
        if at.exception or now == before:
            break
        before = now
    return at


def words(at: AppTest) -> str:
    """All that the page says, a line an element; style sheets, the header and the glossary left out."""
    said = [*at.title, *at.subheader, *at.markdown, *at.caption, *at.info, *at.success, *at.warning, *at.error]
    lines = [text for element in said if not (text := str(element.value)).startswith(_WORDS) and text not in _HEADERS]
    lines += [f"{metric.label}: {metric.value}" for metric in at.metric]
    lines += [str(element.proto.body) for element in at.get("html")]
    lines += [str(widget.label) for kind in ("button", "selectbox", "toggle", "select_slider") for widget in at.get(kind)]
    lines += [str(frame.value.to_csv()) for frame in at.dataframe]
    text = re.sub(r"<style>.*?</style>", "", "\n".join(lines), flags=re.DOTALL)
    return re.sub(r"data:image/[^\"')]*|(?:class|style|data-[a-z]+)=\"[^\"]*\"", "", text)


def figures(at: AppTest) -> dict[str, dict[str, Any]]:
    """The charts on the page by their names."""
    messages = [json.loads(component.proto.json) for component in at.get("bidi_component")]
    drawn = [json.loads(message["figure"]) for message in messages if "figure" in message]
    return {figure["layout"].get("meta", {}).get("name", str(i)): figure for i, figure in enumerate(drawn)}


def faults(at: AppTest, place: Place, shape: str) -> list[str]:
    """What is wrong with a page that shows a finished run of that shape, as sentences; empty: nothing."""
    found = [f"exception: {error.value}" for error in at.exception]
    said = words(at)
    found += [f"error on the page: {error.value}" for error in at.error]
    found += [f"a promise that never comes true: “{promise}”" for promise in _PROMISES if promise in said]
    found += [f"a value that is none: “{_around(said, match)}”" for match in _NOTHING.finditer(said)]
    model = shape.removesuffix(" prior")
    untrue = _UNTRUE.get(model)
    # a diagnosis says what such a model cannot suffer from
    if untrue and place.screen not in _OF_OTHERS and (place.screen, model) != ("collapse", "fsq"):
        said = REFUSAL.sub("", said).replace(_EXPLAINED, "")
        found += [f"not true of {shape}: “{_around(said, match)}”" for match in untrue.finditer(said)]
    found += [f"an empty chart: “{name}”" for name, figure in figures(at).items() if not any(map(_drawn, figure["data"]))]
    return found


def _around(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - 30) : match.end() + 10].replace("\n", " ")


def _drawn(trace: Mapping[str, Any]) -> bool:
    """Whether a trace of a figure has anything to draw: a typed array, or a list with a value."""
    return any(_values(trace.get(axis)) for axis in ("x", "y", "z", "values"))


def _values(axis: Any) -> bool:
    if isinstance(axis, Mapping):  # binary: {"dtype": …, "bdata": …}
        return bool(axis.get("bdata"))
    return isinstance(axis, list) and any(_values(value) if isinstance(value, list) else value is not None for value in axis)
