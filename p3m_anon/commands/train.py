"""`p3m-anon train`: train a matting method on a dataset."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from p3m_anon.methods.registry import NETWORKS

if TYPE_CHECKING:
    from p3m_anon.jobs.train.request import TrainRequest

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FOLDER = click.Path(file_okay=False, path_type=Path)


def _sides(_ctx: click.Context, _param: click.Parameter, text: str) -> tuple[int, ...]:
    """`512,768` as numbers."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no list of sides like 512,768,1024") from error


def _ids(file: Path) -> Iterator[str]:
    """One a line, as train-leaks.txt has them: file names of other encodings, too."""
    lines = file.read_text("utf-8-sig", "surrogateescape").split("\n")
    return filter(None, (line.strip() for line in lines))


@click.command()
@click.argument("root", type=FOLDER)
@click.option("--out", type=NEW_FOLDER, required=True, help="Run folder, outside of ROOT: checkpoints, curves, record.")
@click.option("--method", default="p3mnet", show_default=True, help=f"{', '.join(NETWORKS)}.")
@click.option(
    "--pipeline",
    type=click.Choice(["p3m", "own"]),
    default="p3m",
    show_default=True,
    help="Whose settings hold where you give none: P3M's, or those that the method was published with.",
)
@click.option(
    "--protocol", type=click.Choice(["B", "N"]), default="B", show_default=True, help="Blurred pictures, or originals."
)
@click.option("--originals", type=FOLDER, help="Clear pictures for N [default: ROOT.private/originals].")
@click.option("--private", type=NEW_FOLDER, help="Where digests of pictures are kept [default: ROOT.private].")
@click.option("--leave-out", type=FILE, help="A file with ids that are not trained on, one a line.")
@click.option(
    "--recipe",
    type=click.Choice(["paper", "official"]),
    default="paper",
    show_default=True,
    help="Where the paper and its published code differ.",
)
@click.option(
    "--composition",
    type=click.Choice(["auto", "on", "off"]),
    default="auto",
    show_default=True,
    help="The composition loss: where all pictures have layers, always, never.",
)
@click.option(
    "--backbone", type=FILE, help="ImageNet weights (a state dict) of what the method's encoder is, like ResNet-34."
)
@click.option("--epochs", type=click.IntRange(1), default=150, show_default=True)
@click.option("--max-steps", type=click.IntRange(0), default=0, help="End the run after so many steps.")
@click.option(
    "--batch-size", type=click.IntRange(1), default=8, show_default=True, help="Pictures at once, per device."
)
@click.option("--accumulate", type=click.IntRange(1), default=1, show_default=True, help="Batches in one step.")
@click.option("--learning-rate", type=float, default=1e-5, show_default=True)
@click.option("--schedule", type=click.Choice(["fixed", "cosine"]), default="fixed", show_default=True)
@click.option("--warmup", type=click.IntRange(0), default=0, help="Steps in which the learning rate grows.")
@click.option("--clip", type=float, default=0.0, help="Largest norm of a step's gradient.")
@click.option("--ema", type=float, default=0.0, help="Keep an average of the weights, like 0.999; it is what is saved.")
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=0, show_default=True)
@click.option("--precision", type=click.Choice(["fp32", "bf16", "fp16"]), default="fp32", show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda or cuda:N.")
@click.option(
    "--devices", type=click.IntRange(1), default=1, show_default=True, help="One process each; or use torchrun."
)
@click.option("--compile", is_flag=True, help="Compile the network first: minutes, then quicker steps.")
@click.option(
    "--workers", type=click.IntRange(0), help="Processes that make samples [default: one per core for a GPU]."
)
@click.option("--skip-bad", is_flag=True, help="Go on with another picture in the place of one that cannot be read.")
@click.option(
    "--validate", type=click.Choice(["P3M-500-P", "P3M-500-NP", "none"]), default="P3M-500-P", show_default=True
)
@click.option("--validate-every", type=click.IntRange(1), default=1, show_default=True, help="Epochs.")
@click.option(
    "--validate-count", type=click.IntRange(0), default=0, help="So many pictures of the split [default: all]."
)
@click.option(
    "--save-every", type=click.IntRange(0), default=0, help="Steps between checkpoints [default: 10 minutes]."
)
@click.option("--resume", is_flag=True, help="Go on with the run in --out, if there is one.")
@click.option(
    "--size", type=click.IntRange(32), default=512, show_default=True, help="Side of a sample; less for trials."
)
@click.option("--crops", callback=_sides, default="512,768,1024", show_default=True, help="Sides that are cut out.")
@click.option(
    "--width",
    type=click.IntRange(0),
    default=0,
    help="Channels, at least 8; less than 64 makes a small network for trials.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done and how long it takes here; begin no run.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
@click.pass_context
def train(context: click.Context, /, root: Path, as_json: bool, dry_run: bool, **options: Any) -> None:
    """Train a method on `train` of the dataset ROOT; the defaults are the paper's.

    The run folder gets last.ckpt and best.ckpt, which eval takes with --checkpoint; best has the lowest SAD on the
    test pictures of --validate, so a number to report comes from last. Also metrics.csv, curves.png, TensorBoard's
    files, panels of the validation, and settings.json. Ctrl-C and SIGTERM save and end; the same command with --resume
    goes on, and on a CPU it gives the very numbers that it would have given without the break. Without a GPU it trains
    on the CPU. Pictures that are, or look like, test pictures are refused.

    \b
    Examples:
      p3m-anon train dataset --out runs/first
      p3m-anon train P3M-10k --out runs/p3mnet --backbone resnet34.pth --precision bf16 --devices 2
      p3m-anon train dataset --out runs/trial --width 8 --size 128 --max-steps 200 --learning-rate 1e-3

    Exit codes: 0 trained; 1 trained, but pictures were left out, skipped or not scored; 2 usage; 4 stopped early; 130
    and 143 on signals.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # samples are spread over the cores, not the parts of one
    from p3m_anon.commands.train_view import Screen, show, show_plan
    from p3m_anon.jobs.train.run import plan
    from p3m_anon.jobs.train.run import train as train_job

    is_first = int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0
    if options["pipeline"] == "own":
        options = _own(context, options)
    request = _request(root, options)
    with Screen(quiet=as_json, is_first=is_first) as screen:
        if dry_run:
            said, summary = plan(request, screen)
        else:
            summary = train_job(request, screen)
    if not is_first:
        sys.exit(0)  # the first process speaks for all
    if as_json:
        click.echo(summary.to_json())
    elif dry_run:
        show_plan(said, summary)
    else:
        show(summary)
    sys.exit(summary.exit_code)


def _own(context: click.Context, options: dict[str, Any]) -> dict[str, Any]:
    """The method's own settings where the command line has none."""
    from p3m_anon.training.run_settings import with_own

    default = click.core.ParameterSource.DEFAULT
    given = {name: value for name, value in options.items() if context.get_parameter_source(name) != default}
    found = with_own(given, options["method"])
    if "composition" not in given and "composition" in found:
        found["composition"] = "on" if found["composition"] else "off"
    return {**options, **found}


def _request(root: Path, options: dict[str, Any]) -> TrainRequest:
    from p3m_anon.errors import UsageError
    from p3m_anon.jobs.train.inputs import TrainInputs
    from p3m_anon.jobs.train.request import TrainRequest
    from p3m_anon.training.run_settings import RunSettings
    from p3m_anon.training.settings import SampleSettings

    def take(*names: str) -> dict[str, Any]:
        return {name: options.pop(name) for name in names}

    file = options.pop("leave_out")
    left_out = frozenset(_ids(file) if file is not None else ())
    inputs = TrainInputs(root, leave_out=left_out, **take("protocol", "originals", "composition", "private"))
    try:
        samples = SampleSettings(**take("seed", "size", "crops", "recipe", *({"kernels"} & options.keys())))
    except ValueError as error:
        raise UsageError(str(error)) from error
    own = take("method", "width", "batch_size", "accumulate", "epochs", "max_steps", "learning_rate", "schedule")
    more = take("warmup", "clip", "ema", "precision", "compile", "pipeline")
    settings = RunSettings(**own, **more, samples=samples)
    return TrainRequest(inputs, settings=settings, **options)
