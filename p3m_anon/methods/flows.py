"""How alpha flows between pixels of like colour (Aksoy, Aydin and Pollefeys, CVPR 2017, sections 3.1 to 3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from p3m_anon.matting.distance import distance_to
from p3m_anon.methods.local_embedding import mixing_weights

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from p3m_anon.arrays import RGB
    from p3m_anon.methods.unknown_area import Floats, UnknownArea

    Pixels = npt.NDArray[np.int64]

MIXTURE, KNOWN, SIMILAR = 20, 7, 5  # K of the colour-mixture, known-to-unknown (per side) and intra-unknown flow
MIXTURE_PLACE, KNOWN_PLACE, SIMILAR_PLACE = 1.0, 10.0, 0.05  # what the picture's side weighs against black to white
_PER_PIXEL, _FEWEST = 2, 10_000  # known pixels of each side that take part: per unknown one, and at least


class KnownFlow(NamedTuple):
    """What known pixels say of each unknown one: `alpha` and its `weight`, both float64 (N,) in [0, 1]."""

    alpha: Floats
    weight: Floats


class Scene:
    """Colours and places of the pixels that take part: the unknown ones, in their order, then known ones near them.

    pixels: int64 (M,), places in the flattened picture. colours: float64 (M, 3) in [0, 1]. places: float64 (M, 2), row
    and column in shares of the longer side. ends: where unknown and foreground pixels end among them.
    """

    def __init__(self, rgb: RGB, area: UnknownArea) -> None:
        foreground, background = nearest_known(area)
        self.pixels = np.concatenate((area.pixels, foreground, background))
        self.colours: Floats = rgb.reshape(-1, 3)[self.pixels] / 255.0
        self.ends = len(area.pixels), len(area.pixels) + len(foreground)
        self.places = np.stack(np.divmod(self.pixels, rgb.shape[1]), axis=1) / max(rgb.shape[:2])

    def features(self, weight: float) -> Floats:
        """(M, 5): colour, and place times `weight`."""
        return np.concatenate((self.colours, weight * self.places), axis=1)


def nearest_known(area: UnknownArea) -> tuple[Pixels, Pixels]:
    """The foreground and the background pixels nearest to the unknown area: places in the flattened picture, rising."""
    distance = distance_to(area.unknown).ravel()
    count = max(_PER_PIXEL * len(area.pixels), _FEWEST)
    sides = area.foreground.ravel(), ~(area.foreground | area.unknown).ravel()
    first, second = (_nearest(np.flatnonzero(side), distance, count) for side in sides)
    return first, second


def colour_mixture(scene: Scene) -> tuple[csr_matrix, Floats]:
    """R, sparse (N, N), and r, (N,): alpha of unknown pixels obeys R alpha = r as far as each is a mixture of others.

    The others are those of like colour and place, unknown or known.
    """
    from scipy.sparse import eye

    unknown, foreground = scene.ends
    features = scene.features(MIXTURE_PLACE)
    chosen = neighbours(features, features[:unknown], MIXTURE, themselves=True)
    weights = mixing_weights(scene.colours[:unknown], scene.colours, chosen)
    right = np.where((chosen >= unknown) & (chosen < foreground), weights, 0).sum(axis=1)
    return (eye(unknown) - _links(chosen, weights, unknown)).tocsr(), right


def known_to_unknown(scene: Scene) -> KnownFlow:
    """Each unknown pixel as a mixture of known ones close by, as many of either side.

    Alpha is the share of the foreground ones. It weighs what the squared distance of the two sides' mixtures is.
    """
    unknown, foreground = scene.ends
    features = scene.features(KNOWN_PLACE)
    first = unknown + neighbours(features[unknown:foreground], features[:unknown], KNOWN)
    second = foreground + neighbours(features[foreground:], features[:unknown], KNOWN)
    weights = mixing_weights(scene.colours[:unknown], scene.colours, np.concatenate((first, second), axis=1))
    parts = weights[:, : first.shape[1]], weights[:, first.shape[1] :]
    apart = _mean_colour(scene, first, parts[0]) - _mean_colour(scene, second, parts[1])
    return KnownFlow(np.clip(parts[0].sum(axis=1), 0, 1), np.clip((apart**2).sum(axis=1) / 3, 0, 1))


def intra_unknown(scene: Scene) -> csr_matrix:
    """The Laplacian, sparse (N, N), of links between unknown pixels of like colour, wherever they are."""
    from scipy.sparse import diags

    features = scene.features(SIMILAR_PLACE)[: scene.ends[0]]
    chosen = neighbours(features, features, SIMILAR, themselves=True)
    likeness = np.maximum(1 - np.abs(features[chosen] - features[:, None]).sum(axis=2), 0)
    links = _links(chosen, likeness, len(features))
    links = (links + links.T) / 2
    return (diags(np.asarray(links.sum(axis=1)).ravel()) - links).tocsr()


def neighbours(features: Floats, of: Floats, count: int, themselves: bool = False) -> npt.NDArray[np.int64]:
    """The `count` nearest of `features` to each row of `of`, fewer where there are fewer: (N, K), which ones.

    themselves: `of` is the first rows of `features`, and no row is its own neighbour.
    """
    from scipy.spatial import cKDTree

    count = min(count + themselves, len(features))
    tree = cKDTree(features, leafsize=40, balanced_tree=False)  # two thirds of the time that its defaults take
    found = tree.query(of, np.arange(1, count + 1))[1]
    if not themselves:
        return found
    own = found == np.arange(len(of))[:, None]
    own[~own.any(axis=1), -1] = True  # more rows are equal to it than were asked for
    return found[~own].reshape(len(of), count - 1)


def _nearest(pixels: Pixels, distance: npt.NDArray[Any], count: int) -> Pixels:
    if len(pixels) <= count:
        return pixels
    return np.sort(pixels[np.argsort(distance[pixels], kind="stable")[:count]])


def _links(chosen: npt.NDArray[np.int64], weights: Floats, count: int) -> csr_matrix:
    """Sparse (count, count): the weights of those chosen that are below `count`."""
    from scipy.sparse import csr_matrix

    kept = chosen < count
    starts = np.concatenate(([0], np.cumsum(kept.sum(axis=1))))
    return csr_matrix((weights[kept], chosen[kept], starts), (count, count))


def _mean_colour(scene: Scene, chosen: npt.NDArray[np.int64], weights: Floats) -> Floats:
    total = weights.sum(axis=1, keepdims=True)
    total = np.where(np.abs(total) < 1e-3, 1e-3, total)  # a side that has no share has no colour
    return np.einsum("nk,nkc->nc", weights / total, scene.colours[chosen])
