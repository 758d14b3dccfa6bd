"""`p3m-anon trimap`: trimaps from alphas."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from p3m_anon.errors import UsageError

if TYPE_CHECKING:
    from p3m_anon.jobs.trimap import TrimapRequest, TrimapResult, TrimapSummary
    from p3m_anon.matting.trimap import Kernels

NEW_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--out", type=NEW_FOLDER, help="For a folder of alphas [default: `trimap` beside it].")
@click.option(
    "--method",
    type=click.Choice(["published", "distance"]),
    default="published",
    show_default=True,
    help="published: dilate and erode with OpenCV's ellipse, as P3M does. distance: a disc, equally wide all round.",
)
@click.option("--kernel", default="25", show_default=True, help="Size in pixels, or LOW:HIGH to draw one per picture.")
@click.option("--seed", type=int, help="For LOW:HIGH; a picture's kernel depends on it and the picture's id alone.")
@click.option("--replace", is_flag=True, help="Overwrite trimaps that are there and differ, published ones too.")
@click.option("--private", type=NEW_FOLDER, help="Where drawn kernels are recorded [default: FOLDER.private].")
@click.option("--workers", type=click.IntRange(1), help="Pictures worked on at once [default: one per core].")
@click.option("--dry-run", is_flag=True, help="Say what would be made, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def trimap(folder: Path, kernel: str, seed: int | None, as_json: bool, **options: Any) -> None:
    """Make trimaps (0 background, 128 unknown, 255 foreground) from alphas.

    FOLDER is a folder of alphas, or a release or dataset (train, validation/P3M-500-P, ...), in which each folder
    `mask` gets a folder `trimap` beside it. Trimaps that are right already stay untouched; those that differ are
    named and kept, unless you say --replace. Alphas that look odd (empty, full, nearly binary, mostly grey) are named.

    \b
    Examples:
      p3m-anon trimap release
      p3m-anon trimap alphas --out trimaps --method distance
      p3m-anon trimap P3M-10k --kernel 15:30 --seed 7

    Exit codes: 0 all done; 1 some alphas failed, or trimaps differ or fit no alpha; 2 usage; 4 stopped early.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # pictures are spread over the cores, not the parts of one
    from p3m_anon.commands.counter import Counter
    from p3m_anon.jobs.trimap import TrimapRequest, trimap_folder

    options["workers"] = options["workers"] or 0
    request = TrimapRequest(folder, kernels=_kernels(kernel, seed), **options)
    with Counter("trimaps", quiet=as_json) as counter:

        def on_result(result: TrimapResult) -> None:
            counter.done()
            for text in filter(None, (result.detail, ", ".join(result.findings))):
                counter.line(f"{result.item.label}: {text}")

        summary = trimap_folder(request, on_result)
    if as_json:
        click.echo(summary.to_json())
    else:
        _conclude(summary, request)
    sys.exit(summary.exit_code)


def _kernels(text: str, seed: int | None) -> Kernels:
    """`25` or `15:30`."""
    from p3m_anon.matting.trimap import Kernels

    smallest, colon, largest = text.partition(":")
    try:
        sizes = int(smallest), int(largest if colon else smallest)
    except ValueError as error:
        raise UsageError(f"--kernel must be a number like 25 or a range like 15:30, got {text}") from error
    if sizes[0] < sizes[1] and seed is None:
        raise UsageError("a range of kernels needs a --seed, so that the same ones can be drawn again")
    if sizes[0] == sizes[1] and seed is not None:
        raise UsageError("--seed goes with a range of kernels like --kernel 15:30")
    try:
        return Kernels(*sizes, seed=seed or 0)
    except ValueError as error:
        raise UsageError(f"--kernel: {error}") from error


def _conclude(summary: TrimapSummary, request: TrimapRequest) -> None:
    from p3m_anon.commands.counter import count, printable

    if request.dry_run:
        click.echo(f"dry run: {count(summary.alphas, 'alpha')}; nothing was written")
    else:
        for line in summary.strangers:
            click.echo(printable(line), err=True)
        counts = (
            f"{count(summary.alphas, 'alpha')}: {count(summary.written, 'trimap')} written",
            f"{summary.unchanged} right already",
            count(len(summary.problems), "problem"),
            count(len(summary.warnings), "warning"),
        )
        click.echo(f"{', '.join(counts)}; {summary.seconds:.1f} s")
    for folder in summary.folders:
        click.echo(f"trimaps: {printable(folder)}")
    if summary.record:
        click.echo(f"kernels: {printable(summary.record)}")
