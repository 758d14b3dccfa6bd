"""All looks at a picture: the first detector, an independent second one, the search for small faces, quarter turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from p3m_anon.detectors import shape_prior
from p3m_anon.faces.face import Face
from p3m_anon.faces.pairing import SAME_PLACE, same_faces, seen_faces
from p3m_anon.faces.sight import Sight, Sighting
from p3m_anon.faces.turn import box_back, face_back

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box
    from p3m_anon.detectors.networks import Boxes
    from p3m_anon.detectors.protocol import Detector
    from p3m_anon.detectors.small_faces import SmallFaceSearch
    from p3m_anon.detectors.wide_look import Glance

TURNS = (2, 1, 3)  # upside down first: scanners and phones make it more often than the others together


class SecondLook(Protocol):
    """Another way to see faces: boxes are enough. sure: score from which it is sure of a face."""

    name: str
    model_sha256: str
    sure: float

    def look(self, rgb: RGB, *, coarse: bool = False) -> Glance:
        """What is seen in rgb uint8 (H, W, 3); coarse: only at the sizes that show large faces."""
        ...

    def smallest_face(self, height: int, width: int) -> float:
        """Width, in pixels, of the smallest face that is looked for in a picture of this size."""
        ...


class Looks:
    """Everything that looks at a picture. Ready to use, also from several threads.

    Args:
        first: gives landmarks.
        second: shares nothing with the first; None for one look only.
        search: looks for small faces; None without a second look.
    """

    def __init__(self, first: Detector, second: SecondLook | None, search: SmallFaceSearch | None = None) -> None:
        self.first, self.second, self._search = first, second, search

    def see(self, images: Sequence[RGB]) -> list[Sight]:
        """Look at several pictures, rgb uint8 (H, W, 3) of any sizes."""
        found = self.first.detect_batch(images)
        return [self.complete(rgb, faces) for rgb, faces in zip(images, found, strict=True)]

    def complete(self, rgb: RGB, faces: tuple[Face, ...]) -> Sight:
        """The rest, when the first detector has answered.

        Apart from the first look so that a GPU need not wait for it. Where no face is seen surely by both looks, the
        picture is turned by quarters too: a false box must not hide that it lies on its side.
        """
        sight = self._upright(rgb, faces)
        if any(one.by == "both" and one.sure for one in seen_faces(sight)):
            return sight
        size = (rgb.shape[0], rgb.shape[1])
        for turns in TURNS:
            turned = np.ascontiguousarray(np.rot90(rgb, turns))
            again = self._coarse(turned)
            is_sure = any(one.by == "both" and one.sure for one in seen_faces(again))
            again = self._upright(turned, again.faces) if is_sure else _only_sure(again)
            sight = _together(_turned_back(again, turns, size), sight)
            if is_sure:
                break
        return sight

    def _coarse(self, rgb: RGB) -> Sight:
        """Both looks, for large faces only."""
        faces = self.first.detect(rgb)
        if self.second is None:
            return Sight(faces, None)
        glance = self.second.look(rgb, coarse=True)
        return Sight(faces, _sightings(glance.found), _sightings(glance.faint), sure_second=self.second.sure)

    def _upright(self, rgb: RGB, faces: tuple[Face, ...]) -> Sight:
        """All looks at the picture as it stands."""
        if self.second is None:
            return Sight(faces, None)
        glance = self.second.look(rgb)
        second, faint, complete = _sightings(glance.found), _sightings(glance.faint), glance.complete
        if self._search is not None:
            found = self._search.find(rgb, glance.faint)
            complete &= found.complete
            for name, boxes in zip(self._search.names, found.boxes, strict=True):
                more = _sightings(boxes)
                if name == self.first.name:
                    faces += tuple(_unmeasured(one, self.first.name) for one in _new(more, [f.box for f in faces]))
                else:
                    second += tuple(_new(more, [one.box for one in second]))
        faint = tuple(_new(faint, [one.box for one in second]))
        smallest = self.second.smallest_face(rgb.shape[0], rgb.shape[1])
        return Sight(faces, second, faint, 0, smallest, complete, sure_second=self.second.sure)


def _sightings(found: Boxes) -> tuple[Sighting, ...]:
    return tuple(
        Sighting((x0, y0, x1, y1), float(score))
        for (x0, y0, x1, y1), score in zip(found.boxes.tolist(), found.scores, strict=True)
    )


def _new(found: Sequence[Sighting], known: Sequence[Box]) -> list[Sighting]:
    """Those that do not lie where a face of `known` lies; one that is much smaller, at its edge, is another face."""
    alike = same_faces([one.box for one in found], known) >= SAME_PLACE
    return [one for one, row in zip(found, alike, strict=True) if not row.any()]


def _unmeasured(one: Sighting, detector: str) -> Face:
    """A face of which only the box is known."""
    return Face(shape_prior.mean_in_box(one.box), one.box, one.score, detector, view="unknown")


def _only_sure(sight: Sight) -> Sight:
    """What a look is sure of: a turned picture shows many faint faces that are none."""
    second = sight.second or ()
    sure = tuple(one for one in second if one.score >= sight.sure_second)
    faces = tuple(face for face in sight.faces if face.score >= sight.sure_first)
    faint = tuple(one for one in second if one.score < sight.sure_second)
    return replace(sight, faces=faces, second=None if sight.second is None else sure, faint=faint)


def _turned_back(sight: Sight, turns: int, size: tuple[int, int]) -> Sight:
    """What was seen in the turned picture, in pixels of the picture itself."""

    def back(found: Sequence[Sighting]) -> tuple[Sighting, ...]:
        return tuple(Sighting(box_back(one.box, turns, size), one.score) for one in found)

    faces = tuple(face_back(face, turns, size) for face in sight.faces)
    second = None if sight.second is None else back(sight.second)
    return replace(sight, faces=faces, second=second, faint=back(sight.faint), turns=turns)


def _together(turned: Sight, upright: Sight) -> Sight:
    """What was seen in a turned picture, and what else was seen before."""
    boxes = [face.box for face in turned.faces]
    alike = same_faces([face.box for face in upright.faces], boxes) >= SAME_PLACE
    faces = turned.faces + tuple(f for f, row in zip(upright.faces, alike, strict=True) if not row.any())
    second = None
    if turned.second is not None and upright.second is not None:
        second = turned.second + tuple(_new(upright.second, turned.second_boxes))
    faint = turned.faint + tuple(_new(upright.faint, [one.box for one in turned.faint]))
    turns = turned.turns if turned.faces or turned.second else upright.turns
    smallest = max(turned.smallest, upright.smallest)
    return replace(
        upright,
        faces=faces,
        second=second,
        faint=faint,
        turns=turns,
        smallest=smallest,
        complete=turned.complete and upright.complete,
    )
