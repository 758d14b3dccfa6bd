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


@click.command()
@click.argument("out", type=FOLDER, required=False)
@click.option("--images", type=FOLDER, help="Audit a folder that another tool wrote, in place of OUT.")
@click.option("--originals", type=FOLDER, help="The pictures before blurring [default: as the ledger knows them].")
@click.option("--masks", type=FOLDER, help="What was blurred (PNG, white = blurred) [default: the private face masks].")
@click.option(
    "--private", type=click.Path(file_okay=False, path_type=Path), help="Private folder [default: OUT.private]."
)
@click.option(
    "--embedder",
    metavar="NAME|FILE",
    help="Network that tells persons apart: sface, mobilefacenet, or an ONNX file with a JSON file beside it that says "
    "what it is given (docs/privacy.md) [default: sface or mobilefacenet, if `weights fetch` brought one].",
)
@click.option(
    "--same-person", type=click.FloatRange(-1, 1), help="Cosine for one person [default: the embedder's own]."
)
@click.option(
    "--persons",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV of image and person, who is in which picture [default: clear faces that the embedder links].",
)
@click.option("--weights-dir", type=FOLDER, help="Where the weights of YuNet, face-alignment and embedders lie.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N, for face-alignment.")
@click.option(
    "--quick", is_flag=True, help="One network at one size, upright pictures, no inverse filter: much quicker."
)
@click.option("--sample", type=click.IntRange(1), help="Audit N pictures drawn at random, and say what that bounds.")
@click.option(
    "--reference",
    type=FOLDER,
    help="Labelled faces (faces.csv, docs/privacy.md) to measure the looks on [default: ours].",
)
@click.option("--who", help="Who runs the audit, for the report.")
@click.option("--contact", help="Whom to ask to have a picture withdrawn, for the report.")
@click.option("--next-look", type=click.DateTime(["%Y-%m-%d"]), help="Date of the next audit, for the report.")
@click.option("--workers", type=click.IntRange(1), help="Pictures worked on at once [default: one per core].")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def audit(as_json: bool, **options: Any) -> None:
    """Re-read the release folder OUT and attack it.

    Looks for faces with networks and at sizes that the blur did not use for a picture, and says which; undoes the blur
    as far as a linear filter can, measures what is left of each face, and checks metadata, digests, alphas, and that
    nothing outside the masks has changed. A clear face of 16 px or more is a leak where a network is sure of it, else a
    note. What lacks ledger, originals or masks is listed as skipped. The report audit.html and its figures, audit.json,
    go into the private folder; manifest datasheet and export take audit.json. Off a terminal each finding is one line.

    \b
    Examples:
      p3m-anon audit release
      p3m-anon audit release --embedder mobilefacenet --json
      p3m-anon audit release --who "Ana Example" --contact privacy@example.org --next-look 2027-06-01
      p3m-anon audit --images defaced --originals photos
      p3m-anon audit --images photos --sample 300

    Exit codes: 0 the audit found no leak; 1 at least one; 2 usage.
    """
    from p3m_anon.commands.audit_view import show
    from p3m_anon.commands.counter import Counter

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # pictures are spread over the cores, not the parts of one
    from p3m_anon.jobs.audit.request import AuditRequest
    from p3m_anon.jobs.audit.run import audit_folder

    next_look = options["next_look"].date().isoformat() if options["next_look"] else None
    request = AuditRequest(**{**options, "workers": options["workers"] or 0, "next_look": next_look})
    with Counter("pictures audited", quiet=as_json) as counter:
        summary: AuditSummary = audit_folder(request, lambda _name: counter.done(), counter.expect)
    if as_json:
        click.echo(summary.to_json())
    else:
        show(summary)
    sys.exit(summary.exit_code)
