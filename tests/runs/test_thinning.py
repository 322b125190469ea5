from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vqcore.runs.thinning import surplus, thinned


@given(st.lists(st.floats(), max_size=300), st.integers(2, 40))
def test_a_thinned_curve_keeps_its_ends_and_its_bound(values: list[float], points: int) -> None:
    records = list(enumerate(values))
    kept = thinned(records, points, lambda record: record[1])
    assert len(kept) <= max(points, 0)
    assert [record[0] for record in kept] == sorted({record[0] for record in kept})
    if records:
        assert kept[0] == records[0]
        assert kept[-1] == records[-1]
    if len(records) <= points:
        assert kept == records


def test_spikes_survive() -> None:
    values = [1.0] * 10_000
    values[4321], values[7777], values[5000] = 99.0, -5.0, math.nan
    kept = {i for i, _ in thinned(list(enumerate(values)), 100, lambda record: record[1])}
    assert {4321, 7777, 5000} <= kept


def test_too_few_points() -> None:
    with pytest.raises(ValueError, match="2 points or more, not 1"):
        thinned([1, 2, 3], 1, float)


@given(st.sets(st.integers(0, 10_000), min_size=1, max_size=200), st.integers(2, 30), st.integers(1, 100))
def test_what_stays_fits_and_holds_the_latest(steps: set[int], count: int, size: int) -> None:
    sizes = dict.fromkeys(steps, 10)
    left = steps - surplus(sizes, count, size)
    assert max(steps) in left
    assert len(left) <= count
    assert len(left) * 10 <= max(size, 10)


def test_a_growing_run_stays_even_by_doubling() -> None:
    kept: dict[int, int] = {}
    for step in range(0, 100_001, 50):
        kept[step] = 1
        for old in surplus(kept, 120):
            del kept[old]
        assert len(kept) <= 120
    steps = sorted(kept)
    gaps = {b - a for a, b in pairwise(steps[:-1])}
    assert steps[0] == 0
    assert steps[-1] == 100_000
    assert gaps == {1600}  # 50 · 2⁵: 63 of them


def test_nothing_is_dropped_while_all_fits() -> None:
    assert surplus({}, 5) == set()
    assert surplus({0: 9, 7: 9, 9: 9}, 3, 27) == set()
    assert surplus({0: 9, 7: 9, 9: 9}, 3, 5) == {0, 7}
