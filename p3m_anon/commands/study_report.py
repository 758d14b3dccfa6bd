"""`p3m-anon study report`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("study")
@click.option(
    "--out",
    "store",
    type=click.Path(file_okay=False, path_type=Path),
    default="studies",
    show_default=True,
    help="The store that the study was run into.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def report(study: str, store: Path, *, as_json: bool) -> None:
    """Tables, gaps and plots of a STUDY, beside the paper's numbers.

    STUDY is a TOML file or a name like table3. STORE/STUDY/report/ gets report.html (one file), report.md, tables as
    CSV and LaTeX, plots, and the hardest pictures with each method's matte. Cells that are not done say why; the others
    say which run folders their numbers come from. Needs no dataset, and may be written while the study runs.

    \b
    Examples:
      p3m-anon study report table3
      p3m-anon study report mine.toml --out studies --json

    Exit codes: 0 written; 2 usage; 4 stopped early.
    """
    from p3m_anon.commands.counter import count, printable
    from p3m_anon.jobs.study.report import report as write
    from p3m_anon.jobs.study.write import MARKDOWN, PAGE

    summary = write(study, store)
    if as_json:
        click.echo(summary.to_json())
        return
    for line in [*summary.said, *summary.missing]:
        click.echo(printable(f"{line}."))
    for line in summary.contaminated:
        click.echo(printable(f"contaminated: {line}"))
    click.echo(f"{count(len(summary.files), 'file')} in {printable(summary.folder)}, {PAGE} and {MARKDOWN} among them")
    if summary.shows_clear_faces:
        click.echo("the page and the pictures in worst contain unblurred faces; do not publish them")
