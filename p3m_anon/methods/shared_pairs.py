"""Pairs of samples shared among neighbouring pixels, then smoothed (Gastal and Oliveira 2010, sections 4.2 and 4.3)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from p3m_anon.methods.sampling import TRUST_DECAY, disk, mix_error, pair_alpha

if TYPE_CHECKING:
    from p3m_anon.methods.shared_rays import Gathered
    from p3m_anon.methods.unknown_area import Floats, UnknownArea

    Colours = npt.NDArray[np.float32]

SHARED = 200  # k_r: pixels whose pairs one looks at
AVERAGED = 3  # of them, those that fit best
SMOOTHED = 100  # m: pixels that are smoothed over


class Shared(NamedTuple):
    """Of each unknown pixel: `foreground` and `background`, float64 (N, 3); `alpha` and `trust`, float64 (N,)."""

    foreground: Floats
    background: Floats
    alpha: Floats
    trust: Floats


def share(colours: Colours, area: UnknownArea, gathered: Gathered) -> Shared:
    """The mean of the best pairs among the pixels around; colours: float32 (H, W, 3) in [0, 1].

    Where a pixel's own colour lies within the spread of a side's samples, it is that side's (equations 9 to 14).
    """
    return Shared(*_shared(colours, area.index, area.pixels, gathered, disk(SHARED)))


def smooth(colours: Colours, area: UnknownArea, shared: Shared) -> tuple[Floats, Floats]:
    """Alpha and trust, float64 (N,) in [0, 1], after means over the pixels around (equations 15 to 20)."""
    steps = disk(SMOOTHED)
    near = np.exp((steps**2).sum(axis=1) / (-2 * SMOOTHED / (9 * math.pi)))
    alpha, trust = _smoothed(colours, area.index, area.foreground, area.pixels, shared, steps, near)
    return alpha, trust


@njit(cache=True, nogil=True)
def _shared(colours, index, pixels, gathered, steps):  # type: ignore[no-untyped-def]
    width, count = index.shape[1], len(pixels)
    foreground, background = np.zeros((count, 3)), np.zeros((count, 3))
    alpha, trust = np.zeros(count), np.zeros(count)
    chosen, errors = np.empty(AVERAGED, np.int64), np.empty(AVERAGED)
    for pixel in range(count):
        y, x = pixels[pixel] // width, pixels[pixel] % width
        colour = colours[y, x]
        found = best_around(colours, index, y, x, gathered, steps, chosen, errors)
        if not found:
            continue  # no trust: the Laplacian decides
        f, b = foreground[pixel], background[pixel]
        spread_f, spread_b = 0.0, 0.0
        for one in chosen[:found]:
            for channel in range(3):
                f[channel] += gathered.foreground[one, channel] / found
                b[channel] += gathered.background[one, channel] / found
            spread_f += gathered.variances[one, 0] / found
            spread_b += gathered.variances[one, 1] / found
        trust[pixel] = math.exp(-TRUST_DECAY * mix_error(colour, f, b))
        for side, spread in ((f, spread_f), (b, spread_b)):
            if _distance(colour, side) ** 2 <= spread:
                side[:] = colour
        alpha[pixel] = pair_alpha(colour, f, b)
        if _distance(f, b) == 0.0:
            trust[pixel] = 0.0
    return foreground, background, alpha, trust


@njit(cache=True, nogil=True)
def best_around(colours, index, y, x, gathered, steps, chosen, errors):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """Whose pairs around a pixel mix its colour best, best first, into chosen (AVERAGED,); returns how many."""
    height, width = index.shape
    found = 0
    for down, across in steps:
        y2, x2 = y + down, x + across
        if not (0 <= y2 < height and 0 <= x2 < width) or index[y2, x2] < 0 or not gathered.paired[index[y2, x2]]:
            continue
        other = index[y2, x2]
        error = mix_error(colours[y, x], gathered.foreground[other], gathered.background[other])
        if found == AVERAGED and error >= errors[found - 1]:
            continue
        found = min(found + 1, AVERAGED)
        place = found - 1
        while place > 0 and errors[place - 1] > error:
            errors[place], chosen[place] = errors[place - 1], chosen[place - 1]
            place -= 1
        errors[place], chosen[place] = error, other
    return found


@njit(cache=True, nogil=True)
def _distance(one, other):  # type: ignore[no-untyped-def]
    square = 0.0
    for channel in range(3):
        square += (one[channel] - other[channel]) ** 2
    return math.sqrt(square)


@njit(cache=True, nogil=True)
def _smoothed(colours, index, is_foreground, pixels, shared, steps, near):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    width, count = index.shape[1], len(pixels)
    alpha, trust = np.zeros(count), np.zeros(count)
    f, b = np.empty(3), np.empty(3)
    for pixel in range(count):
        y, x = pixels[pixel] // width, pixels[pixel] % width
        usual = _means(index, y, x, pixel, shared, steps, near, f, b)
        apart = _distance(f, b)
        told_apart = min(1.0, apart / usual) if usual > 0.0 else (1.0 if apart > 0.0 else 0.0)
        trust[pixel] = told_apart * math.exp(-TRUST_DECAY * mix_error(colours[y, x], f, b))
        around = _mean_alpha(index, is_foreground, y, x, shared, steps, near)
        alpha[pixel] = trust[pixel] * pair_alpha(colours[y, x], f, b) + (1.0 - trust[pixel]) * around
    return alpha, trust


@njit(cache=True, nogil=True)
def _means(index, y, x, pixel, shared, steps, near, f, b):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """Mean colours of both sides into f and b (equations 15 to 17), and how far the two usually are apart (18)."""
    height, width = index.shape
    f[:], b[:] = 0.0, 0.0
    weight_f, weight_b, weight_apart, apart = 0.0, 0.0, 0.0, 0.0
    own = shared.alpha[pixel]
    for step in range(len(steps)):
        y2, x2 = y + steps[step, 0], x + steps[step, 1]
        if not (0 <= y2 < height and 0 <= x2 < width) or index[y2, x2] < 0:
            continue
        other = index[y2, x2]
        alpha, trust = shared.alpha[other], shared.trust[other]
        weight = near[step] * trust * (1.0 if other == pixel else abs(own - alpha))
        for channel in range(3):
            f[channel] += weight * alpha * shared.foreground[other, channel]
            b[channel] += weight * (1.0 - alpha) * shared.background[other, channel]
        weight_f += weight * alpha
        weight_b += weight * (1.0 - alpha)
        mixed = trust * alpha * (1.0 - alpha)
        apart += mixed * _distance(shared.foreground[other], shared.background[other])
        weight_apart += mixed
    f[:] = f / weight_f if weight_f > 0.0 else shared.foreground[pixel]
    b[:] = b / weight_b if weight_b > 0.0 else shared.background[pixel]
    return apart / weight_apart if weight_apart > 0.0 else 0.0


@njit(cache=True, nogil=True)
def _mean_alpha(index, is_foreground, y, x, shared, steps, near):  # type: ignore[no-untyped-def]  # noqa: PLR0913
    """Of the pixels around, known ones with full weight (equation 20); the pixel's own where none is trusted."""
    height, width = index.shape
    total, weights = 0.0, 0.0
    for step in range(len(steps)):
        y2, x2 = y + steps[step, 0], x + steps[step, 1]
        if not (0 <= y2 < height and 0 <= x2 < width):
            continue
        other = index[y2, x2]
        weight = near[step] * shared.trust[other] if other >= 0 else 1.0
        value = shared.alpha[other] if other >= 0 else (1.0 if is_foreground[y2, x2] else 0.0)
        total += weight * value
        weights += weight
    return total / weights if weights > 0.0 else shared.alpha[index[y, x]]
