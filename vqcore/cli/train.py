"""`train`: a run without the pages, in the same folder that they read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vqcore.cli.interrupt import EXIT_INTERRUPTED, NICKNAME, quoted, stops_on_ctrl_c
from vqcore.cli.progress import Display, open_display
from vqcore.config.run import PriorRunConfig, RunConfig
from vqcore.errors import RunError, VQError
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import runs_folder

LOOK_S = 0.3


def start(config: RunConfig, *, out: Path | None, name: str, preset: str) -> int:
    """Train a new run under `out` (by default where the pages look). Returns the exit code."""
    root = out.expanduser().resolve() if out is not None else runs_folder()
    folder = RunFolder.create(root, config, name=name, nickname=NICKNAME, preset=preset)
    return run_shown(folder, config)


def resume(path: Path) -> int:
    """Go on with the run in `path`. Returns the exit code. Raises RunError when it has finished, or when it is no run."""
    folder = RunFolder(path.expanduser().resolve())
    config = folder.config()
    status = folder.status()
    if status.state == "finished":
        if isinstance(config, PriorRunConfig):
            raise RunError(f"{path}: this prior has finished. For a longer one: python -m vqcore prior --run {path} --steps N")
        raise RunError(
            f"{path}: this run has finished. For a longer one: python -m vqcore train --config {folder.path / 'config.json'} --steps N"
        )
    return run_shown(folder, config)


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
    return f"python -m vqcore train --resume {quoted(path)}"


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
