r"""Tables as LaTeX that compiles with no package, and looks like booktabs where that is loaded."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

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
    """A table float with its notes, and comments that say where its numbers come from."""
    columns = "l" * grid.labels + "r" * (grid.width - grid.labels)
    body = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"]
    for number, head in enumerate(grid.heads):
        body.append(_line(head, grid, centred=True))
        body += _part_rules(head, grid.labels) if number + 1 < len(grid.heads) else []
    body.append(r"\midrule")
    for number, line in enumerate(grid.lines):
        body += [r"\midrule"] if number and line[0].text else []
        body.append(_line(line, grid))
    body += [r"\bottomrule", r"\end{tabular}"]
    notes = [rf"\par $^{{{number}}}$ {escaped(note)}" for number, note in enumerate(grid.notes, 1)]
    parts = [
        _RULES + r"\begin{table}",
        rf"\caption{{{escaped(grid.title)}}}",
        r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
        *body,
        *notes,
        r"\end{table}",
    ]
    return "\n".join([*_comments(found), *parts]) + "\n"


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
