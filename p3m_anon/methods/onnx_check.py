"""An ONNX model held against the network that it was made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from p3m_anon.errors import P3MError
from p3m_anon.methods.onnx_export import INPUT, OUTPUTS, OnnxForm

if TYPE_CHECKING:
    import numpy.typing as npt

SIZES = ((1, 256, 256), (2, 192, 320), (1, 384, 128))
"""Batch, height, width of the pictures that are compared."""
LIMIT = 1e-4
CERTAIN = 1e-3


@dataclass(frozen=True)
class Deviation:
    """Of one output, over all pixels of `SIZES`: |ONNX - torch|.

    quantile99: what 99 % of the pixels do not exceed. beyond: share of the pixels that exceed `LIMIT`. uncertain: share
    of the pixels where either is more than `CERTAIN` away from both 0 and 1. scale: the largest |torch|, at least 1.
    """

    output: str
    quantile99: float
    largest: float
    beyond: float
    uncertain: float
    scale: float

    @property
    def agrees(self) -> bool:
        """Logits: within `LIMIT` of their scale at every pixel. Alphas: within `LIMIT`, but for one pixel of a thousand
        or a third of the uncertain ones.

        Alphas cannot be held to their maximum: in a deep max-pool, two values that differ by rounding alone may change
        places, and the pixels around follow; so up to 4 % of them were seen to. With another rule of unpooling nearly
        all uncertain ones differ. The certain ones say little: a sigmoid hides there what comes into it.
        """
        if self.output == "global_logits":
            return self.largest <= LIMIT * self.scale  # false for nan
        return self.beyond <= max(0.001, self.uncertain / 3)


def compare(network: nn.Module, model: bytes) -> tuple[Deviation, ...]:
    """Run an ONNX model and its network, in eval mode, on drawn pictures of three sizes, on the CPU; one per output.

    Raises P3MError where onnxruntime cannot load or run the model.
    """
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    form = OnnxForm(network).eval()
    theirs: list[list[npt.NDArray[np.float32]]] = [[] for _ in OUTPUTS]
    ours: list[list[npt.NDArray[np.float32]]] = [[] for _ in OUTPUTS]
    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        for seed, size in enumerate(SIZES):
            image = drawn_picture(seed, *size)
            for into, array in zip(theirs, session.run(list(OUTPUTS), {INPUT: image.numpy()}), strict=True):
                into.append(array.ravel())
            with torch.no_grad():
                for into, tensor in zip(ours, form(image), strict=True):
                    into.append(tensor.numpy().ravel())
    except Exception as error:  # onnxruntime has classes of its own, without a common one
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise P3MError(f"onnxruntime {onnxruntime.__version__} cannot run the model: {error}") from error
    return tuple(
        _deviation(name, np.concatenate(one), np.concatenate(other))
        for name, one, other in zip(OUTPUTS, theirs, ours, strict=True)
    )


def drawn_picture(seed: int, batch: int, height: int, width: int) -> Tensor:
    """Smooth colours with noise over them, float32 (batch, 3, height, width) in [0, 1]; sides are multiples of 32."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((batch, 3, height // 32, width // 32), generator=generator)
    smooth = F.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    return 0.8 * smooth + 0.2 * torch.rand((batch, 3, height, width), generator=generator)


def _deviation(name: str, theirs: npt.NDArray[np.float32], ours: npt.NDArray[np.float32]) -> Deviation:
    difference = np.abs(theirs - ours)
    uncertain = [(one > CERTAIN) & (one < 1 - CERTAIN) for one in (theirs, ours)]
    return Deviation(
        name,
        quantile99=float(np.quantile(difference, 0.99)),
        largest=float(difference.max()),
        beyond=1 - float((difference <= LIMIT).mean()),  # nan is beyond
        uncertain=float((uncertain[0] | uncertain[1]).mean()),
        scale=max(1.0, float(np.abs(ours).max())),
    )
