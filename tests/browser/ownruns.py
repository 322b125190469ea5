"""Runs in every state, made in a moment: copies of the bundled ones, whose lease this process holds where they must look alive."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Literal

from tests.browser.server import ROOT
from vqcore.control import Command
from vqcore.runs.folder import RunFolder
from vqcore.runs.lease import HeldLease, acquire
from vqcore.runs.names import unused_id

DEMO = ROOT / "assets" / "demo"
LETTERS, LEFT, RIGHT, PRIOR = "20261123-150745-7a44", "20261123-151218-f634", "20261123-151218-4ae4", "20261123-181115-1d7e"
FAR_IN_TIME = "2026-11-01T00:00:00+00:00"  # older than what a test makes by pressing

State = Literal["running", "paused", "finished", "stopped", "failed"]


class OwnRuns:
    """Makes runs of one owner, and ends what they hold."""

    def __init__(self, root: Path, owner: str) -> None:
        self.root, self.owner = root, owner
        self._leases: list[HeldLease] = []

    def make(self, state: State = "finished", *, of: str = LETTERS, mine: bool = True, created: str = FAR_IN_TIME) -> RunFolder:
        """A run in that state: somebody else's unless `mine`."""
        self.root.mkdir(parents=True, exist_ok=True)
        about: dict[str, Any] = {"leader": "", "follower": "", "preset": "", "created": created}
        folder = self._copy(of, unused_id(self.root), "Mine", mine, about)
        self._put(folder, state)
        return folder

    def pair(self, state: State = "finished", *, mine: bool = True) -> RunFolder:
        """Two runs kept in step, as Collapse has them; the treated side."""
        self.root.mkdir(parents=True, exist_ok=True)
        left = unused_id(self.root)
        right = unused_id(self.root, unlike=(left,))
        first = self._copy(LEFT, left, "Case: left", mine, {"follower": right})
        second = self._copy(RIGHT, right, "Case: right", mine, {"leader": left})
        for folder in (first, second):
            self._put(folder, state)
        return second

    def _copy(self, of: str, run_id: str, name: str, mine: bool, about: dict[str, Any]) -> RunFolder:
        path = self.root / run_id
        hidden = self.root / f".new-{run_id}"
        shutil.copytree(DEMO / of, hidden)
        whose = {"name": name, "owner": self.owner if mine else "f" * 16, "nickname": "" if mine else "Somebody"}
        file = hidden / "about.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | whose | about))
        hidden.rename(path)
        return RunFolder(path)

    def _put(self, folder: RunFolder, state: State) -> None:
        if state == "finished":
            return
        lease = acquire(folder, "cli")
        if state in ("running", "paused"):
            lease.set_status(state=state, step=folder.status().step, message="")
            self._leases.append(lease)
        else:
            lease.release(state, "", "The loss is not finite at step 40." if state == "failed" else "")

    def stop_all(self, before: set[str]) -> None:
        """Stop what presses have begun: every run that is not among `before`."""
        held = {lease.folder.id for lease in self._leases}
        for path in self.root.glob("*"):  # none yet where nobody has trained
            if path.name[0] == "." or path.name in before or path.name in held or not (path / "status.json").is_file():
                continue
            folder = RunFolder(path)
            if folder.status().state in ("queued", "starting", "running", "paused"):
                folder.send(Command("stop", author=self.owner))

    def close(self) -> None:
        for lease in self._leases:
            lease.release("stopped", "")
        self._leases.clear()
