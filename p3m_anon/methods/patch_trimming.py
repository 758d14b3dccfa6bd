"""Unknown pixels whose surroundings look like known ones (Aksoy et al. 2017, supplement: trimap trimming)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from p3m_anon.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN
from p3m_anon.methods.unknown_area import unknown_area

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap
    from p3m_anon.methods.unknown_area import Floats, UnknownArea

    Pixels = npt.NDArray[np.int64]

ALIKE, UNLIKE = 0.25, 0.9  # tau_c and tau_f: Bhattacharyya distances
LOOKED_AT = 10  # known patches of the most similar mean colour, on each side
_NOISE = (1 / 255) ** 2  # variance of rounding to 8 bits: flat patches have none of their own
_CHUNK = 16384  # pixels at a time


class Patches(NamedTuple):
    """The colours of the 3 x 3 pixels around some: `means`, float64 (N, 3); `spreads`, covariances, (N, 3, 3)."""

    means: Floats
    spreads: Floats


def trim_by_patches(rgb: RGB, area: UnknownArea, foreground: Pixels, background: Pixels) -> UnknownArea:
    """The area without the unknown pixels that look like the one side and unlike the other; they become like it.

    foreground, background: the known pixels they are held against, places in the flattened picture.
    """
    patches = patches_around(rgb, area.pixels)
    far = [_least_distance(patches, patches_around(rgb, side)) for side in (foreground, background)]
    trimap: Trimap = np.where(area.foreground, FOREGROUND, BACKGROUND).astype(np.uint8)
    new = trimap.ravel()
    new[area.pixels] = UNKNOWN
    new[area.pixels[(far[0] < ALIKE) & (far[1] > UNLIKE)]] = FOREGROUND
    new[area.pixels[(far[1] < ALIKE) & (far[0] > UNLIKE)]] = BACKGROUND
    return unknown_area(rgb, trimap)


def patches_around(rgb: RGB, pixels: Pixels) -> Patches:
    """The patches of some pixels; beyond the picture's border, its outermost pixels are repeated."""
    height, width = rgb.shape[:2]
    y, x = np.divmod(pixels, width)
    total, products = np.zeros((len(pixels), 3)), np.zeros((len(pixels), 3, 3))
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            colour = rgb[np.clip(y + down, 0, height - 1), np.clip(x + across, 0, width - 1)] / 255.0
            total += colour
            products += colour[:, :, None] * colour[:, None]
    means = total / 9
    return Patches(means, products / 9 - means[:, :, None] * means[:, None] + _NOISE * np.eye(3))


def bhattacharyya(one: Patches, other: Patches) -> Floats:
    """The distance between normal distributions, float64 (N,); means (N, 3), spreads (N, 3, 3)."""
    between = (one.spreads + other.spreads) / 2
    away = one.means - other.means
    apart = (away * np.linalg.solve(between, away[..., None])[..., 0]).sum(axis=-1) / 8
    volumes = np.linalg.det(one.spreads) * np.linalg.det(other.spreads)
    distance: Floats = apart + np.log(np.linalg.det(between) / np.sqrt(volumes)) / 2
    return distance


def _least_distance(patches: Patches, known: Patches) -> Floats:
    """Between each patch and those of `known` that are nearest to it in mean colour."""
    from scipy.spatial import cKDTree

    tree = cKDTree(known.means)
    count = min(LOOKED_AT, len(known.means))
    least = np.full(len(patches.means), np.inf)
    for start in range(0, len(least), _CHUNK):
        part = slice(start, start + _CHUNK)
        here = Patches(*(array[part] for array in patches))
        nearest = tree.query(here.means, np.arange(1, count + 1))[1]
        for rank in range(count):
            there = Patches(*(array[nearest[:, rank]] for array in known))
            least[part] = np.minimum(least[part], bhattacharyya(here, there))
    return least
