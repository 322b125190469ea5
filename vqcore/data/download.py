"""Files from the network: taken where they lie, else fetched from one mirror after another, checked, and kept."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vqcore.errors import DataError

# progress(what, done_bytes, total_bytes)
Progress = Callable[[str, int, int], None]

CONNECT_SECONDS = 6.0
READ_SECONDS = 30.0
_CHUNK = 1 << 16
_LEFT_BEHIND_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """`name` without .gz; `size` in bytes and `sha256` (hexadecimal) of the packed file `name`.gz that the mirrors hold."""

    name: str
    size: int
    sha256: str

    @property
    def packed(self) -> str:
        return f"{self.name}.gz"

    @property
    def published(self) -> str:
        """The name that is kept inside the packed file, which 7-Zip and others give to what they unpack."""
        return self.name.replace("-idx", ".idx")


@dataclass(frozen=True, slots=True)
class Remote:
    """A data set's files. `folder` is below the data folder, with `/`; `mirrors` end in `/` and are tried in order."""

    title: str
    folder: str
    mirrors: tuple[str, ...]
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes to download when nothing is there yet."""
        return sum(file.size for file in self.files)


def missing_files(remote: Remote, cache: Path) -> tuple[Path, ...]:
    """The packed files that `obtain` would have to download into `cache`."""
    folder = cache / remote.folder
    return tuple(folder / file.packed for file in remote.files if _present(folder, file) is None)


def obtain(remote: Remote, cache: Path, progress: Progress | None = None) -> dict[str, Path]:
    """Name → path of every file of `remote`, downloading what `cache` lacks. Needs no right to write when nothing is lacking.

    A file that is there, packed or not, is taken as it is: whoever placed it answers for it, and the parser checks it.
    A download appears under its name only when it is complete and its hash is right. For `progress` see `registry.load`.
    Raises DataError: not there and not to be had (with what was tried and where to put which file), or the folder cannot be written.
    """
    folder = cache / remote.folder
    lacking = [file for file in remote.files if _present(folder, file) is None]
    if lacking:
        _prepare(remote, folder, lacking)
    done, total, mirrors = 0, sum(file.size for file in lacking), list(remote.mirrors)
    for file in lacking:
        tried = []
        what = f"Downloading {remote.title}: {file.packed}"
        for mirror in tuple(mirrors):
            try:
                _fetch(mirror + file.packed, folder, file, _Bar(progress, what, file.size, done, total))
            except _MirrorError as reason:
                tried.append(f"{mirror + file.packed}: {reason}")
                continue
            except OSError as error:
                raise _unwritable(remote, folder, lacking, error) from None
            # what one mirror had, it will have again: do not wait at a dead one for each file
            mirrors.remove(mirror)
            mirrors.insert(0, mirror)
            break
        else:
            attempts = "\n".join(f"  {line}" for line in tried)
            raise DataError(f"{remote.title} is not here, and could not be downloaded:\n{attempts}\n{_by_hand(remote, folder, lacking)}")
        done += file.size
    return {file.name: _present(folder, file) or folder / file.packed for file in remote.files}


class _MirrorError(Exception):
    """A mirror did not give the file; the text says why, in a few words."""


class _Bar:
    """What pooch reports to: counts one file's bytes on top of those already done."""

    def __init__(self, progress: Progress | None, what: str, size: int, before: int, total: int) -> None:
        self._progress, self._what, self._size, self._before, self._all = progress, what, size, before, total
        self._done = 0
        self.total = 0  # pooch writes here what length the mirror announces, if any; `size` is relied on instead
        self.update(0)

    def update(self, count: int) -> None:
        # pooch counts whole chunks, so the last one overshoots; more than that is not the file
        if self._done >= self._size + _CHUNK:
            raise _MirrorError(f"gives more than the {self._size:,} bytes that are expected")
        self._done += count
        if self._progress is not None:
            self._progress(self._what, self._before + min(self._done, self._size), self._all)

    def reset(self) -> None:
        """Called at the end, to count the announced length once more, which may be 0: the bar stays full instead."""
        self._done = min(self._done, self._size)

    def close(self) -> None:
        """Nothing is held open."""


def _fetch(url: str, folder: Path, file: RemoteFile, bar: _Bar) -> None:
    """Download into `folder` under a temporary name, check, rename. Raises _MirrorError, or OSError when the disk is the trouble."""
    import pooch
    import requests

    # identity: a server that packs .gz files once more for the way would change the hash
    download = pooch.HTTPDownloader(
        progressbar=bar, chunk_size=_CHUNK, timeout=(CONNECT_SECONDS, READ_SECONDS), headers={"Accept-Encoding": "identity"}
    )
    # not tempfile: its files are private to the user, and a data folder is often shared
    part = folder / f".{file.packed}.{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        try:
            download(url, str(part), None)
        except requests.RequestException as error:  # first: it is an OSError too
            raise _MirrorError(_reason(error)) from None
        if (size := part.stat().st_size) != file.size:
            raise _MirrorError(f"gave {size:,} bytes, where {file.size:,} are expected")
        if pooch.file_hash(str(part), alg="sha256") != file.sha256:
            raise _MirrorError("gave another file than the one that was published (its SHA-256 is wrong)")
        try:
            part.replace(folder / file.packed)
        except OSError:
            # Windows does not replace what is open: then another run has fetched it meanwhile
            if not (folder / file.packed).is_file():
                raise
    finally:
        part.unlink(missing_ok=True)


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}".strip()
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {CONNECT_SECONDS:g} s"
    if isinstance(error, requests.ReadTimeout):
        return f"no data for {READ_SECONDS:g} s"
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate was refused"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"{type(error).__name__}: {error}"


def _present(folder: Path, file: RemoteFile) -> Path | None:
    """The file as it lies there, the unpacked one first, for it loads faster; under each name that programs unpack it to."""
    for suffix in ("", ".gz"):
        for name in (file.name, file.published):
            for path in (folder / f"{name}{suffix}", folder / file.name / f"{name}{suffix}", folder / file.published / f"{name}{suffix}"):
                if path.is_file():
                    return path
    return None


def _prepare(remote: Remote, folder: Path, lacking: list[RemoteFile]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob(".*.part"):
            # of a process that was killed; younger ones may be another's, still growing
            with suppress(OSError):
                if time.time() - part.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                    part.unlink()
    except OSError as error:
        raise _unwritable(remote, folder, lacking, error) from None


def _unwritable(remote: Remote, folder: Path, lacking: list[RemoteFile], error: OSError) -> DataError:
    return DataError(
        f"{remote.title} cannot be kept in {folder}: {error.strerror or error}.\n"
        f"Set the environment variable VQ_DATA to a folder that may be written, or have this done:\n{_by_hand(remote, folder, lacking)}"
    )


def _by_hand(remote: Remote, folder: Path, lacking: list[RemoteFile]) -> str:
    files = "\n".join(f"  {file.packed} ({_amount(file.size)})" for file in lacking)
    return (
        f"Put these files, packed as they are or unpacked, into {folder} (VQ_DATA chooses the data folder):\n{files}\n"
        f"Unpacked, each may be called as in {lacking[0].name} or as in {lacking[0].published}."
    )


def _amount(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{size / 1e3:.0f} kB"
