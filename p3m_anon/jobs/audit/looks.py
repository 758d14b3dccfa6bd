"""Every detector at hand, on the upright and on the turned picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.detectors.centerface import CenterFace
from p3m_anon.detectors.second_look import LbpCascade
from p3m_anon.faces.audit import Sighting, best
from p3m_anon.faces.turn import box_back
from p3m_anon.files.weights import missing_weights
from p3m_anon.jobs.blur.detectors import FACE_ALIGNMENT

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box
    from p3m_anon.detectors.looks import SecondLook
    from p3m_anon.faces.face import Face

LOWEST = 0.1  # CenterFace's score from which a sighting is kept, for the comparison of before and after


class AuditLooks:
    """CenterFace, the LBP cascade and, if its weights are there, face-alignment's S3FD; shared by threads."""

    def __init__(self, *, quick: bool = False, weights_dir: Path | None = None, device: str = "cpu") -> None:
        """quick: CenterFace only, upright only."""
        self._centerface = CenterFace(threshold=0.2)
        self._turns = (0,) if quick else (0, 1, 2, 3)
        self._others: list[SecondLook] = [] if quick else [LbpCascade()]
        if not quick and not missing_weights(FACE_ALIGNMENT, weights_dir):
            from p3m_anon.detectors.face_alignment import FaceAlignment
            from p3m_anon.detectors.looks import DetectorBoxes

            self._others.append(DetectorBoxes(FaceAlignment(weights_dir, device)))
        self.names = (CenterFace.name, *(look.name for look in self._others))
        self.turned = not quick

    def faces(self, rgb: RGB) -> tuple[Face, ...]:
        """CenterFace's faces of a source, with landmarks; rgb uint8 (H, W, 3)."""
        return self._centerface.detect(rgb)

    def scored(self, rgb: RGB) -> list[Sighting]:
        """What CenterFace sees on the upright picture, faint sightings too."""
        return self._centerface_sightings(rgb, 0, (rgb.shape[0], rgb.shape[1]))

    def score_near(self, rgb: RGB, box: Box) -> float:
        """CenterFace's score of a face at `box`, seen with one box width of its surroundings."""
        x0, y0, x1, y1 = (round(v) for v in box)
        left, top = max(2 * x0 - x1, 0), max(2 * y0 - y1, 0)
        near = np.ascontiguousarray(rgb[top : max(2 * y1 - y0, top + 1), left : max(2 * x1 - x0, left + 1)])
        if not near.size:
            return 0.0
        return best(self.scored(near), (x0 - left, y0 - top, x1 - left, y1 - top))

    def everything(self, rgb: RGB) -> list[Sighting]:
        """What all detectors see, on the upright and on the turned picture, boxes as on the upright one."""
        size = (rgb.shape[0], rgb.shape[1])
        found: list[Sighting] = []
        for turns in self._turns:
            turned = np.ascontiguousarray(np.rot90(rgb, turns)) if turns else rgb
            found += self._centerface_sightings(turned, turns, size)
            for look in self._others:
                seen = look.boxes(turned)
                found += [Sighting(look.name, box_back(box, turns, size), score, turns) for box, score in seen]
        return found

    def _centerface_sightings(self, rgb: RGB, turns: int, size: tuple[int, int]) -> list[Sighting]:
        seen = self._centerface.look(rgb, threshold=LOWEST)
        return [
            Sighting(CenterFace.name, box_back((x0, y0, x1, y1), turns, size), float(score), turns)
            for (x0, y0, x1, y1), score in zip(seen.boxes.tolist(), seen.scores, strict=True)
        ]
