"""What a screen, a treatment, a lesson or a prior needs of a model and its data, and what is said where that is missing. No torch here.

Needs are declared where the thing itself is; whether they are met is known from a run's configuration, before there is any record.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from vqcore.config.data import Modality
from vqcore.config.presets import PRESETS
from vqcore.config.run import RunConfig

Need = Literal["codes", "one book", "learned codes", "grid", "sequence", "pictures", "sound", "labels", "two levels", "gaussian"]


@dataclass(frozen=True, slots=True)
class _Kind:
    """`noun`: what is needed, in words. `met`: whether a run has it. `instead`: what a run without it is like."""

    noun: str
    met: Callable[[RunConfig], bool]
    instead: Callable[[RunConfig], str]


_DATA: dict[Modality, str] = {"image": "are pictures", "points": "are points", "sound": "are sound"}
_GRIDS = {0: "gives each example one code", 1: "gives each example a row of codes", 2: "gives each example a grid of codes"}


def _data_are(config: RunConfig) -> str:
    return f"this run's data {_DATA[config.data.modality]}"


def _has_data(modality: Modality) -> Callable[[RunConfig], bool]:
    return lambda config: str(config.data.modality) == modality


def _has_axes(axes: int) -> Callable[[RunConfig], bool]:
    return lambda config: any(len(level.grid) == axes for level in config.levels())


def _axes_are(config: RunConfig) -> str:
    return f"this model {_GRIDS[len(config.levels()[-1].grid)]}"


def _books_are(config: RunConfig) -> str:
    return f"this model has {len(config.books()) or 'none'}"


def _learned_none(config: RunConfig) -> str:
    return "this model's codes stand where a rule puts them" if config.books() else "this model has no codebook"


_KINDS: dict[Need, _Kind] = {
    "codes": _Kind("a codebook", lambda config: bool(config.books()), _books_are),
    "one book": _Kind("a single codebook", lambda config: len(config.books()) == 1, _books_are),
    "learned codes": _Kind("codes that are learned", lambda config: any(book.learned for book in config.books()), _learned_none),
    "grid": _Kind("a grid of codes", _has_axes(2), _axes_are),
    "sequence": _Kind("a row of codes", _has_axes(1), _axes_are),
    "pictures": _Kind("pictures", _has_data("image"), _data_are),
    "sound": _Kind("sound", _has_data("sound"), _data_are),
    "labels": _Kind("labels", lambda config: config.data.labelled, lambda config: "this run's data have none"),
    "two levels": _Kind("a model of two levels", lambda config: len(config.levels()) > 1, lambda config: "this one has a single level"),
    "gaussian": _Kind(
        "a Gaussian code, as a standard VAE has",
        lambda config: any(not level.books for level in config.levels()),
        lambda config: "this model has a codebook",
    ),
}
# of several things that are missing the first is said: without pictures, or without codes, nobody asks for a grid
_ORDER: tuple[Need, ...] = tuple(sorted(_KINDS, key=lambda need: need not in ("pictures", "sound", "codes")))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a run cannot be served, in one sentence, and the way out: the id of a run at hand that can, else the key of a preset.

    Both are "" where nothing fits.
    """

    sentence: str
    run: str = ""
    preset: str = ""


def met(needs: Collection[Need], config: RunConfig) -> bool:
    """Whether a run of this configuration has all that is needed."""
    return all(_KINDS[need].met(config) for need in needs)


def refusal(
    what: str, needs: Collection[Need], config: RunConfig, at_hand: Callable[[], Iterable[tuple[str, RunConfig]]] = lambda: ()
) -> Refusal | None:
    """None where a run of `config` has all the `needs` of `what` (as in "Paint"), else what to say, and what to open instead.

    `at_hand`: ids and configurations of runs that could be opened, the best first; asked for only where something is missing.
    """
    missing = next((need for need in _ORDER if need in needs and not _KINDS[need].met(config)), None)
    if missing is None:
        return None
    kind = _KINDS[missing]
    run = next((run_id for run_id, other in at_hand() if met(needs, other)), "")
    preset = next((key for key, preset in PRESETS.items() if not preset.needs_download and met(needs, preset.config)), "")
    return Refusal(f"{what} needs {kind.noun}, and {kind.instead(config)}.", run, "" if run else preset)
