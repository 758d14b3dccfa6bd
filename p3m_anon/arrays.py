"""Array names of the package, and checks of their contracts.

Shapes are height before width; points are x before y, in pixels, with integer coordinates at pixel
centres. numpy is imported for types only, so that `--help` stays light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    RGB: TypeAlias = npt.NDArray[np.uint8]  # (H, W, 3)
    Pixels: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]  # (H, W) or (H, W, 2|3|4), as stored
    AlphaPixels: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]  # (H, W), 0..255 or 0..65535
    Mask: TypeAlias = npt.NDArray[np.bool_]  # (H, W)
    Landmarks: TypeAlias = npt.NDArray[np.float64]  # (68, 2), iBUG order
    Box: TypeAlias = tuple[float, float, float, float]  # x0, y0, x1, y1


def check_rgb(rgb: RGB, name: str = "rgb") -> RGB:
    """Return `rgb` if it is uint8 (H, W, 3) and not empty; raise ValueError otherwise."""
    if rgb.ndim != 3 or rgb.shape[2] != 3 or str(rgb.dtype) != "uint8" or not rgb.size:
        raise ValueError(f"{name} must be uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
    return rgb


def check_landmarks(landmarks: Landmarks, name: str = "landmarks") -> Landmarks:
    """Return `landmarks` if they are (68, 2) and finite; raise ValueError otherwise."""
    if landmarks.shape != (68, 2):
        raise ValueError(f"{name} must have shape (68, 2), got {landmarks.shape}")
    if not (abs(landmarks) < 1e7).all():  # also false for nan and inf
        raise ValueError(f"{name} must be finite pixel coordinates")
    return landmarks


def reduced(rgb: RGB, size: tuple[int, int]) -> RGB:
    """A smaller copy of a picture by area averages.

    rgb: uint8 (H, W, 3). size: (width, height), nowhere larger than the picture. Halved first as often
    as it can be: averaging two by two is so much quicker that the whole takes a third of the time.
    """
    import cv2

    width, height = size
    while rgb.shape[1] >= 2 * width and rgb.shape[0] >= 2 * height:
        half = rgb.shape[1] // 2, rgb.shape[0] // 2
        rgb = cv2.resize(rgb[: 2 * half[1], : 2 * half[0]], half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    if rgb.shape[:2] != (height, width):
        rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    return rgb
