"""What is left of each eye, nose and mouth on its own: a face can be recognised by one feature that stayed clear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from shapely import MultiPoint

from p3m_anon.faces.detail import band, framed, scale_of
from p3m_anon.faces.masks import TRACED
from p3m_anon.faces.patch import Patch, joined
from p3m_anon.faces.raster import rasterize

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import Mask, Pixels
    from p3m_anon.faces.face import Face

Name = Literal["left eye", "right eye", "nose", "mouth", "left brow", "right brow"]
Channel = Literal["luma", "chroma"]

POINTS: dict[Name, slice] = {
    "left eye": slice(42, 48),
    "right eye": slice(36, 42),
    "nose": slice(27, 36),
    "mouth": slice(48, 68),
    "left brow": slice(22, 27),
    "right brow": slice(17, 22),
}
"""Of the 68 landmarks of iBUG; left and right are the person's own."""

BROWS: tuple[Name, ...] = ("left brow", "right brow")
ROOM = 0.04  # of the face width, around a feature's points: lids and lips reach beyond them
BELOW = 0.08  # of the face width, below the line of a brow
LEAST_DETAIL: dict[Channel, float] = {"luma": 6.0, "chroma": 2.0}
"""RMS of the source's band, in levels of 255, below which a feature has nothing of its own to keep."""

CLEAR = 0.30
"""Share of a feature's detail from which it is clear."""

LEAST_LEFT: dict[Channel, float] = {"luma": 3.5, "chroma": 2.0}
"""Levels of the source's detail that have to be left as well. Of 77 faces of 16 px or more on 24 portraits, blurred
with 0.3 w and mostly written as JPEG, no feature reaches both; the nearest is an eye with 0.33 and 3.2 levels."""

COPIED = 0.25  # of a feature, in one connected piece that equals the source: a part that was not blurred

LOW_BITS = {1: (1, 2, 3, 4), 2: (1, 2, 4, 8)}
"""Bytes of a value -> how many of its lowest bits are looked at as pictures of their own."""

HIDDEN = 0.6  # likeness of low bits to the source's detail from which they hold the face; good outputs have up to 0.42

LEAST_PIXELS = 24  # of a feature at the measured size; fewer say nothing
# ITU-R BT.601: luma, and the two chroma differences at the same scale.
_PLANES = np.array([[0.299, 0.587, 0.114], [-0.169, -0.331, 0.5], [0.5, -0.419, -0.081]], np.float32)


class FeatureLeft(NamedTuple):
    """One feature in one channel.

    kept: share of the source's detail in the output, 1 for a copy, 0 for none of it. before: RMS of the source's
    detail, in levels of 255. copied: share of the feature that is one connected piece of the source, with detail.
    """

    name: Name
    channel: Channel
    kept: float
    before: float
    copied: float = 0.0

    @property
    def is_clear(self) -> bool:
        """Enough is left to be seen."""
        return self.copied >= COPIED or (self.kept >= CLEAR and self.kept * self.before >= LEAST_LEFT[self.channel])

    @property
    def words(self) -> str:
        """What is left of it."""
        if self.copied >= COPIED:
            return f"{self.name}: {self.copied:.0%} of it is a copy of the source"
        where = ", in the colours" if self.channel == "chroma" else ""
        return f"{self.name}: {self.kept:.0%} of its detail is left{where}"


def clear_features(left: Sequence[FeatureLeft]) -> tuple[list[str], list[str]]:
    """What is clear of one face, in words: what shows it (an eye, nose, mouth, both brows), and one brow alone."""
    clear = {one.name: one for one in reversed(left) if one.is_clear}
    brows = [name for name in clear if name in BROWS]
    alone = brows if len(brows) == 1 else []
    return [clear[name].words for name in clear if name not in alone], [clear[name].words for name in alone]


def regions(face: Face, size: tuple[int, int], width: float) -> dict[Name, Patch]:
    """Where each feature lies in a (height, width) picture; nothing for a head without trustworthy landmarks."""
    if face.view not in TRACED:
        return {}
    room = ROOM * width
    return {
        name: rasterize(MultiPoint(_around(face, name, width)).convex_hull.buffer(0.0 if name in BROWS else room), size)
        for name in POINTS
    }


def _around(face: Face, name: Name, width: float) -> npt.NDArray[np.float64]:
    """A feature's points; of a brow, from its line to a little below, towards the eye.

    The outline of exact landmarks runs along the brows, as in the paper, so what lies above them is not masked.
    """
    points = face.landmarks[POINTS[name]]
    if name not in BROWS:
        return points
    down = face.landmarks[POINTS["left eye" if name == "left brow" else "right eye"]].mean(0) - points.mean(0)
    return np.concatenate([points, points + BELOW * width * down / max(float(np.hypot(*down)), 1e-6)])


