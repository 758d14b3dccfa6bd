"""Closed-form matting (Levin, Lischinski and Weiss, CVPR 2006), by pymatting's solver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.methods.unknown_area import solve_system, unknown_area
from p3m_anon.methods.window_laplacian import window_system

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap
    from p3m_anon.methods.unknown_area import Alpha, Floats

EPSILON = 1e-7  # of the colour line; pymatting's


def solve(rgb: RGB, trimap: Trimap) -> Alpha:
    """Alpha, float32 (H, W), of a picture, uint8 (H, W, 3), under its trimap, uint8 (H, W) of 0, 128, 255.

    Known pixels are exactly 0 or 1. Raises ValueError as `unknown_area` and `solve_system` do.
    """
    area = unknown_area(rgb, trimap)
    return area.matte(solve_system(window_system(rgb, area, blocks)))


def blocks(colours: Floats) -> Floats:
    """The matting Laplacian of windows (equation 12): how far alpha is from an affine function of their colours.

    colours: float64 (M, 9, 3) in [0, 1]. Returns (M, 9, 9).
    """
    centred = colours - colours.mean(axis=1, keepdims=True)
    turned = centred.transpose(0, 2, 1)
    fitted = centred @ np.linalg.solve(turned @ centred + EPSILON * np.eye(3), turned)
    return np.eye(9) - 1 / 9 - fitted
