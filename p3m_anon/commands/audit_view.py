"""What a person sees of an audit: a running count, then a table and a verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from p3m_anon.commands.counter import printable
from p3m_anon.commands.identity_view import identity_lines
from p3m_anon.faces.audit_findings import BY_A_PERSON
from p3m_anon.jobs.audit.request import SEVERITIES

if TYPE_CHECKING:
    from p3m_anon.jobs.audit.request import AuditSummary

LISTED = {"leak": 200, "warning": 50, "note": 10}  # findings shown of each severity; --json has all
COLOURS = {"leak": "bold red", "warning": "yellow", "note": "dim"}
NAMED = 5


def show(summary: AuditSummary) -> None:
    """Findings, what ran, what could not, and the verdict."""
    out = Console(highlight=False)
    left = dict(LISTED)
    shown = []
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("severity", "check", "file", "evidence"):
        table.add_column(title, overflow="fold")
    for one in summary.findings:
        left[one.severity] -= 1
        if left[one.severity] >= 0:
            shown.append(one)
            style = COLOURS[one.severity]
            table.add_row(*(Text(printable(v), style) for v in (one.severity, one.check, one.image, one.evidence)))
    if summary.findings and out.is_terminal:
        out.print(table)
    elif summary.findings:  # one line each, for grep
        for one in shown:
            out.print(
                printable("  ".join((one.severity, one.check, one.image, one.evidence))), markup=False, soft_wrap=True
            )
    more = {severity: -count for severity, count in left.items() if count < 0}
    if more:
        out.print(", ".join(f"{n} more {severity}s" for severity, n in more.items()) + "; --json has all", markup=False)
    for name, count in sorted(summary.looks.items()):
        out.print(f"looked with: {name} ({count})", markup=False, soft_wrap=True)
    out.print(
        "checked: " + "; ".join(f"{name} ({n})" for name, n in sorted(summary.other_checks.items())), markup=False
    )
    for name, count in sorted(summary.skipped.items()):
        out.print(f"skipped: {printable(name)}" + (f" ({count} pictures)" if count > 1 else ""), markup=False)
    for line in identity_lines(summary.identity) if summary.identity else ():
        out.print(printable(line), markup=False, soft_wrap=True)
    numbers = {severity: summary.count(severity) for severity in SEVERITIES}
    counts = [f"{n} {severity}{'' if n == 1 else 's'}" for severity, n in numbers.items()]
    out.print(
        f"{summary.pictures} pictures, {summary.faces} places: {', '.join(counts)}; {summary.seconds:.1f} s",
        markup=False,
    )
    out.print(
        "the audit found no leak" if not summary.exit_code else "the audit found leaks: do not publish this as it is"
    )
    clear = sorted({one.image for one in summary.findings if one.check == BY_A_PERSON})
    if clear:
        names = ", ".join(printable(name) for name in clear[:NAMED]) + (", and more" if len(clear) > NAMED else "")
        out.print(
            f"but {len(clear)} pictures show clear faces because a person said so; look again: {names}",
            markup=False,
            soft_wrap=True,
        )
    if (sample := summary.record["scope"]["sample"]) is not None:
        bound = "" if sample["bound"] is None else f": at most {sample['bound']:.2%} of all have one (95 % confidence)"
        out.print(
            f"a random sample of {sample['size']} of {sample['of']}; {sample['with_leak']} with a leak{bound}",
            markup=False,
        )
    if summary.report:
        out.print(f"page: {summary.report} (contains unblurred faces)", markup=False, soft_wrap=True)
    else:
        out.print("The page was not written, because there is no private folder; name one with --private", markup=False)
