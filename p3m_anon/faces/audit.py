"""What an auditor measures in one picture: which faces to look at, where, and what is left of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from shapely import MultiPoint

from p3m_anon.faces.masks import TRACED
from p3m_anon.faces.outline import ellipse, face_width
from p3m_anon.faces.pairing import SAME_PLACE, same_face
from p3m_anon.faces.patch import Patch, from_mask
from p3m_anon.faces.raster import rasterize

if TYPE_CHECKING:
    from p3m_anon.arrays import Box, Mask
    from p3m_anon.faces.detail import Detail
    from p3m_anon.faces.face import Face
    from p3m_anon.faces.features import FeatureLeft

SAME_FACE = 0.5  # share of the smaller box that two boxes of one face have in common
OPEN = 0.5
"""Share of the middle of a box that has to lie outside every mask for a face to count as clear there."""

INNER = 0.6  # of a box: eyes to mouth, without hair, ears and background
FEATURES = slice(27, 68)  # nose, eyes, mouth; every outline contains them with some room
REACH = 0.3  # of a box, on each side: how far the face's own mask may reach beyond it
MASKED = 0.9
"""Share of a zone in the mask from which only the masked part is measured: the rest is then the transition region,
which stays clear on purpose (the contour of a head seen from the side). Below it the mask lies beside the face."""

LEAST_ZONE = 16  # pixels; fewer say nothing


class Sighting(NamedTuple):
    """A box that a look sees. turns: quarter turns of the picture under which it saw it. sure: the score from which
    its network is sure of a face, under these turns: the gate."""

    detector: str
    box: Box
    score: float
    turns: int = 0
    sure: float = 0.5

    @property
    def is_sure(self) -> bool:
        """The network is sure of a face."""
        return self.score >= self.sure


class Known(NamedTuple):
    """A face that is known before the output is looked at. origin: "ledger" or "source". sure: who says so was sure."""

    face: Face
    origin: str
    sure: bool = True


@dataclass(frozen=True, eq=False)
class Target:
    """A place that must not show a face.

    zone: pixels between eyes and mouth, where detail is measured. hidden: the adjusted mask around it, None where no
    mask is known. width: of the face in pixels. origin: "ledger", "source", "mask" or "release": who says that there
    is a face. sure: they are sure of it; a look at the release has to say so itself.
    """

    box: Box
    width: float
    zone: Patch
    hidden: Patch | None
    origin: str
    face: Face | None = None
    sure: bool = True

    @property
    def measured(self) -> Patch:
        """Where detail is measured: the zone, without the transition region if the mask lies on the face.

        Of a place that only a look at the output took for a face, what lies outside the mask.
        """
        if self.hidden is None:
            return self.zone
        shared = _shared(self.zone, self.hidden)
        if (self.cover or 0.0) >= MASKED:
            return self.zone.replaced(shared)
        return self.zone.replaced(self.zone.mask & ~shared) if self.origin == "release" else self.zone

    @property
    def cover(self) -> float | None:
        """Share of the zone that lies in the mask."""
        if self.hidden is None:
            return None
        area = self.zone.area
        return float(np.count_nonzero(_shared(self.zone, self.hidden)) / area) if area else 1.0

    @property
    def touches_mask(self) -> bool:
        """Some of the box lies in the mask."""
        if self.hidden is None:
            return False
        x0, y0, x1, y1 = (round(v) for v in self.box)
        top, left = max(y0 - self.hidden.y, 0), max(x0 - self.hidden.x, 0)
        return bool(self.hidden.mask[top : y1 - self.hidden.y + 1, left : x1 - self.hidden.x + 1].any())

    @property
    def is_open(self) -> bool:
        """At least half of the zone lies outside the mask."""
        cover = self.cover
        return cover is not None and bool(1 - cover >= OPEN)


@dataclass(frozen=True)
class FaceMeasures:
    """Everything that was measured of one target.

    sure: who says that there is a face was sure. score_before, score_after: CenterFace's best score at 640 px in the
    source (None without one) and in the output. sightings: what networks see here in the output. fired: detectors that
    see a face in the output, in any position. in_source: in the source, too, a network sees a face here that no mask
    hides; None if that was not asked. restored: detail after the inverse filter, None if it was not run;
    score_restored: CenterFace's score then. features: what is left of each eye, nose and mouth; empty without a source.
    low_bits: how many of the lowest bits look most like the source, and how much.
    sigma, asked_sigma: strength of the blur in face widths, as the pixels show it and as the settings ask for it; None
    where it was not a blur, and where the settings are not known.
    """

    box: Box
    width: float
    origin: str
    sure: bool
    cover: float | None
    score_before: float | None
    score_after: float
    sightings: tuple[Sighting, ...]
    fired: tuple[str, ...]
    detail: Detail
    in_source: bool | None = None
    restored: Detail | None = None
    score_restored: float | None = None
    features: tuple[FeatureLeft, ...] = ()
    low_bits: tuple[int, float] = (0, 0.0)
    sigma: float | None = None
    asked_sigma: float | None = None

    @property
    def surest(self) -> Sighting | None:
        """The sighting that is furthest above, or least below, its network's gate."""
        return max(self.sightings, key=lambda one: one.score - one.sure, default=None)


