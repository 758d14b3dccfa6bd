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
    grey = [shrunken(np.repeat(_levels(matte)[..., None], 3, axis=2), SIDE) for matte in (alpha, prediction)]
    there = rgb is not None and rgb.shape[:2] == alpha.shape
    image = shrunken(rgb, SIDE) if there and rgb is not None else np.full_like(grey[0], GREY)
    gap = np.full((image.shape[0], GAP, 3), GREY, np.uint8)
    parts = [image, gap, grey[0], gap, grey[1], gap, error_map(alpha, prediction, SIDE)]
    strip = cv2.cvtColor(np.hstack(parts), cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, 85])[1])


def error_map(alpha: npt.NDArray[np.floating], prediction: npt.NDArray[np.floating], side: int) -> RGB:
    """Black where both agree, TOO_MUCH or TOO_LITTLE where not; uint8 (h, w, 3), the longer side at most `side`.

    Errors are averaged over what becomes one pixel, and then as bright as their root: so thin ones are seen, too.
    """
    error = np.subtract(prediction, alpha, dtype=np.float32)
    signs = np.dstack([np.maximum(error, 0), np.maximum(-error, 0), np.zeros_like(error)])
    strength = np.sqrt(shrunken(signs, side)[..., :2])
    colours = np.array([TOO_MUCH, TOO_LITTLE], np.float32)
    out: RGB = np.clip(strength @ colours, 0, 255).astype(np.uint8)
    return out


def _levels(matte: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    return np.rint(np.multiply(matte, 255, dtype=np.float32)).astype(np.uint8)
