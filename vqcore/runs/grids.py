"""Index grids to keep: as documents in `<runs>/.grids/<run id>/<name>.json`, and as a token short enough for a link. No torch here.

Whatever comes from outside is checked against the run's layout before it is used; what does not fit raises GridError and changes nothing.
Axes: M codes of an example (the order of `vqcore.layout`).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import json
import re
import secrets
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vqcore.errors import GridError, RunError
from vqcore.jsontext import parse_json
from vqcore.layout import Layout
from vqcore.runs.files import is_disk_full, retried, write_bytes
from vqcore.runs.names import NAME_LENGTH, NICKNAME_LENGTH, cleaned
from vqcore.runs.status import instant, now

SCHEMA_VERSION = 1
DOCUMENT = "vqlab-grid"
MOST_BYTES = 8 * 2**20  # of a document, a thousand times what most need
MOST_SAVED = 500  # a run
_NAME = re.compile(r"[0-9a-f]{12}", re.ASCII)
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)
_TOKEN_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class SavedGrid:
    """`codes` int64 (M,); `run` and `checkpoint`: whose codes they are (12 hexadecimal digits); `owner` as of runs; `id` of its file."""

    codes: NDArray[np.int64]
    run: str
    checkpoint: str
    name: str = ""
    owner: str = ""
    nickname: str = ""
    created: str = ""
    id: str = ""


# ── documents ──


def to_document(grid: SavedGrid, layout: Layout) -> str:
    """JSON that `from_document` reads: for each book its name, K, shape, and the codes row by row."""
    parts = layout.split(grid.codes[None])
    books = [
        {"name": book.name, "K": book.K, "shape": list(book.shape), "codes": part[0].ravel().tolist()}
        for book, part in zip(layout.grids, parts, strict=True)
    ]
    document = {
        "schema_version": SCHEMA_VERSION,
        "type": DOCUMENT,
        "name": grid.name,
        "run": grid.run,
        "checkpoint": grid.checkpoint,
        "nickname": grid.nickname,
        "owner": grid.owner,
        "created": grid.created,
        "books": books,
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


def from_document(text: str | bytes, run: str, layout: Layout) -> SavedGrid:
    """The grid of a document, for the run with this id. Raises GridError for what is none, or does not fit; it says what is wrong."""
    if len(text) > MOST_BYTES:
        raise GridError(f"This file has {len(text):,} bytes; grids have at most {MOST_BYTES:,}. Choose a file that Paint saved.")
    try:
        document = parse_json(text)
    except ValueError as error:
        raise GridError(f"This file is not JSON ({str(error)[:120]}). Choose a file that Paint saved.") from None
    if not isinstance(document, dict) or document.get("type") != DOCUMENT:
        raise GridError(f"This JSON is no grid: its “type” should be “{DOCUMENT}”. Choose a file that Paint saved.")
    version = document.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise GridError(f"This grid's schema_version is {version!r}; this program reads version {SCHEMA_VERSION}.")
    if version > SCHEMA_VERSION:
        raise GridError(
            f"This grid was saved by a newer VQ Lab (schema_version {version}; this program reads {SCHEMA_VERSION}). Update it."
        )
    if document.get("run") != run:
        raise GridError(
            f"This grid belongs to run {_shown(document.get('run'))}; open is {run}. The same number means another picture there: "
            "open that run, then load the grid."
        )
    return SavedGrid(
        codes=_codes(document.get("books"), layout),
        run=run,
        checkpoint=_text(document, "checkpoint", 12),
        name=cleaned(_text(document, "name", 4_000), NAME_LENGTH),
        owner=_text(document, "owner", 64),
        nickname=cleaned(_text(document, "nickname", 4_000), NICKNAME_LENGTH),
        created=_text(document, "created", 40),
    )


def _codes(books: Any, layout: Layout) -> NDArray[np.int64]:
    """What a document says of its books, against what the model has."""
    if not isinstance(books, list) or not all(isinstance(book, dict) for book in books):
        raise GridError("This grid has no “books”: a list with one entry a codebook. Choose a file that Paint saved.")
    if len(books) != len(layout.grids):
        raise GridError(f"This grid has {len(books)} books, while this model has {len(layout.grids)}.")
    rows: list[int] = []
    for own, book in zip(layout.grids, books, strict=True):
        shape, codes = book.get("shape"), book.get("codes")
        if shape != list(own.shape) or book.get("K") != own.K:
            raise GridError(
                f"This grid says shape {_shown(shape)} and K {_shown(book.get('K'))}, while book “{own.name}” of this model has shape "
                f"{list(own.shape)} and K {own.K}."
            )
        if not isinstance(codes, list) or len(codes) != own.cells:
            told = len(codes) if isinstance(codes, list) else "no"
            raise GridError(f"This grid says shape {list(own.shape)}, which is {own.cells} codes, and then lists {told}.")
        wrong = [code for code in codes if isinstance(code, bool) or not isinstance(code, int)]
        if wrong:
            raise GridError(f"Codes are whole numbers from 0 to {own.K - 1}; this grid lists {_shown(wrong[0])}.")
        outside = [code for code in codes if not 0 <= code < own.K]
        if outside:
            raise GridError(f"Code {_shown(outside[0])} does not exist: indices of book “{own.name}” go from 0 to {own.K - 1}.")
        rows += codes
    found: NDArray[np.int64] = layout.checked(np.array([rows], dtype=np.int64))[0]
    return found


def _text(document: dict[str, Any], name: str, most: int) -> str:
    value = document.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise GridError(f"This grid's “{name}” should be a text of at most {most} signs, not {_shown(value)}.")
    return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


# ── tokens for links ──


def to_token(codes: NDArray[Any], checkpoint: str) -> str:
    """Codes (M,) as letters, digits, - and _: for `?run=<id>&grid=<token>`. It holds the checkpoint's hash and a check sum."""
    flat = np.asarray(codes)
    width = 1 if flat.max(initial=0) < 2**8 else 2 if flat.max(initial=0) < 2**16 else 4
    raw = bytes([1, width]) + bytes.fromhex(checkpoint)[:3] + flat.astype(f"<u{width}").tobytes()
    packed = zlib.compress(raw + hashlib.sha256(raw).digest()[:4], 9)
    return base64.urlsafe_b64encode(packed).decode().rstrip("=")


