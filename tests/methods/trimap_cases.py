"""Drawn pictures with trimaps, for the methods that are solved from them."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image


class Case(NamedTuple):
    """rgb: uint8 (H, W, 3). trimap: uint8 (H, W). alpha: float64 (H, W), what the picture was composed with."""

    rgb: np.ndarray
    trimap: np.ndarray
    alpha: np.ndarray


def composite(height=60, width=72, seed=0):
    """A soft disc of warm noise over cold noise, and a band of unknown pixels around its edge."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - height / 2, x - width / 2)
    alpha = np.clip((min(height, width) / 3 - distance) / 6 + 0.5, 0, 1)
    front = rng.normal((190, 130, 70), 14, (height, width, 3))
    back = rng.normal((50, 90, 150), 14, (height, width, 3))
    rgb = np.clip(alpha[..., None] * front + (1 - alpha[..., None]) * back, 0, 255).astype(np.uint8)
    trimap = np.where(alpha == 1, 255, np.where(alpha == 0, 0, 128)).astype(np.uint8)
    near = cv2.dilate((trimap == 128).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    trimap[near] = 128
    return Case(rgb, trimap, alpha)


def real(folder, name, factor=2):
    """A portrait of the examples, its sides divided by `factor`, with the published trimap of its alpha."""
    from p3m_anon.matting.trimap import published_trimap

    with Image.open(folder / "p3m_samples" / "image" / f"{name}.jpg") as file:
        image = file.convert("RGB")
    with Image.open(folder / "p3m_samples" / "alpha" / f"{name}.png") as file:
        alpha = file.convert("L")
    size = image.width // factor, image.height // factor
    small = np.asarray(alpha.resize(size, Image.Resampling.BOX))
    rgb = np.asarray(image.resize(size, Image.Resampling.BOX))
    return Case(rgb, published_trimap(small, 25), small / 255)
