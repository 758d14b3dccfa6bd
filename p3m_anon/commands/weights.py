"""`p3m-anon weights`: which model weights there are, getting them, and checking them."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.files.weights import (
    USER_TABLE,
    Progress,
    fetch_weight,
    find_weight,
    import_weight,
    select_weights,
    verify_weight,
    weights_folder,
    weights_in,
)
from p3m_anon.files.weights_table import Weight
from p3m_anon.files.weights_words import no_url

COLUMNS, LABEL = 80, 14

weights_dir_option = click.option(
    "--weights-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the weights [default: torch.hub's checkpoints folder, which TORCH_HOME moves].",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
force_option = click.option("--force", is_flag=True, help="Replace a file that is there but is not the published one.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Say what would be done; write nothing.")


@click.group()
def weights() -> None:
    """Model weights: list, fetch, import, verify. A file is used only when its sha256 is the published one.

    Digests of your own files, and of files whose publisher states none, go into weights.json in the weights folder:
    {"file name": "sha256", ...}.

    \b
    Example:
      p3m-anon weights list
      p3m-anon weights fetch && p3m-anon weights verify
    """


@weights.command("list")
@weights_dir_option
@json_option
def list_weights(weights_dir: Path | None, as_json: bool) -> None:
    """Name the known weights: where they are and come from, their licences, and what they were trained on.

    Nothing is hashed; see verify. `optional` are those that fetch brings only by name.

    \b
    Example:
      p3m-anon weights list --json
    """
    rows = [_row(weight, find_weight(weight, weights_dir)) for weight in select_weights((), weights_dir)]
    folder = weights_folder(weights_dir)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "weights": rows}, indent=2))
        return
    for row in rows:
        _describe(row)
    click.echo(f"Weights folder: {folder}")
    if any(row["state"] == "missing" and not row["optional"] for row in rows):
        click.echo("Get what is missing: p3m-anon weights fetch")
        click.echo("Without network: p3m-anon weights import DIR")


def _describe(row: dict[str, Any]) -> None:
    """One file, in lines of at most COLUMNS; addresses and paths stay whole, to be copied."""
    state = "optional" if row["state"] == "missing" and row["optional"] else row["state"]
    click.echo(f"{row['name']:<{LABEL}}  {state:<8}  {row['purpose']}")
    _field("file", _file_and_size(row))
    if where := row["path"] or row["url"] or row["package"]:
        click.echo(f"  {'at' if row['path'] else 'from':<{LABEL}}{where}")
    if row["source"]:
        _field("source", row["source"])
        _field("licence", f"code {row['code_license']}; weights {row['weights_license']}")
        _field("trained on", row["trained_on"])
    if not row["expected_sha256"]:
        _field("sha256", f"not published; `weights import` says what to write into {USER_TABLE}")


def _field(label: str, text: str) -> None:
    indent = f"  {label:<{LABEL}}"
    click.echo(textwrap.fill(text, COLUMNS, initial_indent=indent, subsequent_indent=" " * len(indent)))


def _file_and_size(row: dict[str, Any]) -> str:
    return f"{row['file']}, {row['size']:,} bytes" if row["size"] else str(row["file"])


@weights.command("verify")
@click.argument("names", nargs=-1)
@weights_dir_option
@json_option
def verify(names: tuple[str, ...], weights_dir: Path | None, as_json: bool) -> None:
    """Hash the files (all, or those named) and compare with the published sha256.

    Exit code 1 when one is missing or differs, so name those that you need. Without names, an optional one may be
    missing.

    \b
    Example:
      p3m-anon weights verify s3fd 2dfan4
    """
    rows = [_verified_row(weight, weights_dir) for weight in select_weights(names, weights_dir)]
    if not names:
        rows = [row for row in rows if not (row["optional"] and row["state"] == "missing")]
    fine = all(row["state"] == "ok" for row in rows)
    if as_json:
        click.echo(json.dumps({"ok": fine, "folder": str(weights_folder(weights_dir)), "weights": rows}, indent=2))
    else:
        for row in rows:
            click.echo(f"{row['name']:<{LABEL}}  {row['state']:<8}  {row['problem'] or row['sha256']}")
    if not fine:
        raise click.exceptions.Exit(1)


@weights.command("fetch")
@click.argument("names", nargs=-1)
@weights_dir_option
@force_option
@dry_run_option
def fetch(names: tuple[str, ...], weights_dir: Path | None, force: bool, dry_run: bool) -> None:
    """Download the weights that are not there yet; each is checked before it appears.

    Without names: all but the optional ones. `list` shows their licences.

    \b
    Example:
      p3m-anon weights fetch --weights-dir models
      p3m-anon weights fetch retinaface-r34
    """
    chosen = select_weights(names, weights_dir)
    fetchable = [weight for weight in chosen if weight.url and (names or not weight.optional)]
    if names and fetchable != chosen:
        other = "; ".join(f"{weight.name}: {no_url(weight)}" for weight in chosen if not weight.url)
        raise UsageError(f"no URL to fetch from ({other})")
    with _progress() as bar:
        _place(
            fetchable,
            lambda weight: fetch_weight(weight, weights_dir, bar(weight.file)).path,
            _Plan("fetch", weights_dir, force, dry_run),
        )


@weights.command("import")
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.argument("names", nargs=-1)
@weights_dir_option
@force_option
@dry_run_option
def import_(source: Path, names: tuple[str, ...], weights_dir: Path | None, force: bool, dry_run: bool) -> None:
    """Copy weights from the folder DIR (a memory stick, a shared disk) into the weights folder, checked.

    Where the publisher states no sha256 (egoblur), the message says what to write into weights.json first.

    \b
    Example:
      p3m-anon weights import /media/stick
      p3m-anon weights import ~/Downloads/ego_blur_face_gen2 egoblur
    """
    _place(
        weights_in(source, names, weights_dir),
        lambda weight: import_weight(weight, source, weights_dir).path,
        _Plan("import", weights_dir, force, dry_run),
    )


@dataclass(frozen=True)
class _Plan:
    """What `fetch` and `import` have in common."""

    verb: str
    weights_dir: Path | None
    force: bool
    dry_run: bool


def _place(chosen: list[Weight], bring: Callable[[Weight], Path], plan: _Plan) -> None:
    """Bring each file unless the right one is there; one failure does not keep the others away."""
    failed = False
    for weight in chosen:
        try:
            if (there := find_weight(weight, plan.weights_dir)) is not None and not _is_replaced(weight, there, plan):
                click.echo(f"{weight.name}: already there, {there}")
            elif plan.dry_run and weight.sha256:  # without a digest nothing is written either way
                click.echo(f"{weight.name}: would {plan.verb} {weight.file} into {weights_folder(plan.weights_dir)}")
            else:
                click.echo(f"{weight.name}: {bring(weight)}")
        except WeightsError as error:
            failed = True
            click.echo(f"{weight.name}: {error}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


def _is_replaced(weight: Weight, there: Path, plan: _Plan) -> bool:
    try:
        verify_weight(weight, there)
    except WeightsError:
        if not plan.force:
            raise
        return True
    return False


def _row(weight: Weight, path: Path | None) -> dict[str, Any]:
    state = "missing" if path is None else "found" if weight.sha256 else "unpinned"
    return {
        "name": weight.name,
        "state": state,
        "file": weight.file,
        "path": None if path is None else str(path),
        "url": weight.url or None,
        "package": weight.package or None,
        "expected_sha256": weight.sha256 or None,
        "size": weight.size or None,
        "purpose": weight.purpose,
        "optional": weight.optional,
        "source": weight.origin.source or None,
        "code_license": weight.origin.code_license or None,
        "weights_license": weight.origin.weights_license or None,
        "trained_on": weight.origin.trained_on or None,
    }


def _verified_row(weight: Weight, weights_dir: Path | None) -> dict[str, Any]:
    path = find_weight(weight, weights_dir)
    row = _row(weight, path) | {"sha256": None, "problem": None}
    if path is None:
        place = f"the package {weight.package}" if weight.package else str(weights_folder(weights_dir))
        return row | {"problem": f"{weight.file} is not in {place}"}
    try:
        return row | {"state": "ok", "sha256": verify_weight(weight, path).sha256}
    except WeightsError as error:
        return row | {"state": "mismatch" if weight.sha256 else "unpinned", "problem": str(error)}


@contextmanager
def _progress() -> Iterator[Callable[[str], Progress | None]]:
    """A bar per download on a terminal's stderr; nothing otherwise, where the finished lines are enough."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda file: None
        return
    with Bars(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=console) as bars:

        def start(file: str) -> Progress:
            task = bars.add_task(file, total=None)
            return lambda count, size: bars.update(task, completed=count, total=size)

        yield start
