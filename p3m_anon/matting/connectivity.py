"""CONN: how far pixels of a predicted matte are cut off from what the two mattes share as their largest piece.

Rhemann et al., A Perceptually Motivated Online Benchmark for Image Matting (CVPR 2009), as P3M's published code
computes it. For each of the thresholds 0.1, 0.2 ... 1.0 the core is the largest 4-connected piece of the pixels that
reach it in both mattes; of pieces of one size it is the one whose first pixel comes first, row by row. A pixel's level
is the last threshold up to which it was in every core, 0 if it never was, and 1 if it never left. Its connection in a
matte is 1 minus what its value exceeds the level by, and 1 where that is less than 0.15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from p3m_anon.matting.pairs import check_pair

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask
    from p3m_anon.matting.pairs import Matte

_THRESHOLDS = 0.1 * np.arange(11)  # 0.30000000000000004 and so on, as published; compared in float64
_DEAD_ZONE = 0.15


def connectivity_error(prediction: Matte, alpha: Matte) -> float:
    """The sum over all pixels of the difference between its connections in both mattes, divided by 1000.

    prediction, alpha: float32 or float64 (H, W), [0, 1]. Give alpha as `uint8 / 255` in float64: 153 / 255 is under
    the threshold 0.6000000000000001 there and over it in float32, and a whole level of an 8-bit matte changes sides.
    As in the published code the error is 0 where the mattes share no pixel from 0.1 on, so also for a prediction
    that is 0 everywhere. Levels are float32 as there, to the last digit.
    Raises ValueError for anything else, nan and infinity included.
    """
    check_pair(prediction, alpha)
    return connectivity_of_pair(prediction, alpha)


def connectivity_of_pair(prediction: Matte, alpha: Matte) -> float:
    """The same for a pair that was checked."""
    depth, steps = core_depths(prediction, alpha)
    # Elsewhere both connections are 1: neither value is out of the dead zone, or the level is 1.
    counted = ((prediction >= _DEAD_ZONE) | (alpha >= _DEAD_ZONE)) & (depth < steps)
    levels = _THRESHOLDS.astype(np.float32)[depth[counted]]
    difference = _connection(prediction[counted] - levels) - _connection(alpha[counted] - levels)
    return float(np.abs(difference).sum(dtype=np.float64)) / 1000


def _connection(beyond: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """phi in the paper: 1 for what is connected, less by what a matte has `beyond` its level."""
    return 1 - beyond * (beyond >= _DEAD_ZONE)


class _Core(NamedTuple):
    """The largest piece, bool (h, w), and one of its pixels with the highest value, x and y."""

    mask: Mask
    seed: tuple[int, int]


def core_depths(prediction: Matte, alpha: Matte) -> tuple[npt.NDArray[np.uint8], int]:
    """In how many cores each pixel was before it first was in none, uint8 (H, W); and how many cores there are.

    What reaches a threshold lies within what reached the one before. So each step looks only at the rectangle around
    the last, and as a rule pieces need not be told apart: one that fills more than half of what is left is the largest.
    """
    depth = np.zeros(alpha.shape, np.uint8)
    inside = np.ones(alpha.shape, bool)
    part, lower, core = depth, np.asarray(np.minimum(prediction, alpha), np.float64), None
    for step, threshold in enumerate(_THRESHOLDS[1:]):
        reached = (lower >= threshold).view(np.uint8)
        x, y, width, height = cv2.boundingRect(reached)
        if not width:
            return depth, step
        window = slice(y, y + height), slice(x, x + width)
        reached, lower, inside, part = reached[window], lower[window], inside[window], part[window]
        seed = (core.seed[0] - x, core.seed[1] - y) if core else None
        core = _flooded(reached, seed) or _labelled(reached, lower)
        inside &= core.mask
        part += inside
    return depth, len(_THRESHOLDS) - 1


def _flooded(reached: npt.NDArray[np.uint8], seed: tuple[int, int] | None) -> _Core | None:
    """The piece around `seed` if it is more than half of all; None if that cannot be said."""
    height, width = reached.shape
    if seed is None or not (0 <= seed[0] < width and 0 <= seed[1] < height and reached[seed[1], seed[0]]):
        return None
    total = cv2.countNonZero(reached)
    filled = reached.copy()
    area, *_ = cv2.floodFill(filled, None, seed, 2, flags=4)
    return _Core(filled == 2, seed) if 2 * area > total else None


def _labelled(reached: npt.NDArray[np.uint8], lower: npt.NDArray[np.float64]) -> _Core:
    """The largest piece; of several the first in raster order, by whose first pixels OpenCV does not number them."""
    count, labels = cv2.connectedComponents(reached, connectivity=4)
    areas = np.bincount(labels.ravel(), minlength=count)[1:]
    largest = 1 + np.flatnonzero(areas == areas.max())
    label = largest[0] if len(largest) == 1 else labels.flat[np.isin(labels, largest).argmax()]
    mask = labels == label
    _, _, _, seed = cv2.minMaxLoc(lower, mask.view(np.uint8))
    return _Core(mask, (int(seed[0]), int(seed[1])))
