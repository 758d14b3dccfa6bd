"""Unknown pixels whose surroundings look like known ones (the trimming of information-flow matting; see docs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from p3m_anon.methods.flows import KnownFlow, Scene, neighbours

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.methods.unknown_area import Floats

ALIKE, UNLIKE = 0.25, 0.9  # tau_c and tau_f: Bhattacharyya distances
LOOKED_AT = 10  # known patches of the most similar mean colour, on each side
_TIE = 1e-3  # place beside colour: the nearer of equal patches; a search tree of equal points alone would be one leaf
_NOISE = (1 / 255) ** 2  # variance that 8 bits leave unsaid: flat patches have none of their own
_CHUNK = 16384  # pixels at a time


class Patches(NamedTuple):
    """The colours of the 3 x 3 pixels around some: `means`, float64 (N, 3); `spreads`, covariances, (N, 3, 3)."""

    means: Floats
    spreads: Floats


def patch_flow(rgb: RGB, scene: Scene) -> KnownFlow:
    """Alpha 1 or 0, of weight 1, for unknown pixels that look like one side and unlike the other; weight 0 elsewhere.

    A hard decision, as the authors' trimming makes, would leave halos where blurred surroundings resemble both.
    """
    around = patches_around(rgb, scene.pixels)
    features = np.concatenate((around.means, _TIE * scene.places), axis=1)
    to_foreground, to_background = (
        _least_distance(around, side.start + neighbours(features[side], features[: scene.ends[0]], LOOKED_AT))
        for side in (slice(*scene.ends), slice(scene.ends[1], len(features)))
    )
    is_foreground = (to_foreground < ALIKE) & (to_background > UNLIKE)
    is_background = (to_background < ALIKE) & (to_foreground > UNLIKE)
    return KnownFlow(is_foreground.astype(float), (is_foreground | is_background).astype(float))


def patches_around(rgb: RGB, pixels: npt.NDArray[np.int64]) -> Patches:
    """The patches of some pixels, places in the flattened picture; its outermost pixels are repeated beyond them."""
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
    """The distance between normal distributions, float64 (N,)."""
    between = (one.spreads + other.spreads) / 2
    away = one.means - other.means
    apart = (away * np.linalg.solve(between, away[..., None])[..., 0]).sum(axis=-1) / 8
    volumes = np.linalg.det(one.spreads) * np.linalg.det(other.spreads)
    distance: Floats = apart + np.log(np.linalg.det(between) / np.sqrt(volumes)) / 2
    return distance


def _least_distance(patches: Patches, chosen: npt.NDArray[np.int64]) -> Floats:
    """Between each of the first N patches and those chosen for it, (N, K)."""
    least = np.full(len(chosen), np.inf)
    for start in range(0, len(least), _CHUNK):
        part = slice(start, min(start + _CHUNK, len(least)))
        here = Patches(patches.means[part], patches.spreads[part])
        for others in chosen[part].T:
            there = Patches(patches.means[others], patches.spreads[others])
            least[part] = np.minimum(least[part], bhattacharyya(here, there))
    return least
