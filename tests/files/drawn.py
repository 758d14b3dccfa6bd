"""Drawn pictures for the tests of `files`, and the ways to and from the disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from p3m_anon.files.images import read


def photo(height: int = 48, width: int = 64, channels: int = 3, dtype: type = np.uint8) -> np.ndarray:
    """A smooth drawn picture with some noise."""
    rng = np.random.default_rng(height * width + channels)
    y, x = np.mgrid[:height, :width]
    planes = [
        (np.sin(x / 9 + k) + np.cos(y / 7 - k)) * 50 + 128 + rng.normal(0, 3, (height, width)) for k in range(channels)
    ]
    small = np.clip(np.stack(planes, axis=-1), 0, 255)
    scaled = (small * (257 if dtype is np.uint16 else 1)).astype(dtype)
    return scaled[..., 0] if channels == 1 else scaled


def saved(path: Path, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def reread(folder: Path, data: bytes, extension: str) -> np.ndarray:
    path = folder / f"again{extension}"
    path.write_bytes(data)
    return read(path).pixels
