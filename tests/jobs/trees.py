"""A tiny dataset in the P3M-10k form, drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from p3m_anon.dataset.layout import folder
from p3m_anon.dataset.rows import SPLITS

WIDTH, HEIGHT = 24, 16


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


def make_tree(root: Path, count: int = 2, *, validation: bool = True) -> Path:
    """`count` pictures in each split, with alphas and trimaps; ids are `p_<split>_<number>`."""
    for split in SPLITS:
        for number in range(count):
            add(root, split, number, validation=validation)
    return root


def add(root: Path, split: str, number: int, *, validation: bool = True) -> Path:
    """One more picture; its image."""
    random = np.random.default_rng([SPLITS.index(split), number])
    rgb = random.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    trimap = random.choice(np.array([0, 128, 255], np.uint8), (HEIGHT, WIDTH))
    name = f"p_{split}_{number}"
    places = {role: root / folder(split, role, validation=validation) for role in ("image", "alpha", "trimap")}
    save(places["alpha"] / f"{name}.png", rgb[..., 0])
    save(places["trimap"] / f"{name}.png", trimap)
    return save(places["image"] / f"{name}.jpg", rgb)
