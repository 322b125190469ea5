"""Commands to copy: quoted so that the shell in use takes them as they are meant."""

from __future__ import annotations

import os
import re
import shlex
from typing import Literal

import psutil

Shell = Literal["posix", "powershell", "cmd"]
PROGRAM = "python -m vqcore"
# beyond these each shell has signs of its own
_SAFE = re.compile(r"[A-Za-z0-9_./\\:=,+-]+", re.ASCII)
_SHELLS: dict[str, Shell] = {"pwsh": "powershell", "powershell": "powershell", "cmd": "cmd", "bash": "posix", "sh": "posix", "zsh": "posix"}


def command(*words: object) -> str:
    """`python -m vqcore` with these words, as one types it in the shell in use."""
    return " ".join([PROGRAM, *(quoted(word) for word in words)])


def quoted(word: object, shell: Shell | None = None) -> str:
    """One word of a command line, by default for the shell that this process was started from."""
    text = str(word)
    if (shell := shell or current_shell()) == "posix":
        return shlex.quote(text)
    if _SAFE.fullmatch(text):
        return text
    if shell == "powershell":
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'  # a file's name on Windows has no double quotes


def current_shell() -> Shell:
    """The shell among the processes that this one descends from; on Windows PowerShell where there is none."""
    if os.name != "nt":
        return "posix"
    try:
        names = [process.name().lower().removesuffix(".exe") for process in psutil.Process().parents()]
    except psutil.Error:
        names = []
    return next((_SHELLS[name] for name in names if name in _SHELLS), "powershell")
