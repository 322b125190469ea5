"""Ctrl-C while a run trains: the first asks it to stop after its step, the second ends the process at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from vqcore.cli.console import encoded
from vqcore.control import Command
from vqcore.errors import VQError
from vqcore.runs.folder import RunFolder

NICKNAME = "command line"
EXIT_INTERRUPTED = 130  # what shells report for Ctrl-C


@contextmanager
def stops_on_ctrl_c(current: Callable[[], RunFolder | None], say: Callable[[str], None], go_on: str) -> Iterator[threading.Event]:
    """The first Ctrl-C asks the `current` run to stop after its step, which keeps a checkpoint; the second ends the process at once.

    `go_on` is what to type afterwards. Yields whether a stop was asked for.
    """
    asked = threading.Event()

    def ask() -> None:
        say("Stopping after this step and keeping a checkpoint. Ctrl-C again ends it at once.")
        try:
            if (folder := current()) is not None:
                folder.send(Command("stop", nickname=NICKNAME))
        except (VQError, OSError) as error:
            say(f"The stop could not be written: {error}")

    def hear(_number: int, _frame: FrameType | None) -> None:
        # what this handler interrupted may be half through a print, or hold a lock: nothing here may wait for either
        if asked.is_set():
            show_cursor = "\x1b[?25h\n" if sys.stderr.isatty() else ""
            text = f"{show_cursor}Ended at once; what came after the last checkpoint is lost. To go on:\n  {go_on}\n"
            os.write(2, encoded(text, sys.stderr))
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
