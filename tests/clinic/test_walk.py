"""The encoder's first walk, measured in distances to its codes."""

from __future__ import annotations

import pytest

from vqcore.clinic.walk import EarlyWalk, early_walk
from vqcore.records import BookWalk, Walk


def look(step: int, moved: float, nearest: float | None = 0.1, common: float = 0.5) -> Walk:
    return Walk(step, 0, (BookWalk("codes", moved, common, nearest),))


WALKS = [look(0, 0.0), look(1, 0.5), look(2, 0.5), look(5, 1.0, common=1.0), look(10, 1.0, common=1.0), look(12, 9.0)]


def test_the_first_ten_steps_are_measured_in_distances_to_the_nearest_code() -> None:
    assert early_walk(WALKS) == EarlyWalk(0, 10, pytest.approx(30), pytest.approx((0.5 * 1 + 1.0 * 2) / 3))  # type: ignore[arg-type]
    assert early_walk([]) is None and early_walk(WALKS[:1]) is None
    late = [look(0, 0.0, None), look(10, 9.0, None), look(50, 9.0, 0.2), look(62, 0.4)]
    assert early_walk(late) == EarlyWalk(50, 12, pytest.approx(2), pytest.approx(0.5))  # type: ignore[arg-type]
    assert early_walk(late[:3]) is None and early_walk([Walk(0, 0, ())]) is None
