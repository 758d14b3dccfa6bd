"""Tables and text as Markdown that shows names as they are, whatever they hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from p3m_anon.evaluation.grids import Grid, GridCell
from p3m_anon.studies.sources import TITLES, Source

_SPECIAL = re.compile(r"([\\`*_{}\[\]|~#$])")


def escaped(text: str) -> str:
    """On one line, nothing in it is markup; `|` does not end a cell."""
    plain = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", plain)


def table(grid: Grid) -> str:
    """With its notes below. Two lines of heads become one: `B:B SAD`; below, what covers several columns stands in the
    first of them."""
    rows = [[one for cell in line for one in (cell, *[GridCell("")] * (cell.span - 1))] for line in grid.lines]
    aligned = [":--" if column < grid.labels else "--:" for column in range(grid.width)]
    lines = [_line(map(escaped, _heads(grid))), _line(aligned), *(_line(map(_cell, row)) for row in rows)]
    notes = [f"{number}. {escaped(note)}" for number, note in enumerate(grid.notes, 1)]
    return "\n".join([*lines, *([""] if notes else []), *notes]) + "\n"


def source_table(found: Sequence[Source], up: str) -> str:
    """Where each number comes from. up: from the file to the store, as in `../../`."""
    lines = [_line(TITLES), _line(["---"] * len(TITLES))]
    for one in found:
        run = f"[{escaped(one.run)}]({up}{quote(one.run)}/)" if one.run else "-"
        lines.append(_line([*map(escaped, one.cells[:-1]), run, escaped(one.cells[-1])]))
    return "\n".join(lines) + "\n"


def _heads(grid: Grid) -> list[str]:
    columns = [[cell.text for cell in _spread(head)] for head in grid.heads]
    return [" ".join(filter(None, titles)) for titles in zip(*columns, strict=True)]


def _spread(cells: Sequence[GridCell]) -> list[GridCell]:
    return [cell for cell in cells for _ in range(cell.span)]


def _cell(cell: GridCell) -> str:
    marks = ", ".join(map(str, cell.notes))
    return escaped(cell.text) + (f" <sup>{marks}</sup>" if marks else "")


def _line(cells: Sequence[str] | Iterator[str] | map[str]) -> str:
    return f"| {' | '.join(cells)} |"
