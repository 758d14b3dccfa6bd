"""The training objective of P3M-Net: Eq. 5 of the paper, and what the published code sums up in its place.

The terms are defined in `p3m_anon.methods.losses`, alike for both recipes: the paper does not define them. (That
overwritten values get a gradient in the published unpooling belongs to the network.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from p3m_anon.methods.losses import (
    Targets,
    alpha_loss,
    composition_loss,
    laplacian_loss,
    segmentation_loss,
    transition_region,
)

if TYPE_CHECKING:
    from torch import Tensor

    from p3m_anon.methods.p3mnet.network import P3MOutput

Recipe = Literal["paper", "official"]

LOCAL_WEIGHT = 2
SEGMENTATION_WEIGHT = 1 / 6
MAIN_SEGMENTATION_SHARE = 3
FUSION_WEIGHT: dict[str, int] = {"paper": 2, "official": 3}
"""Of alpha + Laplacian of the fused matte: the published script adds them with weight 2, then once more with 1."""


class LossTerms(NamedTuple):
    """Scalars, each before its weight; None where the output or the targets have nothing for it.

    `total` is what is trained on; the others keep their graph too, so `detach` before keeping them for a log.
    """

    total: Tensor
    alpha_transition: Tensor  # local branch, transition region
    laplacian_transition: Tensor
    alpha: Tensor  # fused matte, whole image
    laplacian: Tensor
    composition: Tensor | None
    segmentation: Tensor  # global branch
    side2: Tensor | None
    side1: Tensor | None
    side0: Tensor | None


def total_loss(output: P3MOutput, targets: Targets, recipe: Recipe = "paper") -> LossTerms:
    """L = 2 (La_M + Llap_M) + 1/6 (side2 + side1 + side0 + 3 CE) + f (La + Llap) + Lcomp.

    f is 2 in Eq. 5 of the paper and 3 in the published code; nothing else depends on the recipe. Height and width of
    at least 32 pixels. A term that is None adds nothing and the weights of the others stay: without dBFI the
    segmentation has 3/6, and the runs of Table 5 differ in what they train on, not in how much the rest weighs; the
    paper says nothing about it. The hard labels that fuse the branches have no gradient, so the fused terms train the
    local branch alone, and only where the global one predicts transition; elsewhere the fused matte is a constant
    0 or 1 that still counts in their value.
    Raises ValueError for shapes that do not match, small images and an unknown recipe.
    """
    if recipe not in FUSION_WEIGHT:
        raise ValueError(f"recipe must be one of {', '.join(get_args(Recipe))}, got {recipe!r}")
    region = transition_region(targets.trimap)
    composition = None
    if targets.foreground is not None and targets.background is not None:
        composition = composition_loss(targets.image, output.fused, targets.foreground, targets.background)
    segmentation = segmentation_loss(output.global_logits, targets.trimap)
    sides = [
        None if side is None else segmentation_loss(side, targets.trimap)
        for side in (output.side2, output.side1, output.side0)
    ]
    alpha_transition = alpha_loss(output.local, targets.alpha, region)
    laplacian_transition = laplacian_loss(output.local, targets.alpha, region)
    alpha, laplacian = alpha_loss(output.fused, targets.alpha), laplacian_loss(output.fused, targets.alpha)

    total = LOCAL_WEIGHT * (alpha_transition + laplacian_transition)
    total = total + FUSION_WEIGHT[recipe] * (alpha + laplacian)
    total = total + SEGMENTATION_WEIGHT * MAIN_SEGMENTATION_SHARE * segmentation
    for side in sides:
        if side is not None:
            total = total + SEGMENTATION_WEIGHT * side
    if composition is not None:
        total = total + composition
    return LossTerms(total, alpha_transition, laplacian_transition, alpha, laplacian, composition, segmentation, *sides)
