"""What a network that answers with boxes offers to `wide_look`, and how boxes of several passes become one list."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import shapely

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB

NMS_IOU = 0.3
FEW = 200  # boxes up to which each is compared with all that are left
MOST_BOXES = 20_000  # of one picture; more are noise, and the picture then counts as not looked at in full


class Boxes(NamedTuple):
    """Boxes of one pass.

    boxes: float64 (N, 4), x0 y0 x1 y1 in pixels, integer coordinates at pixel centres; may reach over the edge.
    scores: float64 (N,), 0..1.
    """

    boxes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]


class BoxNetwork(Protocol):
    """A face network that is run on one tile at a time. May be shared by threads.

    name: as written into ledger and manifest. model_sha256: hex digest of its weights. threshold: score from which a
    box is taken for a face. confirms: the same where another network suspects a face already. sure: score from which
    it counts as sure. lowest: score from which it answers at all. crowd: boxes in one answer from which faces may have
    been cut off its list; the tile is then cut and looked at in parts.
    """

    name: str
    model_sha256: str
    threshold: float
    confirms: float
    sure: float
    lowest: float
    crowd: int

    def find(self, rgb: RGB) -> Boxes:
        """Every box from `lowest` in rgb uint8 (H, W, 3), of any size from 1 x 1."""
        ...


def no_boxes() -> Boxes:
    """An empty answer."""
    return Boxes(np.empty((0, 4)), np.empty(0))


def sound(found: Boxes) -> Boxes:
    """The boxes whose numbers are finite and that have an area; a network's answer is never trusted to be so."""
    keep = np.isfinite(found.boxes).all(1) & np.isfinite(found.scores)
    keep &= (found.boxes[:, 2] > found.boxes[:, 0]) & (found.boxes[:, 3] > found.boxes[:, 1])
    return Boxes(found.boxes[keep], np.clip(found.scores[keep], 0.0, 1.0))


def suppress(boxes: npt.NDArray[np.float64], iou: float = NMS_IOU) -> npt.NDArray[np.intp]:
    """Indices that greedy non-maximum suppression keeps of boxes (N, 4) given best first."""
    left = np.arange(len(boxes))
    kept: list[np.intp] = []
    while len(left) and len(kept) < FEW:
        kept.append(left[0])
        left = left[1:][overlap(boxes[left[:1]], boxes[left[1:]])[0] < iou]
    return np.concatenate([np.array(kept, np.intp), left[_suppress_many(boxes[left], iou)]])


def _suppress_many(boxes: npt.NDArray[np.float64], iou: float) -> npt.NDArray[np.intp]:
    """The same where most boxes stay: only neighbours are compared, which a tree finds."""
    if not len(boxes):
        return np.empty(0, np.intp)
    rectangles = shapely.box(*boxes.T)
    better, worse = shapely.STRtree(rectangles).query(rectangles)
    pairs = better < worse
    better, worse = better[pairs], worse[pairs]
    low, high = np.maximum(boxes[better, :2], boxes[worse, :2]), np.minimum(boxes[better, 2:], boxes[worse, 2:])
    shared = (high - low).clip(0).prod(1)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    close = shared >= iou * np.maximum(area[better] + area[worse] - shared, 1e-12)
    better, worse = better[close], worse[close]
    order = np.argsort(better, kind="stable")
    ends = np.searchsorted(better[order], np.arange(len(boxes) + 1))
    stays = np.ones(len(boxes), bool)
    for index in range(len(boxes)):
        if stays[index]:
            stays[worse[order[ends[index] : ends[index + 1]]]] = False
    return np.flatnonzero(stays)


def overlap(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Intersection over union of every box (N, 4) with every box (M, 4): (N, M)."""
    a, b = first[:, None], second[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(0).prod(-1)
    areas = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1)
    union: npt.NDArray[np.float64] = np.maximum(areas - shared, 1e-12)
    return np.asarray(shared / union, np.float64)
