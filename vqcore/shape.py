"""The shape of a model, known before anything is trained: its levels, and the books of each. No torch here.

Axes: S the axes of a level's grid (two for pictures, one for sequences, none for single vectors), D code dimension, K codes a book.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Book:
    """One codebook: K codes of D numbers each. Nothing moves the codes of one that is not `learned`: they are where a rule puts them."""

    name: str
    K: int
    D: int
    learned: bool = True
