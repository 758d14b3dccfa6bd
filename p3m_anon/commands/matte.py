"""`p3m-anon matte`: alpha mattes and cut-outs of pictures."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from p3m_anon.evaluation.predict import PRECISIONS, STRATEGIES
from p3m_anon.methods.registry import METHODS

if TYPE_CHECKING:
    from p3m_anon.jobs.matte.picture import MatteResult
    from p3m_anon.jobs.matte.run import MatteRequest, MatteSummary

NEW_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("source", metavar="IN", type=click.Path(exists=True, path_type=Path))
@click.option("--out", type=NEW_FOLDER, required=True, help="Folder of the mattes.")
@click.option("--method", type=click.Choice(list(METHODS)), default="p3mnet", show_default=True)
@click.option(
    "--checkpoint",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Weights of a network: a published checkpoint of the method, or one of p3m-anon train.",
)
@click.option(
    "--trimap",
    "trimaps",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of trimaps (0, 128, 255) under the pictures' names, for a method that needs them.",
)
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    help="hybrid, resize: as P3M's and GFM's code. full: one undistorted pass. tiled: the same in bounded memory "
    "[default: hybrid, or full where the method has none].",
)
@click.option(
    "--rgba", is_flag=True, help="Cut-outs too, as RGBA PNG in OUT.rgba, in the estimated foreground colours."
)
@click.option(
    "--depth", type=click.Choice(["8", "16"]), default="8", show_default=True, help="Bits of what is written."
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default="float32",
    show_default=True,
    help="Of the network; bfloat16 is quicker where the processor has it, and a little off.",
)
@click.option(
    "--batch",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Pictures of one size in one pass; more than 1 helps on a GPU only.",
)
@click.option("--workers", type=click.IntRange(1), help="Pictures read and written at once [default: one per core].")
@click.option("--private", type=NEW_FOLDER, help="Where the record goes [default: OUT.private].")
@click.option("--replace", is_flag=True, help="Overwrite files that this command did not make.")
@click.option("--dry-run", is_flag=True, help="Say what would be made, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def matte(source: Path, out: Path, depth: str, as_json: bool, **options: Any) -> None:
    """Make the alpha matte of a picture, or of each picture in a folder and below; stop and start it as you like.

    Mattes are PNGs of one channel under the pictures' names. Cut-outs show the person, and mattes the outline: unless
    IN was anonymized, both are as private as IN. A picture is done when its matte is there, made of the same file with
    the same weights and settings. hybrid and resize first reduce the shorter side to 1080 pixels, as published; full
    and tiled work at the picture's own size.

    \b
    Examples:
      p3m-anon matte photos --checkpoint P3M-Net.pth --out mattes
      p3m-anon matte photo.jpg --checkpoint P3M-Net.pth --out cut --rgba --depth 16 --strategy tiled
      p3m-anon matte photos --method closed_form --trimap trimaps --out mattes

    Exit codes: 0 all done; 1 some pictures have no matte; 2 usage; 4 stopped early.
    """
    from p3m_anon.commands.counter import Counter
    from p3m_anon.jobs.matte.run import MatteRequest, matte_folder

    options["workers"] = options["workers"] or 0
    request = MatteRequest(source, out, depth=16 if depth == "16" else 8, **options)
    signal.signal(signal.SIGTERM, _terminated)
    with Counter("mattes", quiet=as_json, every=50) as counter:

        def on_result(result: MatteResult) -> None:
            counter.done()
            if result.problem:
                counter.line(f"{result.label}: {result.problem}")

        summary = matte_folder(request, on_result=on_result)
    if as_json:
        click.echo(summary.to_json())
    else:
        _conclude(summary, request)
    sys.exit(summary.exit_code)


def _conclude(summary: MatteSummary, request: MatteRequest) -> None:
    from p3m_anon.commands.counter import count, printable

    pictures, problems = count(summary.pictures, "picture"), count(len(summary.problems), "problem")
    if request.dry_run:
        for line in summary.problems:
            click.echo(printable(line), err=True)
        click.echo(
            f"dry run: {pictures}, {summary.to_do} to be made, {summary.kept} right already, {problems};"
            " nothing was written"
        )
        return
    rate = f", {summary.seconds / summary.made:.2f} s each" if summary.made else ""
    click.echo(
        f"{pictures}: {summary.made} made, {summary.kept} right already, {problems}; {summary.seconds:.1f} s{rate}"
    )
    click.echo(f"mattes: {printable(summary.out)}")
    if summary.cutouts:
        click.echo(f"cut-outs: {printable(summary.cutouts)} (clear faces, unless the pictures were anonymized)")


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the run as Ctrl-C does, with the exit code that belongs to it."""
    raise SystemExit(143)