def from_token(token: str, layout: Layout) -> tuple[NDArray[np.int64], str]:
    """The codes (M,) of a link, and the first six digits of the checkpoint that they were made with. Raises GridError."""
    torn = GridError("The grid in this link is not whole: part of the address was lost on the way. Copy the link again.")
    try:
        packed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        unpacking = zlib.decompressobj()
        raw = unpacking.decompress(packed, _TOKEN_BYTES)
    except (binascii.Error, ValueError, zlib.error):
        raise torn from None
    body, check = raw[:-4], raw[-4:]
    if unpacking.unconsumed_tail or not unpacking.eof or len(body) < 5 or hashlib.sha256(body).digest()[:4] != check:
        raise torn
    version, width = body[0], body[1]
    if version != 1:
        raise GridError(f"The grid in this link is of version {version}; this program reads version 1. Update it.")
    if width not in (1, 2, 4) or (len(body) - 5) % width:
        raise torn
    codes = np.frombuffer(body[5:], dtype=f"<u{width}").astype(np.int64)
    if len(codes) != layout.length:
        raise GridError(
            f"The link has a grid of {len(codes)} codes, while this run's model takes {layout.length}: it belongs to another run."
        )
    return layout.checked(codes[None])[0], body[2:5].hex()


# ── saved ones ──


class GridStore:
    """The grids saved for runs under `root`, the folder of all runs. Threads and processes may share it."""

    def __init__(self, root: Path | str) -> None:
        self._root = Path(root) / ".grids"

    def save(self, grid: SavedGrid, layout: Layout) -> SavedGrid:
        """Keep a grid under its name; returns it with its id. Raises GridError without a name, RunError when it cannot be written."""
        name = cleaned(grid.name, NAME_LENGTH)
        if not name:
            raise GridError("A grid needs a name: type at least one letter.")
        layout.checked(grid.codes[None])
        folder = self._folder(grid.run)
        if len(list(folder.glob("*.json"))) >= MOST_SAVED:
            raise GridError(f"This run has {MOST_SAVED} saved grids, which is all that it may have. Delete some, or save to a file.")
        kept = SavedGrid(
            codes=grid.codes,
            run=grid.run,
            checkpoint=grid.checkpoint,
            name=name,
            owner=grid.owner,
            nickname=cleaned(grid.nickname, NICKNAME_LENGTH),
            created=grid.created or now(),
            id=secrets.token_hex(6),
        )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_bytes(folder / f"{kept.id}.json", to_document(kept, layout).encode())
        except OSError as error:
            if is_disk_full(error):
                raise RunError(f"The disk of {folder} is full: the grid was not saved. Make room, then try again.") from None
            raise RunError(f"{folder} cannot be written ({error.strerror or error}): the grid was not saved. Make it writable.") from None
        return kept

    def list(self, run: str, layout: Layout) -> list[SavedGrid]:
        """The grids that fit the run, the newest first. Damaged files and those that do not fit are left out, and left alone."""
        found = []
        for path in self._folder(run).glob("*.json"):
            if _NAME.fullmatch(path.stem):
                with contextlib.suppress(GridError):
                    found.append(self.get(run, path.stem, layout))
        return sorted(found, key=lambda grid: (instant(grid.created), grid.id), reverse=True)

    def get(self, run: str, name: str, layout: Layout) -> SavedGrid:
        """Raises GridError when there is none of that id, or it does not fit."""
        path = self._path(run, name)
        try:
            grid = from_document(retried(path.read_bytes), run, layout)
        except OSError:
            raise GridError("This grid is no longer there: it was deleted.") from None
        return SavedGrid(
            codes=grid.codes,
            run=run,
            checkpoint=grid.checkpoint,
            name=grid.name,
            owner=grid.owner,
            nickname=grid.nickname,
            created=grid.created,
            id=name,
        )

    def delete(self, run: str, name: str) -> None:
        """Harmless when it is gone already. Raises RunError when the folder cannot be written."""
        path = self._path(run, name)
        try:
            retried(lambda: path.unlink(missing_ok=True))
        except OSError as error:
            raise RunError(f"{path} cannot be deleted ({error.strerror or error}). Make the folder writable.") from None

    def drop(self, run: str) -> None:
        """Forget all grids saved for a run; harmless when there are none."""
        shutil.rmtree(self._folder(run), ignore_errors=True)

    def _folder(self, run: str) -> Path:
        if not _RUN.fullmatch(run):
            raise GridError(f"{run[:80]!r} is not the id of a run.")
        return self._root / run

    def _path(self, run: str, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise GridError(f"{name[:40]!r} is not the id of a saved grid.")
        return self._folder(run) / f"{name}.json"
