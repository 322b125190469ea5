"""What people name on the command line: runs by id or by folder, and files to write, which are tried before the work begins."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from vqcore.cli.shell import command
from vqcore.errors import ConfigError, RunError
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import EXAMPLES, RunStore, is_run_id, runs_folder


def runs_root(out: Path | None) -> Path:
    """Where run folders go: `out`, else where the pages look."""
    return out.expanduser().resolve() if out is not None else runs_folder()


def run_named(text: str, root: Path | None = None) -> RunFolder:
    """The run that `text` names, by its folder or by its id in the runs folder or among the examples. Raises RunError."""
    path = Path(text).expanduser()
    if path.is_dir():
        inside = path.resolve()
        return RunFolder(inside, read_only=inside.parent == EXAMPLES)
    roots = [root or runs_folder(), EXAMPLES]
    if is_run_id(text) and any((folder / text).is_dir() for folder in roots):
        return RunStore(roots[0], extra=roots[1:]).get(text)
    raise RunError(f"There is no run {text}: no such folder, and none of this id in {roots[0]} (VQ_RUNS chooses the runs folder).")


def file_to_write(path: Path, option: str) -> Path:
    """`path` in full, once it is sure that a file can be written there; its folder is made. Raises ConfigError naming `option`."""
    target = path.expanduser().absolute()
    if target.is_dir():
        raise ConfigError(f"{option} {path}: this is a folder. Give the name of a file in it.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # a try, for permissions tell little: the system's administrator passes them all, and some disks cannot be written
        attempt = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
        attempt.touch()
        attempt.unlink()
    except OSError as error:
        raise ConfigError(f"{option} {path}: cannot be written there ({error.strerror or error}). Give another place.") from None
    return target


def refuse_prior(file: Path, kind: str, parent: str) -> ConfigError:
    """Why a prior's configuration alone cannot be trained, with the command that trains such a prior."""
    beside = file.expanduser().absolute().parent
    of = beside if (beside / "model.safetensors").is_file() else parent
    return ConfigError(
        f"{file} is the configuration of a prior, which needs the model whose codes it learns. "
        f"Train such a prior with:\n  {command('prior', '--run', of, '--prior', kind)}"
    )
