"""`p3m-anon study run`: everything of a study that is not done yet."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click

from p3m_anon.commands.memory import memory_option

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
STORE = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), default="studies", show_default=True, help="The store."
)


def _shard(_ctx: click.Context, _param: click.Parameter, text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise click.BadParameter(f"{text!r} is no shard like 1/4")
    return int(found[1]), int(found[2])


def _backbones(_ctx: click.Context, _param: click.Parameter, said: tuple[str, ...]) -> dict[str, Path]:
    """By method, "" for all others."""
    pairs = (text.rpartition("=") for text in said)
    return {method: Path(file) for method, _, file in pairs}


@click.command()
@click.argument("study")
@click.option("--data", type=FOLDER, help="The dataset [default: as the study says].")
@click.option("--originals", type=FOLDER, help="Clear pictures for N [default: DATA.private/originals].")
@STORE
@click.option(
    "--backbone",
    "backbones",
    multiple=True,
    callback=_backbones,
    metavar="[METHOD=]FILE",
    help="ImageNet weights that encoders start from; may be repeated, as networks differ.",
)
@click.option("--shard", callback=_shard, default="1/1", help="Only part i of n, like 1/4; a shared store has all.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="One after the other here, or as tasks under Ray.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option("--devices", type=click.IntRange(1), default=1, show_default=True, help="That share each batch.")
@click.option("--workers", type=click.IntRange(0), help="That read or solve pictures [default: as train and eval].")
@memory_option("all processes of a method that is solved, not trained,")
@click.option("--dry-run", is_flag=True, help="Say what there is to do; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def run(study: str, data: Path | None, out: Path, as_json: bool, **options: Any) -> None:
    """Train and test what STUDY, a TOML file or table1 to table5 or smoke, has and the store has not.

    The store keeps every training and every evaluation under an address made of the method, its settings, the seed and
    the bytes of the pictures: studies share what they have in common, and nothing is done twice. Kill it at any moment;
    the same command goes on. One that fails stops no other, and is tried again by the next run. Several runs on one
    store keep out of each other's way.

    \b
    Examples:
      p3m-anon study run smoke --data dataset
      p3m-anon study run table3 --data P3M-10k --backbone resnet34.pth --backbone shm=resnet50.pth
      p3m-anon study run mine.toml --shard 2/4

    Exit codes: 0 all done that is possible; 1 something failed; 2 usage; 4 stopped early, or another run is at the
    rest; 130 and 143 on signals.
    """
    from p3m_anon.commands.study_view import Screen, show
    from p3m_anon.errors import UsageError
    from p3m_anon.jobs.study.request import StudyRequest
    from p3m_anon.jobs.study.run import run_study
    from p3m_anon.studies.study import read_study

    said = read_study(study)
    root = data or (Path(said.data) if said.data else None)
    if root is None:
        raise UsageError(f"{study} names no dataset; give --data ROOT")
    request = StudyRequest(said, root, store=out, **options)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopping)
    with Screen(quiet=as_json) as screen:
        try:
            summary = run_study(request, screen)
        except SystemExit:
            click.echo("stopped; run the same command again to resume", err=True)
            raise
    if as_json:
        click.echo(summary.to_json())
    else:
        show(summary, said, dry_run=request.dry_run)
    sys.exit(0 if request.dry_run else summary.exit_code)


def _stopping(number: int, _frame: FrameType | None) -> None:
    """Ctrl-C and SIGTERM end the run, with the exit code that belongs to them, once its processes have saved."""
    click.echo("stopping; what is under way is saved", err=True)
    raise SystemExit(128 + number)
