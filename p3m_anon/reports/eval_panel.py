"""One picture of an evaluation for people: image, alpha, prediction and where they differ, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from p3m_anon.reports.thumbnails import shrunken

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB

SIDE = 300  # pixels of the longer side of each part
GAP, GREY = 6, 128
TOO_MUCH, TOO_LITTLE = (255, 150, 40), (60, 160, 255)
"""Colours of the error map: the prediction is above the alpha, or below it."""


def eval_panel(rgb: RGB | None, alpha: npt.NDArray[np.floating], prediction: npt.NDArray[np.floating]) -> bytes:
    """The four parts of one height as JPEG.

    rgb: uint8 (H, W, 3), or None for a picture that is not there or does not fit; alpha, prediction: (H, W) in [0, 1].
    """
    mattes = [np.repeat(_levels(_shrunken(matte))[..., None], 3, axis=2) for matte in (alpha, prediction)]
    there = rgb is not None and rgb.shape[:2] == alpha.shape
    image = shrunken(rgb, SIDE) if there and rgb is not None else np.full_like(mattes[0], GREY)
    gap = np.full((image.shape[0], GAP, 3), GREY, np.uint8)
    strip = np.hstack([image, gap, mattes[0], gap, mattes[1], gap, error_map(alpha, prediction)])
    strip = cv2.cvtColor(strip, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, 85])[1])


def error_map(alpha: npt.NDArray[np.floating], prediction: npt.NDArray[np.floating]) -> RGB:
    """Black where both agree, TOO_MUCH or TOO_LITTLE where not; uint8 (h, w, 3), the longer side at most SIDE.

    Errors are averaged over what becomes one pixel, and then as bright as their root: so thin ones are seen, too.
    """
    error = np.subtract(prediction, alpha, dtype=np.float32)
    much = _shrunken(np.maximum(error, 0))
    little = np.maximum(much - _shrunken(error), 0)
    strength = np.sqrt(np.dstack([much, little]))
    out: RGB = np.clip(strength @ np.array([TOO_MUCH, TOO_LITTLE], np.float32), 0, 255).astype(np.uint8)
    return out


def _shrunken(matte: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """As `thumbnails.shrunken`, for one channel of float32."""
    scale = min(1.0, SIDE / max(matte.shape))
    size = max(1, round(matte.shape[1] * scale)), max(1, round(matte.shape[0] * scale))
    return np.asarray(cv2.resize(matte.astype(np.float32, copy=False), size, interpolation=cv2.INTER_AREA), np.float32)


def _levels(matte: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.rint(matte * 255).clip(0, 255).astype(np.uint8)
