"""Several runs side by side: what differs in their settings, and their curves over one another."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel

from vqcore.config.paths import titled
from vqcore.config.run import RunConfig
from vqcore.plots import clinic
from vqcore.plots.figure import Figure
from vqcore.plots.training import compare, looks
from vqcore.records import Evaluation, PriorEvaluation, Step
from vqcore.runs.folder import RunFolder

STROKES = {"solid": "none", "dash": "8 4", "dot": "3 3", "dashdot": "8 3 2 3"}  # of the legend's lines, as plotly draws its own
_STYLE = """<style>
.vq-legend { display: flex; flex-wrap: wrap; gap: 0.1rem 1.1rem; margin: 0; padding: 0; list-style: none; font-size: 0.85rem; }
.vq-legend li { display: flex; align-items: center; gap: 0.4rem; margin: 0; overflow-wrap: anywhere; }
.vq-legend svg { flex: none; }
</style>"""

Points = tuple[list[float], list[float]]

# what may be compared: title of the axis, whether it is logarithmic, and the value of one record (None: not in this record)
MEASURES: dict[str, tuple[str, bool, Callable[[Step | Evaluation | PriorEvaluation], float | None]]] = {
    "NMSE": ("NMSE on validation data", True, lambda record: record.nmse if isinstance(record, Evaluation) else None),
    "Loss": ("Training loss", True, lambda record: record.loss if isinstance(record, Step) else None),
    "Bits per code": (
        "Prior's bits per code, validation",
        False,
        lambda record: record.bits if isinstance(record, PriorEvaluation) else None,
    ),
    "Codes used": (
        "Codes used, last epoch",
        False,
        lambda record: sum(book.used_epoch for book in record.books) if isinstance(record, Step) and record.books else None,
    ),
    "Perplexity": (
        "Validation perplexity (codes)",
        False,
        lambda record: record.books[0].perplexity if isinstance(record, Evaluation) and record.books else None,
    ),
}


def titles(folders: Sequence[RunFolder]) -> list[str]:
    """A name for each run that no other of them has: where two share one, the end of the id follows."""
    names = [folder.about().name for folder in folders]
    return [name if names.count(name) == 1 else f"{name} ({folder.id[-4:]})" for name, folder in zip(names, folders, strict=True)]


def curves(folders: Sequence[RunFolder], measure: str) -> Figure:
    """One curve a run, for a key of MEASURES. Raises RunError for a run that cannot be read."""
    title, log, value = MEASURES[measure]
    drawn: dict[str, Points] = {}
    for name, folder in zip(titles(folders), folders, strict=True):
        points = [(float(record.step), found) for record in folder.thinned().records if (found := value(record)) is not None]
        drawn[name] = ([step for step, _ in points], [float(found) for _, found in points])
    return compare(drawn, y_title=title, log=log, own=[own_colour(folder) for folder in folders])


def own_colour(folder: RunFolder) -> str:
    """The colour that a run of a pair has wherever it is drawn: the treated one, the untreated one. "" for other runs."""
    about = folder.about()
    return clinic.UNTREATED if about.follower else clinic.TREATED if about.leader else ""


def legend(folders: Sequence[RunFolder]) -> str:
    """Which line is which run, as HTML: once for all charts."""
    shown = zip(titles(folders), looks([own_colour(folder) for folder in folders]), strict=True)
    entries = (
        f'<li><svg width="30" height="10" aria-hidden="true"><line x1="0" x2="30" y1="5" y2="5" stroke="{colour}" stroke-width="3" '
        f'stroke-dasharray="{STROKES[dash]}"/></svg>{html.escape(name)}</li>'
        for name, (colour, dash) in shown
    )
    return f'{_STYLE}<ul class="vq-legend" aria-label="Runs and their lines">{"".join(entries)}</ul>'


def differences(configs: Sequence[RunConfig]) -> dict[str, list[str]]:
    """The settings in which the configurations differ: the field's title → each one's value, "–" where it has no such field."""
    flat = [_flat(config) for config in configs]
    paths = dict.fromkeys(path for one in flat for path in one)
    found: dict[str, list[str]] = {}
    for path in paths:
        values = [one.get(path, ("", "–"))[1] for one in flat]
        if len(set(values)) > 1:
            title = next(one[path][0] for one in flat if path in one)
            found[title] = values
    return found


def _flat(config: BaseModel, prefix: str = "") -> dict[str, tuple[str, str]]:
    """Dotted path → the field's title and its value as text."""
    result: dict[str, tuple[str, str]] = {}
    for name, field in type(config).model_fields.items():
        value: Any = getattr(config, name)
        parts = {f"{name}.{place}": part for place, part in enumerate(value)} if isinstance(value, tuple) else {name: value}
        if any(isinstance(part, BaseModel) for part in parts.values()):
            for path, part in parts.items():
                result |= _flat(part, f"{prefix}{path}.")
        else:
            title = titled(f"{prefix}{name}", field.title or f"{prefix}{name}".replace(".kind", "").capitalize())
            result[f"{prefix}{name}"] = (title, f"{value:g}" if isinstance(value, float) else str(value))
    return result
