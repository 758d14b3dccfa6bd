"""GRAD: how much the edges of a predicted matte differ from those of the true one.

Rhemann et al., A Perceptually Motivated Online Benchmark for Image Matting (CVPR 2009), as P3M's published code
computes it: derivatives of a Gaussian of sigma 1.4, cut off at 4 sigma, borders reflected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from p3m_anon.matting.pairs import check_pair

if TYPE_CHECKING:
    from p3m_anon.matting.pairs import Matte

_SIGMA = 1.4
_RADIUS = round(4 * _SIGMA)
_ROWS = 128  # at a time: they stay in the processor's cache, and memory does not grow with the picture


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
    window = _changing_part(prediction, alpha)
    prediction, alpha = prediction[window], alpha[window]
    total = 0.0
    for top in range(0, len(alpha), _ROWS):
        above = min(top, _RADIUS)
        near = slice(top - above, top + _ROWS + _RADIUS)
        rows = slice(above, above + _ROWS)
        total += cv2.norm(_magnitude(prediction[near])[rows], _magnitude(alpha[near])[rows], cv2.NORM_L2SQR)
    return total / 10


def _changing_part(prediction: Matte, alpha: Matte) -> tuple[slice, slice]:
    """Rows and columns outside which both mattes keep their first value, as a portrait's background does.

    A margin as wide as the kernel is included: reflected at its end, it is as flat as what was cut off.
    """
    changes = (prediction != prediction[0, 0]) | (alpha != alpha[0, 0])
    x, y, width, height = cv2.boundingRect(changes.view(np.uint8))
    if not width:
        return slice(0), slice(0)
    rows, columns = (slice(max(at - _RADIUS, 0), at + size + _RADIUS) for at, size in ((y, height), (x, width)))
    return rows, columns


def _magnitude(matte: Matte) -> npt.NDArray[np.float64]:
    """Length of the gradient, float64 (H, W)."""
    x = np.arange(-_RADIUS, _RADIUS + 1)
    smooth = np.exp(-0.5 * (x / _SIGMA) ** 2)
    smooth /= smooth.sum()
    slope = smooth * x / _SIGMA**2
    across = cv2.sepFilter2D(matte, cv2.CV_64F, slope, smooth, borderType=cv2.BORDER_REFLECT)
    down = cv2.sepFilter2D(matte, cv2.CV_64F, smooth, slope, borderType=cv2.BORDER_REFLECT)
    # Not cv2.magnitude: the last digit of what it gives depends on where in memory the arrays lie.
    return np.asarray(np.sqrt(across * across + down * down), np.float64)
