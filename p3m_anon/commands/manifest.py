"""`p3m-anon manifest`: what a dataset holds, whether it still does, and what has changed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from p3m_anon.commands.export import datasheet, export
from p3m_anon.commands.paths import PathOrUrl

if TYPE_CHECKING:
    from p3m_anon.files.remote import Location

ROOT = click.argument("root", type=PathOrUrl(file_okay=False))
EITHER = PathOrUrl()
JSON = click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON on stdout.")
WORKERS = click.option(
    "--workers", type=click.IntRange(1), default=None, help="Threads [default: one per core; 16 for a URL]."
)


@click.group()
def manifest() -> None:
    """Index a dataset, check every byte of it, compare two.

    \b
    Examples:
      p3m-anon manifest build P3M-10k --facts p3m-10k
      p3m-anon manifest verify P3M-10k
      p3m-anon manifest diff old new
      p3m-anon manifest show P3M-10k p_015cd10e
      p3m-anon manifest verify s3://bucket/P3M-10k

    \b
    ROOT and what diff compares may be URLs that fsspec reads, such as s3://, gs://, az://, memory://
    (pip install 'p3m-anon[remote]' and the store's own package, such as s3fs). Stores are only read.
    """


@manifest.command()
@ROOT
@click.option("--facts", type=click.Choice(["p3m-10k"]), help="Hold ROOT to what the authors published of P3M-10k.")
@click.option("--name", help="Name of the dataset [default: as dataset.json or --facts has it; so the next three].")
@click.option("--version", help="Its version.")
@click.option("--license", "license_", help="Its licence, an SPDX name or a link.")
@click.option("--citation", help="How to cite it.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Write into this folder [default: ROOT; not a URL]."
)
@click.option("--dry-run", is_flag=True, help="Check only; write nothing.")
@WORKERS
@JSON
def build(
    root: Location,
    facts: str | None,
    name: str | None,
    version: str | None,
    license_: str | None,
    citation: str | None,
    out: Path | None,
    dry_run: bool,
    workers: int | None,
    as_json: bool,
) -> None:
    """Index a tree in the P3M-10k form: write manifest.jsonl, dataset.json and checksums.txt into ROOT, or --out.

    ROOT holds train/, P3M-500-P/ and P3M-500-NP/, the last two also below validation/. Every picture must have its
    alpha, in the test sets its trimap, of one size; trimaps hold 0, 128, 255. What is missing or odd is said.
    Rows of a manifest that is there keep what they say of how their picture was made.

    \b
    Examples:
      p3m-anon manifest build P3M-10k --facts p3m-10k
      p3m-anon manifest build s3://bucket/P3M-10k --out new    (then put what is in new into the bucket)

    Exit codes: 0 all is as it should be; 1 something is not (the files are written all the same); 2 usage.
    """
    from p3m_anon.commands.counter import Counter
    from p3m_anon.commands.manifest_view import counted, echo_parts, show_findings, show_splits
    from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
    from p3m_anon.jobs.manifest.findings import json_parts

    request = BuildRequest(root, facts, name, version, license_, citation, dry_run, workers or 0, out)
    with Counter("pictures indexed", quiet=as_json, every=10_000) as counter:
        summary = build_manifest(request, counter.at)
    if as_json:
        echo_parts(json_parts(summary.head(), summary.findings))
        sys.exit(summary.exit_code)
    show_findings(summary.findings)
    show_splits(summary.counts)
    if dry_run:
        click.echo("dry run: nothing was written")
    else:
        where = f" into {out}: put them into {root}" if out else ""
        click.echo(f"written{where}: manifest.jsonl, dataset.json, checksums.txt (sha256 {summary.seal})")
    click.echo(f"{summary.rows} rows, {counted(summary.findings)}; {summary.seconds:.1f} s")
    sys.exit(summary.exit_code)


@manifest.command()
@ROOT
@WORKERS
@JSON
def verify(root: Location, workers: int | None, as_json: bool) -> None:
    """Hash everything below ROOT, a dataset or a release, and compare it with what its manifest says.

    Files that are missing, that no row lists, that were changed or cut off; rows that break a rule; ids that are
    there twice; pictures that are not blurred where only blurred ones may lie; a broken seal.

    \b
    Examples:
      p3m-anon manifest verify P3M-10k
      p3m-anon manifest verify s3://bucket/P3M-10k --workers 32

    Exit codes: 0 nothing was found; 1 anything was; 2 usage.
    """
    from p3m_anon.commands.counter import Counter
    from p3m_anon.commands.manifest_view import counted, echo_parts, show_findings
    from p3m_anon.jobs.manifest.findings import json_parts
    from p3m_anon.jobs.manifest.verify import verify_dataset

    with Counter("files hashed", quiet=as_json, every=10_000) as counter:
        summary = verify_dataset(root, workers or 0, counter.at)
    if as_json:
        echo_parts(json_parts(summary.head(), summary.findings))
        sys.exit(summary.exit_code)
    show_findings(summary.findings)
    for note in summary.notes:
        click.echo(f"note: {note}")
    if summary.seal:
        click.echo(f"checksums.txt: sha256 {summary.seal}")
    click.echo(f"{summary.rows} rows, {summary.files} files: {counted(summary.findings)}; {summary.seconds:.1f} s")
    sys.exit(summary.exit_code)


@manifest.command()
@click.argument("before", type=EITHER)
@click.argument("after", type=EITHER)
@click.option(
    "--list",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare only these pictures: ids, one a line, or recall.txt as `blur` writes it.",
)
@JSON
def diff(before: Location, after: Location, file: Path | None, as_json: bool) -> None:
    """List what changed from BEFORE to AFTER: pictures added, removed, moved between splits, changed in which fields.

    Both are folders with a manifest.jsonl, or such files, or URLs of either. With --list, a picture that both have
    unchanged is listed as `same`, and one that neither has as `nowhere`.

    \b
    Examples:
      p3m-anon manifest diff v1 v2
      p3m-anon manifest diff s3://bucket/P3M-10k P3M-10k
      p3m-anon manifest diff v1 v2 --list release.private/recall.txt

    Exit codes: 0 they say the same; 1 they do not; 2 usage.
    """
    from p3m_anon.commands.blur import read_lines
    from p3m_anon.commands.manifest_view import show_changes
    from p3m_anon.files.recall_list import read_listed
    from p3m_anon.jobs.manifest.diff import ManifestDiff

    found = ManifestDiff(before, after, read_listed(read_lines(file, "--list")) if file else None)
    if as_json:
        click.echo('{"changes": [', nl=False)
        for number, change in enumerate(found.changes()):
            click.echo(("," if number else "") + "\n" + change.to_json(), nl=False)
        click.echo(f'], "counts": {json.dumps(found.counts)}}}')
    else:
        show_changes(found)
    sys.exit(int(found.differ))


@manifest.command()
@ROOT
@click.argument("id_", metavar="ID")
@JSON
def show(root: Location, id_: str, as_json: bool) -> None:
    """All that is public about the picture ID of ROOT.

    \b
    Example:
      p3m-anon manifest show P3M-10k p_015cd10e

    Exit codes: 0 here it is; 1 there is no such picture; 2 usage.
    """
    from p3m_anon.commands.counter import printable
    from p3m_anon.commands.manifest_view import show_row
    from p3m_anon.jobs.manifest.diff import rows_of

    rows = rows_of(root, id_)
    for row in rows:
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            show_row(row)
    if not rows:
        click.echo(f"{printable(id_)}: no such picture in {root}", err=True)
    sys.exit(int(not rows))


manifest.add_command(export)
manifest.add_command(datasheet)
