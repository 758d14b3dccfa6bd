"""What all trimap-based methods share: which pixels are solved for, the linear system over them, and the matte.

Only unknown pixels are unknowns: known ones enter the right side, so that time and memory follow the unknown area.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from p3m_anon.arrays import check_rgb
from p3m_anon.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from p3m_anon.arrays import RGB, Mask
    from p3m_anon.matting.trimap import Trimap

    Floats = npt.NDArray[np.float64]
    Alpha = npt.NDArray[np.float32]
    Preconditioner = Callable[[csr_matrix], Callable[[Floats], Floats]]

TOLERANCE = 1e-7
"""Of the residual; pymatting's own."""
STEPS = 10_000
"""Of conjugate gradients, before a system is given up; pymatting's own."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UnknownArea:
    """The pixels of a picture that a method solves for, numbered in raster order: the unknown ones, unless widened.

    pixels: int64 (N,), their places in the flattened picture. index: int32 (H, W), the number of each, -1 where known.
    foreground: bool (H, W), surely foreground; what is neither that nor solved for is surely background.
    """

    pixels: npt.NDArray[np.int64]
    index: npt.NDArray[np.int32]
    foreground: Mask

    @property
    def unknown(self) -> Mask:
        """bool (H, W): what is solved for."""
        return self.index >= 0

    def widened(self, radius: int) -> UnknownArea:
        """With the known pixels too that are up to `radius` rows and columns away from an unknown one."""
        import cv2

        near = cv2.dilate(self.unknown.view(np.uint8), np.ones((2 * radius + 1, 2 * radius + 1), np.uint8))
        return _numbered(near.astype(bool), self.foreground)

    def matte(self, values: npt.NDArray[np.floating]) -> Alpha:
        """Alpha, float32 (H, W): `values` (N,) of the unknown pixels, clipped to [0, 1]; known ones exactly 0 or 1."""
        alpha = self.foreground.astype(np.float32)
        alpha.ravel()[self.pixels] = np.clip(values, 0, 1)
        return alpha


class LinearSystem(NamedTuple):
    """matrix x = right, over the unknown pixels: symmetric float64 (N, N), canonical, and float64 (N,)."""

    matrix: csr_matrix
    right: Floats


def unknown_area(rgb: RGB, trimap: Trimap) -> UnknownArea:
    """The unknown area of a picture, uint8 (H, W, 3), under its trimap, uint8 (H, W) of 0, 128, 255.

    Raises ValueError for other arrays, for sides under 3 pixels, and where pixels are unknown while no pixel is surely
    background, or none surely foreground: nothing would say what is what.
    """
    height, width = check_rgb(rgb).shape[:2]
    if trimap.shape != (height, width) or trimap.dtype != np.uint8:
        raise ValueError(f"trimap must be uint8 {(height, width)} as rgb is, got {trimap.dtype} {trimap.shape}")
    if min(height, width) < 3:
        raise ValueError(f"rgb must be at least 3 x 3 pixels, got {width} x {height}")
    unknown, foreground = trimap == UNKNOWN, trimap == FOREGROUND
    counts = np.count_nonzero(unknown), np.count_nonzero(foreground), np.count_nonzero(trimap == BACKGROUND)
    if sum(counts) != trimap.size:
        raise ValueError(f"trimap must have the values 0, 128 and 255 only, got {sorted(np.unique(trimap))[:6]}")
    for name, count in zip(("foreground (255)", "background (0)"), counts[1:], strict=True):
        if counts[0] and not count:
            raise ValueError(
                f"trimap has unknown pixels but none of {name}; mark some, or make it with a smaller kernel"
            )
    return _numbered(unknown, foreground)


def _numbered(solved: Mask, foreground: Mask) -> UnknownArea:
    pixels = np.flatnonzero(solved)
    index = np.full(solved.shape, -1, np.int32)
    index.ravel()[pixels] = np.arange(len(pixels), dtype=np.int32)
    return UnknownArea(pixels, index, foreground)


def solve_system(
    system: LinearSystem, preconditioner: Preconditioner | None = None, tolerance: float = TOLERANCE
) -> Floats:
    """x, float64 (N,), by pymatting's conjugate gradients.

    preconditioner: of the matrix; thresholded incomplete Cholesky if None. tolerance: of the residual's length, as a
    share of that of the right side. Raises ValueError where it does not converge or the result is not finite.
    """
    if not system.right.any():  # nothing known but background nearby, or nothing unknown; no residual to be a share of
        return np.zeros(len(system.right))
    from pymatting import cg

    make = preconditioner or quiet_ichol()
    try:
        with np.errstate(divide="ignore", invalid="ignore"):  # what comes of it is not finite, and is found below
            solution: Floats = cg(system.matrix, system.right, M=make(system.matrix), rtol=tolerance, maxiter=STEPS)
    except ValueError as error:  # the one class that pymatting has for "no convergence"
        raise ValueError(f"the matte's {len(system.right)} equations could not be solved ({error})") from error
    if not np.isfinite(solution).all():
        raise ValueError(f"the matte's {len(system.right)} equations have no finite solution")
    return solution


@functools.cache
def quiet_ichol() -> Any:
    """pymatting's, which prints to stdout what it tries again; that is written to the log.

    Not by redirecting stdout: that is shared by all threads.
    """
    import importlib

    module: Any = importlib.import_module("pymatting.preconditioner.ichol")
    module.print = lambda *words: _log.debug(" ".join(map(str, words)))
    return module.ichol
