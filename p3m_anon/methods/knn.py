"""KNN matting (Chen, Li and Tang, CVPR 2012): pixels that look alike, wherever they are, have like alphas.

In two forms: as pymatting has it, and as the paper describes it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from p3m_anon.methods.unknown_area import LinearSystem, UnknownArea, solve_system, unknown_area

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap
    from p3m_anon.methods.unknown_area import Alpha, Floats

    Features = npt.NDArray[np.float32]
    Kernel = Callable[[Floats], Floats]
    """Distances of neighbours -> weights of their links, of the same shape."""

PASSES = ((20, 2.0), (10, 0.1))
"""pymatting's: how many neighbours (the pixel itself is one), and the weight of the place beside the colour."""
NEIGHBOURS = 20  # of the paper's form, the pixel itself included
FARTHEST = 8**0.5  # least upper bound of the distance of two pixels there: the hue's circle has diameter 2, the rest 1
_CHUNK = 1 << 17  # pixels whose neighbours are looked up at a time: 60 MB


def solve(rgb: RGB, trimap: Trimap) -> Alpha:
    """Alpha, float32 (H, W), of a picture, uint8 (H, W, 3), under its trimap, uint8 (H, W) of 0, 128, 255.

    pymatting's form: RGB, two searches, all links alike. Known pixels are exactly 0 or 1. Raises ValueError as
    `unknown_area` and `solve_system` do, and for pictures of fewer pixels than a pixel has neighbours.
    """
    area = unknown_area(rgb, trimap)
    colours, places = rgb.reshape(-1, 3) / np.float32(255), _places(trimap)
    searches = (_links(area, np.hstack((colours, weight * places)), count, np.ones_like) for count, weight in PASSES)
    return _solved(area, sum(searches))


def solve_hsv(rgb: RGB, trimap: Trimap) -> Alpha:
    """As `solve`, in the paper's form: features cos h, sin h, s, v, x, y; links weigh 1 - distance / upper bound."""
    import cv2

    area = unknown_area(rgb, trimap)
    hsv = cv2.cvtColor(rgb / np.float32(255), cv2.COLOR_RGB2HSV).reshape(-1, 3)
    hue = np.radians(hsv[:, :1])
    features = np.hstack((np.cos(hue), np.sin(hue), hsv[:, 1:], _places(trimap)))
    return _solved(area, _links(area, features, NEIGHBOURS, lambda distances: 1 - distances / FARTHEST))


def _places(trimap: Trimap) -> Features:
    """(H W, 2): x and y of each pixel, 0 to 1."""
    height, width = trimap.shape
    y, x = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    return np.stack((x.ravel(), y.ravel()), axis=1).astype(np.float32)


def _links(area: UnknownArea, features: Features, count: int, kernel: Kernel) -> csr_matrix:
    """Sparse (N, H W): how each unknown pixel is linked to all pixels, both by its own search and by theirs.

    All pixels are searched for, and from, as links to known pixels pull as much; only those with an unknown end are
    kept.
    """
    from scipy.sparse import csr_matrix
    from scipy.spatial import cKDTree

    if len(features) < count:
        raise ValueError(f"rgb must have at least {count} pixels, as many as neighbours, got {len(features)}")
    tree, index = cKDTree(features), area.index.ravel()
    shape = len(area.pixels), len(features)
    links = csr_matrix(shape)
    for start in range(0, len(features), _CHUNK):
        distances, found = tree.query(features[start : start + _CHUNK], count)
        own = np.repeat(np.arange(start, start + len(found)), count)
        weights, other = kernel(distances).ravel(), found.ravel()
        for ends in ((own, other), (other, own)):
            rows = index[ends[0]]
            kept = rows >= 0
            links = links + csr_matrix((weights[kept], (rows[kept], ends[1][kept])), shape)
    return links


def _solved(area: UnknownArea, links: csr_matrix) -> Alpha:
    """Each unknown alpha is the mean of those it is linked to."""
    from pymatting import jacobi
    from scipy.sparse import diags

    foreground = area.foreground.ravel().astype(np.float64)
    sums = np.asarray(links.sum(axis=1)).ravel()
    matrix = (diags(sums) - links[:, area.pixels]).tocsr()
    return area.matte(solve_system(LinearSystem(matrix, links @ foreground), jacobi))
