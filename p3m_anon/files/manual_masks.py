"""Masks that a person drew: black and white PNG, or LabelMe's JSON."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.files.folders import AS_DRAWN
from p3m_anon.files.images import read
from p3m_anon.files.labelme import read_labelme
from p3m_anon.files.regions import FACE, SUGGESTION, Drawing, check_size

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask, Pixels


@dataclass(frozen=True, eq=False)
class ManualMask:
    """`mask`: bool (H, W), True is blurred, never empty. `as_drawn`: the transition region is not taken off it."""

    mask: Mask
    as_drawn: bool


def read_manual_mask(path: Path, size: tuple[int, int], stored_size: tuple[int, int] | None = None) -> ManualMask:
    """Read a mask for a picture of `size` (W, H), upright.

    PNG: 128 and brighter is blurred; marked as drawn by the file name, `<stem>.as_drawn.png`. LabelMe: polygons,
    rectangles, circles and masks of any label but `suggestion`, which no person has accepted; marked as drawn by the
    flag `as_drawn`. The pixels of an outline are in. An empty mask is an error, as are a file of suggestions only and
    another size; `stored_size` (W, H, before the picture was turned upright) lets the error say that the mask was
    drawn on the picture lying on its side. Raises ImageError.
    """
    ending = path.suffix.lower()
    if ending == ".json":
        return manual_mask(read_labelme(path, size, stored_size), size, path.name)
    if ending != ".png":
        raise ImageError(f"{path.name}: masks are read from .png and LabelMe .json files only; convert it")
    mask = _png(path)
    check_size((mask.shape[1], mask.shape[0]), size, stored_size, path.name)
    if not mask.any():
        raise _empty(path.name)
    return ManualMask(mask, path.stem.endswith(AS_DRAWN))


def manual_mask(drawing: Drawing, size: tuple[int, int], name: str) -> ManualMask:
    """What a person drew in an annotation tool, for a picture of `size` (W, H).

    `name` says in errors where it came from. Raises ImageError where there are suggestions only, or nothing at all.
    """
    if drawing.drawn.area:
        return ManualMask(drawing.drawn.full((size[1], size[0])), drawing.as_drawn)
    if drawing.suggested.area:
        raise ImageError(
            f"{name}: nothing but suggestions; change their label from {SUGGESTION} to {FACE} to accept them"
        )
    raise _empty(name)


def encode_mask(mask: Mask) -> bytes:
    """A PNG of one bit, white = True, of a bool (H, W) mask; `read_manual_mask` gives back the same pixels."""
    ok, data = cv2.imencode(".png", mask.astype(np.uint8) * 255, [cv2.IMWRITE_PNG_BILEVEL, 1])
    if not ok:
        raise ValueError(f"mask must be bool (H, W) and not empty, got {mask.dtype} {mask.shape}")
    return data.tobytes()


def _empty(name: str) -> ImageError:
    return ImageError(f"{name}: the mask is empty; draw the region to blur, or use the no-face list")


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
