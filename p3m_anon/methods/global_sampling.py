"""Global sampling (He, Rhemann, Rother, Tang and Sun, CVPR 2011): the best pair among all known boundary pixels.

All pairs of foreground and background samples span a plane, both sorted by intensity. Its best point is searched for
each pixel as PatchMatch does: neighbours' pairs are tried, then random ones in ever smaller windows around the best.
Then the matting Laplacian decides where even the best pair costs much.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from p3m_anon.matting.distance import distance_to
from p3m_anon.methods.sampling import colours_of, expand_known, laplacian_refine, mix_error, pair_alpha
from p3m_anon.methods.unknown_area import unknown_area

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Mask
    from p3m_anon.matting.trimap import Trimap
    from p3m_anon.methods.unknown_area import Alpha, Floats, UnknownArea

    Floats32 = npt.NDArray[np.float32]

EXPANSION = (10, 5.0)  # pixels, levels: shared sampling's, whose step it is (Gastal and Oliveira 2010, section 4.1)
ROUNDS = 10  # of propagation and random search
SEED = 0  # of the search: the same picture gives the same matte
COLOUR_UNIT = 255.0  # what a colour error of 1 weighs against a distance relative to the nearest sample's
COST_SCALE = 6.0  # trust in a pair is exp(-E / 6), as in the well-known port (atilimcetin/global-matting, MIT)


class Samples(NamedTuple):
    """Known pixels of one side, by rising intensity: their `places`, int32 (M, 2), row and column, and `colours`,
    float32 (M, 3); `nearest`: float32 (H, W), how far the closest of that side is from each pixel."""

    places: npt.NDArray[np.int32]
    colours: Floats32
    nearest: Floats32


def solve(rgb: RGB, trimap: Trimap) -> Alpha:
    """Alpha, float32 (H, W), of a picture, uint8 (H, W, 3), under its trimap, uint8 (H, W) of 0, 128, 255.

    Known pixels are exactly 0 or 1. Raises ValueError as `unknown_area` and `solve_system` do.
    """
    area = expand_known(rgb, unknown_area(rgb, trimap), *EXPANSION)
    if not len(area.pixels):
        return area.matte(np.zeros(0))
    foreground = samples(rgb, area.foreground)
    background = samples(rgb, ~area.unknown & ~area.foreground)
    colours = colours_of(rgb)
    pairs, costs = _search(colours, area, foreground, background)
    chosen = foreground.colours[pairs[:, 0]], background.colours[pairs[:, 1]]
    alpha = _alphas(colours.reshape(-1, 3)[area.pixels], *chosen)
    return area.matte(laplacian_refine(rgb, area, alpha, trust(costs)))


def trust(costs: Floats) -> Floats:
    """How far a pair is believed that costs E, float64 (N,): in (0, 1].

    Among all samples of a picture a pair that mixes the colour is nearly always found, so its colour error alone says
    little; E tells a good pair from one that fits by chance and lies far away.
    """
    return np.exp(-costs / COST_SCALE)


def samples(rgb: RGB, side: Mask) -> Samples:
    """The pixels of `side`, bool (H, W), that touch another one, or one diagonally; there is at least one inside."""
    import cv2

    inner = cv2.erode(side.view(np.uint8), np.ones((3, 3), np.uint8))  # the picture's own border is not eroded
    places = np.argwhere(side & (inner == 0)).astype(np.int32)
    colours = colours_of(rgb[places[:, 0], places[:, 1]])
    order = np.argsort(colours.sum(axis=1), kind="stable")
    return Samples(places[order], colours[order], distance_to(side))


def _search(
    colours: Floats32, area: UnknownArea, foreground: Samples, background: Samples
) -> tuple[npt.NDArray[np.int32], Floats]:
    """The pair of each unknown pixel, int32 (N, 2), places in the two lists; and what it costs, float64 (N,)."""
    generator = np.random.default_rng(SEED)
    counts = np.array([len(foreground.places), len(background.places)])
    pairs = generator.integers(0, counts, (len(area.pixels), 2)).astype(np.int32)
    costs = np.full(len(area.pixels), np.inf)
    windows = math.ceil(math.log2(counts.max())) + 1
    for turn in range(ROUNDS):
        draws = generator.random((len(area.pixels), windows, 2), np.float32)
        _improve(colours, area.pixels, area.index, foreground, background, pairs, costs, draws, turn % 2 == 0)
    return pairs, costs


@njit(cache=True, nogil=True)
def pair_cost(colours, y, x, foreground, background, pair):  # type: ignore[no-untyped-def]
    """E = 255 |I - alpha F - (1 - alpha) B| + |x_F - x_I| / D_F + |x_B - x_I| / D_B (equations 2 to 5)."""
    cost = COLOUR_UNIT * mix_error(colours[y, x], foreground.colours[pair[0]], background.colours[pair[1]])
    for number, side in ((pair[0], foreground), (pair[1], background)):
        cost += math.hypot(side.places[number, 0] - y, side.places[number, 1] - x) / side.nearest[y, x]
    return cost


@njit(cache=True, nogil=True)
def _improve(colours, pixels, index, foreground, background, pairs, costs, draws, forward):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """One round, in place, in raster order or against it."""
    height, width = index.shape
    counts = (len(foreground.places), len(background.places))
    tried = np.empty(2, np.int32)
    back = -1 if forward else 1
    for turn in range(len(pixels)):
        pixel = turn if forward else len(pixels) - 1 - turn
        y, x = pixels[pixel] // width, pixels[pixel] % width
        best, cost = pairs[pixel], costs[pixel]
        if cost == np.inf:
            cost = pair_cost(colours, y, x, foreground, background, best)
        for y2, x2 in ((y + back, x), (y, x + back)):
            if 0 <= y2 < height and 0 <= x2 < width and index[y2, x2] >= 0:
                tried[:] = pairs[index[y2, x2]]
                new = pair_cost(colours, y, x, foreground, background, tried)
                if new < cost:
                    cost = new
                    best[:] = tried
        share = 1.0
        for step in range(draws.shape[1]):
            for side in range(2):
                away = (2.0 * draws[pixel, step, side] - 1.0) * share * counts[side]
                tried[side] = min(max(best[side] + round(away), 0), counts[side] - 1)
            new = pair_cost(colours, y, x, foreground, background, tried)
            if new < cost:
                cost = new
                best[:] = tried
            share /= 2.0
        costs[pixel] = cost


@njit(cache=True, nogil=True)
def _alphas(colours, foreground, background):  # type: ignore[no-untyped-def]
    """Of (N, 3) each: float64 (N,)."""
    alpha = np.empty(len(colours))
    for pixel in range(len(colours)):
        alpha[pixel] = pair_alpha(colours[pixel], foreground[pixel], background[pixel])
    return alpha
