"""`p3m-anon eval`: mattes scored in the paper's metrics, beside the paper's numbers."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click

from p3m_anon.commands.memory import memory_option
from p3m_anon.errors import UsageError
from p3m_anon.evaluation.predict import STRATEGIES
from p3m_anon.methods.registry import METHODS

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("root", type=FOLDER)
@click.option(
    "--split", type=click.Choice(["P3M-500-P", "P3M-500-NP", "train"]), default="P3M-500-P", show_default=True
)
@click.option("--pred", type=FOLDER, help="Mattes to score, one for each picture: <id>.png or any format we read.")
@click.option("--method", help=f"Makes the mattes: {', '.join(METHODS)}. With --pred: whose mattes they are.")
@click.option("--checkpoint", type=FILE, help="The method's weights: our own or as published.")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    help="How pictures get to the network's size and back; they are not reduced first, as matte does to 1080 pixels "
    "[default: hybrid, or full where the method has none].",
)
@click.option(
    "--precision", type=click.Choice(["float32", "float16", "bfloat16"]), default="float32", show_default=True
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--protocol",
    type=click.Choice(["B:B", "B:N", "N:B", "N:N"]),
    help="Trained on : tested on, blurred or normal; N tests on the originals [default: as the checkpoint says, tested "
    "on blurred; P3M-500-NP: on normal].",
)
@click.option(
    "--originals", type=FOLDER, help="Clear pictures by id [default: ROOT.private/originals, as split makes]."
)
@click.option("--transition-only", is_flag=True, help="Take known pixels from the trimap, as for trimap-based methods.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Run folder [default: eval/SPLIT-...].")
@click.option("--parquet", is_flag=True, help="Write rows.parquet beside rows.csv.")
@click.option("--workers", type=click.IntRange(1), help="Pictures scored at once [default: one per core].")
@memory_option("all processes of a method that is solved, not trained,")
@click.option("--dry-run", is_flag=True, help="Say what would be scored and what is missing, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def eval(root: Path, as_json: bool, **options: Any) -> None:
    """Score mattes on a split of the dataset ROOT: SAD, MSE, MAD, -T, GRAD, CONN in the layout of Table 4.

    Mattes are made by --method and --checkpoint, or lie in --pred DIR. The run folder gets rows.csv (one row per
    picture), settings.json and the page eval.html. What is scored is safe at once: run it again to go on, or to score
    only what has changed. A picture without a matte that fits is an error row, never left out; files whose names begin
    with a dot are not looked at. Trimaps are the dataset's own, or made from the alphas where it has none.

    \b
    Examples:
      p3m-anon eval P3M-10k --pred mattes --method p3mnet
      p3m-anon eval P3M-10k --method p3mnet --checkpoint p3mnet.ckpt --split P3M-500-NP
      p3m-anon eval dataset --method p3mnet --checkpoint mine.ckpt --protocol B:N

    Exit codes: 0 all scored; 1 some pictures have no score; 2 usage; 4 stopped early.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # pictures are spread over the cores, not the parts of one
    from p3m_anon.commands.counter import Counter
    from p3m_anon.commands.eval_view import show
    from p3m_anon.jobs.eval.request import EvalRequest
    from p3m_anon.jobs.eval.run import evaluate

    _refuse_what_is_not_looked_at(**{name: options[name] for name in ("method", "strategy", "precision", "device")})
    request = EvalRequest(root, **{**options, "workers": options["workers"] or 0})
    signal.signal(signal.SIGTERM, _terminated)
    with Counter("pictures", quiet=as_json) as counter:
        try:
            summary = evaluate(request, on_result=lambda _: counter.done())
        except SystemExit:
            click.echo("stopped; run the same command again to resume", err=True)
            raise
    if as_json:
        click.echo(summary.to_json())
    else:
        show(summary, dry_run=request.dry_run)
    sys.exit(summary.exit_code)


def _refuse_what_is_not_looked_at(method: str | None, strategy: str | None, precision: str, device: str) -> None:
    solved = method in METHODS and METHODS[method].solve is not None
    if solved and (strategy, precision, device) != (None, "float32", "auto"):
        raise UsageError(f"{method} is not a network; leave out --strategy, --precision and --device")


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    """SIGTERM ends the run as Ctrl-C does, with the exit code that belongs to it."""
    raise SystemExit(143)
