"""`p3m-anon export`: a network for other people's programs. (`manifest export`, for datasets, is in export.py.)"""

from __future__ import annotations

from pathlib import Path

import click

from p3m_anon.methods.registry import NETWORKS

EXPORTED = [name for name, method in NETWORKS.items() if method.has_two_branches]


@click.command()
@click.option("--method", type=click.Choice(EXPORTED), required=True, help="Whose network it is.")
@click.option(
    "--checkpoint",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="Its weights: our own or as published.",
)
@click.option("--to", "form", type=click.Choice(["onnx"]), default="onnx", show_default=True, help="The form.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New file.")
@click.option("--dry-run", is_flag=True, help="Read the checkpoint; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print a machine-readable summary on stdout.")
def export(method: str, checkpoint: Path, form: str, out: Path, dry_run: bool, as_json: bool) -> None:
    """Write a network as an ONNX file, which runs without p3m-anon and torch (needs pip install 'p3m-anon[export]').

    \b
    input   image          float32 (batch, 3, height, width), RGB in [0, 1]; it is normalized inside
    output  alpha          (batch, 1, height, width), the matte
            global_logits  (batch, 3, height, width): background, transition, foreground
            local          (batch, 1, height, width), alpha of the transition region

    Batch, height and width are free; both sides are multiples of 32. The file says so in its metadata, with the method
    and the checkpoint's sha256. Before it is written, onnxruntime runs it on three sizes beside torch; if they do not
    agree, the file is not written.

    \b
    Example:
      p3m-anon export --method p3mnet --checkpoint p3mnet.ckpt --to onnx --out p3mnet.onnx

    Exit codes: 0 written; 1 the file would not agree with torch; 2 usage; 4 stopped (disk full, no rights).
    """
    from p3m_anon.jobs.export_model import ExportModelRequest, export_model

    summary = export_model(ExportModelRequest(method, checkpoint, out, dry_run))
    if as_json:
        click.echo(summary.to_json())
        return
    if dry_run:
        click.echo(f"dry run: {checkpoint} fits {method}; {out} would be written")
        return
    click.echo(f"{out}: {summary.bytes / 1e6:.1f} MB, ONNX opset {summary.opset}, sha256 {summary.sha256}")
    for one in summary.deviations:
        click.echo(
            f"{one.output}: differs from torch by {one.quantile99:.1e} at 99 % of the pixels, {one.largest:.1e} at most"
        )
