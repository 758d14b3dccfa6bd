"""The pictures of a sheet: a thumbnail of the whole, and a crop of every place that any look saw."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.arrays import reduced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from p3m_anon.arrays import RGB, Box
    from p3m_anon.jobs.review.sheet_layout import Slot
    from p3m_anon.jobs.review.sheet_places import Offered

QUALITY = 86
SURROUND = 1.8  # side of a crop over the longer side of the box: a face is known by the head around it
LEAST_SIDE = 32  # pixels of the picture in a crop
BESIDE = 128  # grey level beyond the picture's edge


@dataclass(eq=False)
class TileImage:
    """One JPEG. name: what it is asked for by; it says nothing. size: width and height in CSS pixels."""

    data: bytes
    size: tuple[int, int]
    name: str = field(default_factory=lambda: secrets.token_hex(12))


@dataclass(eq=False)
class Tile:
    """One picture on a sheet: its thumbnail, then its crops. picture: None for the control."""

    picture: Offered | None
    images: tuple[TileImage, ...]
    name: str = field(default_factory=lambda: secrets.token_hex(12))


def make_images(rgb: RGB, places: Sequence[Box], slot: Slot, dense: float) -> tuple[TileImage, ...]:
    """Thumbnail and crops.

    Args:
        rgb: the picture, uint8 (H, W, 3).
        places: boxes of which crops are made, pixels.
        slot: how large they are shown, CSS pixels.
        dense: device pixels for one CSS pixel.
    """
    thumb = _scaled(rgb, (round(slot.thumb[0] * dense), round(slot.thumb[1] * dense)))
    side = round(slot.crop * dense)
    crops = [_scaled(cut_square(rgb, box), (side, side)) for box in places]
    sizes = [slot.thumb, *[(slot.crop, slot.crop)] * len(crops)]
    return tuple(TileImage(_jpeg(pixels), size) for pixels, size in zip([thumb, *crops], sizes, strict=True))


def cut_square(rgb: RGB, box: Box) -> RGB:
    """The square around a box with what lies around it, uint8 (S, S, 3); grey beyond the picture's edge."""
    side = max(int(np.ceil(SURROUND * max(box[2] - box[0], box[3] - box[1]))), LEAST_SIDE)
    left, top = round((box[0] + box[2] - side) / 2), round((box[1] + box[3] - side) / 2)
    height, width = rgb.shape[:2]
    left, top = _inside(left, side, width), _inside(top, side, height)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, width), min(top + side, height)
    square = np.full((side, side, 3), BESIDE, np.uint8)
    square[y0 - top : y1 - top, x0 - left : x1 - left] = rgb[y0:y1, x0:x1]
    return square


def _inside(start: int, side: int, size: int) -> int:
    """Where a stretch of `side` begins so that it lies inside the picture; in its middle if it is too long for that."""
    return (size - side) // 2 if side > size else min(max(start, 0), size - side)


def _scaled(rgb: RGB, size: tuple[int, int]) -> RGB:
    width, height = max(size[0], 1), max(size[1], 1)
    if rgb.shape[1] >= width and rgb.shape[0] >= height:
        return reduced(rgb, (width, height))
    return np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _jpeg(rgb: RGB) -> bytes:
    ok, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert ok  # uint8 of a size that JPEG can have
    return data.tobytes()
