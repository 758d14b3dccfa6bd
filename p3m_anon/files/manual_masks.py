"""Masks that a person drew: black and white PNG, or LabelMe's JSON."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.files.folders import AS_DRAWN
from p3m_anon.files.images import read

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask, Pixels

_MOST_BYTES = 512 << 20  # LabelMe stores the whole picture in its file, as text
_MOST_POINTS = 1_000_000
_FAR = 1e6  # pixels; beyond this the rasteriser's whole numbers overflow
_SHIFT = 4  # the rasteriser takes sixteenths of a pixel


@dataclass(frozen=True, eq=False)
class ManualMask:
    """`mask`: bool (H, W), True is blurred, never empty. `as_drawn`: the transition region is not taken off it."""

    mask: Mask
    as_drawn: bool


def read_manual_mask(path: Path, size: tuple[int, int], stored_size: tuple[int, int] | None = None) -> ManualMask:
    """Read a mask for a picture of `size` (W, H), upright.

    PNG: 128 and brighter is blurred; marked as drawn by the file name, `<stem>.as_drawn.png`. LabelMe: polygons,
    rectangles and circles of any label; marked as drawn by the flag `as_drawn`. The pixels of an outline are
    in. An empty mask is an error, as is another size; `stored_size` (W, H, before the picture was turned upright)
    lets the error say that the mask was drawn on the picture lying on its side. Raises ImageError.
    """
    ending = path.suffix.lower()
    if ending == ".png":
        mask, as_drawn = _png(path), path.stem.endswith(AS_DRAWN)
        _check_size((mask.shape[1], mask.shape[0]), size, stored_size, path.name)
    elif ending == ".json":
        mask, as_drawn = _labelme(path, size, stored_size)
    else:
        raise ImageError(f"{path.name}: masks are read from .png and LabelMe .json files only; convert it")
    if not mask.any():
        raise ImageError(f"{path.name}: the mask is empty; draw the region to blur, or use the no-face list")
    return ManualMask(mask, as_drawn)


def _check_size(found: tuple[int, int], size: tuple[int, int], stored_size: tuple[int, int] | None, name: str) -> None:
    if found == size:
        return
    what = f"{name}: the mask is {found[0]} x {found[1]}, the upright picture {size[0]} x {size[1]}"
    if found == stored_size:
        raise ImageError(
            f"{what}; it was drawn on the picture as stored: turn it as the picture's EXIF orientation says"
        )
    raise ImageError(f"{what}; draw it on this picture at full size")


def _png(path: Path) -> Mask:
    decoded = read(path)
    if decoded.encoding.format != "PNG":
        raise ImageError(f"{path.name}: a {decoded.encoding.format} with a PNG's name; save the mask as PNG")
    return _is_white(decoded.pixels, path.name)


def _is_white(pixels: Pixels, name: str) -> Mask:
    """Bright and not see-through. Colour is refused: whoever saved the photo here did not draw a mask."""
    half = (int(np.iinfo(pixels.dtype).max) + 1) // 2
    if pixels.ndim == 2:
        return np.asarray(pixels >= half)
    colors = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1]
    if (colors[..., :1] != colors[..., 1:]).any():
        raise ImageError(f"{name}: a colour picture, not a mask; save white for the region to blur, black for the rest")
    white = colors[..., 0] >= half
    return np.asarray(white & (pixels[..., -1] >= half) if pixels.shape[2] in (2, 4) else white)


def _labelme(path: Path, size: tuple[int, int], stored_size: tuple[int, int] | None) -> tuple[Mask, bool]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ImageError(f"{path.name}: far too large for a mask; save it without the picture inside")
        content = json.loads(path.read_bytes())
        declared = (content["imageWidth"], content["imageHeight"])
        shapes, flags = content["shapes"], content.get("flags") or {}
        if all(type(side) is int for side in declared):
            _check_size(declared, size, stored_size, path.name)
        else:
            raise ValueError("imageWidth and imageHeight are missing")
        mask = np.zeros((size[1], size[0]), np.uint8)
        for shape in shapes:
            _draw(mask, shape)
        return mask.astype(np.bool_), flags.get("as_drawn") is True
    except OSError as error:
        raise ImageError(f"{path.name}: cannot be read; check the file and its rights") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        why = (str(error).splitlines() or ["malformed"])[0][:80]
        raise ImageError(f"{path.name}: not a LabelMe mask ({why}); save it again from LabelMe") from error


def _draw(mask: np.ndarray[Any, np.dtype[np.uint8]], shape: dict[str, Any]) -> None:
    """Add one shape to uint8 (H, W) `mask`; LabelMe counts from a pixel's corner, the rasteriser from its centre."""
    points = np.asarray(shape["points"], dtype=np.float64)
    kind = shape.get("shape_type") or "polygon"
    if points.ndim != 2 or points.shape[1] != 2 or len(points) > _MOST_POINTS or not (abs(points) < _FAR).all():
        raise ValueError(f"a {kind} without proper points")
    points = points - 0.5
    if kind == "rectangle" and len(points) >= 2:
        (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
        points = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    elif kind == "circle" and len(points) == 2:
        points = _circle(points[0], math.dist(points[0], points[1]))
    elif kind != "polygon" or len(points) < 3:
        raise ValueError(f"a shape `{str(kind)[:20]}` of {len(points)} points; use polygons, rectangles and circles")
    cv2.fillPoly(mask, [np.round(points * (1 << _SHIFT)).astype(np.int32)], 255, lineType=cv2.LINE_8, shift=_SHIFT)


def _circle(center: Any, radius: float) -> Any:
    """A polygon around the circle: its sides touch it from outside, by less than a quarter of a pixel."""
    sides = max(16, math.ceil(math.pi / math.acos(radius / (radius + 0.25)))) if radius > 0 else 16
    angles = np.arange(sides) * (2 * math.pi / sides)
    return center + radius / math.cos(math.pi / sides) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
