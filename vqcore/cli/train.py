"""`train`: a run without the pages, in the same folder that they read."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from vqcore.cli.progress import Display, open_display
from vqcore.config.run import RunConfig
from vqcore.control import Command
from vqcore.errors import RunError, VQError
from vqcore.runs.folder import RunFolder
from vqcore.runs.store import runs_folder

NICKNAME = "command line"
LOOK_S = 0.3
EXIT_INTERRUPTED = 130  # what shells report for Ctrl-C


def start(config: RunConfig, *, out: Path | None, name: str, preset: str) -> int:
    """Train a new run under `out` (by default where the pages look). Returns the exit code."""
    root = out.expanduser().resolve() if out is not None else runs_folder()
    folder = RunFolder.create(root, config, name=name, nickname=NICKNAME, preset=preset)
    return _run(folder, config)


def resume(path: Path) -> int:
    """Go on with the run in `path`. Returns the exit code. Raises RunError when it has finished, or when it is no run."""
    folder = RunFolder(path.expanduser().resolve())
    config = folder.config()
    status = folder.status()
    if status.state == "finished":
        raise RunError(
            f"{path}: this run has finished. For a longer one: python -m vqcore train --config {folder.path / 'config.json'} --steps N"
        )
    return _run(folder, config)


def _run(folder: RunFolder, config: RunConfig) -> int:
    from vqcore.jobs import worker

    with open_display(config) as display, _stops_on_ctrl_c(folder, display) as asked:
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
    text = str(path)
    quoted = f'"{text}"' if any(sign in text for sign in " &()'") else text
    return f"python -m vqcore train --resume {quoted}"


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


@contextmanager
def _stops_on_ctrl_c(folder: RunFolder, display: Display) -> Iterator[threading.Event]:
    """The first Ctrl-C asks the trainer to stop after its step, which keeps a checkpoint; the second ends the process at once.

    Yields whether a stop was asked for.
    """
    asked = threading.Event()

    def ask() -> None:
        display.say("Stopping after this step and keeping a checkpoint. Ctrl-C again ends it at once.")
        try:
            folder.send(Command("stop", nickname=NICKNAME))
        except (VQError, OSError) as error:
            display.say(f"The stop could not be written: {error}")

    def hear(_number: int, _frame: FrameType | None) -> None:
        # what this handler interrupted may be half through a print, or hold a lock: nothing here may wait for either
        if asked.is_set():
            show_cursor = "\x1b[?25h\n" if sys.stderr.isatty() else ""
            text = f"{show_cursor}Ended at once; what came after the last checkpoint is lost. To go on:\n  {resume_command(folder.path)}\n"
            os.write(2, text.encode())
            os._exit(EXIT_INTERRUPTED)
        asked.set()
        threading.Thread(target=ask, daemon=True).start()

    watched = [signal.SIGINT, signal.SIGTERM]
    before = {number: signal.signal(number, hear) for number in watched} if threading.current_thread() is threading.main_thread() else {}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
