"""Shapes that a person draws on a picture, and the mask that they make."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from shapely import Polygon

from p3m_anon.faces.raster import rasterize

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import Mask

    Points = npt.NDArray[np.float64]  # (n, 2)
    Canvas = npt.NDArray[np.uint8]  # (H, W)

Kind = Literal["polygon", "ellipse", "brush", "erase"]
KINDS = ("polygon", "ellipse", "brush", "erase")
MOST_POINTS = 100_000
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

    Every pixel whose centre lies in a shape is in, and those that its edge runs through, which `erase` leaves alone.
    Where a polygon crosses itself, what is enclosed twice is out.
    """
    canvas = np.zeros((size[1], size[0]), np.uint8)
    for shape in shapes:
        points = np.asarray(shape.points, np.float64) - 0.5  # pixels are counted from their centres here
        if shape.kind == "polygon":
            _fill(canvas, points, 255)
        elif shape.kind == "ellipse":
            _fill(canvas, ellipse_points(points[0], points[1]), 255)
        else:
            _stroke(canvas, points, shape.width, 0 if shape.kind == "erase" else 255)
    return canvas.astype(np.bool_)


def ellipse_points(corner: Sequence[float], opposite: Sequence[float]) -> Points:
    """A polygon around the ellipse in a box, (n, 2): its sides touch it from outside, by less than a quarter pixel."""
    a, b = np.asarray(corner, np.float64), np.asarray(opposite, np.float64)
    center, radii = (a + b) / 2, abs(b - a) / 2
    largest = float(radii.max())
    sides = max(16, math.ceil(math.pi / math.acos(largest / (largest + 0.25)))) if largest > 0 else 16
    angles = np.arange(sides) * (2 * math.pi / sides)
    return np.asarray(center + radii / math.cos(math.pi / sides) * np.stack([np.cos(angles), np.sin(angles)], axis=1))


def _stroke(canvas: Canvas, points: Points, width: float, value: int) -> None:
    """A round brush along its way: discs at the points, broad lines between them."""
    radius = max(width / 2, 0.5)
    for point in points:
        _fill(canvas, ellipse_points(point - radius, point + radius), value)
    for start, end in itertools.pairwise(points):
        way = end - start
        length = float(np.hypot(*way))
        if length:
            side = np.array([-way[1], way[0]]) * (radius / length)
            _fill(canvas, np.array([start + side, end + side, end - side, start - side]), value)


def _fill(canvas: Canvas, corners: Points, value: int) -> None:
    """OpenCV's own filling leaves out a pixel or so per polygon, so it draws the edge only."""
    import cv2

    patch = rasterize(Polygon(corners), (canvas.shape[0], canvas.shape[1]))
    canvas[patch.slices][patch.mask] = value
    if value:
        fixed = np.round(corners * (1 << _SHIFT)).astype(np.int32)
        cv2.polylines(canvas, [fixed], True, value, lineType=cv2.LINE_8, shift=_SHIFT)


def _shape(item: object, number: int) -> Shape:
    kind = item.get("kind") if isinstance(item, dict) else None
    if not isinstance(item, dict) or kind not in KINDS:
        raise ValueError(f"shape {number} is none of {', '.join(KINDS)}")
    try:
        points = np.asarray(item.get("points"), np.float64)
        width = float(item.get("width", 0.0))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"shape {number}, a {kind}, is not made of numbers") from error
    fewest = {"polygon": 3, "ellipse": 2}.get(cast(str, kind), 1)
    if points.ndim != 2 or points.shape[1] != 2 or not fewest <= len(points) <= MOST_POINTS:
        raise ValueError(f"shape {number}, a {kind}, needs at least {fewest} points of x and y")
    if kind == "ellipse" and len(points) != 2:
        raise ValueError(f"shape {number}, an ellipse, has two corners of its box, not {len(points)} points")
    if not (abs(points) < FAR).all() or not 0 <= width < FAR or (kind in ("brush", "erase") and not width):
        raise ValueError(f"shape {number}, a {kind}, lies far outside of any picture, or its brush has no width")
    return Shape(cast(Kind, kind), tuple((float(x), float(y)) for x, y in points), width)
