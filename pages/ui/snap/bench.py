"""The step under the lens, for one browser: which it is, how to go on and back, what may be changed on the way.

Until the models are loaded, the first step comes from a file, so that the screen opens on it; then from the model itself.
Session keys owned here: `snap_*`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from pages.ui import models, number
from pages.ui.component import ASSETS
from pages.ui.lessons import answering
from pages.ui.snap.message import message, to_json
from pages.ui.snap.phases import PHASES
from pages.ui.snap.setups import Setup
from vqcore.colours import CodeColours
from vqcore.config.quantizer import VQConfig
from vqcore.config.run import RunConfig
from vqcore.snippets import stepping
from vqcore.snippets.snippet import Snippet

if TYPE_CHECKING:
    from vqcore.analysis.microscope import Microscope

ORDER = list(PHASES)
# what may change on the way: widget's key → path in the configuration
PATHS = {
    "snap_learning": "model.quantizer.learning",
    "snap_estimator": "model.quantizer.estimator",
    "snap_beta": "model.quantizer.commitment_weight",
    "snap_decay": "model.quantizer.ema_decay",
    "snap_lr": "train.lr",
}


@dataclass
class Bench:
    """One browser's microscope. `told` is the step's message, `config` what it was taken under."""

    setup: Setup
    told: str
    config: RunConfig
    microscope: Microscope | None = None  # None: the models are not loaded yet
    colours: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 3), dtype=np.uint8))
    number: int = 0  # of this bench in its session
    started: RunConfig | None = None  # what the model began under, where that is not the setup's

    @property
    def live(self) -> bool:
        return self.microscope is not None

    @property
    def steps_back(self) -> int:
        return self.microscope.steps_back if self.microscope else 0

    def look(self) -> None:
        """Tell the step under the lens anew."""
        assert self.microscope is not None
        frame = self.microscope.frame
        self.told = to_json(message(frame, self.colours))
        self.config = frame.config


@cache
def first() -> str:
    """The message of the default setup's first step, as `microscope` would compute it."""
    return (ASSETS / "snap" / "first.json").read_text(encoding="utf-8").strip()


def forget() -> None:
    """The next look begins with the default setup's first step."""
    for name in ("snap_bench", "snap_frozen", "snap_phase"):
        st.session_state.pop(name, None)


def stored() -> Bench:
    """The first step from its file."""
    setup = Setup()
    return Bench(setup, first(), setup.config())


def built(setup: Setup, changes: dict[str, Any] | None = None) -> Bench:
    """A microscope set up anew, in a few hundredths of a second. Raises ConfigError, DataError."""
    started = setup.config().edited(changes or {})
    microscope = models.microscope(started, setup.steps)
    frame = microscope.frame
    colours = CodeColours.fit(frame.codebook).codes
    bench = Bench(setup, "", frame.config, microscope, colours, started=started)
    bench.look()
    return bench


def current() -> Bench:
    """This browser's bench; the model takes the file's place as soon as it is there."""
    bench: Bench | None = st.session_state.get("snap_bench")
    if bench is None or not (bench.live or not models.ready()):
        bench = built(bench.setup if bench else Setup()) if models.ready() else bench or stored()
        _keep(bench)
    elif "snap_frozen" not in st.session_state:
        sync(bench)  # back from another page, where the switches were forgotten
    return bench


def _keep(bench: Bench) -> None:
    st.session_state["snap_bench"] = bench
    sync(bench)


def sync(bench: Bench) -> None:
    """Let every switch show what the step was taken under. Before the switches are drawn, or in a callback."""
    for name, path in PATHS.items():
        st.session_state[name] = bench.config.at(path)
    frame = json.loads(bench.told)
    st.session_state["snap_frozen"], st.session_state["snap_kept"] = frame["frozen"], frame["kept"]


# ── on and back: callbacks of the buttons ──


def phase() -> str:
    """The phase that is shown."""
    chosen = st.session_state.get("snap_phase")
    return chosen if chosen in PHASES else ORDER[0]


def _moved(bench: Bench) -> None:
    bench.look()
    sync(bench)


def forward(steps: int) -> None:
    """Whole steps; the phase stays, so that one of them can be watched from step to step."""
    bench = current()
    if bench.microscope:
        models.one_thread()
        bench.microscope.forward(steps)
        answering.note_frame(bench.microscope.frame)
        _moved(bench)


def backward(steps: int) -> None:
    bench = current()
    if bench.microscope:
        models.one_thread()
        bench.microscope.back(steps)
        _moved(bench)


def next_phase() -> None:
    """On to the next phase; after the last, to the next step."""
    at = ORDER.index(phase())
    if at == len(ORDER) - 1:
        if not current().live:
            return
        forward(1)
    st.session_state["snap_phase"] = ORDER[(at + 1) % len(ORDER)]


def last_phase() -> None:
    """Back to the phase before, of the step before if need be."""
    at = ORDER.index(phase())
    if at == 0:
        if not current().steps_back:
            return
        backward(1)
    st.session_state["snap_phase"] = ORDER[at - 1]


def reset() -> None:
    """The first step of the same setup, as it was."""
    bench = current()
    if bench.microscope:
        models.one_thread()
        bench.microscope.reset()
        _moved(bench)
    st.session_state["snap_phase"] = ORDER[0]


# ── settings: callbacks of the switches ──


def changed(name: str) -> None:
    """A setting of this step and all that follow."""
    bench = current()
    if bench.microscope and st.session_state[name] is not None:
        models.one_thread()
        bench.microscope.change({PATHS[name]: st.session_state[name]})
    _moved(bench)


def held() -> None:
    """Freeze the encoder, or let it go. Frozen, the same batch comes again: then only the codes move, as in k-means."""
    frozen = bool(st.session_state["snap_frozen"])
    _hold(frozen, frozen)


def kept() -> None:
    _hold(None, bool(st.session_state["snap_kept"]))


def _hold(frozen: bool | None, kept: bool) -> None:
    bench = current()
    if bench.microscope:
        models.one_thread()
        bench.microscope.change(frozen=frozen, kept=kept)
        _moved(bench)


def form_key(bench: Bench, name: str) -> str:
    """Of a field of the form: what was typed is kept, but another model has another form."""
    return f"snap_new_{name}_{bench.number}"


def set_up() -> None:
    """The form's data set, start, K and seed: a new model, under the settings chosen on the way."""
    old = current()
    if not old.live:
        return
    seed = number.whole(form_key(old, "seed"), old.setup.seed)
    if seed is None:
        return  # the field says why
    setup = Setup(**{name: st.session_state[form_key(old, name)] for name in ("data", "start", "K")}, seed=seed)
    # each data set has a learning rate of its own
    kept = {path: old.config.at(path) for path in PATHS.values() if path != "train.lr" or setup.data == old.setup.data}
    bench = built(setup, kept)
    bench.number = old.number + 1
    _keep(bench)
    st.session_state["snap_phase"] = ORDER[0]


def code(bench: Bench) -> Snippet:
    """The lines that come to the step under the lens."""
    told = json.loads(bench.told)
    trail = bench.microscope.trail if bench.microscope else ()
    figures = (told["step"], told["loss"], told["lossAfter"])
    return stepping.step(bench.started or bench.setup.config(), bench.setup.steps, trail, figures)


def quantizer(bench: Bench) -> VQConfig:
    return bench.config.plain_vq()
