"""How far an owner has come in the tour, kept as a small file under `VQ_RUNS`: it outlives the session and the server.

A file that is missing or damaged means: nothing done yet. One that cannot be written is no reason to stop anybody.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from pages.ui import session
from vqcore.errors import VQError
from vqcore.runs.files import read_json, write_json
from vqcore.runs.store import runs_folder

FOLDER = ".tour"
_owner = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class Progress:
    """`done`: finished or skipped. `card`: the last one that was open, from 1. `tried`: cards whose act was done. `runs`: card → run."""

    done: bool = False
    card: int = 1
    tried: tuple[str, ...] = ()
    runs: dict[str, str] = field(default_factory=dict)


def read() -> Progress:
    """What this owner has done. Looks at the disk each time: another window may have gone on."""
    path = _path()
    if path is None:
        return Progress()
    try:
        return _parsed(read_json(path))
    except (VQError, OSError, ValueError):
        return Progress()


def change(**changes: Any) -> Progress:
    """Keep `changes`, fields of Progress, and return what is now kept."""
    before = read()
    after = replace(before, **changes)
    path = _path()
    if path is not None and after != before:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, json.loads(json.dumps(asdict(after))))
        except OSError:
            pass
    return after


def tried(card: str) -> Progress:
    """The act of this card was done."""
    now = read()
    return now if card in now.tried else change(tried=(*now.tried, card))


def _path() -> Path | None:
    name = session.owner().hash
    return runs_folder() / FOLDER / f"{name}.json" if _owner.fullmatch(name) else None


def _parsed(data: dict[str, Any]) -> Progress:
    card, runs, acts = data.get("card"), data.get("runs"), data.get("tried")
    return Progress(
        done=data.get("done") is True,
        card=card if isinstance(card, int) and not isinstance(card, bool) else 1,
        tried=tuple(str(name) for name in acts) if isinstance(acts, list) else (),
        runs={str(name): str(run) for name, run in runs.items()} if isinstance(runs, dict) else {},
    )
