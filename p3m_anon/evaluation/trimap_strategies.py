"""In which size, and in which pieces, a picture and its trimap go through a network that needs both.

What the trimap knows is taken from it: only unknown pixels are the network's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.evaluation.passes import Passes
from p3m_anon.evaluation.resize import Floats, resized
from p3m_anon.evaluation.strategies import in_size, padded, published_size
from p3m_anon.evaluation.tiles import spans
from p3m_anon.matting.pairs import restricted
from p3m_anon.matting.trimap import UNKNOWN

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap

TrimapStrategy = Callable[[Passes, "list[RGB]", "list[Trimap]"], "list[Floats]"]


def full(network: Passes, images: list[RGB], trimaps: list[Trimap]) -> list[Floats]:
    """One pass at full size, mirrored on to multiples of 32; memory grows with the picture."""
    height, width = images[0].shape[:2]
    pixels = np.stack([padded(one) for one in images]).astype(np.float32)
    alphas = network.alpha(pixels, np.stack([padded(one) for one in trimaps]))
    return _restricted(list(alphas[:, :height, :width]), trimaps)


def resize(network: Passes, images: list[RGB], trimaps: list[Trimap]) -> list[Floats]:
    """One pass at half the size, enlarged; the trimap's values are never mixed."""
    size = images[0].shape[:2]
    half = published_size(size[0] // 2, size[1] // 2)
    alphas = network.alpha(in_size(images, half), np.stack([nearest(one, half) for one in trimaps]))
    return _restricted([np.clip(resized(one, size), 0, 1) for one in alphas], trimaps)


def tiled(network: Passes, images: list[RGB], trimaps: list[Trimap]) -> list[Floats]:
    """Tiles at full size, of which those without unknown pixels are left out: the passes' memory does not grow."""
    return _restricted([_tiled(network, *pair) for pair in zip(images, trimaps, strict=True)], trimaps)


def nearest(trimap: Trimap, size: tuple[int, int]) -> Trimap:
    """A trimap (H, W) in another size (h, w): each pixel is the one under its centre."""
    rows, columns = (
        ((np.arange(after) + 0.5) * (before / after)).astype(int)
        for before, after in zip(trimap.shape, size, strict=True)
    )
    return np.ascontiguousarray(trimap[rows[:, None], columns])


def _tiled(network: Passes, rgb: RGB, trimap: Trimap) -> Floats:
    height, width = trimap.shape
    large, known = padded(rgb), padded(trimap)
    wanted = np.zeros(known.shape, np.bool_)
    wanted[:height, :width] = trimap == UNKNOWN
    alpha = np.zeros(known.shape, np.float32)
    for down in spans(known.shape[0]):
        for right in spans(known.shape[1]):
            weights = np.outer(down.weights, right.weights)
            if wanted[down.part, right.part].any(where=weights > 0):
                pixels = np.ascontiguousarray(large[down.part, right.part], np.float32)
                tile = np.ascontiguousarray(known[down.part, right.part])
                alpha[down.part, right.part] += weights * network.alpha(pixels[None], tile[None])[0]
    return np.clip(alpha[:height, :width], 0, 1)


def _restricted(alphas: list[Floats], trimaps: list[Trimap]) -> list[Floats]:
    return [restricted(alpha, trimap) for alpha, trimap in zip(alphas, trimaps, strict=True)]  # type: ignore[misc]


TRIMAP_STRATEGIES: dict[str, TrimapStrategy] = {"full": full, "resize": resize, "tiled": tiled}
