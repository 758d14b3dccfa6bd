"""RetinaFace with a ResNet-34 (Deng et al., "RetinaFace", arXiv:1905.00641), as yakhyo/retinaface-pytorch trained it.

Heavier than the other networks by far, and from other authors and another framework. Its input is BGR minus MEAN. For
each of the prior boxes that tile the input it answers with an offset, two probabilities (the second: a face) and five
points, which are not used.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.arrays import check_rgb
from p3m_anon.detectors.networks import Boxes, sound, suppress
from p3m_anon.errors import WeightsError
from p3m_anon.files.weights import Checked, require_weights

if TYPE_CHECKING:
    import numpy.typing as npt
    import onnxruntime as ort

    from p3m_anon.arrays import RGB

    Floats = npt.NDArray[np.float64]

MEAN = (104.0, 117.0, 123.0)  # of blue, green, red
MULTIPLE = 32  # px, to which the sides of the input are filled up with MEAN
PRIORS = (
    (8, (16, 32)),
    (16, (64, 128)),
    (32, (256, 512)),
)  # px between two centres, and sides of the boxes around each
CENTRE_VARIANCE, SIDE_VARIANCE = 0.1, 0.2
MOST = 5000  # boxes before suppression
TRIAL = 64, 96  # height and width of the input on which a file is tried


class RetinaFace:
    """The network on one tile. See `networks.BoxNetwork`.

    weights: name in the table of `files.weights`. device: cpu, cuda or cuda:N; the CPU where this onnxruntime has no
    CUDA, as the attribute `device` then says. One thread to a call. Raises WeightsError for missing or wrong weights.
    """

    name = "retinaface"
    threshold = 0.60
    confirms = 0.50
    sure = 0.80
    lowest = 0.05
    crowd = 300  # it sorts MOST raw boxes, up to fifteen to a face

    def __init__(self, weights: str = "retinaface-r34", weights_dir: Path | None = None, device: str = "cpu") -> None:
        checked = require_weights((weights,), "the retinaface look", weights_dir)[weights]
        self.model_sha256 = checked.sha256
        self._session = _session(checked, device)
        on_gpu = self._session.get_providers()[0].startswith("CUDA")
        self.device = device if on_gpu else "cpu"
        self._input = self._session.get_inputs()[0].name
        self._outputs = _outputs(self._session, checked.path)

    def find(self, rgb: RGB) -> Boxes:
        """Every box from `lowest` in rgb uint8 (H, W, 3)."""
        check_rgb(rgb)
        blob = _blob(rgb)
        offsets, odds = self._session.run(self._outputs, {self._input: blob})
        scores = np.asarray(odds[0, :, 1], np.float64)
        best = np.flatnonzero(scores >= self.lowest)
        best = best[np.argsort(-scores[best], kind="stable")[:MOST]]
        boxes = decode(np.asarray(offsets[0, best], np.float64), priors(blob.shape[2], blob.shape[3])[best])
        found = sound(Boxes(boxes - 0.5, scores[best]))
        kept = suppress(found.boxes)
        return Boxes(found.boxes[kept], found.scores[kept])


def priors(height: int, width: int) -> Floats:
    """The prior boxes of an input, float64 (N, 4): middle x, middle y, width, height in pixels, in the network's order.

    Pixels are squares here: the first one's middle is (0.5, 0.5).
    """
    parts = []
    for step, sides in PRIORS:
        rows, columns = -(-height // step), -(-width // step)
        y, x, side = np.meshgrid(
            (np.arange(rows) + 0.5) * step, (np.arange(columns) + 0.5) * step, np.asarray(sides, float), indexing="ij"
        )
        parts.append(np.stack([x, y, side, side], axis=-1).reshape(-1, 4))
    return np.concatenate(parts)


def decode(offsets: Floats, prior: Floats) -> Floats:
    """Boxes x0 y0 x1 y1 from offsets (N, 4) to prior boxes (N, 4), in the priors' pixels.

    The coding of SSD (Liu et al., arXiv:1512.02325, section 2.2, with the variances of its code): the middle moves by
    shares of the prior's sides, the sides grow by the exponential.
    """
    middle = prior[:, :2] + offsets[:, :2] * CENTRE_VARIANCE * prior[:, 2:]
    with np.errstate(over="ignore"):  # an infinite box is dropped as not sound
        sides = prior[:, 2:] * np.exp(offsets[:, 2:] * SIDE_VARIANCE)
    return np.concatenate([middle - sides / 2, middle + sides / 2], axis=1)


def _blob(rgb: RGB) -> npt.NDArray[np.float32]:
    """The input (1, 3, H, W): BGR minus MEAN, zeros beyond the tile."""
    height, width = rgb.shape[:2]
    blob = np.zeros((1, 3, -(-height // MULTIPLE) * MULTIPLE, -(-width // MULTIPLE) * MULTIPLE), np.float32)
    bgr = rgb[..., ::-1].astype(np.float32) - np.asarray(MEAN, np.float32)
    blob[0, :, :height, :width] = bgr.transpose(2, 0, 1)
    return blob


def _session(checked: Checked, device: str) -> ort.InferenceSession:
    import onnxruntime as ort
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # whole pictures are spread over the cores, never the inside of one
    options.log_severity_level = 3
    providers: list[str | tuple[str, dict[str, str]]] = ["CPUExecutionProvider"]
    if device.startswith("cuda") and "CUDAExecutionProvider" in ort.get_available_providers():
        settings = {"device_id": device.partition(":")[2] or "0", "use_tf32": "0"}  # scores as on the CPU
        providers.insert(0, ("CUDAExecutionProvider", settings))
    try:
        return ort.InferenceSession(str(checked.path), options, providers=providers)
    except (
        errors.Fail,
        errors.InvalidArgument,
        errors.InvalidGraph,
        errors.InvalidProtobuf,
        errors.NotImplemented,
    ) as e:
        raise WeightsError(f"{checked.path} is not a network that this onnxruntime can load ({e})") from e


def _outputs(session: ort.InferenceSession, path: Path) -> list[str]:
    """Names of the offsets and of the probabilities, found by running the network on an empty input."""
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    names = [output.name for output in session.get_outputs()]
    blob = np.zeros((1, 3, *TRIAL), np.float32)
    try:
        answers = dict(zip(names, session.run(names, {session.get_inputs()[0].name: blob}), strict=True))
    except (errors.Fail, errors.InvalidArgument, errors.RuntimeException) as error:
        raise WeightsError(f"{path} is not a RetinaFace network for inputs of any size ({error})") from error
    count = len(priors(*TRIAL))
    of_shape = {answer.shape: name for name, answer in answers.items()}
    offsets, odds = of_shape.get((1, count, 4)), of_shape.get((1, count, 2))
    if offsets is None or odds is None:
        shapes = ", ".join(f"{name} {answer.shape}" for name, answer in answers.items())
        raise WeightsError(f"{path} is not a RetinaFace network: expected {count} boxes and scores, got {shapes}")
    if not np.allclose(answers[odds].sum(-1), 1, atol=1e-3):
        raise WeightsError(f"{path} is not a RetinaFace network: its output {odds} holds no probabilities")
    return [offsets, odds]
