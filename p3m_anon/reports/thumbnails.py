"""Before and after, side by side, small: what a person looks through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.arrays import reduced

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box
    from p3m_anon.faces.masks import FaceMask

SIDE, ALONE = 280, 480  # pixels of the longer side of a thumbnail, and of one that stands alone
GREEN, YELLOW, BLUE = (60, 220, 90), (255, 205, 40), (80, 170, 255)


def before_after(
    rgb: RGB,
    after: RGB | None,
    faces: Sequence[FaceMask],
    masks: Sequence[FaceMask],
    second: Sequence[Box],
) -> RGB:
    """A sheet of one or two thumbnails, uint8 (h, w, 3).

    rgb, after: uint8 (H, W, 3); after is None for a picture that waits. Drawn on the left one:
    outlines of faces (green: blurred as it is, yellow: a person has to look), second look's boxes (blue).
    """
    small = shrunken(rgb, SIDE if after is not None else ALONE)
    scale = small.shape[1] / rgb.shape[1]
    marked = draw_outlines(small.copy(), faces, scale)
    for x0, y0, x1, y1 in second:
        upper, lower = (round(x0 * scale), round(y0 * scale)), (round(x1 * scale), round(y1 * scale))
        cv2.rectangle(marked, upper, lower, BLUE, 1)
    if after is None:
        return marked
    gap = np.full((small.shape[0], 4, 3), 255, np.uint8)
    return np.hstack([marked, gap, shrunken(after, SIDE)])


def shrunken(rgb: RGB, side: int) -> RGB:
    """The picture with its longer side at most `side` pixels."""
    scale = min(1.0, side / max(rgb.shape[:2]))
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return reduced(rgb, size)


def draw_outlines(rgb: RGB, faces: Sequence[FaceMask], scale: float, thickness: int = 1) -> RGB:
    """Draw each face's outline, or its box where there is no outline, into `rgb`, and return it."""
    for mask in faces:
        colour = YELLOW if mask.findings else GREEN
        if mask.outline is not None:
            points = np.asarray(mask.outline.exterior.coords) * scale
            cv2.polylines(rgb, [np.round(points).astype(np.int32)], True, colour, thickness, cv2.LINE_AA)
        elif mask.face is not None:
            x0, y0, x1, y1 = (round(v * scale) for v in mask.face.box)
            cv2.rectangle(rgb, (x0, y0), (x1, y1), colour, thickness, cv2.LINE_AA)
    return rgb
