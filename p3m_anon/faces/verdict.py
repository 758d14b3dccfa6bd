"""May a picture leave? Fail closed: every finding sends it to a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from shapely import Polygon
from shapely import box as rectangle

from p3m_anon.faces.outline import ELLIPSE_CORE, core, ellipse, outline
from p3m_anon.faces.patch import union
from p3m_anon.faces.raster import rasterize
from p3m_anon.faces.reasons import Finding, Reason

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels, Box, Mask
    from p3m_anon.faces.face import Face
    from p3m_anon.faces.masks import FaceMask
    from p3m_anon.faces.settings import BlurSettings

FOREHEAD = 0.2  # of a detector's box, from above: of the 54 faces of the shape prior's table all eyes lie lower (0.23)
SAME_PLACE = 0.4  # intersection over union from which a sighting is the one that a person spoke of
SAME_FACE = 0.5  # share of the smaller box that two boxes of one face have in common


def findings(
    size: tuple[int, int],
    masks: Sequence[FaceMask],
    second: Sequence[Box] | None,
    alpha: AlphaPixels | None,
    settings: BlurSettings,
) -> tuple[Finding, ...]:
    """All that speaks against releasing a picture that was masked automatically, worst first.

    size: height and width. second: the boxes of the second look, None where there was none.
    """
    faces = [m.face for m in masks if m.face is not None]
    found = [*disagreements(faces, second)]
    if not faces and not found:
        found.append(Finding(Reason.NO_FACE, "no face found"))
    for mask in masks:
        found.extend(mask.findings)
    if alpha is not None and faces:
        found.extend(_outside_alpha(size, masks, alpha, settings))
    return ranked(found)


def manual_findings(
    size: tuple[int, int],
    manual: Sequence[FaceMask],
    faces: Sequence[Face],
    second: Sequence[Box] | None,
    settings: BlurSettings,
    dismissed: Sequence[Box] = (),
) -> tuple[Finding, ...]:
    """What speaks against a manual mask: a face that any look sees and the mask does not cover.

    dismissed: places that a person left uncovered knowingly.
    """
    covers = dict(uncovered(size, manual, faces, second, settings))
    found = [
        Finding(
            Reason.FACE_OUTSIDE_MANUAL_MASK,
            f"the manual mask covers {covers[box]:.0%} of a face that is seen, without hair and soft edges of the"
            " alpha, which it leaves clear unless it is marked as drawn",
        )
        for box in not_dismissed(list(covers), dismissed)
    ]
    return ranked(found)


def lost_regions(
    manual: Sequence[FaceMask], faces: Sequence[Face], second: Sequence[Box] | None, settings: BlurSettings
) -> list[float]:
    """Lost shares of drawn regions of which the transition region takes too much.

    Only where no look sees a face: there a person has drawn what no detector can vouch for, and nothing else would
    tell that it stays clear. Where a face is seen, `uncovered` measures the face itself.
    """
    boxes = [face.box for face in faces] + list(second or ())
    lost = []
    for region in manual:
        rows, cols = region.mask.slices
        seen = any(
            cols.start <= (x0 + x1) / 2 < cols.stop and rows.start <= (y0 + y1) / 2 < rows.stop
            for x0, y0, x1, y1 in boxes
        )
        share = 1 - region.adjusted.area / max(region.mask.area, 1)
        if share > settings.max_transition_loss and not seen:
            lost.append(share)
    return lost


def lost_findings(shares: Sequence[float]) -> tuple[Finding, ...]:
    """One finding for the worst of `lost_regions`."""
    if not shares:
        return ()
    detail = f"the transition region takes {max(shares):.0%} of what was drawn; mark it as drawn, or draw it again"
    return (Finding(Reason.MASK_LOST_TO_TRANSITION, detail),)


def uncovered(
    size: tuple[int, int],
    manual: Sequence[FaceMask],
    faces: Sequence[Face],
    second: Sequence[Box] | None,
    settings: BlurSettings,
) -> list[tuple[Box, float]]:
    """Box and blurred share, 0 to 1, of every face that any look sees and of which too little is masked.

    Enough is `min_manual_cover` of what will be blurred. Where the transition region takes more, it may take what it
    may of an automatic mask: `max_transition_loss` of a face that was drawn over, and no pixel between brows and
    mouth. A face whose outline is no polygon, and one that only the second look sees, are measured by where eyes,
    nose and mouth lie in the box. A face outside the picture needs no cover.
    """
    drawn, blurred = union([m.mask for m in manual], size), union([m.adjusted for m in manual], size)
    lost = drawn & ~blurred
    places = []
    for face in faces:
        polygon = outline(face.landmarks)
        sound = polygon.is_valid and polygon.area > 0
        places.append((face.box, *((polygon, core(face.landmarks)) if sound else _features(face.box))))
    places += [(box, *_features(box)) for box in unmatched(second or (), [face.box for face in faces])[0]]
    left = []
    for box, polygon, inner in places:
        cover = _share(blurred, polygon)
        keeps = _share(drawn, polygon) >= settings.min_manual_cover
        keeps = keeps and _share(lost, polygon, 0.0) <= settings.max_transition_loss and not _share(lost, inner, 0.0)
        if cover < settings.min_manual_cover and not keeps:
            left.append((box, cover))
    return left


def not_dismissed(boxes: Sequence[Box], dismissed: Sequence[Box]) -> list[Box]:
    """The boxes of which a person has not said that nothing there needs a mask.

    Each saying holds for one box at most, and for one that lies there closely: not for all faces in its reach.
    """
    pairs = [
        (shared, i, j)
        for i, a in enumerate(boxes)
        for j, b in enumerate(dismissed)
        if (shared := _same(a, b)) >= SAME_PLACE
    ]
    left, free = set(range(len(boxes))), set(range(len(dismissed)))
    for _, i, j in sorted(pairs, reverse=True):
        if i in left and j in free:
            left.remove(i)
            free.remove(j)
    return [boxes[i] for i in sorted(left)]


def no_face_findings(
    faces: Sequence[Face], second: Sequence[Box] | None, dismissed: Sequence[Box] = ()
) -> tuple[Finding, ...]:
    """What speaks against a picture in which a person saw no identifiable face: a face that a look sees.

    dismissed: places that looked like a face to a detector when the person said so.
    """
    looks = ([face.box for face in faces], list(second or ()))
    seen = max(len(not_dismissed(boxes, dismissed)) for boxes in looks)
    if not seen:
        return ()
    return (Finding(Reason.NO_FACE_CONTRADICTED, f"{seen} face(s) found where a person saw none"),)


def disagreements(faces: Sequence[Face], second: Sequence[Box] | None) -> list[Finding]:
    """Faces that only one of two looks sees."""
    if second is None:
        return []
    first = [face.box for face in faces]
    only_first, only_second = unmatched(first, second)
    if not only_second and not only_first:
        return []
    parts = [
        f"{len(boxes)} face(s) only by the {look} look"
        for boxes, look in ((only_first, "first"), (only_second, "second"))
        if boxes
    ]
    return [Finding(Reason.DETECTORS_DISAGREE, " and ".join(parts))]


def unmatched(boxes: Sequence[Box], others: Sequence[Box]) -> tuple[list[Box], list[Box]]:
    """Boxes of either list that have no partner in the other; each box has one partner at most.

    The best overlap is paired first, so that two heads cheek to cheek are not both the one box around them.
    """
    pairs = [(shared, i, j) for i, a in enumerate(boxes) for j, b in enumerate(others) if (shared := _same(a, b))]
    left, right = set(range(len(boxes))), set(range(len(others)))
    for _, i, j in sorted(pairs, reverse=True):
        if i in left and j in right:
            left.remove(i)
            right.remove(j)
    return [boxes[i] for i in sorted(left)], [others[j] for j in sorted(right)]


def ranked(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings in the order of the reason list, each once."""
    order = list(Reason)
    return tuple(sorted(dict.fromkeys(found), key=lambda f: order.index(f.reason)))


