"""Matting Laplacians that are sums over windows of 3 x 3 pixels, of the rows of unknown pixels only."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from p3m_anon.methods.unknown_area import LinearSystem, UnknownArea

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Mask

    Floats = npt.NDArray[np.float64]
    WindowBlocks = Callable[[Floats], Floats]
    """float64 (M, 9, 3), colours of M windows in [0, 1] -> float64 (M, 9, 9), what each adds to the Laplacian."""

_CHUNK = 8192  # windows at a time: 14 MB, and no faster above
_STEPS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]  # from the middle of a window to each of its pixels


def window_system(rgb: RGB, area: UnknownArea, blocks: WindowBlocks) -> LinearSystem:
    """L_uu x = -L_uk known, of the Laplacian of `rgb`, uint8 (H, W, 3), with known pixels held at 0 or 1.

    Every window with an unknown pixel takes part, of those that lie inside the picture as a whole.
    """
    return _held(area, _rows(rgb, area, blocks))


def _rows(rgb: RGB, area: UnknownArea, blocks: WindowBlocks) -> Floats:
    """(N, 5, 5): the Laplacian between an unknown pixel and each of its neighbours, by rows."""
    width = rgb.shape[1]
    colours, index = rgb.reshape(-1, 3), area.index.ravel()
    offsets = np.array([y * width + x for y, x in _STEPS])
    middles = np.flatnonzero(_with_unknown(area.unknown))
    rows = np.zeros((len(area.pixels), 5, 5))
    for start in range(0, len(middles), _CHUNK):
        members = middles[start : start + _CHUNK, None] + offsets
        parts = blocks(colours[members] / 255.0).reshape(-1, 9, 3, 3)
        for pixel, (y, x) in enumerate(_STEPS):  # each is in one window only as this member, so += meets no row twice
            numbers = index[members[:, pixel]]
            chosen = numbers >= 0
            rows[numbers[chosen], 1 - y : 4 - y, 1 - x : 4 - x] += parts[chosen, pixel]
    return rows


def _with_unknown(unknown: Mask) -> Mask:
    """The middles of the windows that hold an unknown pixel and lie inside the picture."""
    near = unknown.copy()
    near[1:] |= unknown[:-1]
    near[:-1] |= unknown[1:]
    middles = near.copy()
    middles[:, 1:] |= near[:, :-1]
    middles[:, :-1] |= near[:, 1:]
    middles[[0, -1]] = False
    middles[:, [0, -1]] = False
    return middles


def _held(area: UnknownArea, rows: Floats) -> LinearSystem:
    """Unknown columns become the matrix, known ones the right side."""
    from scipy.sparse import csr_matrix

    (height, width), count = area.index.shape, len(area.pixels)
    y, x = np.divmod(area.pixels, width)
    held = (area.foreground & ~area.unknown).ravel()
    right = np.zeros(count)
    columns = np.full((count, 5, 5), -1, np.int32)
    for down in range(5):
        for across in range(5):
            there, aside = y + down - 2, x + across - 2
            inside = (there >= 0) & (there < height) & (aside >= 0) & (aside < width)
            place = there * width + aside
            place[~inside] = 0
            columns[inside, down, across] = area.index.ravel()[place[inside]]
            right -= rows[:, down, across] * (held[place] & inside)
    kept = columns >= 0
    starts = np.concatenate(([0], np.cumsum(kept.sum(axis=(1, 2)))))
    return LinearSystem(csr_matrix((rows[kept], columns[kept], starts), (count, count)), right)
