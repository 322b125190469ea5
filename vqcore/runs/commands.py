"""Commands to a run, as they come in through its `control.jsonl`.

A command's id is the number of its line after the header: two writers never clash, and a line that is no command takes an id too.
"""

from __future__ import annotations

from pathlib import Path

from vqcore.control import Command
from vqcore.errors import RunError
from vqcore.runs.files import check_version, is_header, read_lines


class CommandTail:
    """Reads a run's commands as they come. A poll that finds nothing new costs one look at the file's size."""

    def __init__(self, path: Path, after: int = 0) -> None:
        """`path`: the run's `control.jsonl`. Commands up to the id `after` are passed over."""
        self._path = path
        self._after = after
        self._offset = 0
        self._number = 0  # of the next line; the header has 0
        self.skipped = 0

    def poll(self) -> list[Command]:
        """The commands that came since the last poll. Raises RunError when the run is gone, or written by a newer program."""
        try:
            if self._path.stat().st_size <= self._offset:
                return []
        except OSError:
            if not self._path.parent.is_dir():
                raise RunError(f"Run {self._path.parent.name} is no longer there: it was deleted or moved.") from None
            return []
        lines = read_lines(self._path, self._offset)
        found: list[Command] = []
        for row in lines.rows:
            number, self._number = self._number, self._number + 1
            if number == 0:
                if row is not None and is_header(row):
                    check_version(row.get("schema_version"), self._path)
                continue
            try:
                command = Command.from_json({**(row or {}), "id": number})
            except RunError:
                self.skipped += 1
                continue
            if number > self._after:
                found.append(command)
        self._offset = lines.offset
        return found
