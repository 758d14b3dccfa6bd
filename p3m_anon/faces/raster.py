"""Polygon -> pixels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.faces.patch import Patch

if TYPE_CHECKING:
    import numpy.typing as npt
    from shapely import Polygon

MOST_CUTS = 4_000_000  # rows times edges looked at at once, 8 bytes each and a few times over


def rasterize(polygon: Polygon, size: tuple[int, int]) -> Patch:
    """Pixels of a (height, width) picture whose centre lies in the polygon or on its left or right edge.

    polygon: a simple shapely polygon in pixels. Each row is cut with all edges and filled between
    the cuts, both ends included. Drawing libraries round the edges to one side, so that a mirrored
    face would get another mask; this one is mirrored exactly.
    """
    height, width = size
    x0, y0, x1, y1 = polygon.bounds if not polygon.is_empty else (0, 0, -1, -1)
    left, right = max(math.ceil(x0), 0), min(math.floor(x1), width - 1)
    top, bottom = max(math.ceil(y0), 0), min(math.floor(y1), height - 1)
    if left > right or top > bottom:
        return Patch(0, 0, np.zeros((0, 0), bool))
    cols = np.arange(left, right + 1)
    mask = np.zeros((bottom + 1 - top, cols.size), bool)
    ring = np.asarray(polygon.exterior.coords)
    band = max(1, MOST_CUTS // len(ring))  # a few rows at a time where there are very many edges
    for start in range(0, len(mask), band):
        part = mask[start : start + band]
        cuts = _cuts(ring, np.arange(top + start, top + start + len(part))[:, None])
        for pair in range(0, cuts.shape[1] - 1, 2):
            part |= (cols >= np.ceil(cuts[:, pair, None])) & (cols <= np.floor(cuts[:, pair + 1, None]))
    return Patch(top, left, mask)


def _cuts(ring: npt.NDArray[np.float64], rows: npt.NDArray[np.int_]) -> npt.NDArray[np.float64]:
    """Where each row (n, 1) crosses a closed ring (m, 2): sorted x, float64 (n, k), padded with inf."""
    start, end = ring[:-1], ring[1:]
    # each edge from its upper to its lower end, so that both directions give the same cut
    flip = start[:, 1:] > end[:, 1:]
    upper, lower = np.where(flip, end, start), np.where(flip, start, end)
    crossed = (upper[:, 1] <= rows) & (rows < lower[:, 1])  # half open: a vertex belongs to one edge
    height = np.where(lower[:, 1] > upper[:, 1], lower[:, 1] - upper[:, 1], 1)
    x = upper[:, 0] + (rows - upper[:, 1]) / height * (lower[:, 0] - upper[:, 0])
    cuts = np.sort(np.where(crossed, x, np.inf), axis=1)
    return cuts[:, : int(crossed.sum(1).max(initial=0))]
