"""What GFM is trained on: section 4.3 of the paper, with the weights of the published code (JizhiziLi/GFM)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args

from torch import Tensor

from p3m_anon.methods.colours import DEVIATION
from p3m_anon.methods.losses import (
    Targets,
    alpha_loss,
    composition_loss,
    laplacian_loss,
    segmentation_loss,
    transition_region,
)
from p3m_anon.methods.p3mnet.loss import Recipe

if TYPE_CHECKING:
    from p3m_anon.methods.gfm.network import GFMOutput

WEIGHT = 0.25  # of each of the four parts


class GFMLoss(NamedTuple):
    """Scalars, each before its weight; composition is None where the targets have no layers.

    `total` is what is trained on; the others keep their graph too.
    """

    total: Tensor
    alpha_transition: Tensor  # what focuses, transition region
    laplacian_transition: Tensor
    alpha: Tensor  # fused matte, whole image
    laplacian: Tensor
    composition: Tensor | None
    segmentation: Tensor  # what glances


def total_loss(output: GFMOutput, targets: Targets, recipe: Recipe = "paper") -> GFMLoss:
    """L = (CE + (La_F + Llap_F) + (La + Llap) + Lcomp) / 4.

    The terms are those of `methods.losses`; the published definitions are the same. `official`: the cross-entropy takes
    the sigmoid of the logits for logits, as the published code has it, and can not fall below 0.55; `paper`: it takes
    the logits. Without layers there is no composition, and the other weights stay. Height and width of at least 32
    pixels. Raises ValueError for shapes that do not match, small images and an unknown recipe.
    """
    if recipe not in get_args(Recipe):
        raise ValueError(f"recipe must be one of {', '.join(get_args(Recipe))}, got {recipe!r}")
    region = transition_region(targets.trimap)
    logits = output.global_logits.sigmoid() if recipe == "official" else output.global_logits
    segmentation = segmentation_loss(logits, targets.trimap)
    alpha_transition = alpha_loss(output.local, targets.alpha, region)
    laplacian_transition = laplacian_loss(output.local, targets.alpha, region)
    alpha, laplacian = alpha_loss(output.fused, targets.alpha), laplacian_loss(output.fused, targets.alpha)
    composition = _composition(output.fused, targets)
    total = WEIGHT * (segmentation + alpha_transition + laplacian_transition + alpha + laplacian)
    if composition is not None:
        total = total + WEIGHT * composition
    return GFMLoss(total, alpha_transition, laplacian_transition, alpha, laplacian, composition, segmentation)


def _composition(fused: Tensor, targets: Targets) -> Tensor | None:
    """In colours of [0, 1], which the published 0..255 are divided into; that of P3M-Net is in normalized ones."""
    if targets.foreground is None or targets.background is None:
        return None
    deviation = targets.image.new_tensor(DEVIATION).view(3, 1, 1)
    image, foreground, background = (
        one * deviation for one in (targets.image, targets.foreground, targets.background)
    )  # the mean cancels
    return composition_loss(image, fused, foreground, background)
