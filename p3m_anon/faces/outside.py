"""Outside the mask the output must be the source, as far as the file's `fidelity` promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB, Mask, Pixels

BLOCK = 8
MASK_SIDE = 16  # pixels
CODING_NOISE = 35.0
"""Levels by which such an area may differ on average: on 23 portraits coding alone moves it by up to 22 (JPEG at 75)
and 26 (at 50), a blurred face by 56 at least."""

ROUNDING = 2.0
"""Grey levels by which decoding may round: the inverse transform, colour conversion and clipping, together."""


@dataclass(frozen=True)
class Outside:
    """How the output differs from the source outside the mask.

    checked: number of pixels compared. wrong: pixels (or pixels of blocks) beyond the promise. worst: the largest
    difference found and limit: the largest promised, both in `unit`. at: x, y of the worst, None if nothing is wrong.
    """

    checked: int
    wrong: int
    worst: float
    limit: float
    unit: str
    at: tuple[int, int] | None = None


def equal_outside(before: Pixels, after: Pixels, touched: Mask, tolerance: int = 0) -> Outside:
    """Native pixels of source and output must be equal where `touched`, bool (H, W), is False.

    before, after: uint8 or uint16, (H, W) or (H, W, C), of one shape and type; ValueError if they are not.
    tolerance: levels by which they may differ all the same.
    """
    if before.shape != after.shape or before.dtype != after.dtype:
        raise ValueError(
            f"source and output must be alike, got {before.dtype} {before.shape} and {after.dtype} {after.shape}"
        )
    difference = np.abs(before.astype(np.int32) - after)
    apart = difference.max(-1) if difference.ndim == 3 else difference
    apart = np.where(touched, 0, apart)
    wrong = int(np.count_nonzero(apart > tolerance))
    checked = int(touched.size - np.count_nonzero(touched))
    worst = float(apart.max(initial=0))
    return Outside(checked, wrong, worst, float(tolerance), "levels", _where(apart) if wrong else None)


def coding_blocks(mask: Mask, across: int, down: int) -> Mask:
    """Pixels that a JPEG of this sampling may change for the sake of a mask, bool (H, W).

    They are the coding units (8 x `across` by 8 x `down` pixels) that the mask touches, and where colour is stored at
    half size one pixel around them, as far as its interpolation reaches.
    """
    import cv2

    height, width = mask.shape
    tall, wide = BLOCK * down, BLOCK * across
    padded = np.zeros((-(-height // tall) * tall, -(-width // wide) * wide), bool)
    padded[:height, :width] = mask
    units = padded.reshape(padded.shape[0] // tall, tall, padded.shape[1] // wide, wide).any((1, 3))
    touched = np.repeat(np.repeat(units, tall, 0), wide, 1)[:height, :width]
    if across > 1 or down > 1:
        touched = cv2.dilate(touched.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.asarray(touched, np.bool_)


def jpeg_limit(table: tuple[int, ...]) -> float:
    """The largest RMS error, in grey levels, of an 8 x 8 block that is coded once with these 64 steps.

    Each coefficient moves by at most half its step, and the transform keeps sums of squares (Parseval), so the error
    over the block is at most sqrt(sum (q / 2)^2 / 64).
    """
    steps = np.asarray(table, np.float64)
    return float(np.sqrt(np.square(steps / 2).sum() / 64)) + ROUNDING


def close_outside(before: RGB, after: RGB, mask: Mask, limit: float) -> Outside:
    """Luma outside the mask must be as close as one more JPEG coding leaves it.

    before, after: rgb uint8 (H, W, 3). limit: RMS in grey levels that an 8 x 8 block may have, see `jpeg_limit`. In a
    block that the mask touches the error of its outside pixels alone is bounded by the same sum.
    """
    from p3m_anon.faces.detail import grey

    error = np.where(mask, 0, np.square(grey(after) - grey(before)))
    height, width = mask.shape
    padded = np.zeros((-(-height // BLOCK) * BLOCK, -(-width // BLOCK) * BLOCK), np.float32)
    padded[:height, :width] = error
    blocks = padded.reshape(padded.shape[0] // BLOCK, BLOCK, padded.shape[1] // BLOCK, BLOCK)
    rms = np.sqrt(blocks.sum((1, 3)) / BLOCK**2)
    over = rms > limit
    wrong = int(np.count_nonzero(over)) * BLOCK**2
    x, y = _where(rms)
    checked = int(mask.size - np.count_nonzero(mask))
    return Outside(checked, wrong, float(rms.max()), limit, "RMS of a block", (x * BLOCK, y * BLOCK) if wrong else None)


def unchanged(before: RGB, after: RGB) -> bool:
    """Nothing was masked: no area of MASK_SIDE squared pixels differs by more than coding noise on average."""
    import cv2

    size = (max(1, before.shape[1] // MASK_SIDE), max(1, before.shape[0] // MASK_SIDE))
    difference = cv2.absdiff(before, after).max(-1)
    return float(cv2.resize(difference, size, interpolation=cv2.INTER_AREA).max()) < CODING_NOISE


def _where(values: npt.NDArray[Any]) -> tuple[int, int]:
    y, x = np.unravel_index(int(values.argmax()), values.shape)
    return int(x), int(y)
