"""What the glossary says about one word."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """`sentence` needs no other word of this glossary's harder half; `definition` is exact; `values` is range and unit.

    `where` is the dotted name of what computes or holds it ("" for ideas that no single place computes).
    `fields` are the configuration's field names that set it; `plain` are other words that a search should find.
    `equation` is LaTeX without its dollar signs, "" where there is none; `definition` then says what its letters are.
    """

    title: str
    sentence: str
    definition: str
    values: str = ""
    where: str = ""
    fields: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()
    equation: str = ""
