"""Two looks at every picture, and quarter turns where nothing is found upright."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from p3m_anon.faces.turn import box_back, face_back

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box
    from p3m_anon.detectors.protocol import Detector
    from p3m_anon.faces.face import Face

TURNS = (2, 1, 3)  # upside down first: scanners and phones make it more often than the others together


class SecondLook(Protocol):
    """Another way to see faces: boxes are enough."""

    name: str
    model_sha256: str

    def boxes(self, rgb: RGB) -> tuple[tuple[Box, float], ...]:
        """Box and score of each face in one picture, rgb uint8 (H, W, 3)."""
        ...


class DetectorBoxes:
    """A detector as a second look."""

    def __init__(self, detector: Detector) -> None:
        """Its landmarks are not used."""
        self._detector = detector
        self.name, self.model_sha256 = detector.name, detector.model_sha256

    def boxes(self, rgb: RGB) -> tuple[tuple[Box, float], ...]:
        """Box and score of each face in one picture, rgb uint8 (H, W, 3)."""
        return tuple((face.box, face.score) for face in self._detector.detect(rgb))


@dataclass(frozen=True, eq=False)
class Sight:
    """What both looks saw in one picture, in its own pixels.

    second: the second look's boxes, None if there was no second look. turns: quarter turns,
    counter-clockwise, after which the faces stood upright. second_scores: one per box.
    """

    faces: tuple[Face, ...]
    second: tuple[Box, ...] | None
    turns: int = 0
    second_scores: tuple[float, ...] = ()


class Looks:
    """A detector and, if wanted, a second look."""

    def __init__(self, first: Detector, second: SecondLook | None) -> None:
        """Both are ready to use, also from several threads."""
        self.first, self.second = first, second

    def see(self, images: Sequence[RGB]) -> list[Sight]:
        """Look at several pictures, rgb uint8 (H, W, 3) of any sizes."""
        found = self.first.detect_batch(images)
        return [self.complete(rgb, faces) for rgb, faces in zip(images, found, strict=True)]

    def complete(self, rgb: RGB, faces: tuple[Face, ...]) -> Sight:
        """The rest, when the first detector has answered: second look, and turns where nothing is seen upright.

        Apart from the first look so that a GPU need not wait for it.
        """
        second, scores = self._second(rgb)
        if faces or second:
            return Sight(faces, second, second_scores=scores)
        size = (rgb.shape[0], rgb.shape[1])
        for turns in TURNS:
            turned = np.ascontiguousarray(np.rot90(rgb, turns))
            found, (again, scores) = self.first.detect(turned), self._second(turned)
            if found or again:
                boxes = None if again is None else tuple(box_back(box, turns, size) for box in again)
                return Sight(tuple(face_back(face, turns, size) for face in found), boxes, turns, scores)
        return Sight((), second)

    def _second(self, rgb: RGB) -> tuple[tuple[Box, ...] | None, tuple[float, ...]]:
        """Boxes and scores; None for the boxes if there is no second look."""
        if self.second is None:
            return None, ()
        seen = self.second.boxes(rgb)
        return tuple(box for box, _ in seen), tuple(score for _, score in seen)
