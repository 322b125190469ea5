"""`train`: a run without the pages, in the same folder that they read."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vqcore.cli.interrupt import EXIT_INTERRUPTED, NICKNAME, stops_on_ctrl_c
from vqcore.cli.paths import run_named, runs_root
from vqcore.cli.progress import Display, open_display
from vqcore.cli.shell import command
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.errors import RunError, VQError
from vqcore.runs.folder import RunFolder
from vqcore.runs.resuming import change_run

LOOK_S = 0.3


def start(config: RunConfig, *, out: Path | None, name: str, preset: str) -> int:
    """Train a new run under `out` (by default where the pages look). Returns the exit code."""
    require_device(config)
    folder = RunFolder.create(runs_root(out), config, name=name, nickname=NICKNAME, preset=preset)
    return run_shown(folder, config)


def resume(named: str, changes: Mapping[str, Any]) -> int:
    """Go on with a run, given by its folder or its id, with `changes` (dotted path → value). Returns the exit code.

    Raises RunError when it has finished, or when it is no run; ConfigError for what cannot change in the middle of a run.
    """
    folder = run_named(named)
    config = folder.config()
    if folder.status().state == "finished":
        if isinstance(config, PriorRunConfig):
            longer = command("prior", "--run", folder.path, "--prior", config.prior.kind, "--steps", "N")
            raise RunError(f"{named}: this prior has finished. For a longer one: {longer}")
        longer = command("train", "--config", folder.path / "config.json", "--steps", "N")
        raise RunError(f"{named}: this run has finished. For a longer one: {longer}")
    require_device(change_run(folder, changes, nickname=NICKNAME))
    return run_shown(folder, config)


def require_device(config: RunConfig) -> None:
    """Raises ConfigError when this machine lacks the device that `config` asks for: said before there is a run."""
    from vqcore.device import choose_device

    choose_device(config.train.device)


def run_shown(folder: RunFolder, config: RunConfig) -> int:
    """Train the run with its progress on the terminal. Returns the exit code. Raises RunError when it fails."""
    from vqcore.jobs import worker

    with open_display(config) as display, stops_on_ctrl_c(lambda: folder, display.say, resume_command(folder.path)) as asked:
        display.say(f"Run {folder.id} in {folder.path}")
        with _status_shown(folder, display):
            worker.run(folder, "cli", on_record=display.show)
        status = folder.status()
        display.summary(status.state)
    if status.state == "failed":
        raise RunError(status.error or status.message)
    if status.state == "finished":
        display.say(f"To look at it: streamlit run app.py, then add ?run={folder.id} to the address.")
    else:
        display.say(f"{status.state.capitalize()} at step {status.step:,}. To go on:\n  {resume_command(folder.path)}")
    return EXIT_INTERRUPTED if asked.is_set() and status.state != "finished" else 0


def resume_command(path: Path) -> str:
    """What to type to go on, for the shell of this system."""
    return command("train", "--resume", path)


@contextmanager
def _status_shown(folder: RunFolder, display: Display) -> Iterator[None]:
    """Until the first record comes, show what the run says of itself: data may take minutes to download."""
    done = threading.Event()

    def look() -> None:
        while not done.wait(LOOK_S) and not display.started:
            with suppress(VQError):
                display.getting_ready(folder.status().message)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
