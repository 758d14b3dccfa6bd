"""A table as text, before it becomes Markdown, LaTeX or HTML: what stands where, and the notes below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["label", "ours", "paper", "difference", "state"]


@dataclass(frozen=True)
class GridCell:
    """What stands in one cell, unescaped.

    span: columns that it covers. notes: of `Grid.notes`, counted from 1. kind: what it is; `state` stands where there
    is no number, and says why. source: of a number, the name of the line in the table of sources that it comes from.
    """

    text: str
    span: int = 1
    notes: tuple[int, ...] = ()
    kind: Kind = "label"
    source: str = ""


@dataclass(frozen=True)
class Grid:
    """A table.

    name: of its files. labels: so many columns on the left name a line. heads, lines: cells whose spans add up to the
    same width in all. A line whose first cell is not empty begins a group.
    """

    name: str
    title: str
    labels: int
    heads: tuple[tuple[GridCell, ...], ...]
    lines: tuple[tuple[GridCell, ...], ...]
    notes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Its columns."""
        return sum(cell.span for cell in self.heads[-1])
