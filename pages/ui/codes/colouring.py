"""What the colours of a map say. Axes: T snapshots, K codes, L labels. Colours are uint8 RGB."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pages.ui.codemap import Key, Ramp
from pages.ui.codes.look import Seen
from vqcore.plots.codes import WHOLE, ramp, shares
from vqcore.plots.figure import RUN_COLOURS
from vqcore.runs.probed import Probe

Mode = Literal["code", "usage", "age", "alive", "label"]
MODES: dict[Mode, tuple[str, tuple[str, ...]]] = {  # title, and the glossary's words for it
    "code": ("Code", ("colour",)),
    "usage": ("Usage", ("usage",)),
    "age": ("Age", ("age",)),
    "alive": ("Dead or alive", ("dead",)),
    "label": ("Label", ("majority_label", "purity")),
}

ALIVE, FADING, NEVER = (0, 114, 178), (213, 94, 0), (138, 138, 138)
_PALE = 150.0  # the grey that an impure code fades to
# for up to ten labels: Okabe–Ito and four more that keep apart from it
_LABELS = (*RUN_COLOURS, "#8C6BB1", "#A6761D", "#66A61E", "#E7298A")


@dataclass(frozen=True, slots=True, eq=False)
class Paint:
    """`colours` (K, 3) or (T, K, 3), and their legend as keys, as a ramp, or both."""

    colours: NDArray[np.uint8]
    keys: tuple[Key, ...] = ()
    ramp: Ramp | None = None


def modes(probe: Probe | None) -> list[Mode]:
    """What can be shown: labels only where the data have them and the model has been asked."""
    return [mode for mode in MODES if mode != "label" or (probe is not None and bool(probe.label_names))]


def paint(mode: Mode, seen: Seen, probe: Probe | None = None) -> Paint:
    """The colours of every snapshot of `seen`. "label" needs a probe with labels."""
    film = seen.film
    match mode:
        case "usage":
            share = shares(film.hits)
            top = max(2, int(share.max(initial=2)))
            colours = ramp(np.log(np.maximum(share, 1)) / np.log(top))  # (T, K, 3)
            legend = Ramp("Choices of 10,000, log", "1", f"{top:,}", _steps())
            return Paint(colours, ramp=legend)
        case "age":
            oldest = max(2, int(film.age.max(initial=2)))
            young = 1 - np.log1p(np.maximum(film.age, 0)) / np.log1p(oldest)
            colours = ramp(young)
            legend = Ramp("Steps since last chosen, log", f"{oldest:,}", "0", _steps())
            return Paint(colours, ramp=legend)
        case "alive":
            colours = np.full((*film.dead.shape, 3), ALIVE, dtype=np.uint8)
            colours[film.age >= max(1, film.epoch_steps / 2)] = FADING
            return Paint(colours, (Key("alive", ALIVE), Key("alive, not chosen for half an epoch", FADING)))
        case "label":
            assert probe is not None
            return _labels(seen, probe)
        case "code":
            return Paint(seen.hues)


def _labels(seen: Seen, probe: Probe) -> Paint:
    book = probe.books[seen.book]
    label, purity = book.majority()
    palette = palette_of(len(probe.label_names))
    chance = 1 / max(1, len(probe.label_names))
    # a code that knows nothing of labels is as good as chance: it is drawn grey
    strength = ((np.nan_to_num(purity) - chance) / (1 - chance)).clip(0, 1) if chance < 1 else np.ones(len(purity))
    colours = _PALE + (palette[np.maximum(label, 0)] - _PALE) * (0.25 + 0.75 * strength[:, None])
    colours[label < 0] = NEVER
    present = [int(which) for which in np.unique(label) if which >= 0]
    keys = tuple(Key(probe.label_names[which], _tuple(palette[which])) for which in present)
    return Paint(colours.round().astype(np.uint8), keys)


def ages_differ(seen: Seen) -> bool:
    """Whether at the latest snapshot some codes were last chosen longer ago than others."""
    return len(np.unique(seen.film.age[-1])) > 1


def note(mode: Mode, seen: Seen, probe: Probe | None) -> str:
    """What the colours say, in a sentence."""
    match mode:
        case "age" if not ages_differ(seen):
            return "Every code was chosen in the latest step, so now all have one colour: go back in the film, or colour by usage."
        case "usage":
            return f"Each colour is a share of {WHOLE:,} choices since the snapshot before, on a log scale."
        case "age":
            return "Each colour is how many training steps ago the code was last chosen, on a log scale."
        case "alive":
            return f"Alive: chosen within the last epoch's worth of steps. Crosses are {'dead' if seen.learned else 'not'}."
        case "label" if probe is not None:
            nouns = f"{seen.config.data.noun}s"
            return f"The label of the {nouns} in which a code is chosen most, at step {probe.step:,}. The greyer, the less pure."
        case _:
            return "One code, one colour, on every screen: codes that lie close together look alike."


def labels(seen: Seen, probe: Probe | None) -> list[str]:
    """For each code what its tooltip says of labels; nothing where there are none."""
    if probe is None or not probe.label_names:
        return []
    return [
        f"mostly {probe.label_names[label]} ({100 * purity:.0f} %)" if label >= 0 else "never chosen on validation data"
        for label, purity in zip(*probe.books[seen.book].majority(), strict=True)
    ]


def palette_of(count: int) -> NDArray[np.float64]:
    """Colours for so many labels, (count, 3). Beyond ten no eye tells all apart: then hues go around, light and dark by turns."""
    if count <= len(_LABELS):
        return np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in _LABELS[:count]], dtype=np.float64).reshape(-1, 3)
    wheel = [colorsys.hls_to_rgb(i / count, 0.42 if i % 2 else 0.62, 0.75) for i in range(count)]
    return np.array(wheel) * 255


def _steps() -> NDArray[np.uint8]:
    return ramp(np.linspace(0, 1, 16))


def _tuple(colour: NDArray[np.float64]) -> tuple[int, int, int]:
    r, g, b = (round(float(part)) for part in colour)
    return r, g, b
