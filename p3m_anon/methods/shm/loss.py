"""What Semantic Human Matting is trained on, end to end: paper, equations 5 and 6."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from p3m_anon.methods.dim.loss import alpha_loss, composition_loss
from p3m_anon.methods.losses import segmentation_loss

if TYPE_CHECKING:
    from torch import Tensor

    from p3m_anon.methods.losses import Targets
    from p3m_anon.methods.shm.network import SHMOutput

ALPHA_WEIGHT = COMPOSITION_WEIGHT = 0.5
SEGMENTATION_WEIGHT = 0.01


class SHMLoss(NamedTuple):
    """Scalars, each before its weight; composition is None where the targets have no layers.

    `total` is what is trained on; the others keep their graph too.
    """

    total: Tensor
    alpha: Tensor  # fused matte, whole image
    composition: Tensor | None
    segmentation: Tensor  # T-Net


def total_loss(output: SHMOutput, targets: Targets, recipe: str = "paper") -> SHMLoss:
    """L = 0.5 alpha + 0.5 composition + 0.01 segmentation, each a mean over all pixels of the batch.

    Differences are absolute, but for the EPSILON of `dim.loss`. Without layers there is no composition, and the other
    weights stay. recipe: there is one only. Raises ValueError for shapes that do not match.
    """
    alpha = alpha_loss(output.fused, targets.alpha)
    composition = composition_loss(output.fused, targets)
    segmentation = segmentation_loss(output.logits, targets.trimap, "clean")
    total = ALPHA_WEIGHT * alpha + SEGMENTATION_WEIGHT * segmentation
    if composition is not None:
        total = total + COMPOSITION_WEIGHT * composition
    return SHMLoss(total, alpha, composition, segmentation)
