"""A JPEG of which only masked parts changed: their coding blocks are made anew, all others are copied.

What a plain re-encode does to a picture's rest (one pixel in ten moves a little, sharp hair first) does not happen, and
nothing of a masked block is kept: its coefficients come from the anonymized pixels alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.files.decode import decode
from p3m_anon.files.headers import inspect
from p3m_anon.files.jpeg_blocks import (
    read_blocks,
    recode,
    touched_blocks,
    touched_units,
    turn_blocks,
    write_blocks,
)
from p3m_anon.files.jpeg_markers import CannotSplice, Frame, parse

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask, Pixels

MOST_PIXELS = 64_000_000
"""Larger pictures are re-encoded: copying takes 8 (4:2:0) to 14 (4:4:4) bytes of memory a pixel for a moment."""

TURNED_TOLERANCE = 4
"""Levels by which a turned picture may decode differently from its turned source, though no coefficient differs:
decoders round rows after columns, and interpolate colour with a bias to one side."""


@dataclass(frozen=True)
class Spliced:
    """A new JPEG and what it cost.

    `units`, `all_units`: minimum coded units with re-coded blocks, and how many there are. `edge_max`, `edge_mean`:
    by how many levels (of 255, over the channels) pixels near the mask, outside it, differ from `pixels`: those that
    share a block with it, or read colour from such a block. All other pixels differ by `rest_max`: 0, or, for turned
    pictures, TURNED_TOLERANCE at most.
    """

    data: bytes
    units: int
    all_units: int
    edge_max: int
    edge_mean: float
    rest_max: int


def splice(source: bytes, pixels: Pixels, changed: Mask, orientation: int = 1, icc: bytes | None = None) -> Spliced:
    """The JPEG file `source` with the pixels under a mask replaced, upright.

    pixels: uint8 (H, W) or (H, W, 3) RGB, upright: `source` as this package decodes it, but for the mask. changed:
    bool (H, W). orientation: EXIF's 1..8, by which `source` was turned to be upright. icc: a profile for the result.

    Blocks without a masked pixel keep their coefficients, tables and sampling. The result has been decoded and
    compared before it is returned. It holds the segments that decoding needs and the profile, no others, in one
    sequential scan. Raises CannotSplice, with the reason, where coefficients cannot be kept; ValueError for arrays
    that do not fit each other.
    """
    if pixels.dtype != np.uint8 or changed.shape != pixels.shape[:2] or changed.dtype != bool:
        raise ValueError(f"pixels must be uint8 with a bool mask of their size, got {pixels.shape} {changed.shape}")
    if changed.size > MOST_PIXELS:
        raise CannotSplice("too large a picture")
    layout = parse(source)
    frame, blocks = turn_blocks(layout.frame, read_blocks(layout), orientation)
    if (frame.height, frame.width) != changed.shape or (pixels.ndim == 2) != (frame.colour == "grey"):
        raise CannotSplice("pixels of another kind than the file's")
    recode(frame, blocks, pixels, changed)
    data = write_blocks(frame, blocks, icc)
    del blocks
    return _compared(data, frame, pixels, changed, TURNED_TOLERANCE if orientation > 1 else 0)


def reached(frame: Frame, mask: Mask) -> Mask:
    """The pixels, bool (H, W), that can change when the blocks under a mask, bool (H, W), are re-coded.

    Where colour is reduced, decoders interpolate it, so one pixel around a touched colour block belongs to them.
    """
    down, across = frame.most
    out = np.zeros(mask.shape, np.uint8)
    for component, touched in zip(frame.components, touched_blocks(frame, mask), strict=True):
        height, width = 8 * down // component.down, 8 * across // component.across
        ring = int(height > 8), int(width > 8)
        area = touched.astype(np.uint8).repeat(height, axis=0).repeat(width, axis=1)[: mask.shape[0], : mask.shape[1]]
        if any(ring):
            area = np.asarray(cv2.dilate(area, np.ones((2 * ring[0] + 1, 2 * ring[1] + 1), np.uint8)), np.uint8)
        out |= area
    return out.astype(bool)


def _compared(data: bytes, frame: Frame, pixels: Pixels, changed: Mask, tolerance: int) -> Spliced:
    """Decode what was made, measure it, and refuse it where more than the promise has changed."""
    try:
        again = decode(data, inspect(BytesIO(data), "result"), "result").pixels
    except ImageError as error:
        raise CannotSplice(f"the result does not decode: {error}") from error
    if again.shape != pixels.shape:
        raise CannotSplice("the result decodes to another size")
    near = reached(frame, changed)
    rest = (~near).astype(np.uint8)
    rest_max = int(cv2.norm(again, pixels, cv2.NORM_INF, rest)) if rest.any() else 0
    if rest_max > tolerance:
        raise CannotSplice(f"pixels away from the mask would change by {rest_max}")
    edge = (near & ~changed).astype(np.uint8)
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    count = int(edge.sum()) * channels
    edge_max = int(cv2.norm(again, pixels, cv2.NORM_INF, edge)) if count else 0
    edge_mean = cv2.norm(again, pixels, cv2.NORM_L1, edge) / count if count else 0.0
    touched = touched_units(frame, changed)
    return Spliced(data, int(touched.sum()), touched.size, edge_max, edge_mean, rest_max)
