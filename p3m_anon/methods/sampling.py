"""What the methods that sample colours share: the known area grown, a pair's alpha and error, the matte smoothed.

A sampling method grows the known area (`expand_known`), finds a foreground and a background colour for each unknown
pixel, takes the alpha that mixes them best (`pair_alpha`), says how much it trusts it, and lets the matting Laplacian
decide where it does not (`laplacian_refine`). The kernels are compiled by numba on first use and kept in its cache,
which looks at a kernel's own file only: who changes `pair_alpha` or a constant here empties `__pycache__`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from numba import njit

from p3m_anon.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN
from p3m_anon.methods.unknown_area import LinearSystem, UnknownArea, solve_system, unknown_area

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap
    from p3m_anon.methods.unknown_area import Floats

DATA_WEIGHT = 0.1
"""gamma: what a trusted estimate weighs against the Laplacian (Gastal and Oliveira 2010, section 4.4)."""
TRUST_DECAY = 10.0
"""lambda: of trust with a pair's colour error in [0, 1] (Gastal and Oliveira 2010, equation 13)."""


def colours_of(rgb: RGB) -> npt.NDArray[np.float32]:
    """`rgb`, uint8 (H, W, 3), as the kernels want it: float32 in [0, 1]."""
    return np.divide(rgb, np.float32(255), dtype=np.float32)


def disk(pixels: int) -> npt.NDArray[np.int64]:
    """About the `pixels` places nearest to a pixel, itself the first: (M, 2), rows and columns away, nearest first."""
    return _disk(math.sqrt(pixels / math.pi))


def expand_known(rgb: RGB, area: UnknownArea, radius: int, levels: float, falloff: float = 0.0) -> UnknownArea:
    """The area without the unknown pixels that have a known one of nearly their colour close by; they become as it is.

    Close is at most `radius` pixels away; nearly is at most `levels` minus `falloff` per pixel of distance, in the
    Euclidean distance of `rgb`, uint8 (H, W, 3). The nearest such pixel counts. No pixel may stay unknown.
    """
    trimap: Trimap = np.where(area.unknown, UNKNOWN, np.where(area.foreground, FOREGROUND, BACKGROUND)).astype(np.uint8)
    expanded = _expanded(rgb, trimap, area.pixels, _disk(radius), levels, falloff)
    return unknown_area(rgb, expanded)


def laplacian_refine(rgb: RGB, area: UnknownArea, alpha: Floats, trust: Floats) -> Floats:
    """Alpha of unknown pixels, float64 (N,): (L + gamma C) a = gamma C alpha, L the matting Laplacian of closed form.

    alpha: float (N,), the estimate. trust: float (N,) in [0, 1], the diagonal of C. Known pixels are held.
    """
    from scipy.sparse import diags

    from p3m_anon.methods.closed_form import blocks
    from p3m_anon.methods.window_laplacian import window_system

    matrix, right = window_system(rgb, area, blocks)
    weights = DATA_WEIGHT * np.asarray(trust, np.float64)
    return solve_system(LinearSystem((matrix + diags(weights)).tocsr(), right + weights * alpha))


@njit(cache=True, nogil=True)
def pair_alpha(colour, foreground, background):  # type: ignore[no-untyped-def]
    """The alpha in [0, 1] whose mix of two colours (3,) is nearest to a third; 0 where the two are the same."""
    along, length = 0.0, 0.0
    for channel in range(3):
        axis = foreground[channel] - background[channel]
        along += (colour[channel] - background[channel]) * axis
        length += axis * axis
    if length == 0.0:
        return 0.0
    return min(max(along / length, 0.0), 1.0)


@njit(cache=True, nogil=True)
def mix_error(colour, foreground, background):  # type: ignore[no-untyped-def]
    """How far a colour (3,) is from the nearest mix of two others, Euclidean (Gastal and Oliveira 2010, equation 3)."""
    alpha = pair_alpha(colour, foreground, background)
    square = 0.0
    for channel in range(3):
        left = colour[channel] - alpha * foreground[channel] - (1.0 - alpha) * background[channel]
        square += left * left
    return math.sqrt(square)


def _disk(radius: float) -> npt.NDArray[np.int64]:
    reach = math.floor(radius)
    steps = np.mgrid[-reach : reach + 1, -reach : reach + 1].reshape(2, -1).T
    square = (steps**2).sum(axis=1)
    inside = square <= radius**2
    return np.ascontiguousarray(steps[inside][np.argsort(square[inside], kind="stable")])


@njit(cache=True, nogil=True)
def _expanded(rgb, trimap, pixels, steps, levels, falloff):  # type: ignore[no-untyped-def]
    height, width = trimap.shape
    out = trimap.copy()
    for pixel in pixels:
        y, x = pixel // width, pixel % width
        for down, across in steps:
            y2, x2 = y + down, x + across
            if not (0 <= y2 < height and 0 <= x2 < width) or trimap[y2, x2] == UNKNOWN:
                continue
            square = 0.0
            for channel in range(3):
                difference = float(rgb[y, x, channel]) - float(rgb[y2, x2, channel])
                square += difference * difference
            if math.sqrt(square) <= levels - falloff * math.hypot(down, across):
                out[y, x] = trimap[y2, x2]
                break
    return out
