"""How strong a blur is, as the pixels show it, whatever a settings file says."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.faces.detail import grey

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Mask
    from p3m_anon.faces.detail import Grey
    from p3m_anon.faces.patch import Patch

SIDE = 48.0  # pixels: larger faces are shrunk to this width first
LEAST, MOST, STEP = 0.02, 0.8, 1.12
"""Sigmas that are tried, in face widths: from the first to the second, each STEP times the one before; and none."""

UNLIKE = 6.0
"""RMS in levels of 255 over which the region is no blur of the source: a fill, a sticker, another face."""

TOO_WEAK = 0.6  # of the sigma that was asked for; the estimate is within a fifth of the true one


def effective_sigma(after: RGB, before: RGB, region: Patch, width: float) -> float | None:
    """The Gaussian sigma, in face widths, that turns the source into the output inside a region.

    Args:
        after, before: output and source, rgb uint8 (H, W, 3) of one size.
        region: pixels that were to be blurred.
        width: of the face, in pixels.

    Returns:
        0 for a copy, LEAST to MOST for a blur, None where no blur of the source comes near.
    """
    import cv2

    if not region.area or width < 1:
        return None
    rows, cols = region.slices
    reach = math.ceil(2.5 * MOST * width)
    window = (
        slice(max(rows.start - reach, 0), min(rows.stop + reach, before.shape[0])),
        slice(max(cols.start - reach, 0), min(cols.stop + reach, before.shape[1])),
    )
    source, output = grey(before[window]), grey(after[window])
    mask = np.zeros(source.shape, np.float32)
    inside = region.mask.shape
    top, left = rows.start - window[0].start, cols.start - window[1].start
    mask[top : top + inside[0], left : left + inside[1]] = region.mask
    scale = min(1.0, SIDE / width)
    if scale < 1:
        size = max(1, round(source.shape[1] * scale)), max(1, round(source.shape[0] * scale))
        source, output, mask = (cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (source, output, mask))  # type: ignore[assignment]
    weight = np.asarray(mask > 0.99, np.bool_)
    if np.count_nonzero(weight) < 9:
        return None
    tries = [0.0, *(LEAST * STEP**k for k in range(1 + round(math.log(MOST / LEAST, STEP))))]
    errors = [_error(source, output, weight, sigma * width * scale) for sigma in tries]
    best = int(np.argmin(errors))
    return None if errors[best] > UNLIKE else tries[best]


def _error(source: Grey, output: Grey, weight: Mask, sigma: float) -> float:
    """RMS difference, in levels, between the blurred source and the output where `weight` is True."""
    import cv2

    near = source if sigma < 0.2 else cv2.GaussianBlur(source, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return float(np.sqrt(np.square(near - output)[weight].mean()))
