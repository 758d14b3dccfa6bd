"""Landmarks -> polygon along cheeks and eyebrows (paper, Figure 3, step 3).

iBUG-68: 0..16 the jaw line from the picture's left cheek over the chin to the right, 17..26 the
eyebrows from left to right, 27..67 nose, eyes and mouth.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from shapely import MultiPoint, Polygon

from p3m_anon.arrays import check_landmarks

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import Box, Landmarks
    from p3m_anon.faces.face import Face

CHEEKS_AND_BROWS = (*range(17), *range(26, 16, -1))
CORE = slice(17, 68)  # brows, nose, eyes, mouth: what identifies a face most
ELLIPSE_CORE = 0.6  # of the box: what the ellipse of a head seen from the side has to cover in any case
FOREHEAD_HEIGHT = 0.6  # of the distance brow - chin; the classical thirds put the hairline at 0.5


def outline(landmarks: Landmarks, *, margin: float = 0.0, lift: float = 0.0, forehead: bool = False) -> Polygon:
    """The face's outline as a polygon in pixels.

    landmarks: float (68, 2). margin: pixels by which the polygon is grown on all sides. lift: pixels by which the
    eyebrows are moved up first, along the face's own axis: landmarks lie in the middle of a brow.
    forehead: add the forehead up to the hairline. The polygon may be invalid (self-crossing) when
    the landmarks are; `implausible` says so.
    """
    points = check_landmarks(landmarks)[list(CHEEKS_AND_BROWS)]
    if lift > 0:
        points = np.concatenate([points[:17], points[17:] + lift * _up(landmarks)])
    if forehead:
        points = np.concatenate([points, _forehead(landmarks)])
        polygon = MultiPoint(points).convex_hull
    else:
        polygon = Polygon(points)
    if margin > 0 and polygon.is_valid and polygon.area > 0:
        polygon = polygon.buffer(margin, quad_segs=4)
    return polygon


def core(landmarks: Landmarks) -> Polygon:
    """Convex hull of eyebrows, nose, eyes and mouth (landmarks 17..67)."""
    return MultiPoint(check_landmarks(landmarks)[CORE]).convex_hull


def ellipse(box: Box, scale: float = 1.2) -> Polygon:
    """The ellipse inside a box that is `scale` times as large: the outline of a head seen from the side."""
    x0, y0, x1, y1 = box
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    x = (x0 + x1) / 2 + scale * (x1 - x0) / 2 * np.cos(angle)
    y = (y0 + y1) / 2 + scale * (y1 - y0) / 2 * np.sin(angle)
    return Polygon(np.stack([x, y], 1))


def face_width(face: Face) -> float:
    """w = max(|p0 - p16|, width of the detector's box, 0.75 x height of the outline), in pixels.

    The height is taken along the face's own up direction, so that w does not change when a picture
    is turned.
    """
    p = face.landmarks
    up = p[27] - p[8]
    length = float(np.hypot(*up))
    points = p[list(CHEEKS_AND_BROWS)]
    along = points @ (up / length) if length > 0 else points[:, 1]
    return max(float(np.hypot(*(p[0] - p[16]))), face.box[2] - face.box[0], 0.75 * float(np.ptp(along)))


def implausible(landmarks: Landmarks, box: Box, size: tuple[int, int], min_inside: float) -> str | None:
    """Why the outline of these landmarks cannot be a face's, or None.

    size: height and width of the picture. min_inside: share of the outline's area that must lie
    inside the picture. Checked: the polygon crosses itself, has no area, lies outside the picture,
    is far from the box it belongs to, or leaves out most of the core face.
    """
    polygon = outline(landmarks)
    if not polygon.is_valid:
        return "the outline crosses itself"
    box_area = max(box[2] - box[0], 0) * max(box[3] - box[1], 0)
    if polygon.area < 1 or box_area <= 0:
        return "the outline has no area"
    if not 0.2 <= polygon.area / box_area <= 2.5:
        return f"the outline's area is {polygon.area / box_area:.2f} of the face box"
    height, width = size
    frame = Polygon([(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5)])
    inside = polygon.intersection(frame).area / polygon.area
    if inside < min_inside:
        return f"only {inside:.0%} of the outline lies inside the picture"
    inner = core(landmarks)
    if inner.area <= 0 or inner.intersection(polygon).area < 0.8 * inner.area:
        return "eyes, nose and mouth lie outside the outline"
    return None


def _up(landmarks: Landmarks) -> npt.NDArray[np.float64]:
    """Unit vector from the chin to the root of the nose, float64 (2,)."""
    way = landmarks[27] - landmarks[8]
    length = float(np.hypot(*way))
    return way / length if length > 0 else np.array([0.0, -1.0])


def _forehead(landmarks: Landmarks) -> npt.NDArray[np.float64]:
    """Half an ellipse over the eyebrows, from cheek to cheek, float64 (N, 2)."""
    brow = landmarks[17:27].mean(0)
    up = (brow - landmarks[8]) * FOREHEAD_HEIGHT
    side = (landmarks[16] - landmarks[0]) / 2
    angle = np.linspace(0, np.pi, 17)[:, None]
    arc: npt.NDArray[np.float64] = brow + np.cos(angle) * side + np.sin(angle) * up
    return arc
