"""Masks that a person drew: their regions, and which faces they leave clear."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from shapely import box as rectangle

from p3m_anon.faces.masks import FaceMask, transition_in
from p3m_anon.faces.outline import ELLIPSE_CORE, core, ellipse, face_width, outline
from p3m_anon.faces.patch import Patch, from_mask, union
from p3m_anon.faces.raster import rasterize

if TYPE_CHECKING:
    from shapely import Polygon

    from p3m_anon.arrays import AlphaPixels, Box, Mask
    from p3m_anon.faces.pairing import Seen
    from p3m_anon.faces.settings import BlurSettings

GAP = 8  # pixels between pieces of one manual region
FOREHEAD = 0.2  # of a detector's box, from above: of the 54 faces of the shape prior's table all eyes lie lower (0.23)


class ManualRegions(Protocol):
    """What a person drew: `mask` bool (H, W); `as_drawn`: the transition region is left in."""

    @property
    def mask(self) -> Mask: ...

    @property
    def as_drawn(self) -> bool: ...


def manual_masks(
    drawn: ManualRegions, alpha: AlphaPixels | None, seen: Sequence[Seen], settings: BlurSettings
) -> tuple[FaceMask, ...]:
    """The regions of a manual mask.

    The face width of a region is the longer side of its box, and at least that of every seen face whose box it
    touches, so that the blur is never weaker than for the face that it covers. What was seen never enlarges a region.
    """
    import cv2

    reach = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * GAP + 1, 2 * GAP + 1))
    joined = cv2.dilate(drawn.mask.astype(np.uint8), reach)  # pieces with a small gap are one region
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    masks = []
    for label in range(1, count):
        x, y, w, h = (int(v) for v in stats[label, :4])
        window = slice(y, y + h), slice(x, x + w)
        piece = from_mask((labels[window] == label) & drawn.mask[window])
        patch = Patch(y + piece.y, x + piece.x, piece.mask)
        between = np.zeros_like(patch.mask) if drawn.as_drawn else transition_in(alpha, patch, settings)
        widths = [_width(one) for one in seen if any(_touches(patch, box) for box in one.boxes)]
        width = max([float(max(patch.mask.shape)), *widths])
        masks.append(FaceMask(None, (), None, patch, patch.replaced(patch.mask & ~between), width, "person"))
    return tuple(masks)


def uncovered(
    size: tuple[int, int], manual: Sequence[FaceMask], seen: Sequence[Seen], settings: BlurSettings
) -> list[tuple[Box, float]]:
    """First box and blurred share, 0 to 1, of every face that any look saw and of which too little is masked.

    Enough is `min_manual_cover` of what will be blurred. Where the transition region takes more, it may take what it
    may of an automatic mask: `max_transition_loss` of a face that was drawn over, and no pixel between brows and
    mouth. A face whose outline is no polygon, and one that only the second look saw, are measured by where eyes,
    nose and mouth lie in the box. A face outside the picture needs no cover.
    """
    drawn, blurred = union([m.mask for m in manual], size), union([m.adjusted for m in manual], size)
    lost = drawn & ~blurred
    left = []
    for one in seen:
        polygon, inner = _measured(one)
        cover = _share(blurred, polygon)
        keeps = _share(drawn, polygon) >= settings.min_manual_cover
        keeps = keeps and _share(lost, polygon, 0.0) <= settings.max_transition_loss and not _share(lost, inner, 0.0)
        if cover < settings.min_manual_cover and not keeps:
            left.append((one.boxes[0], cover))
    return left


def lost_regions(manual: Sequence[FaceMask], seen: Sequence[Seen], settings: BlurSettings) -> list[float]:
    """Lost shares of drawn regions of which the transition region takes too much.

    Only where no look saw a face: there a person has drawn what no detector can vouch for, and nothing else would
    tell that it stays clear. Where a face was seen, `uncovered` measures the face itself.
    """
    boxes = [box for one in seen for box in one.boxes]
    lost = []
    for region in manual:
        rows, cols = region.mask.slices
        over_face = any(
            cols.start <= (x0 + x1) / 2 < cols.stop and rows.start <= (y0 + y1) / 2 < rows.stop
            for x0, y0, x1, y1 in boxes
        )
        share = 1 - region.adjusted.area / max(region.mask.area, 1)
        if share > settings.max_transition_loss and not over_face:
            lost.append(share)
    return lost


def _width(seen: Seen) -> float:
    return max(seen.width, 0.0 if seen.face is None else face_width(seen.face))


def _touches(patch: Patch, box: Box) -> bool:
    x0, y0, x1, y1 = box
    rows, cols = patch.slices
    return x0 < cols.stop and x1 > cols.start and y0 < rows.stop and y1 > rows.start


def _measured(seen: Seen) -> tuple[Polygon, Polygon]:
    """Where the face from the brows down lies, and its core."""
    if seen.face is not None:
        polygon = outline(seen.face.landmarks)
        if polygon.is_valid and polygon.area > 0:
            return polygon, core(seen.face.landmarks)
    return _features(seen.boxes[0])


def _share(mask: Mask, polygon: Polygon, outside: float = 1.0) -> float:
    """The share of a region that a mask covers; `outside` for a region outside the picture."""
    patch = rasterize(polygon, (mask.shape[0], mask.shape[1]))
    return np.count_nonzero(mask[patch.slices] & patch.mask) / patch.area if patch.area else outside


def _features(box: Box) -> tuple[Polygon, Polygon]:
    """Where the face from the brows down lies in a detector's box, whichever way the head is tilted a little; its core.

    The core is what an ellipse has to cover in any case, as in `masks`.
    """
    x0, y0, x1, y1 = box
    below_forehead = rectangle(x0, y0 + FOREHEAD * (y1 - y0), x1, y1)
    return ellipse(box, 0.9).intersection(below_forehead), ellipse(box, ELLIPSE_CORE).intersection(below_forehead)
