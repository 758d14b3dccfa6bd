"""Shapes that a person draws on a picture, and the mask that they make."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask

Kind = Literal["polygon", "ellipse", "brush", "erase"]
KINDS = ("polygon", "ellipse", "brush", "erase")
MOST_POINTS = 1_000_000
FAR = 1e6  # pixels; beyond this the rasteriser's whole numbers overflow
_SHIFT = 4  # the rasteriser takes sixteenths of a pixel


@dataclass(frozen=True)
class Shape:
    """One shape, in pixels of the upright picture at full size, counted from the corner of the first pixel.

    points: x before y. polygon: 3 corners or more. ellipse: two opposite corners of its box. brush and erase: the
    way of a round brush of `width` pixels; `erase` takes away what was drawn before it.
    """

    kind: Kind
    points: tuple[tuple[float, float], ...]
    width: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As the review page and the files beside a mask have it."""
        values: dict[str, Any] = {"kind": self.kind, "points": [list(point) for point in self.points]}
        return {**values, "width": self.width} if self.kind in ("brush", "erase") else values


def shapes_from_json(items: object) -> tuple[Shape, ...]:
    """Check what a page or a file says; raises ValueError that names the shape that is wrong."""
    if not isinstance(items, list):
        raise ValueError("shapes must be a list")
    return tuple(_shape(item, number) for number, item in enumerate(items, 1))


def draw(shapes: Iterable[Shape], size: tuple[int, int]) -> Mask:
    """The pixels of all shapes, drawn one after the other; bool (H, W) for a picture of `size` (W, H).

    The pixels of an outline are in.
    """
    import cv2

    canvas = np.zeros((size[1], size[0]), np.uint8)
    for shape in shapes:
        points = np.asarray(shape.points, np.float64) - 0.5  # the rasteriser counts from a pixel's centre
        if shape.kind in ("polygon", "ellipse"):
            corners = points if shape.kind == "polygon" else ellipse_points(points[0], points[1])
            cv2.fillPoly(canvas, [_fixed(corners)], 255, lineType=cv2.LINE_8, shift=_SHIFT)
        else:
            _stroke(canvas, points, shape.width, 0 if shape.kind == "erase" else 255)
    return canvas.astype(np.bool_)


def ellipse_points(corner: Sequence[float], opposite: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A polygon around the ellipse in a box, (n, 2): its sides touch it from outside, by less than a quarter pixel."""
    a, b = np.asarray(corner, np.float64), np.asarray(opposite, np.float64)
    center, radii = (a + b) / 2, abs(b - a) / 2
    largest = float(radii.max())
    sides = max(16, math.ceil(math.pi / math.acos(largest / (largest + 0.25)))) if largest > 0 else 16
    angles = np.arange(sides) * (2 * math.pi / sides)
    return np.asarray(center + radii / math.cos(math.pi / sides) * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def _stroke(canvas: Any, points: Any, width: float, value: int) -> None:
    """A round brush along its way: discs at the points, broad lines between them."""
    import cv2

    radius = max(width / 2, 0.5)
    for point in points:
        around = ellipse_points(point - radius, point + radius)
        cv2.fillPoly(canvas, [_fixed(around)], value, lineType=cv2.LINE_8, shift=_SHIFT)
    for start, end in itertools.pairwise(points):
        way = end - start
        length = float(np.hypot(*way))
        if length:
            side = np.array([-way[1], way[0]]) * (radius / length)
            corners = np.array([start + side, end + side, end - side, start - side])
            cv2.fillPoly(canvas, [_fixed(corners)], value, lineType=cv2.LINE_8, shift=_SHIFT)


def _fixed(points: Any) -> Any:
    return np.round(points * (1 << _SHIFT)).astype(np.int32)


def _shape(item: object, number: int) -> Shape:
    kind = item.get("kind") if isinstance(item, dict) else None
    if not isinstance(item, dict) or kind not in KINDS:
        raise ValueError(f"shape {number} is none of {', '.join(KINDS)}")
    try:
        points = np.asarray(item.get("points"), np.float64)
        width = float(item.get("width", 0.0))
    except (TypeError, ValueError) as error:
        raise ValueError(f"shape {number}, a {kind}, is not made of numbers") from error
    fewest = {"polygon": 3, "ellipse": 2}.get(cast(str, kind), 1)
    if points.ndim != 2 or points.shape[1] != 2 or not fewest <= len(points) <= MOST_POINTS:
        raise ValueError(f"shape {number}, a {kind}, needs at least {fewest} points of x and y")
    if kind == "ellipse" and len(points) != 2:
        raise ValueError(f"shape {number}, an ellipse, has two corners of its box, not {len(points)} points")
    if not (abs(points) < FAR).all() or not 0 <= width < FAR or (kind in ("brush", "erase") and not width):
        raise ValueError(f"shape {number}, a {kind}, lies far outside of any picture, or its brush has no width")
    return Shape(cast(Kind, kind), tuple((float(x), float(y)) for x, y in points), width)
