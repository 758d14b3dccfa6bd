"""LabelMe's JSON: one file for one picture, with polygons and small masks that carry a label."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.faces.patch import Patch, from_mask
from p3m_anon.faces.shapes import FAR, MOST_POINTS, Shape, draw
from p3m_anon.files.decode import decode
from p3m_anon.files.headers import inspect
from p3m_anon.files.images import Encoding, encode
from p3m_anon.files.json_parts import BROKEN, loads, reason
from p3m_anon.files.probe import file_size, unreadable
from p3m_anon.files.regions import Drawing, Region, check_size, is_suggestion
from p3m_anon.files.tracing import components, exact_polygon

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask

_VERSION = "5.5.0"  # of LabelMe, whose format this is; it knows the shape type `mask`
_MOST_BYTES = 256 << 20  # LabelMe stores the whole picture in its file, as text
_MOST_PARTS = 100  # nobody edits more polygons than this one by one


def labelme_json(regions: Iterable[Region], size: tuple[int, int], image_path: str, *, as_drawn: bool = False) -> bytes:
    """The file that LabelMe opens for a picture of `size` (W, H); `image_path` is seen from the file's folder.

    `read_labelme` gives back exactly the same pixels. Each connected part of a region is a polygon, or a shape of the
    type `mask` where it has holes; a region of more than a hundred parts is one mask. The parts of a region share a
    group. `as_drawn` becomes a flag of the picture, which LabelMe shows as a box to tick.
    """
    shapes = [shape for number, region in enumerate(regions, 1) for shape in _shapes_of(region, number)]
    content = {
        "version": _VERSION,
        "flags": {"as_drawn": as_drawn},
        "shapes": shapes,
        "imagePath": image_path,
        "imageData": None,
        "imageHeight": size[1],
        "imageWidth": size[0],
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def read_labelme(path: Path, size: tuple[int, int], stored_size: tuple[int, int] | None = None) -> Drawing:
    """What was drawn on a picture of `size` (W, H), upright; `stored_size` as `regions.check_size` has it.

    Shapes are polygons, rectangles (upright or oriented), circles and masks. Those labelled `suggestion` are kept
    apart; every other label counts as drawn. A file without shapes gives a blank drawing. Raises ImageError for a
    file of another picture, other types of shapes, and shapes that cover no pixel of the picture.
    """
    try:
        if file_size(path) > _MOST_BYTES:
            raise ImageError(f"{path.name}: far too large for a mask; save it without the picture inside")
        content = loads(path.read_bytes())
        declared = (content["imageWidth"], content["imageHeight"])
        if not all(type(side) is int for side in declared):
            raise ValueError("imageWidth and imageHeight are missing")
        check_size(declared, size, stored_size, path.name)
        shapes, flags = content["shapes"], content.get("flags") or {}
        by_person = [shape for shape in shapes if not is_suggestion(_label(shape))]
        drawn = _patch(by_person, size)
        if by_person and not drawn.area:
            raise ImageError(f"{path.name}: the mask is empty: its shapes lie outside the picture; draw them on it")
        suggested = _patch([shape for shape in shapes if is_suggestion(shape["label"])], size)
        return Drawing(drawn, suggested, flags.get("as_drawn") is True)
    except OSError as error:
        raise unreadable(path, error) from error
    except BROKEN as error:
        raise ImageError(f"{path.name}: not a LabelMe mask ({reason(error)}); save it again from LabelMe") from error


def _shapes_of(region: Region, number: int) -> Iterator[dict[str, Any]]:
    parts = list(components(region.patch))
    if len(parts) > _MOST_PARTS:
        parts = [region.patch]
    for part in parts:
        polygon = exact_polygon(part)
        yield {
            "label": region.label,
            "points": [list(point) for point in polygon] if polygon else _corners(part),
            "group_id": number if len(parts) > 1 else None,
            "description": "",
            "shape_type": "polygon" if polygon else "mask",
            "flags": {},
            "mask": None if polygon else _encoded(part.mask),
        }


def _corners(part: Patch) -> list[list[float]]:
    """LabelMe's box of a mask: the first pixel and the last, which is in."""
    h, w = part.mask.shape
    return [[float(part.x), float(part.y)], [float(part.x + w - 1), float(part.y + h - 1)]]


