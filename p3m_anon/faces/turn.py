"""Faces found in a picture that was turned by quarter turns, mapped back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from p3m_anon.arrays import Box, Landmarks
    from p3m_anon.faces.face import Face


def point_back(points: Landmarks, turns: int, size: tuple[int, int]) -> Landmarks:
    """Points (n, 2) of `numpy.rot90(picture, turns)` in the picture itself.

    size: height and width of the picture that was not turned.
    """
    height, width = size
    x, y = points[:, 0], points[:, 1]
    turned = {
        0: (x, y),
        1: (width - 1 - y, x),
        2: (width - 1 - x, height - 1 - y),
        3: (y, height - 1 - x),
    }[turns % 4]
    return np.stack(turned, axis=1)


def box_back(box: Box, turns: int, size: tuple[int, int]) -> Box:
    """The same for a box."""
    corners = point_back(np.array([box[:2], box[2:]], float), turns, size)
    x0, y0, x1, y1 = (float(v) for v in (*corners.min(0), *corners.max(0)))
    return x0, y0, x1, y1


def face_back(face: Face, turns: int, size: tuple[int, int]) -> Face:
    """The same for a face."""
    return replace(face, landmarks=point_back(face.landmarks, turns, size), box=box_back(face.box, turns, size))
