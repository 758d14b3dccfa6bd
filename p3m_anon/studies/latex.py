r"""Tables as LaTeX that compiles with no package, and looks like booktabs where that is loaded."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate

from p3m_anon.evaluation.grids import Grid, GridCell
from p3m_anon.studies.sources import Source

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "★": r"$\star$",
    "✓": r"$\surd$",
    **{letter: f"{{{letter}}}" for letter in "[]*`'"},  # brackets and stars belong to the line's end before them
}
_LETTERS = frozenset("ßæøÆØœŒłŁ")  # of LaTeX's own fonts; others are a letter and an accent
_NO_ACCENT = "\u0328"  # the ogonek, which they do not have

_PAGE = 345
"""Points of text across a page of LaTeX's article."""

_LETTER, _GAP = 4, 6
"""Points: a letter of \\scriptsize, about, and what lies between columns."""

_RULES = r"""\providecommand{\toprule}{\hline}
\providecommand{\midrule}{\hline}
\providecommand{\bottomrule}{\hline}
"""


def escaped(text: str) -> str:
    """On one line, every character as itself; those that LaTeX has no letter for as U+0000."""
    plain = "".join(_letter(letter) for letter in " ".join(text.split()))
    return plain.replace("--", "{-}{-}")  # which would be a dash


def _letter(letter: str) -> str:
    if letter in _SPECIAL:
        return _SPECIAL[letter]
    parts = unicodedata.normalize("NFD", letter)
    accented = "\u00c0" <= letter <= "\u017f" and len(parts) == 2 and parts[1] != _NO_ACCENT
    known = " " <= letter <= "~" or letter in _LETTERS or accented
    return letter if known else f"U+{ord(letter):04X}"


def table(grid: Grid, found: Sequence[Source]) -> str:
    """Table floats, and comments that say where their numbers come from.

    What is wider than a page is cut into several floats, each with the labels; notes are in the last one.
    """
    parts = _parts(grid)
    floats = [
        _float(_cut(grid, part), f" ({number} of {len(parts)})" if len(parts) > 1 else "", last=number == len(parts))
        for number, part in enumerate(parts, 1)
    ]
    return "\n".join([*_comments(found), _RULES.rstrip("\n"), *floats]) + "\n"


def _float(grid: Grid, number: str, *, last: bool) -> str:
    columns = "l" * grid.labels + "r" * (grid.width - grid.labels)
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    for count, head in enumerate(grid.heads, 1):
        body.append(_line(head, grid, centred=True))
        body += _part_rules(head, grid.labels) if count < len(grid.heads) else []
    body.append(r"\midrule")
    for count, line in enumerate(grid.lines):
        body += [r"\midrule"] if count and line[0].text else []
        body.append(_line(line, grid))
    body += [r"\bottomrule", r"\end{tabular}"]
    notes = [rf"\par $^{{{mark}}}$ {escaped(note)}" for mark, note in enumerate(grid.notes, 1) if last]
    parts = [
        r"\begin{table}",
        rf"\caption{{{escaped(grid.title + number)}}}",
        r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
        *body,
        *notes,
        r"\end{table}",
    ]
    return "\n".join(parts)


def _parts(grid: Grid) -> list[range]:
    """Columns that fit beside the labels, blocks whole where they do."""
    wide = _widths(grid)
    room = max(_PAGE - sum(wide[: grid.labels]), _PAGE // 2)
    parts: list[range] = []
    for block in _columns(grid.heads[0]):
        if block.start < grid.labels:
            continue
        whole = sum(wide[block.start : block.stop]) <= room
        for unit in [block] if whole else [range(one, one + 1) for one in block]:
            if parts and sum(wide[parts[-1].start : unit.stop]) <= room:
                parts[-1] = range(parts[-1].start, unit.stop)
            else:
                parts.append(unit)
    return parts


def _widths(grid: Grid) -> list[int]:
    """Of each column, about, in points; what covers several makes none of them wider."""
    wide = [0] * grid.width
    for line in (*grid.heads, *grid.lines):
        for cell, covered in zip(line, _columns(line), strict=True):
            if cell.span == 1:
                wide[covered.start] = max(wide[covered.start], _LETTER * (len(cell.text) + len(cell.notes)) + _GAP)
    return wide


def _columns(line: Sequence[GridCell]) -> list[range]:
    """Those that each cell covers."""
    ends = list(accumulate(cell.span for cell in line))
    return [range(end - cell.span, end) for cell, end in zip(line, ends, strict=True)]


def _cut(grid: Grid, part: range) -> Grid:
    """The labels and these columns."""

    def of(line: tuple[GridCell, ...]) -> tuple[GridCell, ...]:
        spans = (sum(one < grid.labels or one in part for one in covered) for covered in _columns(line))
        return tuple(replace(cell, span=span) for cell, span in zip(line, spans, strict=True) if span)

    return replace(grid, heads=tuple(map(of, grid.heads)), lines=tuple(map(of, grid.lines)))


def _comments(found: Sequence[Source]) -> Iterable[str]:
    """A comment ends with its line, so nothing in it may break the line."""
    for one in found:
        if one.run:
            yield f"% {escaped(' '.join(filter(None, one.cells[:5])))}: {' '.join(one.run.split())}"


def _line(cells: Sequence[GridCell], grid: Grid, *, centred: bool = False) -> str:
    return " & ".join(_cell(cell, centred=centred) for cell in cells) + r" \\"


def _cell(cell: GridCell, *, centred: bool) -> str:
    marks = ",".join(map(str, cell.notes))
    text = _number(cell) + (f"$^{{{marks}}}$" if marks else "")
    return rf"\multicolumn{{{cell.span}}}{{{'c' if centred else 'l'}}}{{{text}}}" if cell.span > 1 else text


def _number(cell: GridCell) -> str:
    """Of numbers a hyphen is a minus."""
    text = cell.text
    if cell.kind in ("ours", "paper", "difference") and text[:1] in "+-" and text[1:2].isdigit():
        return f"${text[0]}$" + escaped(text[1:])
    return escaped(text)


def _part_rules(head: Sequence[GridCell], labels: int) -> list[str]:
    """Under what covers several columns."""
    rules, column = [], 1
    for cell in head:
        if cell.span > 1:
            rules.append(rf"\cline{{{column}-{column + cell.span - 1}}}")
        column += cell.span
    return ["".join(rules)] if rules else []
