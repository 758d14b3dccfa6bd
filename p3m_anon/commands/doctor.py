"""`p3m-anon doctor`: what works here, and what to do about what does not."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from p3m_anon.jobs.doctor import Check

COLOURS = {"ok": "green", "note": None, "warning": "yellow", "problem": "red"}


@click.command()
@click.option(
    "--weights-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the weights [default: torch.hub's checkpoints folder].",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(weights_dir: Path | None, as_json: bool) -> None:
    """Say what works on this machine: versions, devices, weights, extras; and what to do about what does not.

    Exit code 0 when `blur` can run here, 1 otherwise. Notes and warnings do not keep it from running.

    \b
    Example:
      p3m-anon doctor
      p3m-anon doctor --json > doctor.json
    """
    from p3m_anon.jobs.doctor import can_blur, examine

    checks = examine(weights_dir)
    fine = can_blur(checks)
    if as_json:
        click.echo(json.dumps({"can_blur": fine, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        _report(checks, fine)
    if not fine:
        raise click.exceptions.Exit(1)


def _report(checks: list[Check], fine: bool) -> None:
    width = max(len(check.what) for check in checks)
    for check in checks:
        state = click.style(f"{check.state:<8}", fg=COLOURS[check.state])
        click.echo(f"{check.what:<{width}}  {state} {check.found}")
        if check.todo:
            click.echo(f"{'':<{width}}           -> {check.todo}")
    click.echo("blur can run here" if fine else "blur cannot run here; see the problems above")
