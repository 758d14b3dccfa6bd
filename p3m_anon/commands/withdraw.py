"""`p3m-anon withdraw`: pictures leave again."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("names", nargs=-1, metavar="ID...")
@click.option(
    "--release",
    "out",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="The release folder of `blur`.",
)
@click.option(
    "--private", type=click.Path(file_okay=False, path_type=Path), help="Its private folder [default: OUT.private]."
)
@click.option(
    "--root",
    "roots",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    multiple=True,
    help="A dataset that was split from it; may be given several times.",
)
@click.option(
    "--list",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Ids or paths, one a line; or recall.txt as `blur` writes it.",
)
@click.option("--who", help="Who asks for it, for the record [default: the name you are logged in with].")
@click.option("--dry-run", is_flag=True, help="Say what would be withdrawn, and remove nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def withdraw(
    names: tuple[str, ...],
    out: Path,
    private: Path | None,
    roots: tuple[Path, ...],
    file: Path | None,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Remove pictures, by id or path, and everything that was made from them: release, splits, layers, private copies.

    A keyed mark stays, so that the same file is never released again, and what looks like it waits for a person.
    Stopped in the middle? Run it again. Your own originals are not touched.

    \b
    Examples:
      p3m-anon withdraw p_0123456789abcdef --release release --root dataset
      p3m-anon withdraw --list LIST.txt --release release --root dataset --dry-run
      p3m-anon withdraw --list release.private/recall.txt --release release --root dataset
    """
    from p3m_anon.commands.blur import read_lines, user_name
    from p3m_anon.errors import UsageError
    from p3m_anon.files.recall_list import read_listed
    from p3m_anon.jobs.withdraw.run import WithdrawRequest
    from p3m_anon.jobs.withdraw.run import withdraw as job

    listed = read_listed(read_lines(file, "--list")) if file else []
    wanted = (*names, *(one.path for one in listed))
    if not wanted:
        raise UsageError("name at least one picture, or a --list of them")
    summary = job(WithdrawRequest(wanted, out, private, roots, who or user_name(), dry_run))
    if as_json:
        click.echo(summary.to_json())
        sys.exit(summary.exit_code)
    for name in summary.unknown:
        click.echo(f"{name}: no picture has this path or id", err=True)
    for path in summary.twins:
        click.echo(f"{path}: the same file, withdrawn too")
    would = "would be withdrawn (dry run, nothing was removed)" if dry_run else "withdrawn"
    click.echo(f"{len(summary.withdrawn)} pictures {would}, {len(summary.files)} files removed")
    for path, bits in summary.alike.items():
        click.echo(f"{path}: looks like one of them ({bits} of 64 bits differ); withdraw it too if it shows the same")
    for line in summary.remains:
        click.echo(f"not removed yet: {line}", err=True)
    for line in summary.left:
        click.echo(f"not removed: {line}")
    sys.exit(summary.exit_code)
