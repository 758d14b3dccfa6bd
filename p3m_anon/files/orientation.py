"""EXIF orientation: the eight ways to turn stored pixels upright."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2

if TYPE_CHECKING:
    from p3m_anon.arrays import Pixels


def turn_upright(pixels: Pixels, orientation: int) -> Pixels:
    """Stored pixels (H, W) or (H, W, C), uint8 or uint16, as EXIF `orientation` 1..8 wants them shown.

    Orientations 5 to 8 swap height and width. 1 returns the argument itself. ValueError for any other number.
    """
    if not 1 <= orientation <= 8:
        raise ValueError(f"orientation must be 1 to 8, got {orientation}")
    if orientation == 1:
        return pixels
    turned: Any = cv2.transpose(pixels) if orientation >= 5 else pixels
    # After the transposition of 5..8, each orientation is a mirror image of one axis, of both, or of none.
    axis = {2: 1, 3: -1, 4: 0, 5: None, 6: 1, 7: -1, 8: 0}[orientation]
    turned = turned if axis is None else cv2.flip(turned, axis)
    upright: Pixels = turned
    return upright


def upright_size(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(W, H) as stored -> (W, H) as shown."""
    return (size[1], size[0]) if orientation >= 5 else size