def _encoded(mask: Mask) -> str:
    """8-bit grey, as LabelMe writes it, but with 255 for 1: either is read as anything but zero."""
    png, _, _ = encode(mask.astype(np.uint8) * 255, Encoding("PNG"))
    return base64.b64encode(png).decode()


def _label(shape: dict[str, Any]) -> str:
    label = shape["label"]
    if not isinstance(label, str):
        raise ValueError("a shape whose label is no text")
    return label


def _patch(shapes: list[dict[str, Any]], size: tuple[int, int]) -> Patch:
    """The pixels of all shapes."""
    if not shapes:
        return Patch(0, 0, np.zeros((0, 0), bool))
    canvas = draw((_outline(shape) for shape in shapes if shape.get("shape_type") != "mask"), size)
    for shape in shapes:
        if shape.get("shape_type") == "mask":
            _paste(shape, canvas)
    return from_mask(canvas)


def _outline(shape: dict[str, Any]) -> Shape:
    """A shape of LabelMe as one of ours; both count from the corner of the first pixel."""
    kind = shape.get("shape_type") or "polygon"
    points = _points(shape, kind)
    if kind == "rectangle" and len(points) >= 2:
        (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
        return Shape("polygon", ((x0, y0), (x1, y0), (x1, y1), (x0, y1)))
    if kind == "circle" and len(points) == 2:
        (x, y), radius = points[0].tolist(), math.dist(*points)
        return Shape("ellipse", ((x - radius, y - radius), (x + radius, y + radius)))
    if (kind == "polygon" and len(points) >= 3) or (kind == "oriented_rectangle" and len(points) == 4):
        return Shape("polygon", tuple((x, y) for x, y in points.tolist()))
    raise ValueError(
        f"a shape `{str(kind)[:20]}` of {len(points)} points; use polygons, rectangles and circles, or masks"
    )


def _points(shape: dict[str, Any], kind: object) -> Any:
    points = np.asarray(shape["points"], dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) > MOST_POINTS or not (abs(points) < FAR).all():
        raise ValueError(f"a {str(kind)[:20]} without proper points")
    return points


def _paste(shape: dict[str, Any], canvas: Mask) -> None:
    """Add a mask to bool (H, W) `canvas`, which may cut it off: masks can be moved over the picture's rim.

    A moved box has fractions: LabelMe rounds its first corner and takes the size from the mask.
    """
    points = _points(shape, "mask")
    if len(points) != 2:
        raise ValueError(f"a mask with a box of {len(points)} points instead of 2 corners")
    x, y = (int(value) for value in points.min(axis=0).round())
    w, h = (int(value) + 1 for value in abs(points[1] - points[0]).round())
    mask = _decoded(shape["mask"], (w, h), (canvas.shape[1], canvas.shape[0]))
    mask = mask[max(-y, 0) :, max(-x, 0) :]
    target = canvas[max(y, 0) : max(y, 0) + mask.shape[0], max(x, 0) : max(x, 0) + mask.shape[1]]
    target |= mask[: target.shape[0], : target.shape[1]]


def _decoded(text: str, box: tuple[int, int], size: tuple[int, int]) -> Mask:
    """bool (h, w) of a PNG in base64; whatever is not black is in. Nothing is decoded that is not of the box's size."""
    data = base64.b64decode(text, validate=True)
    try:
        header = inspect(BytesIO(data), "a mask")
        found = (header.width, header.height)
        if header.format != "PNG" or header.channels != 1:
            raise ValueError("a mask that is no grey PNG")
        if any(abs(side - wanted) > 1 or side > most for side, wanted, most in zip(found, box, size, strict=True)):
            raise ValueError(f"a mask of {found[0]} x {found[1]} in a box of {box[0]} x {box[1]}")
        pixels = decode(data, header, "a mask").pixels
    except ImageError as error:  # it does not know the name of the file
        raise ValueError(str(error)) from error
    if pixels.ndim != 2:
        raise ValueError("a mask that is no grey PNG")
    return np.asarray(pixels > 0)