def _same(a: Box, b: Box) -> float:
    """Intersection over union of two boxes that may be one face, else 0.

    One face: they share half of the smaller box, and neither is more than three times as wide.
    """
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    wide, narrow = max(a[2] - a[0], b[2] - b[0]), min(a[2] - a[0], b[2] - b[0])
    areas = sorted(((a[2] - a[0]) * (a[3] - a[1]), (b[2] - b[0]) * (b[3] - b[1])))
    shared = width * height
    if wide > 3 * narrow or shared < SAME_FACE * areas[0]:
        return 0.0
    return shared / (areas[0] + areas[1] - shared)


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


def _outside_alpha(
    size: tuple[int, int], masks: Sequence[FaceMask], alpha: AlphaPixels, settings: BlurSettings
) -> list[Finding]:
    """The largest face has to lie on the matte's foreground, or the matte belongs to another picture."""
    largest = max(masks, key=lambda m: m.width)
    patch = largest.mask
    if not patch.area:
        return []
    half = np.iinfo(alpha.dtype).max // 2
    inside = np.count_nonzero((alpha[patch.slices] > half) & patch.mask) / patch.area
    if inside >= settings.min_inside_alpha:
        return []
    return [Finding(Reason.FACE_OUTSIDE_ALPHA, f"{inside:.0%} of the largest face lies on the matte")]
