"""Looks that need no download beside the first detector: CenterFace in tiles, and scikit-image's cascade for audits."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.arrays import check_rgb
from p3m_anon.detectors.networks import Boxes

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box
    from p3m_anon.detectors.centerface import CenterFace


class CenterFaceTiles:
    """CenterFace on one tile at native size. See `networks.BoxNetwork`."""

    name = "centerface"
    threshold = 0.50
    confirms = 0.30
    sure = 0.50
    lowest = 0.05
    crowd = 200

    def __init__(self, centerface: CenterFace) -> None:
        self._centerface = centerface
        self.model_sha256 = centerface.model_sha256

    def find(self, rgb: RGB) -> Boxes:
        """Every box from `lowest` in rgb uint8 (H, W, 3)."""
        seen = self._centerface.look(rgb, long_side=max(rgb.shape[:2]), threshold=self.lowest)
        return Boxes(seen.boxes, seen.scores)


class LbpCascade:
    """scikit-image's frontal-face cascade (LBP features; Zhang et al. 2007, trained by OpenCV's authors).

    It shares nothing with CenterFace, but sees only upright frontal faces, and fires on much that is none: for audits,
    not as a gate. It gives no scores, so each box has score 1. Faces under `smallest` px, after the picture's longer
    side was shrunk to `long_side`, are not looked for.
    """

    name = "lbp-cascade"

    def __init__(self, long_side: int = 640, smallest: int = 32) -> None:
        from skimage.data import lbp_frontal_face_cascade_filename
        from skimage.feature import Cascade

        path = Path(lbp_frontal_face_cascade_filename())
        self.model_sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self._cascade = Cascade(str(path))
        self.long_side, self.smallest = long_side, smallest

    def boxes(self, rgb: RGB) -> tuple[tuple[Box, float], ...]:
        """Box and score 1.0 of each face in rgb uint8 (H, W, 3)."""
        height, width = check_rgb(rgb).shape[:2]
        scale = min(1.0, self.long_side / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if min(size) < self.smallest:
            return ()
        shrunk = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
        found = self._cascade.detect_multi_scale(
            img=shrunk,
            scale_factor=1.2,
            step_ratio=1,
            min_size=(self.smallest, self.smallest),
            max_size=(min(size), min(size)),
        )
        sx, sy = size[0] / width, size[1] / height
        return tuple(
            (
                (
                    d["c"] / sx - 0.5,
                    d["r"] / sy - 0.5,
                    (d["c"] + d["width"]) / sx - 0.5,
                    (d["r"] + d["height"]) / sy - 0.5,
                ),
                1.0,
            )
            for d in found
        )
