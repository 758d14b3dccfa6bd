"""`export`: a network as a model file for other programs, held against torch before it is written."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.errors import P3MError, UsageError
from p3m_anon.extras import import_extra
from p3m_anon.files.atomic import remove_leftovers, write_bytes
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.methods.registry import METHODS

if TYPE_CHECKING:
    from p3m_anon.methods.onnx_check import Deviation


@dataclass(frozen=True)
class ExportModelRequest:
    """method: a name of METHODS. checkpoint: its weights. out: a new file."""

    method: str
    checkpoint: Path
    out: Path
    dry_run: bool = False


@dataclass(frozen=True)
class ExportModelSummary:
    """opset: ONNX's version of operators. bytes: the file's size, 0 in a dry run. sha256: the file's, "" in a dry run.
    deviations: one for each output, none in a dry run."""

    out: str
    method: str
    checkpoint_sha256: str
    opset: int
    dry_run: bool
    bytes: int = 0
    sha256: str = ""
    deviations: tuple[Deviation, ...] = ()

    def to_json(self) -> str:
        """One indented object."""
        return json.dumps(asdict(self), indent=2)


def export_model(request: ExportModelRequest) -> ExportModelSummary:
    """Write the ONNX file of a network; a dry run reads the checkpoint and writes nothing.

    Raises UsageError where `out` is there and for a network of another kind, MissingExtra without the extra `export`,
    WeightsError for a checkpoint that does not fit, P3MError where onnxruntime computes something else than torch: then
    there is no file.
    """
    if request.out.exists() or request.out.is_symlink():
        raise UsageError(f"{request.out} is there already; name a new --out")
    if not METHODS[request.method].has_two_branches:
        others = ", ".join(name for name, one in METHODS.items() if one.has_two_branches)
        raise UsageError(f"{request.method} has no ONNX form, which is of networks of two branches; there are {others}")
    for module in ("onnx", "onnxscript"):
        import_extra(module, "export")
    from p3m_anon.methods.onnx_check import compare
    from p3m_anon.methods.onnx_export import OPSET, to_onnx
    from p3m_anon.methods.weights import load_network

    network = load_network(request.method, request.checkpoint)
    digest = file_sha256(str(request.checkpoint.resolve()))
    facts = (str(request.out), request.method, digest, OPSET, request.dry_run)
    if request.dry_run:
        return ExportModelSummary(*facts)
    model = to_onnx(network, {"method": request.method, "checkpoint_sha256": digest})
    deviations = compare(network, model)
    _refuse_other_results(deviations)
    remove_leftovers(request.out.parent, below=False)
    write_bytes(request.out, model)
    return ExportModelSummary(*facts, len(model), file_sha256(str(request.out)), deviations)


def _refuse_other_results(deviations: tuple[Deviation, ...]) -> None:
    for one in deviations:
        if not one.agrees:
            raise P3MError(
                f"{one.output}: onnxruntime and torch differ, by {one.largest:.1e} at most and {one.quantile99:.1e} at"
                " 99 % of the pixels; nothing was written. Try the versions of constraints.txt"
            )
