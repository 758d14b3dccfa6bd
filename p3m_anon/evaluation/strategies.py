"""In which size, and in which pieces, a picture goes through the network.

`resize` and `hybrid` are those of the published code (JizhiziLi/P3M and GFM), `full` and `tiled` our own. `hybrid` and
`tiled` take a network of two branches. Networks that need a trimap have others: `trimap_strategies`.
docs/decisions/0050-inference.md says why they are as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from p3m_anon.arrays import reduced
from p3m_anon.evaluation.passes import Passes
from p3m_anon.evaluation.resize import Floats, resized
from p3m_anon.evaluation.tiles import spans
from p3m_anon.methods.network import BACKGROUND, FOREGROUND, MULTIPLE, TRANSITION

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB

Classes = npt.NDArray[np.uint8]
Strategy = Callable[[Passes, "list[RGB]"], "list[Floats]"]

LARGEST = 1600  # pixels, of either side of a published pass
OVERVIEW = 540 * 960  # pixels of the small copy in which `tiled` sees the whole picture


def resize(network: Passes, images: list[RGB]) -> list[Floats]:
    """One pass at half the size, enlarged."""
    size = images[0].shape[:2]
    fused = network.alpha(in_size(images, published_size(size[0] // 2, size[1] // 2)))
    return [np.clip(resized(one, size), 0, 1) for one in fused]


def hybrid(network: Passes, images: list[RGB], shares: tuple[float, float] = (1 / 2, 1)) -> list[Floats]:
    """What is foreground and background from one pass, the transition region from a larger one.

    shares: of the picture's sides, for the two; by default P3M's.
    """
    size = images[0].shape[:2]
    coarse, fine = (published_size(*(int(side * share) for side in size)) for share in shares)
    classes = network.classes(in_size(images, coarse))
    local = network.local(in_size(images, fine))
    pairs = zip(classes, local, strict=True)
    return [_fused(enlarged_classes(known, size), resized(alpha, size)) for known, alpha in pairs]


def full(network: Passes, images: list[RGB]) -> list[Floats]:
    """One pass at full size, undistorted; memory grows with the picture."""
    height, width = images[0].shape[:2]
    fused = network.alpha(np.stack([padded(one) for one in images]).astype(np.float32))
    return list(fused[:, :height, :width])


def tiled(network: Passes, images: list[RGB]) -> list[Floats]:
    """The whole in a small copy decides what is foreground and background, tiles at full size the transition region.

    Nothing is distorted, and the passes' memory does not grow with the picture. Tiles without transition are left out.
    """
    return [_tiled(network, rgb) for rgb in images]


def published_size(height: int, width: int) -> tuple[int, int]:
    """Each side for itself: rounded down to a multiple of 32, at most 1600; at least 32, where the published fails."""
    return _side(height), _side(width)


def padded(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """(H, W) or (H, W, 3), mirrored on at the bottom and the right until both sides are multiples of 32."""
    height, width = pixels.shape[:2]
    more = ((0, -height % MULTIPLE), (0, -width % MULTIPLE), (0, 0))
    return np.pad(pixels, more[: pixels.ndim], mode="reflect")


def enlarged_classes(classes: Classes, size: tuple[int, int]) -> Classes:
    """Classes (h, w) in another size: transition, but for pixels that take part in one class only.

    The published code resizes a map of 0, 128 and 255, and takes what is exactly 0 or 255 for known. Here that is
    decided without rounding: a weighted sum of zeros is zero.
    """
    known = np.full(size, TRANSITION, np.uint8)
    for one in (BACKGROUND, FOREGROUND):
        known[resized(classes != one, size) == 0] = one
    return known


def tiled_local(network: Passes, rgb: RGB, wanted: npt.NDArray[np.bool_]) -> Floats:
    """Alpha for the transition region, float32 (H, W), put together from tiles; right where `wanted` (H, W) is True.

    rgb: sides are multiples of 32.
    """
    local = np.zeros(rgb.shape[:2], np.float32)
    for down in spans(rgb.shape[0]):
        for right in spans(rgb.shape[1]):
            weights = np.outer(down.weights, right.weights)
            if wanted[down.part, right.part].any(where=weights > 0):
                tile = np.ascontiguousarray(rgb[down.part, right.part], np.float32)
                local[down.part, right.part] += weights * network.local(tile[None])[0]
    return local


def _tiled(network: Passes, rgb: RGB) -> Floats:
    height, width = rgb.shape[:2]
    classes = enlarged_classes(_overview(network, rgb), (height, width))
    large = padded(rgb)
    wanted = np.zeros(large.shape[:2], np.bool_)
    wanted[:height, :width] = classes == TRANSITION
    return _fused(classes, tiled_local(network, large, wanted)[:height, :width])


def _overview(network: Passes, rgb: RGB) -> Classes:
    """Classes of a copy of at most half the size and about OVERVIEW pixels, the size that networks are trained on."""
    height, width = rgb.shape[:2]
    factor = min(0.5, (OVERVIEW / (height * width)) ** 0.5)
    small = reduced(rgb, (max(1, round(factor * width)), max(1, round(factor * height))))
    classes = network.classes(padded(small)[None].astype(np.float32))[0]
    return classes[: small.shape[0], : small.shape[1]]


def _fused(classes: Classes, local: Floats) -> Floats:
    """`local` (H, W) in the transition region of `classes` (H, W), 0 in the background and 1 in the foreground."""
    alpha = np.clip(local, 0, 1)
    alpha[classes == BACKGROUND] = 0
    alpha[classes == FOREGROUND] = 1
    return alpha


def in_size(images: list[RGB], size: tuple[int, int]) -> Floats:
    """Float32 (B, h, w, 3) in 0..255, for a pass."""
    return np.stack([resized(one, size) for one in images])


def _side(pixels: int) -> int:
    return max(MULTIPLE, min(LARGEST, pixels - pixels % MULTIPLE))


STRATEGIES: dict[str, Strategy] = {"hybrid": hybrid, "resize": resize, "full": full, "tiled": tiled}
