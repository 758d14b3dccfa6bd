"""`p3m-anon masks`: masks out to LabelMe or CVAT, and back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

if TYPE_CHECKING:
    from p3m_anon.jobs.masks import MaskFormat, MaskSummary

OUT = click.argument("out", type=click.Path(exists=True, file_okay=False, path_type=Path))
FORMAT = click.option(
    "--format",
    "format_",
    type=click.Choice(["labelme", "coco", "png"]),
    default="labelme",
    show_default=True,
    help="labelme: a JSON beside each picture's name; coco: one file, for CVAT; png: white = blur.",
)
PRIVATE = click.option(
    "--private", type=click.Path(file_okay=False, path_type=Path), help="Private folder [default: OUT.private]."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")


@click.group()
def masks() -> None:
    """Draw masks in LabelMe or CVAT instead of the review page.

    \b
    Examples:
      p3m-anon masks export release to-draw --format labelme
      p3m-anon masks import release to-draw --format labelme
    """


@masks.command("export")
@OUT
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@FORMAT
@PRIVATE
@click.option("--reason", help="Only pictures that wait for this reason.")
@JSON
def export_(out: Path, folder: Path, format_: str, private: Path | None, reason: str | None, as_json: bool) -> None:
    """Write the masks of the release OUT into FOLDER, which must be new or empty.

    Pictures that wait go out with what was found automatically, labelled `suggestion`; masks that were drawn are
    labelled `face`. PNG has no labels and takes drawn masks only.

    \b
    Example:
      p3m-anon masks export release to-draw --format coco --reason profile
    """
    from p3m_anon.jobs.masks import export_masks

    summary = export_masks(out, private, folder, cast("MaskFormat", format_), reason)
    _conclude(summary, f"exported to {folder}", as_json)


@masks.command("import")
@OUT
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@FORMAT
@PRIVATE
@click.option("--who", help="Who drew them, for the record [default: the name you are logged in with].")
@click.option("--replace", is_flag=True, help="Overwrite answers that are there already.")
@JSON
def import_(
    out: Path, source: Path, format_: str, private: Path | None, who: str | None, replace: bool, as_json: bool
) -> None:
    """Record the masks in SOURCE (folder, or COCO file) as decisions about the pictures of the release OUT.

    A shape that is still labelled `suggestion` is not taken for a drawing: rename it to `face` to accept it.
    `review --write` then carries the decisions out; a face that a mask leaves uncovered sends its picture back.

    \b
    Example:
      p3m-anon masks import release annotations.json --format coco --who "team a"
    """
    from p3m_anon.commands.blur import user_name
    from p3m_anon.jobs.masks import import_masks

    summary = import_masks(out, private, source, cast("MaskFormat", format_), who or user_name(), replace=replace)
    _conclude(summary, f"imported; carry them out with: p3m-anon review {out} --write", as_json)


def _conclude(summary: MaskSummary, said: str, as_json: bool) -> None:
    if as_json:
        click.echo(summary.to_json())
        sys.exit(summary.exit_code)
    for problem in summary.problems:
        click.echo(problem, err=True)
    click.echo(f"{summary.done} {said}")
    for why, count in sorted(summary.left.items()):
        click.echo(f"{count} {why}")
    sys.exit(summary.exit_code)
