"""Messages for people who do not own the machine: where a file lies is left out, its name stays. No torch here."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from vqcore.data.registry import data_folder
from vqcore.runs.store import runs_folder

_PROGRAM = Path(__file__).resolve().parents[1]


def without_places(text: str) -> str:
    """`text` with the folders of this machine left out: `/srv/class/runs/a-run/config.json` becomes `…/a-run/config.json`.

    The command line says the whole path, `doctor` where the folders lie.
    """
    if "/" not in text and "\\" not in text:
        return text
    pattern, names = _folders(os.environ.get("VQ_RUNS", ""), os.environ.get("VQ_DATA", ""), os.environ.get("HOME", ""), str(Path.cwd()))
    return pattern.sub(lambda match: "…" if match["rest"] is not None else names[match["folder"]], text)


@lru_cache(maxsize=8)
def _folders(*_settings: str) -> tuple[re.Pattern[str], dict[str, str]]:
    """What matches a folder of this machine, and what each is called; once for each of the settings that decide them."""
    places = [
        (runs_folder(), "the runs folder"),
        (data_folder(), "the data folder"),
        (_PROGRAM, "the program's folder"),
        (Path(sys.prefix), "Python's folder"),
    ]
    with suppress(OSError):
        places.append((Path(tempfile.gettempdir()), "the temporary folder"))
    with suppress(RuntimeError):  # nobody's home
        places.append((Path.home(), "the home folder"))
    names: dict[str, str] = {}
    for place, name in places:
        for spelling in (place.absolute(), place.resolve()):
            if spelling != spelling.parent:
                names.setdefault(str(spelling), name)
    # the innermost first: of two that hold each other the longer one
    alternatives = "|".join(re.escape(folder) for folder in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?P<folder>{alternatives})(?:(?P<rest>(?=[/\\][^\s/\\]))|(?![\w-]|\.\w)[/\\]?)"), names
