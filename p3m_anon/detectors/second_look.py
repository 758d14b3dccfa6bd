"""A second opinion beside CenterFace: does another look see a face that the first did not?

It answers with boxes only; whoever asks compares them with the faces to be masked, and sends the picture to review
when one is left over. tools/measure_second_look.py compares the candidates; docs/detectors.md has its numbers.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.arrays import check_rgb
from p3m_anon.detectors.centerface import fine_side
from p3m_anon.detectors.networks import Boxes

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box
    from p3m_anon.detectors.centerface import CenterFace


class MirroredCenterFace:
    """CenterFace again, on the mirrored picture, at another size and a lower threshold.

    Mirror and size move every face to other cells of the network, which is what its misses depend on; but two looks by
    one network share what it never learned. Uses the network of `first`, so that it costs no memory.
    long_side, threshold: as for CenterFace. Raises ValueError where `first.look` does.
    """

    name = "centerface-mirrored"

    def __init__(self, first: CenterFace, long_side: int = 416, threshold: float = 0.25) -> None:
        self._first = first
        self.long_side, self.threshold = long_side, threshold
        self.model_sha256 = first.model_sha256

    def boxes(self, rgb: RGB) -> tuple[tuple[Box, float], ...]:
        """Box and score of each face, best first, in pixels of rgb uint8 (H, W, 3).

        In large pictures the look grows with the first one's finest, so that it can see the same small faces.
        """
        side = max(
            self.long_side, round(fine_side(rgb.shape[0], rgb.shape[1]) * self.long_side / self._first.long_side)
        )
        found = self._first.look(rgb, long_side=side, threshold=self.threshold, mirrored=True)
        return tuple(
            ((float(x0), float(y0), float(x1), float(y1)), float(score))
            for (x0, y0, x1, y1), score in zip(found.boxes, found.scores, strict=True)
        )


class CenterFaceTiles:
    """CenterFace on one tile at native size, where no other network can be had. See `networks.BoxNetwork`."""

    name = "centerface-native"
    threshold = 0.5
    lowest = 0.2
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
