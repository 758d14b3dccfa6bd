"""`p3m-anon split`: from releases to train, P3M-500-P and P3M-500-NP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from types import TracebackType

    from p3m_anon.jobs.split.request import SplitSummary

FOLDER = click.Path(file_okay=False, path_type=Path)
THERE = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
EVERY = 1000  # plain lines: one for so many pictures


@click.command()
@click.argument("release", type=THERE)
@click.option("--out", type=FOLDER, required=True, help="The dataset's folder: new, or one that this command began.")
@click.option("--normal", type=THERE, help="Another release, of pictures that a person has cleared: for P3M-500-NP.")
@click.option("--p", type=click.IntRange(0), default=500, show_default=True, help="Pictures of P3M-500-P (blurred).")
@click.option("--np", type=click.IntRange(0), default=500, show_default=True, help="Pictures of P3M-500-NP (clear).")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed is another draw.")
@click.option("--columns", type=FILE, help="A CSV file with a column `path` or `id`, and columns of yours.")
@click.option("--group-by", metavar="COLUMN", help="Its column of subjects or shoots: like ones stay in one split.")
@click.option(
    "--stratify",
    metavar="COLUMN",
    multiple=True,
    help="Keep the shares of: faces, face-size, picture-size, or a column; may be repeated [default: these three].",
)
@click.option(
    "--link",
    type=click.Choice(["auto", "hard", "reflink", "copy"]),
    default="auto",
    show_default=True,
    help="How files are placed; auto: the first that works. A hard link is the release's very file.",
)
@click.option(
    "--ids",
    type=click.Choice(["opaque", "keep"]),
    default="opaque",
    show_default=True,
    help="Names that say nothing, or those of the release.",
)
@click.option("--originals/--no-originals", default=None, help="Keep the clear originals of train and P privately.")
@click.option("--private", type=FOLDER, help="The dataset's private folder [default: OUT.private].")
@click.option("--release-private", type=THERE, help="The release's [default: RELEASE.private].")
@click.option("--normal-private", type=THERE, help="That of --normal [default: NORMAL.private].")
@click.option("--dry-run", is_flag=True, help="Say what would go where, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def split(as_json: bool, **options: Any) -> None:
    """Divide the pictures of RELEASE into train, P3M-500-P and P3M-500-NP.

    Near-duplicates (seen in the originals, mirrored ones too) and pictures of one group never come into different
    splits. A clear picture that nearly duplicates a blurred one, or is in one group with it, is refused: it would
    give the person away. P3M-500-NP takes pictures with a release basis only. The same pictures and the same seed give
    the same splits, whatever the order. Small sets get smaller test splits. A stopped run goes on with the same
    command.

    Files are linked or copied, never moved. A hard link shares its content with the release: to erase a picture,
    erase it in both. Never publish OUT.private: it holds the originals, and who is who.

    \b
    Examples:
      p3m-anon split photos-anonymized --out dataset
      p3m-anon split release --normal cleared --out dataset --p 500 --np 500 --seed 7
      p3m-anon split release --out dataset --columns people.csv --group-by subject --stratify gender

    Exit codes: 0 done as asked; 1 pictures were refused or left out, or a split is smaller than planned; 2 usage;
    4 stopped early.
    """
    from p3m_anon.jobs.split.request import OF_THE_LEDGER, SplitRequest
    from p3m_anon.jobs.split.run import split_release

    request = SplitRequest(**{**options, "stratify": options["stratify"] or OF_THE_LEDGER})
    with Placing(quiet=as_json) as placing:
        summary = split_release(request, placing.start, placing.picture)
    if as_json:
        click.echo(summary.to_json())
    else:
        _show(summary, options["dry_run"])
    sys.exit(summary.exit_code)


class Placing:
    """Progress on stderr: a bar on a terminal, else a line now and then."""

    def __init__(self, quiet: bool) -> None:
        """quiet: nothing is shown."""
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True, highlight=False, markup=False)
        self._bar = Progress(console=console, transient=True) if console.is_terminal and not quiet else None
        self._quiet, self._done, self._total = quiet, 0, 0

    def __enter__(self) -> Placing:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Take the bar off the terminal."""
        if self._bar:
            self._bar.stop()

    def start(self, summary: SplitSummary) -> None:
        """So many pictures are about to be placed."""
        self._total = sum(summary.counts.values())
        if self._bar:
            self._task = self._bar.add_task("place", total=self._total)
            self._bar.start()

    def picture(self) -> None:
        """One more is in its place."""
        self._done += 1
        if self._bar:
            self._bar.advance(self._task)
        elif not self._quiet and self._done % EVERY == 0:
            click.echo(f"{self._done} of {self._total}", err=True)


def _show(summary: SplitSummary, dry_run: bool) -> None:
    """For a person, on their own terminal: file names are shown."""
    for split_, count in summary.counts.items():
        worst = summary.deviation.get(split_)
        strata = f"; strata at most {worst['pictures']:.1f} pictures from their share" if worst and count else ""
        click.echo(f"{split_:10s} {count} pictures{strata}")
    click.echo(
        f"{summary.near_duplicate_pairs} near-duplicate pairs; {summary.groups} groups, the largest of"
        f" {summary.largest_group} pictures; {summary.groups_too_large} too large for a test split"
    )
    if summary.unused:
        click.echo(f"{summary.unused} cleared pictures were not drawn and stay out: clear faces lie in P3M-500-NP only")
    for note in summary.notes:
        click.echo(note)
    for warning in summary.warnings:
        click.echo(_printable(warning), err=True)
    if summary.refused:
        click.echo(f"{summary.refused} clear pictures refused: each is too near to a blurred one", err=True)
        _list(summary.listed["refused"], summary.refused)
    for why, count in sorted(summary.left_out.items()):
        click.echo(f"{count} pictures left out: they {why}", err=True)
        _list(summary.listed[why], count)
    if dry_run:
        click.echo("dry run: nothing was written")
        return
    ways = ", ".join(f"{count} by {way}" for way, count in sorted(summary.placed.items()))
    click.echo(f"files placed now: {ways or 'none, all were there'}; originals of {summary.originals} pictures kept")
    click.echo(f"dataset: {summary.out}")
    click.echo(f"private: {summary.private} (originals, who is who, left_out.csv; never publish it)")


def _list(names: list[str], count: int) -> None:
    for name in names:
        click.echo(f"  {_printable(name)}", err=True)
    if count > len(names):
        click.echo(f"  ... and {count - len(names)} more, in left_out.csv of the private folder", err=True)


def _printable(text: str) -> str:
    """Names may hold line ends and terminal codes; they are shown, not obeyed."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
