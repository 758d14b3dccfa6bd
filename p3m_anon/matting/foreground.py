"""Foreground and background layers of a picture, from its alpha: I = alpha F + (1 - alpha) B.

The estimator is Germer et al., Fast Multi-Level Foreground Estimation (ICPR 2020), as the package pymatting has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from p3m_anon.arrays import check_rgb

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, AlphaPixels

_ROWS = 128  # at a time, so that floating-point copies stay small


class Layers(NamedTuple):
    """`foreground` and `background`: uint8 (H, W, 3)."""

    foreground: RGB
    background: RGB


class Residual(NamedTuple):
    """How far I is from alpha F + (1 - alpha) B, in levels of 255: over all pixels and channels."""

    mean: float
    max: float


def estimate_layers(rgb: RGB, alpha: AlphaPixels) -> Layers:
    """Estimate the layers of `rgb`, uint8 (H, W, 3).

    alpha: uint8 or uint16 (H, W), full scale 255 or 65535, used in its own depth. Where it is full the foreground
    equals the picture, where it is 0 the background does, bit for bit: there the equation leaves no choice, while
    the estimator smooths across hard edges. The same input always gives the same bytes. The first call loads
    pymatting, which takes half a second, and half a minute where numba has not compiled it before.
    """
    _check(rgb, alpha)
    if rgb.shape[:2] == (1, 1):  # the estimator has no levels there and divides by their number
        return Layers(rgb.copy(), rgb.copy())
    from pymatting import estimate_foreground_ml

    estimated = estimate_foreground_ml(rgb / np.float32(255), _share(alpha), return_background=True)
    foreground, background = (_levels(one) for one in estimated)
    del estimated
    for layer, known in ((foreground, alpha == np.iinfo(alpha.dtype).max), (background, alpha == 0)):
        layer[known] = rgb[known]
    return Layers(foreground, background)


def reconstruction_error(rgb: RGB, alpha: AlphaPixels, layers: Layers) -> Residual:
    """What is left between `rgb` and its layers as they were written, all uint8 (H, W, 3); alpha as above."""
    _check(rgb, alpha)
    for name, layer in zip(Layers._fields, layers, strict=True):
        if check_rgb(layer, name).shape != rgb.shape:
            raise ValueError(f"{name} must be {rgb.shape} as rgb is, got {layer.shape}")
    total, worst = 0.0, 0.0
    for start in range(0, rgb.shape[0], _ROWS):
        rows = slice(start, start + _ROWS)
        a = _share(alpha[rows])[..., None]
        composite = a * layers.foreground[rows] + (1 - a) * layers.background[rows]
        error = np.abs(rgb[rows] - composite)
        total += float(error.sum(dtype=np.float64))
        worst = max(worst, float(error.max()))
    return Residual(total / rgb.size, worst)


def _check(rgb: RGB, alpha: AlphaPixels) -> None:
    check_rgb(rgb)
    if alpha.shape != rgb.shape[:2] or alpha.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"alpha must be uint8 or uint16 {rgb.shape[:2]} as rgb is, got {alpha.dtype} {alpha.shape}")


def _share(alpha: AlphaPixels) -> npt.NDArray[np.float32]:
    """0 to 1."""
    return alpha.astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)


def _levels(layer: npt.NDArray[np.float32]) -> RGB:
    """Rounded to uint8, some rows at a time."""
    out = np.empty(layer.shape, np.uint8)
    for start in range(0, layer.shape[0], _ROWS):
        rows = slice(start, start + _ROWS)
        out[rows] = np.clip(layer[rows] * 255 + 0.5, 0, 255)
    return out
