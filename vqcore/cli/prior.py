"""`prior`: train a prior over the codes of a run, in the same folders that the pages read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vqcore.cli.interrupt import NICKNAME
from vqcore.cli.paths import run_named, runs_root
from vqcore.cli.train import require_device, run_shown
from vqcore.config.prior_defaults import LADDER, name_of, sized
from vqcore.errors import ConfigError
from vqcore.runs.analysis import scratch_of
from vqcore.runs.folder import RunFolder
from vqcore.runs.frozen import beginning
from vqcore.runs.store import runs_folder

KINDS = tuple(dict.fromkeys(rung.config.kind for rung in LADDER))


def start(parent: str, kind: str, edits: Mapping[str, Any], *, out: Path | None, conditional: bool, name: str) -> int:
    """Train a prior over the codes of the run `parent`, its folder or id, with `edits` (dotted path → value). Returns the exit code.

    Raises ConfigError, RunError.
    """
    if kind not in KINDS:
        raise ConfigError(f"There is no prior {kind!r}. There are: {', '.join(KINDS)}.")
    folder = run_named(parent)
    if wrong := [path for path in edits if not path.startswith(("prior.", "train."))]:
        raise ConfigError(f"{', '.join(wrong)}: the model is frozen. What can be set begins with prior. or train.")
    rung = next(rung for rung in reversed(LADDER) if rung.config.kind == kind)  # of histograms the one with a table for each cell
    prior, train = sized(rung, folder.effective_config(), conditional=conditional)
    made, parts = beginning(folder, prior, train, scratch_of(runs_folder()))
    config = made.edited(edits) if edits else made
    require_device(config)
    root = runs_root(out)
    return run_shown(RunFolder.create(root, config, name=name or name_of(config), nickname=NICKNAME, parts=parts), config)
