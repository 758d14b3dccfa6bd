"""CONN: how far pixels of a predicted matte are cut off from what the two mattes share as their largest piece.

Rhemann et al., A Perceptually Motivated Online Benchmark for Image Matting (CVPR 2009), as P3M's published code
computes it. For each of the thresholds 0.1, 0.2 ... 1.0 the core is the largest 4-connected piece of the pixels that
reach it in both mattes; of pieces of one size it is the one whose first pixel comes first, row by row. A pixel's level
is the last threshold up to which it was in every core, 0 if it never was, and 1 if it never left. Its connection in a
matte is 1 minus what its value exceeds the level by, and 1 where that is less than 0.15.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import numpy.typing as npt

from p3m_anon.matting.pairs import check_pair

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask
    from p3m_anon.matting.pairs import Matte

_THRESHOLDS = 0.1 * np.arange(11)  # 0.30000000000000004 and so on, as published; compared in float64
_DEAD_ZONE = 0.15
_ROWS = 64  # at a time: they stay in the processor's cache, and memory grows by bytes for a pixel, not by floats


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
    total = 0.0
    for top in range(0, len(alpha), _ROWS):
        rows = slice(top, top + _ROWS)
        p, a, of = prediction[rows], alpha[rows], depth[rows]
        # Elsewhere both connections are 1: neither value is out of the dead zone, or the level is 1.
        counted = ((p >= _DEAD_ZONE) | (a >= _DEAD_ZONE)) & (of < steps)
        level = _THRESHOLDS.astype(np.float32)[of[counted]]
        difference = _connection(p[counted] - level) - _connection(a[counted] - level)
        total += float(np.abs(difference).sum(dtype=np.float64))
    return total / 1000


def _connection(beyond: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """phi in the paper: 1 for what is connected, less by what a matte has `beyond` its level."""
    return 1 - beyond * (beyond >= _DEAD_ZONE)


def core_depths(prediction: Matte, alpha: Matte) -> tuple[npt.NDArray[np.uint8], int]:
    """In how many cores each pixel was before it first was in none, uint8 (H, W); and how many cores there are.

    What reaches a threshold lies within what reached the one before. So each step looks only at the rectangle around
    the last, and as a rule pieces need not be told apart: one that fills more than half of what is left is the largest.
    """
    depth = np.zeros(alpha.shape, np.uint8)
    inside = np.ones(alpha.shape, bool)
    part, reach = depth, _reach(prediction, alpha)
    seed = _highest(reach)
    for step in range(len(_THRESHOLDS) - 1):
        reached = (reach > step).view(np.uint8)
        x, y, width, height = cv2.boundingRect(reached)
        if not width:
            return depth, step
        window = slice(y, y + height), slice(x, x + width)
        reached, reach, inside, part = reached[window], reach[window], inside[window], part[window]
        seed = seed[0] - x, seed[1] - y
        core = _flooded(reached, seed)
        if core is None:
            core = _labelled(reached)
            seed = _highest(reach * core)
        inside &= core
        part += inside
    return depth, len(_THRESHOLDS) - 1


def _reach(prediction: Matte, alpha: Matte) -> npt.NDArray[np.uint8]:
    """How many thresholds from 0.1 on each pixel reaches in both mattes, uint8 (H, W)."""
    reach = np.zeros(alpha.shape, np.uint8)
    for top in range(0, len(alpha), _ROWS):
        rows = slice(top, top + _ROWS)
        lower = np.asarray(np.minimum(prediction[rows], alpha[rows]), np.float64)
        for threshold in _THRESHOLDS[1:]:
            reach[rows] += lower >= threshold
    return reach


def _highest(values: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """The middle one of the pixels with the highest value, x and y: what is around it is large and lasts longest."""
    places = np.flatnonzero(values == values.max())
    y, x = np.unravel_index(int(places[len(places) // 2]), values.shape)
    return int(x), int(y)


def _flooded(reached: npt.NDArray[np.uint8], seed: tuple[int, int]) -> Mask | None:
    """The piece around `seed`, bool (h, w), if it is more than half of all; None if it is not."""
    x, y = seed
    height, width = reached.shape
    if not (0 <= x < width and 0 <= y < height and reached[y, x]):
        return None
    filled = reached.copy()
    area, *_ = cv2.floodFill(filled, None, seed, 2, flags=4)
    return filled == 2 if 2 * area > cv2.countNonZero(reached) else None


def _labelled(reached: npt.NDArray[np.uint8]) -> Mask:
    """The largest piece, bool (h, w); of several the first in raster order, which OpenCV's numbers need not follow."""
    count, labels = cv2.connectedComponents(reached, connectivity=4)
    areas = np.bincount(labels.ravel(), minlength=count)[1:]
    largest = 1 + np.flatnonzero(areas == areas.max())
    label = largest[0] if len(largest) == 1 else labels.flat[np.isin(labels, largest).argmax()]
    return np.asarray(labels == label)
