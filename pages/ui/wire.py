"""Arrays on their way to a browser: few bytes, and each stretch of time only once.

An array (T, …) is cut into chunks of CHUNK moments. Each is quantised, written as differences from the moment before, sorted by
the significance of its bytes, and deflated; its name is the hash of that. A film that grows sends its last chunk alone.
Little-endian throughout.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 16
NOT_FINITE = 65_535  # of a quantised place
_KEPT_BYTES = 64 * 2**20  # of packed chunks in memory, of all sessions
_LEVEL = 6
_PARTS = 96  # arrays whose parts are remembered


@dataclass(frozen=True, slots=True)
class Chunk:
    """`packed` is base64 of deflated bytes; `name` tells them from all others."""

    name: str
    packed: str


@dataclass(frozen=True, slots=True)
class Part:
    """One array as chunks. `kind` says how the browser reads them, `width` how many numbers a moment has; `per` moments a chunk.

    `ranges`: of places, for each chunk the least x, the x per unit, the least y, the y per unit.
    """

    kind: str
    width: int
    per: int
    chunks: tuple[Chunk, ...]
    ranges: tuple[tuple[float, float, float, float], ...] = ()

    def described(self) -> dict[str, Any]:
        names = [chunk.name for chunk in self.chunks]
        return {"kind": self.kind, "width": self.width, "per": self.per, "chunks": names, "ranges": self.ranges}


def part_of(make: Callable[[Any], Part], x: Any) -> Part:
    """`make(x)`, remembered for as long as others are not asked for: a page that hands in the same array again pays nothing.

    The array must not change afterwards.
    """
    key = (make.__name__, id(x))
    with _guard:
        known = _parts.get(key)
        if known is not None:  # it holds x, so that no other array can have its id
            _parts.move_to_end(key)
            return known[1]
    part = make(x)
    with _guard:
        _parts[key] = (x, part)
        while len(_parts) > _PARTS:
            _parts.popitem(last=False)
    return part


def places(x: NDArray[Any]) -> Part:
    """Places (T, N, 2): to a 65,534th of the range of their chunk. What is not finite arrives as NaN."""
    T, N, _ = x.shape
    ranges, chunks = [], []
    for start in range(0, T, CHUNK):
        part = np.asarray(x[start : start + CHUNK], dtype=np.float64)
        finite = np.isfinite(part).all(axis=2, keepdims=True)
        low = np.where(finite, part, np.inf).min(axis=(0, 1), initial=np.inf)
        high = np.where(finite, part, -np.inf).max(axis=(0, 1), initial=-np.inf)
        low, high = np.where(np.isfinite(low), low, 0.0), np.where(np.isfinite(high), high, 0.0)
        unit = np.maximum((high - low) / (NOT_FINITE - 1), 1e-30)
        whole = np.where(finite, ((np.where(finite, part, low) - low) / unit).round(), NOT_FINITE).astype(np.uint16)
        ranges.append((float(low[0]), float(unit[0]), float(low[1]), float(unit[1])))
        chunks.append(_named(whole.reshape(len(part), N * 2)))
    return Part("u16", N * 2, CHUNK, tuple(chunks), tuple(ranges))


def counts(x: NDArray[Any]) -> Part:
    """Whole numbers (T, N) from −1 on; larger ones than 32 bits hold are cut."""
    whole = np.asarray(x).clip(-1, 2**31 - 2).astype(np.int64) + 1
    return _chunked("u32", whole.astype(np.uint32))


def shades(x: NDArray[np.uint8]) -> Part:
    """Colours (N, 3), which stay, or (T, N, 3)."""
    moments = x[None] if x.ndim == 2 else x
    return _chunked("u8", np.ascontiguousarray(moments, dtype=np.uint8).reshape(len(moments), -1))


def flags(x: NDArray[np.bool_]) -> Part:
    """Yes and no (T, N)."""
    return _chunked("u8", np.asarray(x).astype(np.uint8))


def text(value: Any) -> Part:
    """Anything that JSON holds."""
    raw = json.dumps(value, separators=(",", ":")).encode()
    return Part("json", len(raw), 1, (_kept(hashlib.blake2b(raw, digest_size=12).hexdigest(), lambda: raw),))


def _chunked(kind: str, x: NDArray[Any]) -> Part:
    return Part(kind, x.shape[1], CHUNK, tuple(_named(x[start : start + CHUNK]) for start in range(0, len(x), CHUNK)))


def _named(x: NDArray[Any]) -> Chunk:
    """A chunk of unsigned numbers (n, width)."""
    x = np.ascontiguousarray(x)
    name = hashlib.blake2b(x.tobytes(), digest_size=12, person=f"{x.itemsize}x{x.shape[1]}".encode()).hexdigest()
    return _kept(name, lambda: _bytes(x))


def _bytes(x: NDArray[Any]) -> bytes:
    change = x.copy()
    change[1:] -= x[:-1]  # wraps, and wraps back
    octets = change.astype(change.dtype.newbyteorder("<")).view(np.uint8).reshape(-1, x.itemsize)
    return octets.T.tobytes()


_parts: OrderedDict[tuple[str, int], tuple[Any, Part]] = OrderedDict()
_packed: OrderedDict[str, Chunk] = OrderedDict()
_guard = threading.Lock()


def _kept(name: str, make: Callable[[], bytes]) -> Chunk:
    """The chunk of that name; its bytes are made once for all sessions."""
    with _guard:
        known = _packed.get(name)
        if known is not None:
            _packed.move_to_end(name)
            return known
    fresh = Chunk(name, base64.b64encode(zlib.compress(make(), _LEVEL)).decode())
    with _guard:
        _packed[name] = fresh
        size = sum(len(chunk.packed) for chunk in _packed.values())
        while size > _KEPT_BYTES:
            size -= len(_packed.popitem(last=False)[1].packed)
    return fresh
