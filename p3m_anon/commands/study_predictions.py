"""`p3m-anon study add-predictions`: other people's mattes as a row of the tables."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("add-predictions")
@click.argument("name")
@click.argument("mattes", type=FOLDER, metavar="DIR")
@click.option("--data", "root", type=FOLDER, required=True, help="The dataset, in P3M-10k's form.")
@click.option(
    "--out",
    "store",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("studies"),
    show_default=True,
    help="The store of the studies.",
)
@click.option(
    "--study", "studies", multiple=True, help="That shows the row, may be repeated [default: all on this test set]."
)
@click.option("--split", type=click.Choice(["P3M-500-P", "P3M-500-NP"]), default="P3M-500-P", show_default=True)
@click.option(
    "--pictures",
    type=click.Choice(["B", "N"]),
    help="Of which the mattes were made, blurred or normal [default: B; P3M-500-NP: N].",
)
@click.option("--trained-on", type=click.Choice(["B", "N", "unknown"]), default="unknown", show_default=True)
@click.option("--needs-trimap", is_flag=True, help="Made with the test's trimaps: only the transition counts.")
@click.option("--saw-test", default="", metavar="REASON", help="Flag the row: the model has seen the test pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def add_predictions(name: str, mattes: Path, root: Path, as_json: bool, **options: Any) -> None:
    """Score the mattes in DIR, <id>.png for each picture, as eval does, and show them as NAME in studies.

    NAME is free; that of a method or of a row of the paper stands beside the paper's numbers. Run it again when mattes
    have changed: only these are scored. Models that are known to have been trained on the test pictures
    (manifests/contaminated.json) are flagged in every table.

    \b
    Examples:
      p3m-anon study add-predictions MyNet mattes --data P3M-10k --trained-on B
      p3m-anon study add-predictions BiRefNet-portrait np --data P3M-10k --split P3M-500-NP

    Exit codes: 0 all scored; 1 some pictures have no score; 2 usage; 4 stopped early.
    """
    from p3m_anon.commands.counter import Counter, printable
    from p3m_anon.commands.eval_view import show
    from p3m_anon.jobs.study.predictions import PredictionsRequest
    from p3m_anon.jobs.study.predictions import add_predictions as add
    from p3m_anon.studies.study import TestSet

    split, kind, trained = options.pop("split"), options.pop("pictures"), options.pop("trained_on")
    test = TestSet(split, kind or ("N" if split == "P3M-500-NP" else "B"))
    request = PredictionsRequest(
        name, mattes, root, test, trained_on="X" if trained == "unknown" else trained, **options
    )
    signal.signal(signal.SIGTERM, _terminated)
    with Counter("pictures", quiet=as_json) as counter:
        prediction, summary = add(request, on_result=lambda _: counter.done())
    if as_json:
        click.echo(summary.to_json())
    else:
        show(summary)
        shown = ", ".join(prediction.studies) or f"all studies of {request.store} that test on {test}"
        click.echo(f"shown as {printable(name)} by {printable(shown)}")
        if prediction.saw_test:
            click.echo(f"flagged, no fair test: saw the test pictures: {printable(prediction.saw_test)}")
    sys.exit(summary.exit_code)


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the run as Ctrl-C does, with the exit code that belongs to it."""
    raise SystemExit(143)
