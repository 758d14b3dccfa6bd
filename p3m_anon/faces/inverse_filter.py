"""What a linear filter brings back of a Gaussian blur whose strength is known: the attack that `audit` runs.

The blurred pixels are a linear function of what was there, and everything outside the mask is still there. So the
attacker solves least squares for the hidden pixels alone. No learned prior: what this brings back is in the file.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.faces.patch import from_mask

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB, Mask
    from p3m_anon.faces.patch import Patch

    Colour = npt.NDArray[np.float32]  # (h, w, 3)

SIDE = 64.0  # width in pixels at which a face is attacked; averaging to it also averages the rounding noise away
STEPS = 80  # of conjugate gradients
NOISES = (0.03, 0.1)
"""Weights of the penalty on gradients that are tried: how noisy the attacker takes the data to be. On 13 faces at sigma
0.1 to 0.3 w these two bring back most; 0.01 and less amplify the rounding to 8 bits, 0.3 smooths too much."""


def attacked(rgb: RGB, hidden: Patch, sigma: float, width: float, noise: float = NOISES[0]) -> RGB:
    """A copy of rgb, uint8 (H, W, 3), with the hidden pixels restored as well as a linear filter can.

    hidden: the adjusted mask of one face. sigma: of the blur, in pixels of the picture. width: of the face. noise: how
    little the data are trusted, see NOISES.
    """
    import cv2

    if not hidden.area or sigma <= 0:
        return rgb.copy()
    (rows, cols), margin = hidden.slices, math.ceil(3 * sigma)
    y0, y1 = max(rows.start - margin, 0), min(rows.stop + margin, rgb.shape[0])
    x0, x1 = max(cols.start - margin, 0), min(cols.stop + margin, rgb.shape[1])
    near = rgb[y0:y1, x0:x1]
    mask = np.zeros(near.shape[:2], np.float32)
    mask[rows.start - y0 : rows.stop - y0, cols.start - x0 : cols.stop - x0] = hidden.mask
    scale = min(1.0, SIDE / max(width, 1.0))
    size = (max(1, round(near.shape[1] * scale)), max(1, round(near.shape[0] * scale)))
    small = np.asarray(cv2.resize(near, size, interpolation=cv2.INTER_AREA), np.float32)
    inside = np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA)) > 0.5
    restored = deconvolved(small, inside, sigma * scale, noise)
    large = cv2.resize(restored, (near.shape[1], near.shape[0]), interpolation=cv2.INTER_LINEAR)
    out = rgb.copy()
    whole = np.rint(np.clip(large, 0, 255)).astype(np.uint8)
    out[y0:y1, x0:x1] = np.where(mask[..., None] > 0, whole, near)
    return out


def deconvolved(picture: Colour, hidden: Mask, sigma: float, noise: float = NOISES[0]) -> Colour:
    """Least squares for the hidden pixels x of a picture float32 (h, w, 3), 0..255, by conjugate gradients.

    minimise |M (G x - picture)|^2 + noise^2 |D x|^2 over x on the mask M, with x = picture elsewhere; G is the
    Gaussian, borders reflected, D the differences between neighbours. Only the mask's rectangle is worked on: G is
    separable, so it is a product with two small matrices.
    """
    spot = from_mask(hidden)
    if not spot.area:
        return picture.copy()
    rows, cols = spot.slices
    down, across = _gaussian(picture.shape[0], rows, sigma), _gaussian(picture.shape[1], cols, sigma)
    inside = spot.mask[..., None].astype(np.float32)
    known = picture.copy()
    known[spot.slices] *= 1 - inside
    given = inside * (picture[spot.slices] - _both(known, down, across))
    down, across = np.ascontiguousarray(down[:, rows]), np.ascontiguousarray(across[:, cols])
    up, back = np.ascontiguousarray(down.T), np.ascontiguousarray(across.T)

    def normal(x: Colour) -> Colour:
        twice = _both(inside * _both(x, down, across), up, back)
        return inside * (twice - noise**2 * _laplacian(x))

    target = inside * (_both(given, up, back) + noise**2 * _laplacian(known)[spot.slices])
    x = picture[spot.slices] * inside
    residual = target - normal(x)
    step, energy = residual, float((residual**2).sum())
    for _ in range(STEPS):
        if energy < 1e-6:
            break
        moved = normal(step)
        length = energy / max(float((step * moved).sum()), 1e-12)
        x, residual = x + length * step, residual - length * moved
        new = float((residual**2).sum())
        step, energy = residual + new / energy * step, new
    known[spot.slices] += x
    return known


def _gaussian(length: int, kept: slice, sigma: float) -> npt.NDArray[np.float32]:
    """Rows `kept` of the (length, length) matrix that blurs a line, cut at 3 sigma, with its ends reflected."""
    reach = math.ceil(3 * sigma)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    rows = np.arange(kept.start, kept.stop)
    places = rows[:, None] + offsets
    period = max(2 * (length - 1), 1)
    places = np.abs((places + length - 1) % period - (length - 1)) if length > 1 else np.zeros_like(places)
    matrix = np.zeros((rows.size, length), np.float32)
    np.add.at(matrix, (np.arange(rows.size)[:, None], places), kernel)
    return matrix


def _both(picture: Colour, down: npt.NDArray[np.float32], across: npt.NDArray[np.float32]) -> Colour:
    """Blur along columns, then along rows.

    By OpenCV's product: numpy's spreads even matrices this small over all cores, and several pictures worked on at
    once then wait for each other, ten times as long as the work takes.
    """
    import cv2

    height, width, channels = picture.shape
    nothing = np.zeros((0, 0), np.float32)
    flat = cv2.gemm(down, np.ascontiguousarray(picture).reshape(height, width * channels), 1, nothing, 0)
    turned = np.ascontiguousarray(np.reshape(flat, (-1, width, channels)).transpose(1, 0, 2))
    flat = cv2.gemm(across, turned.reshape(width, -1), 1, nothing, 0)
    both = np.reshape(flat, (across.shape[0], down.shape[0], channels)).transpose(1, 0, 2)
    return np.ascontiguousarray(both, np.float32)


def _laplacian(picture: Colour) -> Colour:
    import cv2

    return np.asarray(cv2.Laplacian(picture, cv2.CV_32F, borderType=cv2.BORDER_CONSTANT), np.float32)
