"""Two runs of one patient, as a trainer would have left them; and what the Collapse screen says of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from pages.ui import session
from vqcore.clinic.causes import CAUSES
from vqcore.records import BookEvaluation, BookSnapshot, BookStep, BookWalk, Evaluation, Event, Snapshot, Step, Walk
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import acquire
from vqcore.runs.status import RunState
from vqcore.runs.store import RunStore
from vqcore.runs.writer import RunWriter

from .conftest import ADA

Page = Callable[..., AppTest]
Pair = tuple[RunFolder, RunFolder]
MakePair = Callable[..., Pair]
CAUSE = "far_init"
STEPS = 300
K, D, V = 16, 4, 40


def said(at: AppTest) -> str:
    """Everything that the page says, as it is read."""
    parts: list[Any] = [*at.error, *at.warning, *at.info, *at.success, *at.caption, *at.markdown]
    return "\n".join(part.value.replace("\\", "").replace("\u2060", "") for part in parts)


def components(at: AppTest, name: str) -> list[dict[str, Any]]:
    return [json.loads(node.proto.json) for node in at.get("bidi_component") if node.proto.component_name == name]


def charts(at: AppTest) -> dict[str, dict[str, Any]]:
    drawn = [json.loads(data["figure"]) for data in components(at, "vq_chart")]
    return {figure["layout"]["meta"]["name"]: figure for figure in drawn}


def keys(at: AppTest) -> set[str]:
    return {str(button.key) for button in at.button if str(button.key).startswith("collapse_")}


def records(folder: RunFolder, used: int, upto: int, treated: int = 0) -> Iterator[Any]:
    """What a trainer would have written: `used` of K codes in use until it was treated, all of them from then on."""
    random = np.random.default_rng(0)
    for step in range(0, upto + 1, 50):
        alive = K if treated and step >= treated else used
        book = BookStep("codes", float(alive), alive, alive, K - alive, alive, 2.0)
        if treated and step == treated:
            config = folder.config().model_dump(mode="json")
            yield Event(step, "treated", "Revived 14 dead codes.", 1, {"command": "revive", "changes": {}, "config": config})
        yield Step(step, step / 25, step * 64, step / 100, 6400.0, 1e-3, 0.5, {"reconstruction": 0.5, "commitment": 0.1}, 1.5, (book,))
        yield Walk(step, max(0, step - 50), (BookWalk("codes", float(step > 0), 0.8, 0.25),))
        judged = BookEvaluation("codes", K, alive, float(alive), np.log2(alive), 640, 4, 16.0)
        yield Evaluation(step, 40, True, 0.3, {"reconstruction": 0.3}, 0.01, 1 / alive, 0.52, 20.0, (judged,))
        codes = random.normal(size=(K, D)).astype(np.float16)
        codes[alive:] += 30
        hits = np.where(np.arange(K) < alive, 40, 0)
        z = random.normal(size=(V, D)).astype(np.float16)
        age = np.where(np.arange(K) < alive, 0, -1)
        chosen = (np.arange(V) % alive).astype(np.int32)
        yield Snapshot(step, (BookSnapshot("codes", codes, hits, hits, age, np.ones(K, dtype=np.float32), z, chosen),))


def maker(store: RunStore) -> MakePair:
    """Two runs of one patient, as far as `upto`; treated at step `treated` on the right, and left in that `state`."""

    def make(
        *, cookie: str = ADA, nickname: str = "", state: RunState = "finished", upto: int = STEPS, treated: int = 100, cause: str = CAUSE
    ) -> Pair:
        config = CAUSES[cause].config.edited({"model.quantizer.K": K, "train.steps": STEPS, "train.evaluate_every": 50})
        names = tuple(f"{CAUSES[cause].patient}: {side}" for side in ("left", "right"))
        owner = session.owner_hash(cookie) if cookie else ""
        left, right = store.create_group((config, config), names=names, owner=owner, nickname=nickname, preset=f"collapse:{cause}")
        folders = left, right
        for folder, at in zip(folders, (0, treated), strict=True):
            if state != "queued":
                fill(folder, records(folder, 2, upto, at), state)
        return folders

    return make


def fill(folder: RunFolder, found: Iterator[Any], state: RunState) -> None:
    lease = acquire(folder, "cli")
    writer = RunWriter(folder, lease)
    writer.write(Event(0, "started", "On the processor."))
    for record in found:
        writer.write(record)
    if state == "finished":
        writer.write(Event(STEPS, "finished", "Finished 300 steps."))
    lease.release(state if state in ("finished", "stopped", "interrupted", "failed") else "stopped")


@contextmanager
def held(folders: Pair, *states: RunState) -> Iterator[None]:
    """Both runs as a living process has them."""
    with ExitStack() as stack:
        for folder, state in zip(folders, states or ("running", "running"), strict=True):
            lease = acquire(folder, "engine")
            stack.callback(lease.release, "stopped")
            lease.set_status(state=state)
        yield
