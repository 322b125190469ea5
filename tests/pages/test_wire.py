"""Arrays on the wire: what the browser unpacks is what was given, and a film that grows sends little."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pages.ui import wire
from pages.ui.wire import CHUNK, NOT_FINITE, Chunk, Part, counts, flags, part_of, places, shades, text

DTYPES = {"u8": np.uint8, "u16": np.uint16, "u32": np.uint32}


def unpacked(part: Part, chunk: Chunk) -> np.ndarray:
    """As assets/codemap/wire.js does it."""
    dtype = np.dtype(DTYPES[part.kind])
    octets = np.frombuffer(zlib.decompress(base64.b64decode(chunk.packed)), dtype=np.uint8)
    change = np.ascontiguousarray(octets.reshape(dtype.itemsize, -1).T).view(dtype.newbyteorder("<")).astype(dtype).reshape(-1, part.width)
    return np.cumsum(change, axis=0, dtype=dtype)


def whole(part: Part) -> np.ndarray:
    return np.concatenate([unpacked(part, chunk) for chunk in part.chunks])


def placed(part: Part) -> np.ndarray:
    found = []
    for chunk, (x, per_x, y, per_y) in zip(part.chunks, part.ranges, strict=True):
        numbers = unpacked(part, chunk).reshape(-1, part.width // 2, 2)
        values = numbers * [per_x, per_y] + [x, y]
        values[numbers[..., 0] == NOT_FINITE] = np.nan
        found.append(values)
    return np.concatenate(found)


@given(arrays(np.int64, st.tuples(st.integers(1, 40), st.integers(1, 6)), elements=st.integers(-1, 2**31 - 2)))
def test_counts_arrive_as_they_were(x: np.ndarray) -> None:
    assert (whole(counts(x)).astype(np.int64) - 1 == x).all()


@given(arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 6))))
def test_flags_arrive_as_they_were(x: np.ndarray) -> None:
    assert (whole(flags(x)) == x).all()


def test_colours_arrive_as_they_were() -> None:
    x = np.random.default_rng(0).integers(0, 255, (37, 5, 3), dtype=np.uint8)
    assert (whole(shades(x)).reshape(x.shape) == x).all()
    assert (whole(shades(x[0])).reshape(5, 3) == x[0]).all(), "colours that stay are one moment"


@given(st.integers(1, 40), st.integers(1, 8), st.floats(1e-6, 1e6), st.integers(0, 99))
def test_places_arrive_to_a_sixty_thousandth(T: int, N: int, size: float, seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(T, N, 2)) * size
    arrived = placed(places(x))
    for start in range(0, T, CHUNK):
        part = x[start : start + CHUNK]
        unit = (part.max(axis=(0, 1)) - part.min(axis=(0, 1))) / (NOT_FINITE - 1)
        assert (np.abs(arrived[start : start + CHUNK] - part) <= unit * 0.51 + 1e-9 * size).all()


def test_what_is_not_finite_arrives_as_such_and_spoils_nothing() -> None:
    x = np.random.default_rng(0).normal(size=(20, 4, 2)).astype(np.float32)
    x[3, 1, 0], x[4, 2, 1], x[5, 3] = np.nan, np.inf, -np.inf
    arrived = placed(places(x))
    lost = ~np.isfinite(x).all(axis=2)
    assert (np.isnan(arrived).any(axis=2) == lost).all()
    assert np.allclose(arrived[~lost], x[~lost], atol=1e-3)
    assert np.isnan(placed(places(np.full((2, 3, 2), np.nan)))).all()
    assert places(np.zeros((2, 0, 2))).width == 0


def test_a_film_that_grows_sends_its_last_chunk_alone() -> None:
    x = np.random.default_rng(0).normal(size=(3 * CHUNK + 5, 7, 2))
    before = {chunk.name for chunk in places(x[:-1]).chunks}
    after = {chunk.name for chunk in places(x).chunks}
    assert len(after - before) == 1
    assert len(after) == 4


def test_different_arrays_have_different_names() -> None:
    names = [
        counts(np.zeros((1, 4), dtype=int)).chunks[0].name,
        counts(np.zeros((2, 2), dtype=int)).chunks[0].name,
        counts(np.zeros((1, 2), dtype=int)).chunks[0].name,
        flags(np.zeros((1, 4), dtype=bool)).chunks[0].name,
        text("").chunks[0].name,
    ]
    assert len(set(names)) == len(names)


def test_text_arrives_as_it_was() -> None:
    value: Any = {"a": ["<b>&", "é", None], "n": [1, 2.5]}
    assert json.loads(zlib.decompress(base64.b64decode(text(value).chunks[0].packed))) == value


def test_the_same_array_is_packed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.zeros((3, 2), dtype=int)
    assert part_of(counts, x) is part_of(counts, x)
    assert part_of(counts, x.copy()) is not part_of(counts, x)
    monkeypatch.setattr(wire, "_PARTS", 1)
    first = part_of(counts, x)
    part_of(counts, x.copy())
    assert part_of(counts, x) is not first, "what was long not asked for is forgotten"
    assert part_of(counts, x) == first


def test_a_film_of_five_hundred_codes_is_under_a_megabyte() -> None:
    random = np.random.default_rng(0)
    T, K, V = 120, 512, 512
    along = np.linspace(0, 1, T)[:, None, None]

    def walk(N: int) -> np.ndarray:
        ends = random.normal(size=(2, 1, N, 2)) * 3
        return ends[0] * (1 - along) + ends[1] * along + random.normal(size=(T, N, 2)) * 0.02

    usage = random.poisson(np.abs(random.normal(size=K)) * 100, (T, K))
    parts = [places(walk(K)), places(walk(V)), counts(usage), counts(usage % 7), counts(np.zeros((T, V), dtype=int)), flags(usage == 0)]
    assert sum(len(chunk.packed) for part in parts for chunk in part.chunks) < 1_000_000
