"""EgoBlur Gen 2 (Raina et al., "EgoBlur", arXiv:2308.13093): Meta's Faster R-CNN for faces, as TorchScript.

Loading a TorchScript file runs code from it. Its publisher states no digest, so it is loaded only when its sha256 is
the one that the user wrote into weights.json: pin a file only if you know that it came from the publisher. The
download is behind a form (https://www.projectaria.com/tools/egoblur); `p3m-anon weights import DIR egoblur` takes the
unpacked file from there.

The contract, from facebookresearch/EgoBlur at 51816aa9 (gen2/script): `inference([{"image": x}], do_postprocess=False)`
with x uint8 (3, H, W) in BGR, whose longer side was brought to LONG_SIDE, gives one `Instances` per picture with the
fields `_pred_boxes.tensor` (N, 4: x0 y0 x1 y1 in pixels of x), `_scores` (N) and `_pred_classes` (N; 0 is a face).
Its operators are those of torchvision, which has to be installed.
"""

from __future__ import annotations

import importlib.util
import warnings
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.arrays import check_rgb, reduced
from p3m_anon.detectors.networks import Boxes, sound, suppress
from p3m_anon.devices import choose_device
from p3m_anon.errors import MissingExtra, WeightsError
from p3m_anon.files.weights import require_weights

if TYPE_CHECKING:
    import torch

    from p3m_anon.arrays import RGB

LONG_SIDE = 1200  # px of the longer side for which the network was made
MOST_ENLARGED = 2.0  # times; a small tile enlarged further shows nothing more
FACE = 0
TRIAL = 64  # px, side of the empty input on which a file is tried
CALL = """
def p3m_faces(self, image: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    found = self.inference([{"image": image}], do_postprocess=False)[0]
    boxes, scores, classes = found._pred_boxes, found._scores, found._pred_classes
    assert boxes is not None and scores is not None
    if classes is None:
        classes = torch.zeros([len(scores)], dtype=torch.long)
    return boxes.tensor, scores, classes
"""  # inside the model, because its `Instances` cannot leave it: Python does not know that class


class EgoBlur:
    """The network on one tile. See `networks.BoxNetwork`.

    weights: name in the table of `files.weights`. device: auto, cpu, cuda or cuda:N. Raises WeightsError for weights
    that are missing, that nobody pinned, or that are something else; MissingExtra without torchvision.
    """

    name = "egoblur"
    threshold = 0.67  # the publisher's, for its colour camera
    confirms = 0.50
    sure = 0.90
    lowest = 0.05
    crowd = 32  # networks of this make end their list at 100 boxes

    def __init__(self, weights: str = "egoblur", weights_dir: Path | None = None, device: str = "cpu") -> None:
        checked = require_weights((weights,), "the egoblur look", weights_dir)[weights]
        self.model_sha256 = checked.sha256
        self._device = choose_device(device)
        self.device = str(self._device)
        self._model = _load(checked.path, self._device)
        self._try(checked.path)

    def find(self, rgb: RGB) -> Boxes:
        """Every box from `lowest` in rgb uint8 (H, W, 3)."""
        height, width = check_rgb(rgb).shape[:2]
        scale = min(LONG_SIDE / max(height, width), MOST_ENLARGED)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        seen = rgb if scale == 1 else reduced(rgb, size) if scale < 1 else cv2.resize(rgb, size)
        boxes, scores, classes = self._ask(np.asarray(seen, np.uint8))
        keep = (classes == FACE) & (scores >= self.lowest)
        ratio = np.array([size[0] / width, size[1] / height] * 2)
        found = sound(Boxes(boxes[keep] / ratio - 0.5, scores[keep]))
        best = np.argsort(-found.scores, kind="stable")
        best = best[suppress(found.boxes[best])]
        return Boxes(found.boxes[best], found.scores[best])

    def _ask(self, rgb: RGB) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The model's own boxes, scores and classes."""
        import torch

        image = torch.from_numpy(np.ascontiguousarray(rgb[..., ::-1].transpose(2, 0, 1))).to(self._device)
        with torch.inference_mode():
            boxes, scores, classes = self._model.p3m_faces(image)
        return (
            boxes.detach().cpu().numpy().astype(np.float64),
            scores.detach().cpu().numpy().astype(np.float64),
            classes.cpu().numpy(),
        )

    def _try(self, path: Path) -> None:
        """Raises WeightsError unless an empty picture is answered in the expected form."""
        try:
            boxes, scores, classes = self._ask(np.full((TRIAL, TRIAL, 3), 128, np.uint8))
        except RuntimeError as error:  # torch's only kind
            raise WeightsError(f"{path} is not an EgoBlur Gen 2 face model: {_last_line(error)}") from error
        if boxes.shape != (len(scores), 4) or scores.ndim != 1 or classes.shape != scores.shape:
            shapes = f"{boxes.shape}, {scores.shape}, {classes.shape}"
            raise WeightsError(f"{path} is not an EgoBlur Gen 2 face model: boxes, scores, classes are {shapes}")


def _load(path: Path, device: torch.device) -> torch.jit.ScriptModule:
    """The model with the method of CALL. Runs code from the file: call it only for one whose digest was checked."""
    import torch

    if importlib.util.find_spec("torchvision") is not None:
        import_module("torchvision")  # for its operators, which torch finds by name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript is; the published file is nothing else
            model = torch.jit.load(str(path), map_location=device).eval()
        model.define(CALL)
    except RuntimeError as error:
        if "torchvision" in str(error) and importlib.util.find_spec("torchvision") is None:
            raise MissingExtra("the egoblur look needs the package torchvision: pip install torchvision") from error
        raise WeightsError(f"{path} is not an EgoBlur Gen 2 face model: {_last_line(error)}") from error
    return model


def _last_line(error: RuntimeError) -> str:
    """TorchScript's errors quote source code first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "Error" in line), lines[0] if lines else type(error).__name__)
