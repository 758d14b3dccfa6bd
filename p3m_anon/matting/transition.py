"""The transition region of an alpha matte: hair, and every pixel that is neither fully fore- nor background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.matting.distance import distance_to

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels, Mask

RADIUS_SHARE = 0.005  # of the shorter side


def default_radius(size: tuple[int, int]) -> int:
    """Dilation in pixels for a (height, width) picture: 0.5 % of its shorter side, at least 1."""
    return max(1, round(RADIUS_SHARE * min(size)))


def transition(
    alpha: AlphaPixels, radius: int, *, lo: int = 5, hi: int = 250, window: tuple[slice, slice] | None = None
) -> Mask:
    """Pixels with lo < alpha < hi (of 255), dilated by a disc of `radius` pixels.

    alpha: uint8 or uint16 (H, W), full scale 255 or 65535. window: rows and columns to return;
    the pixels around it are taken into account. Returns bool (H, W) or the window's shape.
    """
    if alpha.ndim != 2 or alpha.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"alpha must be uint8 or uint16 (H, W), got {alpha.dtype} {alpha.shape}")
    rows, cols = window or (slice(0, alpha.shape[0]), slice(0, alpha.shape[1]))
    y, x = max(rows.start - radius, 0), max(cols.start - radius, 0)
    near = alpha[y : rows.stop + radius, x : cols.stop + radius]
    scale = 1 if alpha.dtype == np.uint8 else 257
    between = (near > lo * scale) & (near < hi * scale)
    if radius > 0 and between.any():
        between = distance_to(between) <= radius
    return between[rows.start - y : rows.stop - y, cols.start - x : cols.stop - x]
