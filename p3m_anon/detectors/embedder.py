"""Is it the same person? A face embedder, given the input that its own contract asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.errors import WeightsError

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB
    from p3m_anon.faces.face import Face
    from p3m_anon.files.embedders import EmbedderFile


class Embedder:
    """A network from an aligned face to one unit vector, on one core."""

    def __init__(self, file: EmbedderFile) -> None:
        """Load and try it. Raises WeightsError for a file that is not a network of this input."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self.file, side = file, file.face_input.side
        try:
            self._session = onnxruntime.InferenceSession(
                file.path.read_bytes(), options, providers=["CPUExecutionProvider"]
            )
            self._input = self._session.get_inputs()[0].name
            self._vector(file.face_input.blobs_of(np.zeros((side, side, 3), np.uint8)))
        except Exception as error:  # the runtime raises many kinds for what is not a model of this shape
            why = (str(error).splitlines() or [""])[0][:120]
            raise WeightsError(f"{file.name} is not an embedder of 1 x 3 x {side} x {side} faces ({why})") from error

    def embed(self, rgb: RGB, face: Face) -> npt.NDArray[np.float32]:
        """The unit vector of a face in rgb uint8 (H, W, 3): float32 (N,)."""
        return self._vector(self.file.face_input.blobs(rgb, face.landmarks))

    def _vector(self, blobs: list[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
        vectors = [np.ravel(self._session.run(None, {self._input: blob})[0]) for blob in blobs]
        vector = np.sum(vectors, axis=0, dtype=np.float64)
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
