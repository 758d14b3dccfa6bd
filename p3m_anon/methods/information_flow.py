"""Information-flow matting (Aksoy, Aydin and Pollefeys, CVPR 2017), by pymatting's solver.

Four flows make one linear system: pixels are mixtures of pixels of like colour; of known ones nearby, which says their
alpha outright; unknown pixels of like colour have like alphas; and neighbours obey the matting Laplacian.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.methods.closed_form import blocks
from p3m_anon.methods.flows import Scene, colour_mixture, intra_unknown, known_to_unknown
from p3m_anon.methods.patches import patch_flow
from p3m_anon.methods.sampling import expand_known
from p3m_anon.methods.unknown_area import LinearSystem, quiet_ichol, solve_system, unknown_area
from p3m_anon.methods.window_laplacian import window_system

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap
    from p3m_anon.methods.unknown_area import Alpha, UnknownArea

EXPANSION = (9, 9.0, 1.0)  # of the known area: pixels; levels at no distance; fewer per pixel
KNOWN_WEIGHT, SIMILAR_WEIGHT = 0.05, 0.01  # sigma_KU, sigma_UU; the colour mixture and the Laplacian have 1
CHOLESKY = {"discard_threshold": 3e-3, "shifts": (0.1, 1.0, 10.0)}
"""Of the preconditioner: at pymatting's 1e-4 it takes eight times as long, all in all five. Smaller shifts may fail."""


def solve(rgb: RGB, trimap: Trimap) -> Alpha:
    """Alpha, float32 (H, W), of a picture, uint8 (H, W, 3), under its trimap, uint8 (H, W) of 0, 128, 255.

    Known pixels are exactly 0 or 1. Raises ValueError as `unknown_area` and `solve_system` do.
    """
    area = expand_known(rgb, unknown_area(rgb, trimap), *EXPANSION)
    if not len(area.pixels):
        return area.matte(np.zeros(0))
    return area.matte(solve_system(_system(rgb, area), functools.partial(quiet_ichol(), **CHOLESKY)))


def _system(rgb: RGB, area: UnknownArea) -> LinearSystem:
    """The energy's normal equations over the unknown pixels, known ones held."""
    from scipy.sparse import diags

    scene = Scene(rgb, area)
    rows, mixed = colour_mixture(scene)
    known, patches = known_to_unknown(scene), patch_flow(rgb, scene)
    weight = KNOWN_WEIGHT * np.maximum(known.weight, patches.weight)
    alpha = np.where(patches.weight > 0, patches.alpha, known.alpha)
    matrix, right = window_system(rgb, area, blocks)
    turned = rows.T.tocsr()
    matrix = matrix + turned @ rows + SIMILAR_WEIGHT * intra_unknown(scene) + diags(weight)
    matrix.sum_duplicates()
    return LinearSystem(matrix.tocsr(), right + turned @ mixed + weight * alpha)
