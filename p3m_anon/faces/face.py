"""One face as a detector saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from p3m_anon.arrays import Box, Landmarks

View = Literal["frontal", "three-quarter", "profile", "unknown"]


@dataclass(frozen=True, eq=False)
class Face:
    """Where a face lies in a picture, in pixels of that picture.

    landmarks: float64 (68, 2), iBUG-68 order, x then y, integer coordinates at pixel centres.
    box: x0, y0, x1, y1 of the detector's box.
    score: the detector's confidence, 0..1.
    detector: its name.
    margin: how far the outline must be grown for the landmarks' own error, as a share of the face
        width; 0 for landmarks that a landmark network or a person placed.
    view: how far the head is turned. In a profile the outline cannot be trusted; in a three-quarter view it may leave
        the far side of the face out. Unknown: the landmarks are only the mean face in the box.
    """

    landmarks: Landmarks
    box: Box
    score: float
    detector: str
    margin: float = 0.0
    view: View = "frontal"
