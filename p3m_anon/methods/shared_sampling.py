"""Shared sampling (Gastal and Oliveira, Eurographics 2010): few samples per pixel, shared with its neighbours.

Each unknown pixel keeps the best pair of samples from four rays (shared_rays), takes the mean of the best pairs around
it and smooths what came out (shared_pairs). Then the matting Laplacian decides where that is not trusted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.methods.sampling import colours_of, expand_known, laplacian_refine
from p3m_anon.methods.shared_pairs import share, smooth
from p3m_anon.methods.shared_rays import gather
from p3m_anon.methods.unknown_area import unknown_area

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap
    from p3m_anon.methods.unknown_area import Alpha

EXPANSION = (10, 5.0)  # k_i pixels, k_c levels (section 4.1)


def solve(rgb: RGB, trimap: Trimap) -> Alpha:
    """Alpha, float32 (H, W), of a picture, uint8 (H, W, 3), under its trimap, uint8 (H, W) of 0, 128, 255.

    Known pixels are exactly 0 or 1. Raises ValueError as `unknown_area` and `solve_system` do.
    """
    area = expand_known(rgb, unknown_area(rgb, trimap), *EXPANSION)
    if not len(area.pixels):
        return area.matte(np.zeros(0))
    colours = colours_of(rgb)
    gathered = gather(colours, area)
    alpha, trust = smooth(colours, area, share(colours, area, gathered))
    return area.matte(laplacian_refine(rgb, area, alpha, trust))
