"""Near-duplicates: a perceptual hash that survives resizing, re-encoding and small edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.arrays import check_rgb, reduced

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB


def perceptual_hash(rgb: RGB) -> str:
    """64-bit DCT hash of a picture, 16 hex digits.

    rgb: uint8 (H, W, 3). The picture is averaged to 32x32 grey; of its cosine transform the 8x8
    lowest frequencies but the mean row and column are compared with their median (Zauner 2010).
    """
    import cv2

    check_rgb(rgb)
    small = reduced(rgb, (32, 32)) if min(rgb.shape[:2]) >= 32 else cv2.resize(rgb, (32, 32))
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    low = cv2.dct(grey)[1:9, 1:9]
    bits = np.packbits(low > np.median(low))
    return bits.tobytes().hex()
