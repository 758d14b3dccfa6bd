"""The `face-alignment` detector: S3FD boxes and 2D-FAN4 landmarks with the published weights.

The package's own `FaceAlignment` is not used: it downloads inside a run, checks no digest, unpickles freely, takes
floats and 16-bit pictures without an error, and runs one picture at a time. We take its two network classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from p3m_anon.arrays import check_rgb
from p3m_anon.devices import choose_device
from p3m_anon.errors import P3MError, WeightsError
from p3m_anon.faces.face import Face
from p3m_anon.files.weights import Checked, combined_digest, require_weights

if TYPE_CHECKING:
    import torch
    from torch import nn

    from p3m_anon.arrays import RGB

WEIGHT_NAMES = ("s3fd", "2dfan4")
"""What it needs, by the names of `files.weights`; `missing_weights(WEIGHT_NAMES)` says whether it can be had."""

CPU_PASS = (1, 2)
GPU_PASS = (8, 32)
"""Pictures per pass for boxes and faces per pass for landmarks. On a CPU larger passes cost more per face, not less:
0.48 s of one core per crop in passes of 2 to 4 crops, 0.56 s in passes of 8, 0.65 s in passes of 16."""


class FaceAlignment:
    """Boxes from the picture at a bounded size, landmarks from crops at full resolution. See `Detector`.

    Memory grows with batch_size, not with the number of pictures (beyond the pictures themselves).
    """

    name = "face-alignment"

    def __init__(
        self,
        weights_dir: Path | None = None,
        device: str = "cpu",
        *,
        long_side: int = 768,
        batch_size: int | None = None,
        score_threshold: float = 0.5,
        compile: bool = False,
    ) -> None:
        """Load both networks, digests checked; nothing is downloaded.

        weights_dir: where the weights are; None for torch.hub's checkpoints folder.
        device: cpu, cuda or cuda:N.
        long_side: boxes are looked for at most at this many pixels; more finds smaller faces, slower.
        batch_size: pictures per pass, faces in proportion; None for GPU_PASS or CPU_PASS.
        score_threshold: boxes with a higher score (0..1) are faces.
        compile: torch.compile the landmark network; needs a C++ compiler and takes a minute.
        Raises WeightsError for missing or wrong files, UsageError for a device that is not there, ValueError for
        settings out of range.
        """
        if long_side < 64 or not 0 < score_threshold < 1 or (batch_size is not None and batch_size < 1):
            raise ValueError(
                "long_side must be at least 64, batch_size at least 1, score_threshold between 0 and 1, "
                f"got {long_side}, {batch_size}, {score_threshold}"
            )
        weights = require_weights(WEIGHT_NAMES, "the face-alignment detector", weights_dir)
        self.model_sha256 = combined_digest(weights)

        from p3m_anon.detectors.fan import LandmarkFinder
        from p3m_anon.detectors.s3fd import BoxFinder

        place = choose_device(device)
        s3fd, fan = _load_networks(weights, place)
        is_cpu = place.type == "cpu"
        pictures, faces = CPU_PASS if is_cpu else GPU_PASS
        if batch_size is not None:
            pictures, faces = batch_size, faces // pictures * batch_size
        self._boxes = BoxFinder(s3fd, long_side, pictures, score_threshold)
        self._landmarks = LandmarkFinder(_compiled(fan, place) if compile else fan, faces, compile or not is_cpu)

    def detect(self, rgb: RGB) -> tuple[Face, ...]:
        """Faces of one picture, uint8 RGB (H, W, 3), best score first; () when there is none."""
        return self.detect_batch([rgb])[0]

    def detect_batch(self, images: Sequence[RGB]) -> list[tuple[Face, ...]]:
        """Faces of several pictures of any sizes, in their order; as `detect` on each, to floating-point noise.

        Raises ValueError for a picture that is not uint8 RGB: the networks would take 0..1 floats for black.
        """
        for i, rgb in enumerate(images):
            check_rgb(rgb, f"images[{i}]")
        found = self._boxes.find(images)
        owners = [i for i, rows in enumerate(found) for _ in rows]
        rows = np.concatenate(found) if found else np.empty((0, 5))
        boxes = [(float(x0), float(y0), float(x1), float(y1)) for x0, y0, x1, y1 in rows[:, :4]]
        points = self._landmarks.find([(images[i], box) for i, box in zip(owners, boxes, strict=True)])
        faces: list[list[Face]] = [[] for _ in images]
        for i, box, landmarks, score in zip(owners, boxes, points, rows[:, 4], strict=True):
            faces[i].append(Face(landmarks=landmarks, box=box, score=float(score), detector=self.name))
        return [tuple(group) for group in faces]


def _load_networks(weights: dict[str, Checked], device: torch.device) -> tuple[nn.Module, nn.Module]:
    import torch
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN

    with torch.random.fork_rng(devices=[]):  # a fresh network draws random weights: not from the user's seed
        boxes, landmarks = s3fd(), FAN(4)
    return _filled(boxes, weights["s3fd"], device), _filled(landmarks, weights["2dfan4"], device)


def _filled(net: nn.Module, checked: Checked, device: torch.device) -> nn.Module:
    """`net` with the file's weights, on the device, for inference."""
    import torch

    try:
        state: Any = torch.load(checked.path, map_location="cpu", weights_only=True)
        net.load_state_dict(state)
    except Exception as error:  # torch raises many kinds for a file that holds something else
        name = checked.weight.name
        raise WeightsError(f"{checked.path} does not hold the weights of {name}: {_first_line(error)}") from error
    return net.to(device).eval().requires_grad_(False)


def _compiled(fan: nn.Module, device: torch.device) -> nn.Module:
    """The compiled network after its first call, which is where a missing C++ compiler shows."""
    import torch

    from p3m_anon.detectors.fan import CROP

    net: Any = torch.compile(fan, dynamic=False)
    try:
        with torch.inference_mode():
            net(torch.zeros(2, 3, CROP, CROP, device=device))
    except Exception as error:  # the compiler's errors have no common type
        raise P3MError(f"torch.compile failed; detect without compile=True: {_first_line(error)}") from error
    compiled: nn.Module = net
    return compiled


def _first_line(error: Exception) -> str:
    """What went wrong, without torch's pages of advice (among it: to unpickle without checks)."""
    return next(iter(str(error).splitlines()), type(error).__name__)
