"""`p3m-anon manifest export` and `datasheet`: a dataset for other people's programs, and in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from p3m_anon.commands.paths import PathOrUrl
from p3m_anon.dataset.rows import SPLITS

if TYPE_CHECKING:
    from p3m_anon.jobs.manifest.export import Form

FROM = click.argument("root", type=PathOrUrl(file_okay=False))
ROOT = click.argument("root", type=click.Path(exists=True, file_okay=False, path_type=Path))
NEW = click.Path(path_type=Path)
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
FORMS = {
    "csv": "rows",
    "parquet": "rows",
    "hf": "placed files",
    "webdataset": "shards",
    "croissant": "placed files",
}


@click.command()
@FROM
@click.option("--to", "form", type=click.Choice(list(FORMS)), required=True, help="The form; see above.")
@click.option("--out", type=NEW, required=True, help="New file (csv, parquet) or folder (the others).")
@click.option("--split", type=click.Choice(SPLITS), help="Only this split [default: all].")
@click.option(
    "--link",
    type=click.Choice(["hard", "reflink", "copy"]),
    default="hard",
    show_default=True,
    help="hf, croissant: the same files under new names; blocks shared until a file changes; or copies, as of a URL.",
)
@click.option("--shard-mb", type=click.IntRange(1), default=1000, show_default=True, help="webdataset: MB in a shard.")
@click.option(
    "--shard-pictures",
    type=click.IntRange(1),
    default=10_000,
    show_default=True,
    help="webdataset: pictures in it.",
)
@click.option(
    "--audit",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="hf, croissant: audit.json of the release; its figures go into card and description.",
)
@click.option("--workers", type=click.IntRange(1), help="Threads that read [default: one per core].")
@click.option("--dry-run", is_flag=True, help="Check rows and names, count, write nothing.")
@JSON
def export(form: str, out: Path, as_json: bool, shard_mb: int, shard_pictures: int, **options: Any) -> None:
    """Write the dataset ROOT, or a release folder, in a form that other programs read.

    \b
    csv         rows only, one line a picture; nothing is copied or linked
    parquet     the same with types (pip install 'p3m-anon[export]')
    hf          Hugging Face image folder: pictures, alphas and layers are hard-linked
                (takes no space; who edits one file edits both) or, with --link copy, copied;
                datasets.load_dataset("imagefolder", data_dir=OUT) reads it
    webdataset  tar shards {split}-000000.tar and index.json: everything is copied into them
    croissant   croissant.json, and the files, hard-linked or copied as for hf; needs the
                extra export too; mlcroissant.Dataset(jsonld=OUT/croissant.json) reads it

    ROOT may be a URL that fsspec reads (pip install 'p3m-anon[remote]'); its files are fetched, never linked.

    Only what rows list goes out. Rows and names are checked first, as manifest verify does, and each file is hashed
    while it is read: a dataset that is not what its manifest says is not exported. OUT has its name only once it is
    whole. The same dataset gives the same bytes. Of each row only the public fields of the manifest go out.

    \b
    Examples:
      p3m-anon manifest export P3M-10k --to csv --out p3m-10k.csv
      p3m-anon manifest export P3M-10k --to parquet --out p3m-10k.parquet
      p3m-anon manifest export P3M-10k --to hf --out p3m-10k-hf
      p3m-anon manifest export P3M-10k --to webdataset --out shards --split train --shard-mb 500
      p3m-anon manifest export P3M-10k --to croissant --out p3m-10k-croissant --link copy
      p3m-anon manifest export dataset --to hf --out dataset-hf --audit release.private/audit.json
      p3m-anon manifest export s3://bucket/P3M-10k --to webdataset --out shards

    Exit codes: 0 exported; 1 ROOT is not what its manifest says; 2 usage; 4 stopped (disk full, no rights).
    """
    from p3m_anon.commands.counter import Counter
    from p3m_anon.files.export_webdataset import ShardLimits
    from p3m_anon.jobs.manifest.export import ExportRequest, export_dataset

    limits = ShardLimits(shard_mb * 1_000_000, shard_pictures)
    workers = options.pop("workers") or 0
    request = ExportRequest(form=cast("Form", form), out=out, limits=limits, workers=workers, **options)
    with Counter("pictures exported", quiet=as_json) as counter:
        done = 0

        def one_more() -> None:
            nonlocal done
            done += 1
            counter.at(done)

        summary = export_dataset(request, one_more)
    if as_json:
        click.echo(summary.to_json())
        return
    for split, count in summary.splits.items():
        click.echo(f"{count} {split}")
    files = f", {summary.files} files" if summary.files else ""
    if summary.dry_run:
        click.echo(f"dry run: {summary.pictures} pictures{files} would go out; nothing was written")
    else:
        size = f"{summary.bytes / 1e6:.1f} MB of {FORMS[form]}"
        click.echo(f"{summary.pictures} pictures{files}, {size}, in {out}; {summary.seconds:.1f} s")


@click.command()
@ROOT
@click.option("--release", type=FOLDER, help="The release folder that ROOT was made from: what people reviewed.")
@click.option("--private", type=FOLDER, help="Its private folder [default: RELEASE.private].")
@click.option(
    "--audit",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="audit.json of the release, in its private folder.",
)
@click.option("--replace", is_flag=True, help="Overwrite a datasheet that was edited by hand.")
@click.option("--dry-run", is_flag=True, help="Print it; write nothing.")
@JSON
def datasheet(as_json: bool, dry_run: bool, **options: Any) -> None:
    """Write ROOT/DATASHEET.md, what is in it, what was done to the faces and what people checked, and seal ROOT again.

    Everything in it is counted from the manifest and, if named, the release's record and an audit. What they do not
    know is marked "not stated": answer it by hand, then run manifest build, which seals what you wrote.
    No name, path, note or digest of an original gets in.

    \b
    Examples:
      p3m-anon manifest datasheet P3M-10k
      p3m-anon manifest datasheet dataset --release release --audit release.private/audit.json

    Exit codes: 0 written; 1 what is sealed was changed; 2 usage; 4 stopped.
    """
    from p3m_anon.jobs.manifest.datasheet import DatasheetRequest, write_datasheet

    summary = write_datasheet(DatasheetRequest(dry_run=dry_run, **options))
    if as_json:
        click.echo(summary.to_json())
    elif dry_run:
        click.echo(summary.text, nl=False)
    else:
        click.echo(f"{summary.file}: {summary.unstated} things are not stated; checksums.txt: sha256 {summary.seal}")
