"""What the museum shows of a bug: two runs as plain series, kept as JSON. No torch, so that pages read it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vqcore.errors import RunError
from vqcore.runs.files import is_disk_full, retried, write_bytes

SCHEMA_VERSION = 1
BUNDLED = Path(__file__).resolve().parents[2] / "assets" / "museum"  # the pairs of seed 0, which come with the program

# what `Trial.series` holds: title on a plot, and what it is
SERIES: Mapping[str, tuple[str, str]] = {
    "loss": ("Loss", "What training minimises."),
    "reconstruction": ("Reconstruction", "Squared error over the data's variance."),
    "codebook": ("Codebook term", "Mean squared distance from z_e to its code, unweighted."),
    "commitment": ("Commitment term", "Mean squared distance from z_e to its code, unweighted."),
    "used": ("Codes used", "Codes that were chosen within the last epoch."),
    "z_norm": ("|z_e|", "Mean length of the encoder's outputs."),
    "e_norm": ("|e_k|", "Mean length of the codes."),
    "moved": ("Codes moved", "Mean distance of the codes from where they started."),
    "revived": ("Revived", "Codes revived since the point before, each as often as it was."),
    "died_again": ("Dead again", "Codes that were revived before, and not chosen since the point before."),
    "picture_at_z": ("Reconstruction's gradient at z_e", "Its length, on the same 64 training pictures."),
    "picture_at_codes": ("Reconstruction's gradient at the codes", "Its length, on the same 64 training pictures."),
    "book_at_z": ("Quantizer loss's gradient at z_e", "Its length, on the same 64 training pictures."),
    "book_at_codes": ("Quantizer loss's gradient at the codes", "Its length, on the same 64 training pictures."),
}


@dataclass(frozen=True, slots=True)
class Trial:
    """One run: `series` by name (see SERIES), as long as `steps`; `nmse` over all validation pictures at `evaluated`.

    `problem`: why it ended early, or "".
    """

    steps: tuple[int, ...]
    series: Mapping[str, tuple[float, ...]]
    evaluated: tuple[int, ...]
    nmse: tuple[float, ...]
    nmse_mean_picture: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """The same run without the bug and with it. `identity`: of their configuration."""

    key: str
    seed: int
    identity: str
    healthy: Trial
    buggy: Trial


def read(folders: Sequence[Path], key: str, seed: int, identity: str) -> Pair | None:
    """The pair that one of the folders holds; None when none does, or only of another configuration or version: train it again."""
    for folder in folders:
        try:
            data = json.loads(retried(_path(folder, key, seed).read_bytes))
            pair = _pair(data)
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue
        if data["schema_version"] == SCHEMA_VERSION and (pair.key, pair.seed, pair.identity) == (key, seed, identity):
            return pair
    return None


def write(folder: Path, pair: Pair) -> None:
    """Raises RunError when it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        document = {"schema_version": SCHEMA_VERSION, **asdict(pair)}
        write_bytes(_path(folder, pair.key, pair.seed), (json.dumps(document, separators=(",", ":")) + "\n").encode())
    except OSError as error:
        if is_disk_full(error):
            raise RunError(f"The disk of {folder} is full: the museum's curves were not kept. Make room, then try again.") from None
        raise RunError(f"{folder} cannot be written ({error.strerror or error}). Make it writable.") from None


def museum_of(root: Path) -> Path:
    """Where pairs are kept, given the folder of all runs."""
    return root / ".museum"


def _path(folder: Path, key: str, seed: int) -> Path:
    return folder / f"{key}-{seed:d}.json"


def _pair(data: Mapping[str, Any]) -> Pair:
    return Pair(str(data["key"]), int(data["seed"]), str(data["identity"]), _trial(data["healthy"]), _trial(data["buggy"]))


def _trial(data: Mapping[str, Any]) -> Trial:
    steps = tuple(int(step) for step in data["steps"])
    series = {name: tuple(float(value) for value in data["series"][name]) for name in SERIES}
    if any(len(values) != len(steps) for values in series.values()):
        raise ValueError("series of another length than their steps")
    evaluated, nmse = tuple(map(int, data["evaluated"])), tuple(map(float, data["nmse"]))
    return Trial(steps, series, evaluated, nmse, float(data["nmse_mean_picture"]), str(data["problem"]))
