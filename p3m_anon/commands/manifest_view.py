"""What a person sees of `manifest`: a running count, findings up to a limit, tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from p3m_anon.commands.counter import printable

if TYPE_CHECKING:
    from p3m_anon.jobs.manifest.diff import Change, ManifestDiff
    from p3m_anon.jobs.manifest.findings import Findings

LISTED = 20  # of each kind; --json has all


def show_findings(findings: Findings) -> None:
    """Worst kind first; a table on a terminal, else lines for grep."""
    from p3m_anon.jobs.manifest.findings import KINDS

    out = Console(highlight=False)
    for kind in findings.kinds():
        shown = findings.of(kind, LISTED)
        if out.is_terminal:
            out.print(Text(f"{kind}: {KINDS[kind]}", "bold"))
            table = Table(box=None, show_header=False, padding=(0, 2))
            for one in shown:
                table.add_row(Text(printable(one.file), overflow="fold"), Text(printable(one.detail), overflow="fold"))
            out.print(table)
        else:
            for one in shown:
                click.echo(f"{kind}  {printable(one.file)}  {printable(one.detail)}")
        if (more := findings.counts[kind] - len(shown)) > 0:
            click.echo(f"{kind}  and {more} more ({KINDS[kind]}); --json has all")


def counted(findings: Findings) -> str:
    """The findings as one phrase."""
    if not len(findings):
        return "nothing wrong was found"
    kinds = ", ".join(f"{findings.counts[kind]} {kind}" for kind in findings.kinds())
    return f"{len(findings)} finding{'' if len(findings) == 1 else 's'}: {kinds}"


def show_splits(splits: Mapping[str, Mapping[str, int]]) -> None:
    """How many rows there are of each split and status."""
    for split, counts in splits.items():
        said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
        click.echo(f"{split}: {sum(counts.values())} pictures ({said})")


def show_changes(diff: ManifestDiff) -> None:
    """Up to LISTED of each kind, and how many there are."""
    listed: dict[str, int] = {}
    for one in diff.changes():
        listed[one.kind] = listed.get(one.kind, 0) + 1
        if listed[one.kind] <= LISTED:
            click.echo(_line(one))
    more = {kind: count - LISTED for kind, count in listed.items() if count > LISTED}
    if more:
        click.echo(", ".join(f"and {count} more {kind}" for kind, count in more.items()) + "; --json has all")
    same = "the two manifests say the same"
    click.echo(", ".join(f"{n} {kind}" for kind, n in diff.counts.items()) if diff.counts.total() else same)


def _line(change: Change) -> str:
    where = {
        "added": f"to {change.after or 'no split'}",
        "removed": f"from {change.before or 'no split'}",
        "moved": f"{change.before or 'no split'} -> {change.after or 'no split'}",
        "changed": "",
        "same": f"in {change.after or 'no split'}",
        "nowhere": "",
    }[change.kind]
    parts = (change.kind, printable(change.id), where, ", ".join(map(printable, change.fields)))
    return "  ".join(part for part in parts if part)


def show_row(row: Mapping[str, Any]) -> None:
    """One picture: a table on a terminal, else `field  value` lines."""
    out = Console(highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in row.items():
        said = "-" if value is None else printable(str(value))
        if out.is_terminal:
            table.add_row(Text(key, "bold"), Text(said, overflow="fold"))
        else:
            click.echo(f"{key}  {said}")
    if out.is_terminal:
        out.print(table)


def echo_parts(parts: Iterable[str]) -> None:
    """Text that is too long to be held at once."""
    for part in parts:
        click.echo(part, nl=False)
