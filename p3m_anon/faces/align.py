"""A face turned and scaled onto the five points that ArcFace-style embedders expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB, Landmarks

SIDE = 112
TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
)
"""Eyes, nose tip and mouth corners in the 112 x 112 crop: the coordinates that InsightFace publishes for ArcFace."""


def five_points(landmarks: Landmarks) -> npt.NDArray[np.float64]:
    """Eye centres, nose tip, mouth corners of iBUG-68 landmarks: float64 (5, 2), left ones in the picture first."""
    eyes = [landmarks[36:42].mean(0), landmarks[42:48].mean(0)]
    return np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]]).astype(np.float64)


def template(side: int = SIDE, margin: float = 0.0) -> npt.NDArray[np.float64]:
    """TEMPLATE in a crop of side x side pixels that shows `margin` more on each side, as a share of TEMPLATE's crop."""
    return ((TEMPLATE - SIDE / 2) / (1 + 2 * margin) + SIDE / 2) * (side / SIDE)


def aligned(rgb: RGB, points: npt.NDArray[np.float64], side: int = SIDE, margin: float = 0.0) -> RGB:
    """The crop of rgb, uint8 (H, W, 3), of side x side pixels with `points`, (5, 2), nearest to the template.

    The similarity transform of least squares, in closed form: as complex numbers, z -> a z + b.
    """
    import cv2

    source, target = (p[:, 0] + 1j * p[:, 1] for p in (np.asarray(points, float), template(side, margin)))
    spread, aim = source - source.mean(), target - target.mean()
    a = np.vdot(spread, aim) / max(np.vdot(spread, spread).real, 1e-9)
    b = target.mean() - a * source.mean()
    matrix = np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])
    crop = cv2.warpAffine(rgb, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return np.asarray(crop, np.uint8)
