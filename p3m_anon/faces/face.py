"""One face as a detector saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3m_anon.arrays import Box, Landmarks


@dataclass(frozen=True, eq=False)
class Face:
    """Where a face lies in a picture, in pixels of that picture.

    landmarks: float64 (68, 2), iBUG-68 order, x then y, integer coordinates at pixel centres.
    box: x0, y0, x1, y1 of the detector's box.
    score: the detector's confidence, 0..1.
    detector: its name.
    margin: how far the outline must be grown for the landmarks' own error, as a share of the face
        width; 0 for landmarks that a landmark network or a person placed.
    profile: the keypoints look like a head turned so far that the outline cannot be trusted.
    """

    landmarks: Landmarks
    box: Box
    score: float
    detector: str
    margin: float = 0.0
    profile: bool = False
