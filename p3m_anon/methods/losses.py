"""Losses of matting methods, as P3M's published code computes them (JizhiziLi/P3M); the paper names them in section
4.5 and leaves their definitions to earlier work. Where the two differ is said beside each function.

Pure functions of tensors; the device is that of the tensors. Everything is computed in float32 or wider, also under
autocast: `EPSILON` underflows to 0 in float16, which makes the slope at 0 nan, and sums over a picture leave the range
of float16 and the precision of bfloat16. No function reads a value back from the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F

from p3m_anon.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN

EPSILON = 1e-12
"""In sqrt(d^2 + EPSILON), the absolute difference with a slope at 0: it adds 1e-6 per equal pixel."""

LEVELS = 5
SMALLEST_SIDE = 2**LEVELS
"""Pixels; of anything smaller nothing is left after the pyramid's last halving."""

TrimapRule = Literal["official", "clean"]

_EXPONENTIAL = tuple(math.exp(-(distance**2)) for distance in range(3))
_WEIGHTS = tuple(one / (2 * (_EXPONENTIAL[0] + 2 * _EXPONENTIAL[1] + 2 * _EXPONENTIAL[2])) for one in _EXPONENTIAL)
_EVEN = (0.2, 0.2, 0.2)


@dataclass(frozen=True)
class Targets:
    """What the output for one batch is held against; all on one device, none carries a gradient.

    alpha: floating (B, 1, H, W) in [0, 1]. trimap: (B, 1, H, W), uint8 or floating, 0 background, 128 transition, 255
    foreground, and what lies between where it was resized. image, foreground, background: floating (B, 3, H, W) in
    ImageNet-normalised colour, like the network's input; without layers there is no composition loss.
    """

    alpha: Tensor
    trimap: Tensor
    image: Tensor
    foreground: Tensor | None = None
    background: Tensor | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for one layer without the other."""
        if (self.foreground is None) != (self.background is None):
            raise ValueError("foreground and background must be given together, or neither of them")


def transition_region(trimap: Tensor) -> Tensor:
    """bool, as large as `trimap`: where it is exactly 128.

    A resized trimap has other values between 0 and 255 too; they are transition for `segmentation_loss`, but not here.
    """
    return trimap == UNKNOWN


def alpha_loss(prediction: Tensor, alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Mean of sqrt((prediction - alpha)^2 + EPSILON), a scalar.

    prediction, alpha: floating (B, 1, H, W) in [0, 1]; region: bool of that shape, or None for the whole batch. With a
    region, differences outside it count as 0 and have no gradient, but each still adds its 1e-6; the sum is divided
    by the region's pixels + 1. So an empty region gives 1e-6 for each pixel of the batch, as published, and not 0.
    """
    _check(prediction, alpha=alpha, region=region)
    return _absolute_mean(_difference(prediction, alpha), region)


