"""What Deep Image Matting is trained on: paper, equations 1 to 3, as mmagic computes them (open-mmlab, Apache-2.0).

Everything is computed in float32 or wider, also under autocast, as in `p3m_anon.methods.losses`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from p3m_anon.methods.colours import DEVIATION
from p3m_anon.methods.dim.network import unknown_area
from p3m_anon.methods.losses import EPSILON

if TYPE_CHECKING:
    from torch import Tensor

    from p3m_anon.methods.dim.network import DIMOutput
    from p3m_anon.methods.losses import Targets

ALPHA_WEIGHT = COMPOSITION_WEIGHT = 0.5
REFINEMENT_WEIGHT = 1.0


class DIMLoss(NamedTuple):
    """Scalars, each before its weight; None where the output or the targets have nothing for it.

    `total` is what is trained on; the others keep their graph too.
    """

    total: Tensor
    alpha: Tensor  # encoder and decoder, unknown area
    composition: Tensor | None
    refinement: Tensor | None  # alpha after the refinement stage, unknown area


def total_loss(output: DIMOutput, targets: Targets, recipe: str = "paper") -> DIMLoss:
    """L = 0.5 alpha + 0.5 composition + refinement, over the unknown area of the whole batch.

    A term that is None adds nothing, and the weights of the others stay. recipe: there is one only. The paper trains
    the refinement stage afterwards, and both together at last; here all is trained at once, by the loss of that last
    stage. Raises ValueError for shapes that do not match.
    """
    unknown = unknown_area(targets.trimap)
    alpha = alpha_loss(output.coarse, targets.alpha, unknown)
    composition = composition_loss(output.coarse, targets, unknown)
    refinement = None if output.refined is None else alpha_loss(output.refined, targets.alpha, unknown)
    total = ALPHA_WEIGHT * alpha
    if composition is not None:
        total = total + COMPOSITION_WEIGHT * composition
    if refinement is not None:
        total = total + REFINEMENT_WEIGHT * refinement
    return DIMLoss(total, alpha, composition, refinement)


def alpha_loss(prediction: Tensor, alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean of sqrt((prediction - alpha)^2 + EPSILON) over a region, a scalar; equation 1.

    prediction, alpha: floating (B, 1, H, W) in [0, 1]; region: bool of that shape, None for all. 0 if it is empty.
    """
    return _mean(_difference(prediction, alpha), region)


def composition_loss(prediction: Tensor, targets: Targets, region: Tensor | None = None) -> Tensor | None:
    """Mean over a region and its colours in [0, 1] of how far prediction F + (1 - prediction) B is from the image.

    Equation 2, a scalar; None without layers. prediction: floating (B, 1, H, W) in [0, 1]; region: as `alpha_loss`.
    """
    if targets.foreground is None or targets.background is None:
        return None
    dtype = torch.promote_types(prediction.dtype, torch.float32)
    foreground, background = targets.foreground.to(dtype), targets.background.to(dtype)
    composite = torch.lerp(background, foreground, prediction.to(dtype))
    deviation = composite.new_tensor(DEVIATION).view(1, 3, 1, 1)  # the mean cancels
    return _mean(_difference(composite, targets.image) * deviation, region)


def _difference(first: Tensor, second: Tensor) -> Tensor:
    if first.shape != second.shape:
        raise ValueError(f"prediction and target must be alike, got {tuple(first.shape)} and {tuple(second.shape)}")
    dtype = torch.promote_types(torch.promote_types(first.dtype, second.dtype), torch.float32)
    return first.to(dtype) - second.to(dtype)


def _mean(difference: Tensor, region: Tensor | None) -> Tensor:
    """(B, C, H, W) and bool (B, 1, H, W) -> scalar: over the pixels of the region and all channels."""
    absolute = (difference.square() + EPSILON).sqrt()
    if region is None:
        return absolute.mean()
    pixels = region.sum().clamp(min=1)
    return absolute.masked_fill(~region, 0).sum() / (pixels * difference.shape[1])
