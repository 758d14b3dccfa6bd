"""`p3m-anon audit`: what was written, read back and attacked."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from p3m_anon.jobs.audit.request import AuditSummary

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.argument("out", type=FOLDER, required=False)
@click.option("--images", type=FOLDER, help="Audit a folder that another tool wrote, in place of OUT.")
@click.option("--originals", type=FOLDER, help="The pictures before blurring [default: as the ledger knows them].")
@click.option("--masks", type=FOLDER, help="What was blurred (PNG, white = blurred) [default: the private face masks].")
@click.option(
    "--private", type=click.Path(file_okay=False, path_type=Path), help="Private folder [default: OUT.private]."
)
@click.option("--embedder", type=FILE, help="ArcFace-style ONNX model (112 x 112, RGB) for identity similarity.")
@click.option(
    "--same-person", type=click.FloatRange(-1, 1), default=0.41, show_default=True, help="Its cosine for one person."
)
@click.option("--weights-dir", type=FOLDER, help="Where the weights of YuNet and face-alignment lie.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N, for face-alignment.")
@click.option(
    "--quick", is_flag=True, help="One network at one size, upright pictures, no inverse filter: much quicker."
)
@click.option("--workers", type=click.IntRange(1), help="Pictures worked on at once [default: one per core].")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def audit(as_json: bool, **options: Any) -> None:
    """Re-read the release folder OUT and attack it.

    Looks for faces with networks and at sizes that the blur did not use for a picture, and says which; undoes the blur
    as far as a linear filter can, measures what is left of each face, and checks metadata, digests, alphas, and that
    nothing outside the masks has changed. A clear face of 16 px or more is a leak where a network is sure of it, else a
    note. What lacks ledger, originals or masks is listed as skipped. The page audit.html goes into the private folder.

    \b
    Examples:
      p3m-anon audit release
      p3m-anon audit release --embedder arcface.onnx --json
      p3m-anon audit --images defaced --originals photos

    Exit codes: 0 the audit found no leak; 1 at least one; 2 usage.
    """
    from p3m_anon.commands.audit_view import show
    from p3m_anon.commands.counter import Counter

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # pictures are spread over the cores, not the parts of one
    from p3m_anon.jobs.audit.request import AuditRequest
    from p3m_anon.jobs.audit.run import audit_folder

    request = AuditRequest(**{**options, "workers": options["workers"] or 0})
    with Counter("pictures audited", quiet=as_json) as counter:
        summary: AuditSummary = audit_folder(request, lambda _name: counter.done())
    if as_json:
        click.echo(summary.to_json())
    else:
        show(summary)
    sys.exit(summary.exit_code)