def laplacian_loss(prediction: Tensor, alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Sum over the levels of a Laplacian pyramid of the mean absolute difference, a scalar.

    Arguments as for `alpha_loss`, sides of at least 32 pixels. Five band-pass levels and the residual weigh the same;
    there is no 2^i. A band is a level minus its filtered self (`_filtered`), and the next level is the mean of 2 x 2
    pixels of the filtered one; odd last rows and columns are dropped. The pyramid is linear, so one of the difference
    stands for two: half the work. Differences outside the region are set to 0 before the pyramid is built, so the
    region's own edge does not show, and those inside leak across it; yet the means go over all pixels, not the
    region's. Hence the smaller the region, the less this weighs beside `alpha_loss`.
    """
    _check(prediction, alpha=alpha, region=region)
    if min(prediction.shape[-2:]) < SMALLEST_SIDE:
        size = tuple(prediction.shape[-2:])
        raise ValueError(f"the Laplacian loss needs at least {SMALLEST_SIDE} x {SMALLEST_SIDE} pixels, got {size}")
    level = _within(_difference(prediction, alpha), region)
    loss = level.new_zeros(())
    for _ in range(LEVELS):
        filtered = _filtered(level)
        loss = loss + (level - filtered).abs().mean()
        level = F.avg_pool2d(filtered, 2)
    return loss + level.abs().mean()


def composition_loss(
    image: Tensor, alpha_prediction: Tensor, foreground: Tensor, background: Tensor, region: Tensor | None = None
) -> Tensor:
    """How far alpha F + (1 - alpha) B is from the image, a scalar.

    image, foreground, background: floating (B, 3, H, W) in ImageNet-normalised colour, where the mean cancels and an
    error of one level weighs about 4.4 times as much as in [0, 1]; alpha_prediction: (B, 1, H, W); region as in
    `alpha_loss`. The published sum over three channels is divided by the pixels, not by three times as many. Together
    it is some 13 times the mean over colours in [0, 1], and the largest part of the total.
    """
    _check(alpha_prediction, region=region)
    for name, colours in (("image", image), ("foreground", foreground), ("background", background)):
        wanted = (alpha_prediction.shape[0], 3, *alpha_prediction.shape[-2:])
        if tuple(colours.shape) != wanted:
            raise ValueError(f"{name} must be {wanted} as alpha_prediction asks for, got {tuple(colours.shape)}")
    composite = torch.lerp(*_wide(background, foreground, alpha_prediction))
    return _absolute_mean(_difference(composite, image), region)


def segmentation_loss(logits: Tensor, trimap: Tensor, rule: TrimapRule = "official") -> Tensor:
    """Mean cross-entropy over all pixels, a scalar; Eq. 4 of the paper has the sum, the published code the mean.

    logits: floating (B, 3, H, W), channels background, transition, foreground; trimap: (B, 1, H, W) in 0..255, see
    `Targets`; rule: see `trimap_classes`.
    """
    if logits.ndim != 4 or logits.shape[1] != 3 or trimap.shape != (logits.shape[0], 1, *logits.shape[-2:]):
        raise ValueError(
            f"logits must be (B, 3, H, W) and trimap (B, 1, H, W), got {tuple(logits.shape)} and {tuple(trimap.shape)}"
        )
    (wide,) = _wide(logits)
    return F.cross_entropy(wide, trimap_classes(trimap, rule))


def trimap_classes(trimap: Tensor, rule: TrimapRule = "official") -> Tensor:
    """The classes 0 background, 1 transition, 2 foreground of a trimap (B, 1, H, W) in 0..255: int64 (B, H, W).

    Both rules take exactly 0 for background, exactly 255 for foreground and everything between for transition: what a
    bilinear resize mixed is not certain. Only `official` reads the values up to 2 as if they were classes already,
    fractions cut off: below 1 is background, and exactly 2 foreground.
    """
    above = 1 + (trimap >= FOREGROUND).long()
    if rule == "clean":
        return torch.where(trimap > BACKGROUND, above, 0)[:, 0]
    return torch.where(trimap > 2, above, trimap.long())[:, 0]


def _check(prediction: Tensor, **others: Tensor | None) -> None:
    """Broadcasting (B, H, W) against (B, 1, H, W) would go unnoticed and compare every picture with every other."""
    shape = tuple(prediction.shape)
    if len(shape) != 4 or shape[1] != 1:
        raise ValueError(f"prediction must be (B, 1, H, W), got {shape}")
    for name, other in others.items():
        if other is not None and tuple(other.shape) != shape:
            raise ValueError(f"{name} must be {shape} as prediction is, got {tuple(other.shape)}")


def _wide(*tensors: Tensor) -> list[Tensor]:
    """All as wide as the widest, and at least float32."""
    dtype = torch.float32
    for one in tensors:
        dtype = torch.promote_types(dtype, one.dtype)
    return [one.to(dtype) for one in tensors]


def _difference(prediction: Tensor, target: Tensor) -> Tensor:
    return torch.sub(*_wide(prediction, target))


def _within(difference: Tensor, region: Tensor | None) -> Tensor:
    return difference if region is None else difference.masked_fill(~region, 0)


def _absolute_mean(difference: Tensor, region: Tensor | None) -> Tensor:
    """(B, C, H, W) -> scalar: the sum over everything, by pixels (not by pixels x channels), as `alpha_loss` says."""
    total = (_within(difference, region).square() + EPSILON).sqrt().sum()
    return total / (difference[:, 0].numel() if region is None else region.sum() + 1)


def _filtered(level: Tensor) -> Tensor:
    """The published 5 x 5 filter, k(i, j) ~ exp(-i^2) + exp(-j^2) for i, j = -2..2, with the border repeated.

    It was meant to be a Gaussian: the exponential is squared once too often, and the axes are added, not multiplied,
    so it is a cross and not a disc.
    """
    filtered: Tensor = _Cross.apply(F.pad(level, (2, 2, 2, 2), mode="replicate"))
    return filtered


class _Cross(torch.autograd.Function):
    """The filter without a border: four shorter along both axes.

    A sum of (exponential x even) and (even x exponential), it takes four passes of five weights, which are Python
    numbers: no kernel has to be made or moved to a device. It is symmetric, so its gradient is the filter again.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, padded: Tensor) -> Tensor:
        return _along(_along(padded, 3, _WEIGHTS), 2, _EVEN) + _along(_along(padded, 3, _EVEN), 2, _WEIGHTS)

    @staticmethod
    def backward(ctx: FunctionCtx, *slopes: Tensor) -> Tensor:
        filtered: Tensor = _Cross.apply(F.pad(slopes[0], (4, 4, 4, 4)))
        return filtered


def _along(values: Tensor, axis: int, weights: tuple[float, ...]) -> Tensor:
    """Weighted sum of five neighbours; weights for distance 0, 1, 2. Four shorter than `values` along `axis`."""
    far, near, middle, other_near, other_far = (values.narrow(axis, i, values.shape[axis] - 4) for i in range(5))
    total = (middle * weights[0]).add(near + other_near, alpha=weights[1])
    return total.add(far + other_far, alpha=weights[2])
