"""GRAD: how much the edges of a predicted matte differ from those of the true one.

Rhemann et al., A Perceptually Motivated Online Benchmark for Image Matting (CVPR 2009), as P3M's published code
computes it: derivatives of a Gaussian of sigma 1.4, cut off at 4 sigma, borders reflected.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from p3m_anon.matting.pairs import check_pair

if TYPE_CHECKING:
    from p3m_anon.matting.pairs import Matte

_SIGMA = 1.4
_RADIUS = round(4 * _SIGMA)
_OFFSETS = np.arange(-_RADIUS, _RADIUS + 1)
_BELL = np.exp(-0.5 * (_OFFSETS / _SIGMA) ** 2)
_SMOOTH = _BELL / _BELL.sum()
_SLOPE = _SMOOTH * _OFFSETS / _SIGMA**2
_TILE = 128  # pixels a side: it stays in the processor's cache, and memory does not grow with the picture


def gradient_error(prediction: Matte, alpha: Matte) -> float:
    """The sum over all pixels of (|grad prediction| - |grad alpha|)^2, divided by 10.

    prediction, alpha: float32 or float64 (H, W), [0, 1]. Computed in float64. The published code rounds to float32
    on the way, so it agrees to about 3e-7 of the value, and for equal mattes gives not 0 but some 1e-14.
    Raises ValueError for anything else, nan and infinity included.
    """
    check_pair(prediction, alpha)
    return gradient_of_pair(prediction, alpha)


def gradient_of_pair(prediction: Matte, alpha: Matte) -> float:
    """The same for a pair that was checked."""
    height, width = alpha.shape
    total = 0.0
    for top, left in product(range(0, height, _TILE), range(0, width, _TILE)):
        of_prediction, of_alpha = _magnitude(prediction, top, left), _magnitude(alpha, top, left)
        if of_prediction is not None and of_alpha is not None:
            total += cv2.norm(of_prediction, of_alpha, cv2.NORM_L2SQR)
        elif (one := of_alpha if of_prediction is None else of_prediction) is not None:
            total += cv2.norm(one, cv2.NORM_L2SQR)
    return total / 10


def _magnitude(matte: Matte, top: int, left: int) -> npt.NDArray[np.float64] | None:
    """Length of the gradient in the tile that begins at a row and a column, float64 (h, w).

    None where the matte is flat as far as the kernel sees, which is most of a portrait: the gradient is 0 there.
    """
    above, before = min(top, _RADIUS), min(left, _RADIUS)
    near = matte[top - above : top + _TILE + _RADIUS, left - before : left + _TILE + _RADIUS]
    if near.min() == near.max():
        return None
    own = slice(above, above + _TILE), slice(before, before + _TILE)
    across = cv2.sepFilter2D(near, cv2.CV_64F, _SLOPE, _SMOOTH, borderType=cv2.BORDER_REFLECT)[own]
    down = cv2.sepFilter2D(near, cv2.CV_64F, _SMOOTH, _SLOPE, borderType=cv2.BORDER_REFLECT)[own]
    # Not cv2.magnitude: the last digit of what it gives depends on where in memory the arrays lie.
    return np.asarray(np.sqrt(across * across + down * down), np.float64)
