"""The samples that one pixel gathers along rays, and the best pair of them (Gastal and Oliveira 2010, section 4.2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from p3m_anon.methods.sampling import mix_error, pair_alpha

if TYPE_CHECKING:
    from p3m_anon.methods.unknown_area import Floats, UnknownArea

RAYS = 4  # k_g
PATTERN = 3  # pixels: rays turn within squares of this side, so that neighbours look along other ones
FIT, PROBABILITY, FOREGROUND_NEAR, BACKGROUND_NEAR = 3, 2, 1, 4  # exponents e_N, e_A, e_f, e_b of equation 7
FLOOR = 1e-6  # of each factor: one that is exactly 0 would hide how bad the others are
SPREAD = 2  # rows and columns around a sample that its variance is measured over


class Gathered(NamedTuple):
    """Of each unknown pixel, the best pair: `foreground` and `background`, float64 (N, 3); the variances of the colours
    around each, float64 (N, 2); `paired`, bool (N,): its rays met both sides."""

    foreground: Floats
    background: Floats
    variances: Floats
    paired: npt.NDArray[np.bool_]


def gather(colours: npt.NDArray[np.float32], area: UnknownArea) -> Gathered:
    """The best pair of each unknown pixel; colours: (H, W, 3) in [0, 1]."""
    return Gathered(*_gathered(colours, area.index, area.foreground, area.pixels))


@njit(cache=True, nogil=True)
def _gathered(colours, index, is_foreground, pixels):  # type: ignore[no-untyped-def]
    width, count = index.shape[1], len(pixels)
    foreground, background = np.zeros((count, 3)), np.zeros((count, 3))
    variances, paired = np.zeros((count, 2)), np.zeros(count, np.bool_)
    places, energies = np.empty((2, RAYS, 2), np.int64), np.empty((2, RAYS))
    for pixel in range(count):
        y, x = pixels[pixel] // width, pixels[pixel] % width
        met = cast_rays(colours, index, is_foreground, y, x, places, energies)
        if met[0] == 0 or met[1] == 0:
            continue
        first, second = best_pair(colours, y, x, places, energies, met)
        paired[pixel] = True
        for channel in range(3):
            foreground[pixel, channel] = colours[places[0, first, 0], places[0, first, 1], channel]
            background[pixel, channel] = colours[places[1, second, 0], places[1, second, 1], channel]
        variances[pixel, 0] = _variance(colours, places[0, first, 0], places[0, first, 1])
        variances[pixel, 1] = _variance(colours, places[1, second, 0], places[1, second, 1])
    return foreground, background, variances, paired


@njit(cache=True, nogil=True)
def cast_rays(colours, index, is_foreground, y, x, places, energies):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """The first foreground and the first background pixel on each ray, and the energy of the way there (equation 5).

    Fills places (2, RAYS, 2), row and column, and energies (2, RAYS), of fore- and background; returns how many each.
    The energy is the squared change of colour along the ray, summed: how many edges lie between.
    """
    height, width = index.shape
    met = [0, 0]
    turn = ((y % PATTERN) * PATTERN + x % PATTERN) / (PATTERN * PATTERN)
    for ray in range(RAYS):
        angle = 2.0 * math.pi * (ray + turn) / RAYS
        down, across = math.sin(angle), math.cos(angle)
        longer = max(abs(down), abs(across))  # one pixel per step along the axis that the ray follows more closely
        down, across, length = down / longer, across / longer, 1.0 / longer
        open_ = [True, True]
        energy, before_y, before_x, step = 0.0, y, x, 0
        while open_[0] or open_[1]:
            step += 1
            y2, x2 = round(y + step * down), round(x + step * across)
            if not (0 <= y2 < height and 0 <= x2 < width):
                break
            for channel in range(3):
                change = float(colours[y2, x2, channel]) - float(colours[before_y, before_x, channel])
                energy += change * change / length
            before_y, before_x = y2, x2
            if index[y2, x2] >= 0:
                continue
            side = 0 if is_foreground[y2, x2] else 1
            if open_[side]:
                places[side, met[side], 0], places[side, met[side], 1] = y2, x2
                energies[side, met[side]] = energy
                met[side] += 1
                open_[side] = False
    return met[0], met[1]


@njit(cache=True, nogil=True)
def best_pair(colours, y, x, places, energies, met):  # type: ignore[no-untyped-def]
    """Which foreground and background sample fit a pixel best: the least of equation 7.

    places, energies: as `cast_rays` fills them; met: how many of each.
    """
    lowest = (energies[0, : met[0]].min(), energies[1, : met[1]].min())
    both = lowest[0] + lowest[1]
    probability = lowest[1] / both if both > 0.0 else 0.5  # of foreground (equation 4): no edge on the way there
    best, first, second = np.inf, 0, 0
    for f in range(met[0]):
        for b in range(met[1]):
            foreground = colours[places[0, f, 0], places[0, f, 1]]
            background = colours[places[1, b, 0], places[1, b, 1]]
            alpha = pair_alpha(colours[y, x], foreground, background)
            fit = max(_fit(colours, y, x, foreground, background), FLOOR)
            doubt = max(probability + (1.0 - 2.0 * probability) * alpha, FLOOR)
            cost = fit**FIT * doubt**PROBABILITY
            cost *= math.hypot(places[0, f, 0] - y, places[0, f, 1] - x) ** FOREGROUND_NEAR
            cost *= math.hypot(places[1, b, 0] - y, places[1, b, 1] - x) ** BACKGROUND_NEAR
            if cost < best:
                best, first, second = cost, f, b
    return first, second


@njit(cache=True, nogil=True)
def _fit(colours, y, x, foreground, background):  # type: ignore[no-untyped-def]
    """How badly the pair mixes the colours of the 3 x 3 pixels around one (equation 2)."""
    total = 0.0
    for y2 in range(max(y - 1, 0), min(y + 2, colours.shape[0])):
        for x2 in range(max(x - 1, 0), min(x + 2, colours.shape[1])):
            total += mix_error(colours[y2, x2], foreground, background) ** 2
    return total


@njit(cache=True, nogil=True)
def _variance(colours, y, x):  # type: ignore[no-untyped-def]
    """Mean squared distance of the colours around a sample from its own."""
    total, count = 0.0, 0
    for y2 in range(max(y - SPREAD, 0), min(y + SPREAD + 1, colours.shape[0])):
        for x2 in range(max(x - SPREAD, 0), min(x + SPREAD + 1, colours.shape[1])):
            for channel in range(3):
                total += (float(colours[y2, x2, channel]) - float(colours[y, x, channel])) ** 2
            count += 1
    return total / count
