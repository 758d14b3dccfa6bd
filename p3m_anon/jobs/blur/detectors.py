"""Which detector looks first and which looks second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from p3m_anon import __version__
from p3m_anon.detectors.looks import DetectorBoxes, Looks
from p3m_anon.devices import choose_device
from p3m_anon.errors import UsageError
from p3m_anon.files.weights import combined_digest, missing_weights, require_weights

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.faces.face import Face
    from p3m_anon.jobs.blur.request import BlurRequest

FACE_ALIGNMENT, CENTERFACE = ("s3fd", "2dfan4"), ("centerface",)


@dataclass(frozen=True)
class LookPlan:
    """Which looks there will be. detector: name of the first. device: where it runs. versions: for the ledger."""

    detector: str
    device: str
    versions: dict[str, str]


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


def plan_looks(request: BlurRequest) -> LookPlan:
    """Choose detector, device and second look; weights are checked, nothing is loaded.

    `auto` takes landmark files if there is a folder of them, face-alignment if its weights are there, else centerface.
    """
    name, device = request.detector, "cpu"
    if name == "auto":
        absent = request.landmarks is None and missing_weights(FACE_ALIGNMENT, request.weights_dir)
        name = "landmark-files" if request.landmarks else "centerface" if absent else "face-alignment"
    if (name == "landmark-files") != (request.landmarks is not None):
        raise UsageError("--landmarks DIR and --detector landmark-files go together")
    if name == "landmark-files" and not request.second_opinion:
        raise UsageError("with landmark-files the second look is the only one at the picture; leave it on")
    needed = {"face-alignment": FACE_ALIGNMENT, "centerface": CENTERFACE}.get(name, ())
    own = require_weights(needed, f"the {name} detector", request.weights_dir) if needed else {}
    other = require_weights(CENTERFACE, "the second look", request.weights_dir) if request.second_opinion else {}
    if name == "face-alignment":
        device = str(choose_device(request.device))
    second = "centerface-mirrored" if name == "centerface" else "centerface"
    versions = {
        "p3m_anon": __version__,
        "detector": name,
        "model_sha256": combined_digest(own),
        "second": second if other else "none",
        "second_sha256": combined_digest(other),
    }
    return LookPlan(name, device, versions)


def build_looks(request: BlurRequest, plan: LookPlan) -> Looks:
    """Load what was planned. The second look is CenterFace; beside itself, at another scale and mirrored."""
    from p3m_anon.detectors.centerface import CenterFace
    from p3m_anon.detectors.second_look import MirroredCenterFace

    second = request.second_opinion
    if plan.detector == "centerface":
        centerface = CenterFace()
        return Looks(centerface, MirroredCenterFace(centerface) if second else None)
    if plan.detector == "landmark-files":
        return Looks(LandmarkFiles(), DetectorBoxes(CenterFace()))

    from p3m_anon.detectors.face_alignment import FaceAlignment

    first = FaceAlignment(request.weights_dir, plan.device, batch_size=request.batch_size or None)
    return Looks(first, DetectorBoxes(CenterFace()) if second else None)