def features_left(
    after: Pixels, before: Pixels, face: Face, width: float, apart: Patch | None = None
) -> list[FeatureLeft]:
    """How much of each feature's detail is left, in luma and in chroma, at all bits.

    Args:
        after, before: output and source, uint8 or uint16 of one shape: (H, W) grey or (H, W, C) with colour first.
        face: with landmarks.
        width: of the face, in pixels.
        apart: pixels that stay clear on purpose (hair, soft edges); they are left out.

    Returns:
        One entry for each feature and channel in which the source has detail of its own.
    """
    left = []
    for name, patch in regions(face, (before.shape[0], before.shape[1]), width).items():
        mask = patch.mask if apart is None else patch.mask & ~apart.within(patch)
        if np.count_nonzero(mask) < LEAST_PIXELS:
            continue
        pairs = zip(planes(before[patch.slices]), planes(after[patch.slices]), strict=True)
        cross = own = count = 0.0
        for number, (source, output) in enumerate(pairs):
            drawn, weight = _band(source, mask, width)
            written, _ = _band(output, mask, width)
            if number < 2:  # luma, then both chroma planes together
                cross = own = 0.0
            cross, own = cross + float((written * drawn).sum()), own + float((drawn**2).sum())
            count = max(float(weight.sum()), 1.0)
            if number == 1:
                continue
            channel: Channel = "chroma" if number else "luma"
            rms = float(np.sqrt(own / count))
            if rms >= LEAST_DETAIL[channel]:
                copied = _copied(before[patch.slices], after[patch.slices], mask, width) if number == 0 else 0.0
                left.append(FeatureLeft(name, channel, cross / own, rms, copied))
    return left


def in_low_bits(after: Pixels, before: Pixels, face: Face, width: float) -> tuple[int, float]:
    """Where a face hides below the bits that one sees: (how many of the lowest bits, likeness to the source 0 to 1).

    after, before: as for `features_left`. Of a good output the low bits are noise.
    """
    patches = list(regions(face, (before.shape[0], before.shape[1]), width).values())
    whole = joined(patches)
    if whole.area < LEAST_PIXELS:
        return 0, 0.0
    drawn, weight = _band(planes(before[whole.slices])[0], whole.mask, width)
    best = (0, 0.0)
    for bits in LOW_BITS[after.dtype.itemsize]:
        low = (after[whole.slices] & np.array((1 << bits) - 1, after.dtype)).astype(np.float32)
        plane = planes((low * (255 / ((1 << bits) - 1))).astype(np.uint8))[0]
        written, _ = _band(plane, whole.mask, width)
        power = float((drawn**2 * weight).sum() * (written**2 * weight).sum())
        likeness = abs(float((drawn * written * weight).sum())) / float(np.sqrt(power)) if power > 0 else 0.0
        best = max(best, (bits, likeness), key=lambda found: found[1])
    return best


def _copied(before: Pixels, after: Pixels, mask: Mask, width: float) -> float:
    """Share of a feature that the largest connected piece of equal pixels has; 0 for a piece without detail."""
    import cv2

    equal = before == after
    equal = mask & (equal if equal.ndim == 2 else equal[..., :3].all(-1))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(equal.astype(np.uint8), connectivity=4)
    if count < 2:
        return 0.0
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    share = float(stats[largest, cv2.CC_STAT_AREA]) / float(np.count_nonzero(mask))
    if share < COPIED:
        return 0.0
    drawn, weight = _band(planes(before)[0], np.asarray(labels == largest, np.bool_), width)
    rms = float(np.sqrt((drawn**2).sum() / max(float(weight.sum()), 1.0)))
    return share if rms >= LEAST_DETAIL["luma"] else 0.0


def planes(pixels: Pixels) -> list[npt.NDArray[np.float32]]:
    """Luma and two chroma planes, float32 (h, w) in levels of 255 with all bits; of grey pictures luma alone."""
    values = pixels.astype(np.float32) / (1.0 if pixels.dtype == np.uint8 else 257.0)
    if values.ndim == 2 or values.shape[2] < 3:
        return [values if values.ndim == 2 else values[..., 0]]
    return [np.asarray(values[..., :3] @ weights, np.float32) for weights in _PLANES]


def _band(
    plane: npt.NDArray[np.float32], mask: Mask, width: float
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    picture, weight = framed(plane, mask, width)
    return band(picture, weight, scale_of(width) * width) * weight, weight
