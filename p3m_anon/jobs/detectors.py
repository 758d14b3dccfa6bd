"""Which detector looks first and which looks second."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from p3m_anon.detectors.looks import DetectorBoxes, Looks
from p3m_anon.errors import UsageError
from p3m_anon.files.weights import missing_weights

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.faces.face import Face
    from p3m_anon.jobs.request import BlurRequest


FACE_ALIGNMENT = ("s3fd", "2dfan4")


class LandmarkFiles:
    """The user's own landmarks take the detector's place; the job reads them beside each picture."""

    name = "landmark-files"
    model_sha256 = ""

    def detect(self, rgb: RGB) -> tuple[Face, ...]:
        """Nothing: a picture's faces come from its landmark file."""
        return ()

    def detect_batch(self, images: Sequence[RGB]) -> list[tuple[Face, ...]]:
        """Nothing for each."""
        return [() for _ in images]


def choose_looks(request: BlurRequest) -> tuple[Looks, str]:
    """The two looks of a run, and the device of the first one.

    `auto` takes face-alignment if its weights are there, else centerface. The second look is CenterFace;
    beside itself at another scale and mirrored (docs/detectors.md has the measurements).
    """
    from p3m_anon.detectors.centerface import CenterFace
    from p3m_anon.detectors.second_look import MirroredCenterFace

    name, second = request.detector, request.second_opinion
    if name == "auto":
        name = "centerface" if missing_weights(FACE_ALIGNMENT, request.weights_dir) else "face-alignment"
    if name == "centerface":
        centerface = CenterFace()
        return Looks(centerface, MirroredCenterFace(centerface) if second else None), "cpu"
    if name == "landmark-files":
        if request.landmarks is None:
            raise UsageError("--detector landmark-files needs --landmarks DIR")
        return Looks(LandmarkFiles(), DetectorBoxes(CenterFace()) if second else None), "cpu"

    from p3m_anon.detectors.face_alignment import FaceAlignment

    device = _device(request.device)
    first = FaceAlignment(request.weights_dir, device, batch_size=request.batch_size or None)
    return Looks(first, DetectorBoxes(CenterFace()) if second else None), device


def _device(asked: str) -> str:
    """`auto` is a GPU where torch finds one."""
    if asked != "auto":
        return asked
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
