"""Learning based digital matting (Zheng and Kambhamettu, ICCV 2009): the local linear model, by pymatting's solver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.methods.unknown_area import LinearSystem, solve_system, unknown_area
from p3m_anon.methods.window_laplacian import window_system

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap
    from p3m_anon.methods.unknown_area import Alpha, Floats

EPSILON = 1e-7  # of the ridge regression; pymatting's
HOLD = 100.0  # how firmly known pixels are held at 0 or 1; pymatting's (800 in the paper)
TOLERANCE = 1e-10  # at pymatting's 1e-7 single pixels stay up to 0.3 off, as `HOLD` makes the right side large
_REACH = 2  # of a window around an unknown pixel; known pixels yield there, further away by less than 1e-4


def solve(rgb: RGB, trimap: Trimap) -> Alpha:
    """Alpha, float32 (H, W), of a picture, uint8 (H, W, 3), under its trimap, uint8 (H, W) of 0, 128, 255.

    Known pixels are exactly 0 or 1. Raises ValueError as `unknown_area` and `solve_system` do.
    """
    from scipy.sparse import diags

    area = unknown_area(rgb, trimap)
    solved = area.widened(_REACH)
    matrix, right = window_system(rgb, solved, blocks)
    known = ~area.unknown.ravel()[solved.pixels]
    matrix = (matrix + diags(HOLD * known)).tocsr()
    right += HOLD * (known & solved.foreground.ravel()[solved.pixels])
    return area.matte(solve_system(LinearSystem(matrix, right), tolerance=TOLERANCE)[~known])


def blocks(colours: Floats) -> Floats:
    """(I - F)^T (I - F) of windows (equations 8 and 11), F the ridge regression of alpha on colour and a constant.

    colours: float64 (M, 9, 3) in [0, 1]. Returns (M, 9, 9). F = K (K + e I)^-1 with K = X X^T is 9 x 9;
    X (X^T X + e I)^-1 X^T is the same and needs an inverse of 4 x 4 only.
    """
    samples = np.concatenate((colours, np.ones((*colours.shape[:2], 1))), axis=2)
    turned = samples.transpose(0, 2, 1)
    left = np.eye(9) - samples @ np.linalg.solve(turned @ samples + EPSILON * np.eye(4), turned)
    return left.transpose(0, 2, 1) @ left
