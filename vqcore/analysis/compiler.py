"""Where numba keeps what it compiles for UMAP. It is decided before numba is imported: UMAP cannot even be imported without a place.

What numba keeps is run when it is read, so the place is never one that others may write to. No torch and no numba here.
"""

from __future__ import annotations

import importlib.util
import os
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

SETTING = "NUMBA_CACHE_DIR"
_PACKAGES = ("umap", "pynndescent")


@dataclass(frozen=True, slots=True)
class CachePlace:
    """`folder`: None where nothing can be kept, so that each process compiles anew. `lasting`: it survives a restart of the machine.

    `chosen`: numba would not go there by itself.
    """

    folder: Path | None
    lasting: bool
    chosen: bool


def cache_place() -> CachePlace:
    """A folder that can be written: the one in NUMBA_CACHE_DIR, else the packages' own, the user's, or a private temporary one."""
    wanted = os.environ.get(SETTING, "").strip()
    if wanted and _writable(Path(wanted)):
        return CachePlace(Path(wanted), lasting=True, chosen=False)
    own = [Path(place) / "__pycache__" for name in _PACKAGES for place in _package_folders(name)]
    if own and all(_writable(folder) for folder in own):
        return CachePlace(own[0], lasting=True, chosen=False)
    user = _user_folder()
    if user is not None and _writable(user):
        return CachePlace(user, lasting=True, chosen=True)
    return CachePlace(_temporary_folder(), lasting=False, chosen=True)


def prepare() -> CachePlace:
    """Tell numba where to keep what it compiles. To be called before UMAP is imported."""
    place = cache_place()
    if place.chosen and place.folder is not None:
        os.environ[SETTING] = str(place.folder)
        if "numba" in sys.modules:  # which reads the environment once
            sys.modules["numba"].config.CACHE_DIR = str(place.folder)
    if place.folder is None:
        from numba.core.dispatcher import Dispatcher

        Dispatcher.enable_caching = lambda self: None  # type: ignore[method-assign]  # it would raise
    return place


def _package_folders(name: str) -> list[str]:
    spec = importlib.util.find_spec(name)
    return list(spec.submodule_search_locations or ()) if spec is not None else []


def _writable(folder: Path) -> bool:
    """Tried, as numba itself does it: permissions tell little on a disk that cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _user_folder() -> Path | None:
    import pooch

    try:
        return Path(pooch.os_cache("vqlab")) / "numba"
    except (OSError, RuntimeError):  # nobody's home
        return None


def _temporary_folder() -> Path | None:
    """One that lasts until the machine restarts, where nobody else has it; else one for this process."""
    try:
        shared = Path(tempfile.gettempdir())
        if os.name == "nt":  # that of the user alone
            folder = shared / "vqlab-numba"
            return folder if _writable(folder) else None
        folder = shared / f"vqlab-numba-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077 and _writable(folder):
            return folder
        return Path(tempfile.mkdtemp(prefix="vqlab-numba-"))
    except OSError:
        return None
