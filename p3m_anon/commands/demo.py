"""`p3m-anon demo`: real portraits, blurred, without network and without data of the user's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from p3m_anon.jobs.demo import DemoResult


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; the progress goes to stderr.")
def demo(out: Path, as_json: bool) -> None:
    """Blur real portraits that came with the installation, into the folder OUT.

    Takes two public-domain portraits and two pictures without a person from the installed packages, makes their
    alpha mattes, and blurs them with the embedded detector. The portraits are released; the others wait for a person,
    since a picture in which no face is found is never simply copied. Exit code 0 when exactly that happened.

    \b
    Example:
      p3m-anon demo demo
    """
    from p3m_anon.jobs.demo import run_demo

    result = run_demo(out, lambda line: click.echo(line, err=as_json))
    if as_json:
        click.echo(json.dumps(_as_json(result), indent=2))
    else:
        _report(result)
    if not result.as_expected:
        raise click.exceptions.Exit(1)


def _report(result: DemoResult) -> None:
    summary = result.summary
    click.echo("")
    click.echo(f"{len(result.released)} anonymized: {', '.join(result.released) or 'none'}")
    click.echo(f"    {summary.out / 'blurred_image'} beside {result.photos}")
    waiting = summary.counts.get("needs_review", 0)
    reasons = ", ".join(f"{reason}: {count}" for reason, count in summary.reasons.items())
    click.echo(f"{waiting} waiting for review{f' ({reasons})' if reasons else ''}")
    click.echo(f"    {summary.report or summary.private} (private: shows unblurred faces)")
    if not result.as_expected:
        states = ", ".join(f"{status}: {count}" for status, count in summary.counts.items())
        click.echo(f"Error: expected two anonymized and two waiting, got {states}; see p3m-anon doctor", err=True)


def _as_json(result: DemoResult) -> dict[str, object]:
    summary = result.summary
    return {
        "as_expected": result.as_expected,
        "released": list(result.released),
        "counts": summary.counts,
        "reasons": summary.reasons,
        "photos": str(result.photos),
        "alphas": str(result.alphas),
        "release": str(summary.out),
        "private": str(summary.private),
        "report": None if summary.report is None else str(summary.report),
    }