def targets(
    size: tuple[int, int],
    known: Sequence[Known],
    sightings: Sequence[Sighting],
    mask: Mask | None,
) -> list[Target]:
    """The places to look at in a (height, width) picture, each once.

    known: faces, the most trusted first. sightings: what the looks see in the output; one over a
    known face is no place of its own, unless it lies beside that face and its own middle is open. mask: bool (H, W),
    the adjusted masks together, None if unknown; its parts that hold no known face, drawn by hand perhaps, are targets
    of their own.
    """
    found: list[Target] = []
    for face, origin, sure in known:
        if not any(same_face(face.box, one.box) for one in found):
            width = face.box[2] - face.box[0] if face.view == "unknown" else face_width(face)
            found.append(Target(face.box, width, _zone(face, size), _near(mask, face.box), origin, face, sure))
    if mask is not None:
        found += _unclaimed(mask, found)
    for sighting in sorted(sightings, key=lambda s: s.sure - s.score):
        box = sighting.box
        place = at_box(box, size, mask)
        if not any(_is_at(place, one) for one in found):
            found.append(place)
    return [one for one in found if one.zone.area >= LEAST_ZONE]


def at_box(box: Box, size: tuple[int, int], mask: Mask | None) -> Target:
    """The place of a box of which nothing else is known, in a (height, width) picture."""
    zone = rasterize(ellipse(box, INNER), size)
    return Target(box, box[2] - box[0], zone, _near(mask, box), "release", sure=False)


def _is_at(place: Target, known: Target) -> bool:
    """A sighting's place shows the same as a known one."""
    likeness = same_face(place.box, known.box)
    if known.origin == "mask":
        return overlap(place.box, known.box) >= SAME_FACE and not place.is_open
    if known.origin == "release" or not place.is_open:
        return likeness > 0
    return likeness >= SAME_PLACE


def best(sightings: Sequence[Sighting], box: Box, others: Sequence[Box] = ()) -> float:
    """The highest score of a sighting of this face, 0 if there is none.

    others: boxes of other faces; a sighting that shares more with one of them is theirs. Else hair beside a masked
    face would pass for the face.
    """
    mine = (s for s in sightings if overlap(s.box, box) >= SAME_FACE)
    return max((s.score for s in mine if not any(overlap(s.box, o) > overlap(s.box, box) for o in others)), default=0.0)


def overlap(one: Box, other: Box) -> float:
    """Intersection of two boxes as a share of the smaller one."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    least = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return max(width, 0.0) * max(height, 0.0) / least if least > 0 else 0.0


def _zone(face: Face, size: tuple[int, int]) -> Patch:
    """Hull of nose, eyes and mouth; of a head seen from the side the middle of its box."""
    hull = MultiPoint(face.landmarks[FEATURES]).convex_hull
    area = (face.box[2] - face.box[0]) * (face.box[3] - face.box[1])
    if face.view not in TRACED or hull.geom_type != "Polygon" or not 0.05 * area < hull.area < area:
        return rasterize(ellipse(face.box, INNER), size)
    return rasterize(hull, size)


def _near(mask: Mask | None, box: Box) -> Patch | None:
    """The mask around a box."""
    if mask is None:
        return None
    (x0, y0, x1, y1), (height, width) = box, mask.shape
    grow_x, grow_y = REACH * (x1 - x0), REACH * (y1 - y0)
    top, bottom = (int(np.clip(v, 0, height)) for v in (y0 - grow_y, y1 + grow_y + 1))
    left, right = (int(np.clip(v, 0, width)) for v in (x0 - grow_x, x1 + grow_x + 1))
    return Patch(top, left, mask[top:bottom, left:right])


def _shared(zone: Patch, hidden: Patch) -> Mask:
    """The zone's pixels that lie in the other patch, bool like the zone's mask."""
    out = np.zeros_like(zone.mask)
    top, left = max(zone.y, hidden.y), max(zone.x, hidden.x)
    bottom = min(zone.y + zone.mask.shape[0], hidden.y + hidden.mask.shape[0])
    right = min(zone.x + zone.mask.shape[1], hidden.x + hidden.mask.shape[1])
    if top < bottom and left < right:
        own = (slice(top - zone.y, bottom - zone.y), slice(left - zone.x, right - zone.x))
        other = (slice(top - hidden.y, bottom - hidden.y), slice(left - hidden.x, right - hidden.x))
        out[own] = zone.mask[own] & hidden.mask[other]
    return out


def _unclaimed(mask: Mask, found: Sequence[Target]) -> list[Target]:
    """Parts of the mask that hold no known face's zone; what is near their edge is left out."""
    import cv2

    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    claimed = {int(label) for one in found for label in np.unique(labels[one.zone.slices][one.zone.mask])}
    out = []
    for label in set(range(1, count)) - claimed:
        x, y, w, h = (int(v) for v in stats[label, :4])
        part = labels[y : y + h, x : x + w] == label
        reach = max(1, round(0.1 * max(w, h)))
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
        padded = np.pad(part.astype(np.uint8), reach)
        inner = cv2.erode(padded, kernel)[reach : reach + h, reach : reach + w] > 0
        zone = from_mask(np.asarray(inner, np.bool_))
        box = (float(x), float(y), float(x + w), float(y + h))
        out.append(Target(box, float(max(w, h)), Patch(y + zone.y, x + zone.x, zone.mask), Patch(y, x, part), "mask"))
    return out
