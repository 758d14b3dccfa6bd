"""How far each pixel is from a mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask


def distance_to(mask: Mask) -> npt.NDArray[np.float32]:
    """Euclidean distance of each pixel to the nearest one of `mask`, bool (H, W), between centres, in pixels.

    float32 (H, W), infinite if there is none. The same bits whenever it is called for the same mask.
    """
    import cv2

    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    # Intel's routine in OpenCV's wheels rounds otherwise at another address in memory, and takes a third longer.
    before = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)  # of this thread
    try:
        distance = cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    finally:
        cv2.ipp.setUseIPP(before)
    return distance.astype(np.float32, copy=False)
