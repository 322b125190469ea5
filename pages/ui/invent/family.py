"""Whose codes the Invent screen draws, and which priors over them there are. Session keys owned here: `invent_priors`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import streamlit as st

from pages.ui import session
from vqcore.config.prior_defaults import LADDER, Rung
from vqcore.config.run import PriorRunConfig
from vqcore.errors import RunError
from vqcore.runs.analysis import checkpoint_stamp
from vqcore.runs.folder import RunFolder
from vqcore.runs.invented import HISTOGRAM, POSITIONS, TRAINED, UNIFORM
from vqcore.runs.status import ENDED
from vqcore.runs.store import Summary

COUNTED = {"uniform": UNIFORM, "histogram": HISTOGRAM, "positions": POSITIONS}
REFERENCE = "real"


@dataclass(frozen=True, slots=True)
class Member:
    """A rung over these codes. `run`: whose prior is asked; None where nobody has trained one, or it still trains (`training`)."""

    rung: Rung
    run: RunFolder | None
    number: int  # which of `vqcore.runs.invented`'s rungs it is for that run
    conditional: bool = False
    training: str = ""  # the id of a run that is on its way
    others: tuple[str, ...] = ()  # further runs of this kind, by id


@dataclass(frozen=True, slots=True)
class Family:
    """`source`: the run that gives model and codes: the model's own, or a prior's that holds copies of both (`note` says why).

    `name`: of the model's run. `earlier`: how many priors learnt the codes of another checkpoint of it. `opened`: the id of the open run.
    """

    source: RunFolder
    name: str
    model: str  # the id of the model's run, "" where that is gone
    step: int
    members: tuple[Member, ...]
    earlier: int
    note: str = ""
    opened: str = ""

    def member(self, key: str) -> Member | None:
        """The rung of that key where it can be asked."""
        return next((member for member in self.members if member.rung.key == key and member.run is not None), None)

    @property
    def best(self) -> str:
        """The open prior's rung, else the highest one that can be asked."""
        able = [member for member in self.members if member.run is not None]
        opened = (member for member in able if member.number == TRAINED and member.run is not None and member.run.id == self.opened)
        return next(opened, able[-1]).rung.key


def family_of(run: RunFolder) -> Family:
    """The model's codes that `run` is about, whether it is that model's or a prior's. Raises RunError: gone, or without a checkpoint."""
    parent = session.parent_of(run)
    model = session.model_of(run)
    stamp = checkpoint_stamp(model) if model is not None else None
    if parent is None:
        if stamp is None:
            raise RunError(
                "This run has no checkpoint yet, so that there is no codebook to draw from: the first one comes while it trains."
            )
        checkpoint, of, note, source = stamp.hash, run.id, "", run
    else:
        checkpoint, of = parent.checkpoint, parent.run
        alive = model is not None and stamp is not None and stamp.hash == checkpoint
        source = model if alive and model is not None else run
        note = ""
        if not alive:
            why = "was deleted" if model is None else f"has trained on since step {parent.step:,}"
            note = f"The model that this prior learnt from {why}. It works from its own copy of the model and of the codes."
    chosen = {key: str(value) for key, value in _chosen().items()}
    mine, earlier = _priors(of, checkpoint)
    if parent is not None and run.id not in chosen.values():  # the prior that was opened goes first
        mine = sorted(mine, key=lambda entry: entry.id != run.id)
    if source is run and parent is not None and checkpoint_stamp(run) is None:
        able = [entry for entry in mine if _able(entry)]
        if not able:
            raise RunError("No prior over these codes has a checkpoint yet: the first one comes while it trains.")
        source = session.store().get(able[0].id)
    members = tuple(_member(rung, source, mine, chosen.get(rung.key, "")) for rung in LADDER)
    name = model.about().name if model is not None else (parent.name or parent.run if parent else "")
    step = parent.step if parent else (stamp.step if stamp else 0)
    return Family(source, name, model.id if model is not None else "", step, members, earlier, note, run.id)


def _chosen() -> dict[str, str]:
    kept: dict[str, str] = st.session_state.setdefault("invent_priors", {})
    return kept


def choose(key: str, run_id: str) -> None:
    """Which of several priors of a kind stands on its rung."""
    _chosen()[key] = run_id


def _priors(model: str, checkpoint: str) -> tuple[list[Summary], int]:
    """Prior runs over these codes, the newest first, and how many there are over other codes of the same run."""
    found, earlier = [], 0
    for entry in session.store().list():
        if entry.kind != "prior" or entry.parent != model or entry.problem:
            continue
        try:
            path = str(session.store().get(entry.id).path)
        except RunError:  # deleted meanwhile
            continue
        if _checkpoint(path) == checkpoint:
            found.append(entry)
        else:
            earlier += 1
    return found, earlier


@lru_cache(maxsize=512)
def _config(path: str) -> PriorRunConfig | None:
    """A run's configuration never changes."""
    config = RunFolder(Path(path)).config()
    return config if isinstance(config, PriorRunConfig) else None


def _checkpoint(path: str) -> str:
    config = _config(path)
    return config.parent.checkpoint if config else ""


def _able(entry: Summary) -> bool:
    return entry.state in ENDED and checkpoint_stamp(session.store().get(entry.id)) is not None


def _member(rung: Rung, source: RunFolder, mine: list[Summary], chosen: str) -> Member:
    if rung.key in COUNTED:
        return Member(rung, source, COUNTED[rung.key])
    of_kind = [entry for entry in mine if entry.prior == rung.config.kind]
    able = [entry for entry in of_kind if _able(entry)]
    if not able:
        training = next((entry.id for entry in of_kind if entry.state not in ENDED), "")
        return Member(rung, None, TRAINED, training=training)
    first = next((entry for entry in able if entry.id == chosen), able[0])
    run = session.store().get(first.id)
    config = _config(str(run.path))
    conditional = config is not None and bool(getattr(config.prior, "conditional", False))
    return Member(rung, run, TRAINED, conditional, others=tuple(entry.id for entry in able if entry.id != first.id))
