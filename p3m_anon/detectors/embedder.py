"""Is it the same person? An ArcFace-style face embedder that the user supplies, as ONNX."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.errors import WeightsError
from p3m_anon.faces.align import SIDE, aligned, five_points

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB
    from p3m_anon.faces.face import Face


class Embedder:
    """A network from an aligned face, float32 (1, 3, 112, 112) RGB, (value - 127.5) / 127.5, to one vector."""

    def __init__(self, model: Path) -> None:
        """Load it, for one core. Raises WeightsError for a file that is no such network."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            data = model.read_bytes()
            self._session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
            self._input = self._session.get_inputs()[0].name
            self._vector(np.zeros((SIDE, SIDE, 3), np.uint8))
        except Exception as error:  # the runtime raises many kinds for what is no model of this shape
            why = (str(error).splitlines() or [""])[0][:120]
            raise WeightsError(f"{model.name}: no embedder of 1 x 3 x 112 x 112 faces ({why})") from error
        self.model_sha256 = hashlib.sha256(data).hexdigest()

    def embed(self, rgb: RGB, face: Face) -> npt.NDArray[np.float32]:
        """The unit vector of a face in rgb uint8 (H, W, 3): float32 (N,)."""
        return self._vector(aligned(rgb, five_points(face.landmarks)))

    def _vector(self, crop: RGB) -> npt.NDArray[np.float32]:
        blob = (crop.astype(np.float32) - 127.5) / 127.5
        vector = np.ravel(self._session.run(None, {self._input: blob.transpose(2, 0, 1)[None]})[0])
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
