"""A matting network as an ONNX model that takes pictures of any size and number, and needs nothing of ours to run."""

from __future__ import annotations

import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from p3m_anon import __version__
from p3m_anon.extras import import_extra
from p3m_anon.methods.colours import DEVIATION, MEAN
from p3m_anon.methods.layers import fold_batch_norm
from p3m_anon.methods.network import MULTIPLE

if TYPE_CHECKING:
    import onnx

OPSET = 18
"""The exporter's own; any other would be a conversion after it."""
INPUT = "image"
OUTPUTS = ("alpha", "global_logits", "local")

_SIZES = ("batch", "height", "width")
_EXAMPLE = (
    2,
    3,
    3 * MULTIPLE,
    4 * MULTIPLE,
)  # no two sizes alike and none of 1, which the exporter would take for fixed
_CHATTY = ("torch.onnx", "onnxscript", "onnx_ir")


class OnnxForm(nn.Module):
    """What the ONNX model computes: normalization, which is easily forgotten or done twice, is a part of it."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """image: float32 (B, 3, H, W) in [0, 1], red, green, blue; H and W are multiples of 32.

        Returns the alpha matte (B, 1, H, W) in [0, 1], class logits (B, 3, H, W), and alpha as the local branch has it
        (B, 1, H, W): `fused`, `global_logits` and `local` of the network.
        """
        output = self.network((image - self.mean) / self.deviation)
        return output.fused, output.global_logits, output.local


def to_onnx(network: nn.Module, notes: Mapping[str, str]) -> bytes:
    """The ONNX model of a network in eval mode, for files of at most 2 GB; the network stays as it is.

    notes: become the model's metadata, beside how to feed it. Batch normalization is folded into the convolutions.
    The same network and notes give the same bytes, and no path of this machine is in them. Raises MissingExtra
    without the extra `export`, ValueError for a network in training mode.
    """
    helper = import_extra("onnx.helper", "export")
    import_extra("onnxscript", "export")
    folded = copy.deepcopy(network).cpu()
    fold_batch_norm(folded)
    many = torch.export.Dim
    sizes = {0: many("batch"), 2: MULTIPLE * many("rows"), 3: MULTIPLE * many("columns")}
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            OnnxForm(folded).eval(),
            (torch.zeros(_EXAMPLE),),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=(sizes,),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _tidy(model)
    helper.set_model_props(model, {**how_to_feed(), **notes})
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def how_to_feed() -> dict[str, str]:
    """What the model expects and gives, in words, for its metadata."""
    return {
        "input": "RGB in [0, 1], float32 (batch, 3, height, width); normalization is part of the model",
        "normalization": f"(RGB - {MEAN}) / {DEVIATION}",
        "multiple": str(MULTIPLE),
        "alpha": "the matte, [0, 1]: local in the transition region, else 0 or 1",
        "global_logits": "classes background, transition, foreground",
        "local": "alpha of the transition region, [0, 1]",
    }


def _tidy(model: onnx.ModelProto) -> None:
    """Name the sizes as people call them; drop the exporter's notes, which hold source lines and paths."""
    model.producer_name, model.producer_version = "p3m-anon", __version__
    graph = model.graph
    graph.ClearField("value_info")
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    for value in (*graph.input, *graph.output):
        shape = value.type.tensor_type.shape.dim
        for name, size in zip(_SIZES, (shape[0], shape[2], shape[3]), strict=True):
            size.dim_param = name


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's remarks on operators that are not used here and on its own future."""
    loggers = [logging.getLogger(name) for name in _CHATTY]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
