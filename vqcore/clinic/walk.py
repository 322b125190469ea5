"""How far the encoder walks away from its codes when they start, from what a run has recorded. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vqcore.records import Walk

EARLY_STEPS = 10  # with codes, over which the walk is measured


@dataclass(frozen=True, slots=True)
class EarlyWalk:
    """The first steps with codes: after `start`, over `steps` of them. `times`: how far the encoder walked, in distances from its outputs
    to their nearest codes as they were at `start`. `common`: the share of it in one common direction, 0 to 1.
    """

    start: int
    steps: int
    times: float
    common: float


def early_walk(walks: Sequence[Walk], book: int = 0) -> EarlyWalk | None:
    """Of the codebook at that place; None where it was not recorded, or no step has been taken since codes started."""
    looks = [(look.step, look.books[book]) for look in walks if book < len(look.books)]
    begun = next((i for i, (_, entry) in enumerate(looks) if entry.nearest), None)
    if begun is None or begun + 1 == len(looks):
        return None
    start, first = looks[begun]
    later = looks[begun + 1 :]
    early = [look for look in later if look[0] <= start + EARLY_STEPS] or later[:1]
    far = sum(entry.moved for _, entry in early)
    common = sum(entry.moved * entry.common for _, entry in early) / far if far > 0 else 0.0
    assert first.nearest
    return EarlyWalk(start, early[-1][0] - start, far / first.nearest, common)
