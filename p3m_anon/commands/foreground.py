"""`p3m-anon foreground`: foreground and background layers for the composition loss."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from p3m_anon.commands.memory import memory_option

if TYPE_CHECKING:
    from p3m_anon.jobs.foreground.picture import LayerResult
    from p3m_anon.jobs.foreground.run import ForegroundRequest, ForegroundSummary


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--format",
    type=click.Choice(["png", "jpeg"]),
    default="jpeg",
    show_default=True,
    help="Of the background; the published training code reads bg/*.jpg. The foreground is always PNG.",
)
@click.option("--workers", type=click.IntRange(1), help="Pictures worked on at once [default: one per core].")
@memory_option()
@click.option(
    "--private",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the record goes [default: FOLDER.private, made if need be].",
)
@click.option("--replace", is_flag=True, help="Overwrite layers that this command did not make.")
@click.option("--dry-run", is_flag=True, help="Say what would be made, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def foreground(folder: Path, as_json: bool, **options: Any) -> None:
    """Estimate fg and bg beside each folder `mask` of a release or dataset; stop and start it as you like.

    Reads the anonymized pictures in `blurred_image` (and `original_image` of P3M-500-NP, or of manifest rows that are
    called normal), never an original, and their alphas. What a picture was made of and how far it is from its layers
    is recorded in FOLDER.private/layers.sqlite. Layers whose picture is gone or fails are removed. The very first run
    on a machine takes half a minute more, to compile the estimator.

    \b
    Examples:
      p3m-anon foreground release
      p3m-anon foreground P3M-10k --format png --memory 8G

    Exit codes: 0 all done; 1 some pictures failed, or layers fit no picture; 2 usage; 4 stopped early.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # pictures are spread over the cores, not the parts of one
    from p3m_anon.commands.counter import Counter
    from p3m_anon.jobs.foreground.run import ForegroundRequest, foreground_folder

    request = ForegroundRequest(folder, **{**options, "workers": options["workers"] or 0})
    signal.signal(signal.SIGTERM, _terminated)
    with Counter("pictures with layers", quiet=as_json) as counter:

        def on_result(result: LayerResult) -> None:
            counter.done()
            if result.problem:
                counter.line(f"{result.task.pair.label}: {result.problem}")

        summary = foreground_folder(request, on_result)
    if as_json:
        click.echo(summary.to_json())
    else:
        _conclude(summary, request)
    sys.exit(summary.exit_code)


def _conclude(summary: ForegroundSummary, request: ForegroundRequest) -> None:
    from p3m_anon.commands.counter import count, printable

    if request.dry_run:
        for line in summary.problems:
            click.echo(printable(line), err=True)
        click.echo(f"dry run: {count(summary.pictures, 'picture')}, {summary.to_do} to be made; nothing was written")
        click.echo(f"record: {printable(summary.record)}")
        return
    for line in summary.strangers:
        click.echo(printable(line), err=True)
    rate = f", {summary.made / summary.seconds:.1f}/s" if summary.made and summary.seconds else ""
    click.echo(
        f"{count(summary.pictures, 'picture')}: {summary.made} made, {summary.kept} right already, "
        f"{count(len(summary.problems), 'problem')}, layers of {summary.removed} removed; {summary.seconds:.1f} s{rate}"
    )
    if summary.error_mean is not None:
        worst = ", ".join(f"{printable(name)} {mean:.2f} (max {most:.0f})" for name, mean, most in summary.worst)
        click.echo(f"reconstruction error: mean {summary.error_mean:.2f} of 255 levels; worst: {worst}")
    click.echo(f"record: {printable(summary.record)}")


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the run as Ctrl-C does, with the exit code that belongs to it."""
    raise SystemExit(143)
