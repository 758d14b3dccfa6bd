"""What a person sees of an evaluation: the table with the paper's row, what is missing in it, the worst pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from p3m_anon.commands.counter import count, printable
from p3m_anon.jobs.eval.run import PAGE, ROWS, facts

if TYPE_CHECKING:
    from p3m_anon.jobs.eval.request import EvalSummary

LISTED = 20  # errors named; rows.csv has all


def show(summary: EvalSummary, *, dry_run: bool = False) -> None:
    """Everything that has to be said."""
    out = Console(highlight=False, markup=False, soft_wrap=True)
    if dry_run:
        _notes(out, summary)
        _errors(out, summary)
        out.print(f"dry run: {count(summary.pictures, 'picture')} of {summary.split}; nothing was written")
        _unused(out, summary)
        return
    _table(out, summary.table)
    _notes(out, summary)
    if len(summary.table) == 2:
        out.print("the paper's row is shown beside a --method that it has, on its test sets")
    for label, text in facts(summary).items():
        out.print(f"{label.lower()}: {text}")
    _errors(out, summary)
    worst = ", ".join(f"{printable(id)} {sad:.2f}" for id, sad in summary.worst)
    out.print(f"worst by SAD: {worst}" if worst else "nothing was scored")
    _unused(out, summary)
    gone = f", {summary.forgotten} gone" if summary.forgotten else ""
    out.print(f"{summary.pictures - summary.kept} worked on now, {summary.kept} kept{gone}; {summary.seconds:.1f} s")
    folder = Path(summary.folder)
    out.print(f"rows: {printable(str(folder / ROWS))}")
    faces = " (contains unblurred faces)" if summary.shows_clear_faces else ""
    out.print(f"page: {printable(str(folder / PAGE))}{faces}")


def _table(out: Console, lines: list[list[str]]) -> None:
    if out.is_terminal:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for column, title in enumerate(lines[0]):
            table.add_column(title, justify="right" if column else "left", no_wrap=bool(column))
        for line in lines[1:]:
            table.add_row(*map(printable, line))
        out.print(table)
        return
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            f"{printable(line[0]):{widths[0]}}",
            *(f"{cell:>{w}}" for cell, w in zip(line[1:], widths[1:], strict=True)),
        ]
        out.print("  ".join(cells))


def _notes(out: Console, summary: EvalSummary) -> None:
    for line in summary.caveats:
        out.print(f"note: {line}")


def _errors(out: Console, summary: EvalSummary) -> None:
    if summary.errors:
        out.print(f"{count(len(summary.errors), 'picture')} without a score:")
        for line in summary.errors[:LISTED]:
            out.print(f"  {printable(line)}")
        if len(summary.errors) > LISTED:
            out.print(f"  and {len(summary.errors) - LISTED} more, in {ROWS}")


def _unused(out: Console, summary: EvalSummary) -> None:
    if summary.unused:
        more = ", ..." if summary.unused_count > len(summary.unused) else ""
        names = ", ".join(map(printable, summary.unused))
        out.print(f"{count(summary.unused_count, 'file')} not used, as no picture is called so: {names}{more}")
