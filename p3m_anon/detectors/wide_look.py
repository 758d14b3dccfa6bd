"""A network at native size, in tiles, and over the whole picture at smaller sizes: from small faces to huge ones.

Face networks have a range. The YuNet family sees faces from about 12 to 500 px at its input and is blind beyond
(docs/detectors.md has the numbers), so one size is never enough: a portrait's face is too large at native size, a
bystander's too small at 640 px.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.arrays import check_rgb, reduced
from p3m_anon.detectors.networks import MOST_BOXES, Boxes, no_boxes, sound, suppress
from p3m_anon.detectors.tiles import tiles

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB
    from p3m_anon.detectors.networks import BoxNetwork

FAINT = 0.20  # score under which a place is not even shown to a person
WHOLE_SIDES = (640, 256)  # longer sides, in pixels, at which the whole picture is looked at
SMALLEST_AT_INPUT = 12.0  # px of a face's width that the networks need to see it
LOOKED_FOR = 12.0  # px: the smallest face that is looked for, up to FULL_DETAIL pixels
FULL_DETAIL = 8_000_000  # pixels of a picture up to which it is looked at at native size
TILE = 960  # px, longest side of a tile
SAFE_AT_WHOLE = 16.0  # px at a whole look's input from which a face is sure to be seen there
LEAST_TILE = 160  # px; a crowded tile is not cut further below this side
HIDDEN_BY_EDGE = 0.5  # share of a box that a whole box covers, so that one cut off by a tile's edge is dropped
FULL_LIST = 3  # times a network's crowd: an answer of so many from the smallest tile may lack faces
RELIABLE = 320.0  # px of a face's width at the input up to which a network is believed, if a coarser look follows
NEAR_EDGE = 2.0  # px between a box and its tile's edge, at which the face may have been cut


@dataclass(frozen=True, eq=False)
class Glance:
    """What one look saw.

    found: boxes from the network's threshold, best first. faint: those below it. complete: False if the network's list
    was full even in the smallest tile, so that faces may be missing from it.
    """

    found: Boxes
    faint: Boxes
    complete: bool = True


class WideLook:
    """A second look: `network` over the whole range of face sizes.

    Args:
        network: what looks at each tile.
        smallest: width in pixels of the smallest face that is looked for; None: LOOKED_FOR up to FULL_DETAIL pixels,
            in proportion to the sides above.
    """

    def __init__(self, network: BoxNetwork, smallest: float | None = None) -> None:
        if smallest is not None and not smallest >= 1:
            raise ValueError(f"smallest must be at least 1 pixel, got {smallest}")
        self._network, self._smallest = network, smallest
        self.name, self.model_sha256, self.sure = network.name, network.model_sha256, network.sure

    def smallest_face(self, height: int, width: int) -> float:
        """Width, in pixels, of the smallest face that is looked for in a picture of this size."""
        return smallest_face(height, width, self._smallest)

    def look(self, rgb: RGB, *, coarse: bool = False) -> Glance:
        """Look at rgb uint8 (H, W, 3); coarse: at the whole picture's sizes only, without tiles at native size."""
        height, width = check_rgb(rgb).shape[:2]
        scale = min(1.0, SMALLEST_AT_INPUT / self.smallest_face(height, width))
        long_side = max(height, width)
        passes, complete = [], True
        if not coarse or long_side * scale <= WHOLE_SIDES[0]:
            seen, complete = in_tiles(self._network, rgb, scale)
            passes.append(self._doubting_large(seen, scale) if long_side * scale > WHOLE_SIDES[0] else seen)
        for side in WHOLE_SIDES:
            if side < long_side * (scale if passes else 1.0):
                seen, whole = in_tiles(self._network, rgb, side / long_side)
                passes.append(seen)
                complete &= whole
        merged = merge(passes)
        sure = merged.scores >= self._network.threshold
        faint = (merged.scores >= FAINT) & ~sure
        return Glance(_pick(merged, sure), _pick(merged, faint), complete and len(merged.scores) < MOST_BOXES)

    def _doubting_large(self, seen: Boxes, scale: float) -> Boxes:
        """Boxes too wide for the network are taken for parts of a face, unless a coarser look sees one there."""
        too_wide = (seen.boxes[:, 2] - seen.boxes[:, 0]) * scale > RELIABLE
        below = np.nextafter(self._network.threshold, 0)
        return Boxes(seen.boxes, np.where(too_wide, np.minimum(seen.scores, below), seen.scores))


def in_tiles(network: BoxNetwork, rgb: RGB, scale: float, lowest: float = 0.0) -> tuple[Boxes, bool]:
    """One look at every tile of a picture that is resized by `scale`.

    Args:
        network: looks at each tile.
        rgb: uint8 (H, W, 3).
        scale: under 1 the picture is shrunk as a whole, over 1 each tile is enlarged by itself, to bound the memory.
        lowest: boxes that score less are dropped.

    Returns:
        Boxes in the picture's own pixels, each place once, best first; False if a list was full.
    """
    height, width = rgb.shape[:2]
    size = max(1, round(width * min(scale, 1.0))), max(1, round(height * min(scale, 1.0)))
    small = reduced(rgb, size) if scale < 1 else rgb
    enlarged = max(scale, 1.0)
    side = round(TILE / enlarged)
    share = max(SAFE_AT_WHOLE * max(size) / WHOLE_SIDES[0], 4 * SMALLEST_AT_INPUT / enlarged)
    found, complete = _parts(network, small, (side, min(round(share), side // 2)), enlarged, lowest)
    ratio = np.array([size[0] / width, size[1] / height] * 2)
    return Boxes((found.boxes + 0.5) / ratio - 0.5, found.scores), complete


def _parts(network: BoxNetwork, rgb: RGB, grid: tuple[int, int], enlarged: float, lowest: float) -> tuple[Boxes, bool]:
    """All tiles; a crowded one is cut again, as networks end their lists somewhere. grid: side and overlap."""
    height, width = rgb.shape[:2]
    whole, cut, complete = [], [], True
    for x0, y0, x1, y1 in tiles(width, height, *grid):
        part = rgb[y0:y1, x0:x1]
        seen, longest = _find(network, part, enlarged, lowest), max(part.shape[:2])
        if len(seen.scores) >= network.crowd and longest * enlarged > LEAST_TILE:
            finer = -(-longest // 2) + grid[1] // 2, min(grid[1], longest // 4)
            seen, all_of_it = _parts(network, part, finer, enlarged, lowest)
            complete &= all_of_it
        elif len(seen.scores) >= network.crowd:
            complete &= len(seen.scores) < FULL_LIST * network.crowd
        inner = np.array([x0 > 0, y0 > 0, x1 < width, y1 < height])
        at_edge = _at_inner_edge(seen.boxes, (x1 - x0, y1 - y0), inner)
        seen = Boxes(seen.boxes + np.array([x0, y0, x0, y0]), seen.scores)
        whole.append(_pick(seen, ~at_edge))
        cut.append(_pick(seen, at_edge))
    kept = merge(whole)
    return merge([kept, _not_seen_whole(merge(cut), kept)]), complete


def _find(network: BoxNetwork, part: RGB, enlarged: float, lowest: float) -> Boxes:
    """The network's boxes on one tile that is enlarged first, in the tile's own pixels."""
    if enlarged > 1:
        size = round(part.shape[1] * enlarged), round(part.shape[0] * enlarged)
        part = np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    found = sound(network.find(part))
    keep = found.scores >= lowest
    return Boxes((found.boxes[keep] + 0.5) / enlarged - 0.5, found.scores[keep])


def smallest_face(height: int, width: int, wanted: float | None = None) -> float:
    """Width, in pixels, of the smallest face that is looked for.

    Args:
        height, width: of the picture, in pixels.
        wanted: what the user asked for; None for the default.

    Example:
        >>> smallest_face(1000, 1500), round(smallest_face(4000, 6000), 1)
        (12.0, 20.8)
    """
    if wanted is not None:
        return wanted
    return LOOKED_FOR * max(1.0, (height * width / FULL_DETAIL) ** 0.5)


def merge(passes: list[Boxes]) -> Boxes:
    """Boxes of several passes over one picture, the best of each place, best first."""
    if not passes:
        return no_boxes()
    both = Boxes(np.concatenate([one.boxes for one in passes]), np.concatenate([one.scores for one in passes]))
    both = _pick(both, np.argsort(-both.scores, kind="stable")[:MOST_BOXES])
    return _pick(both, suppress(both.boxes))


def _at_inner_edge(
    boxes: npt.NDArray[np.float64], size: tuple[int, int], inner: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Which boxes (N, 4) reach an edge of their tile beyond which the picture goes on; such a face may be cut off.

    size: width and height of the tile. inner: whether its left, upper, right, lower edge lies inside the picture.
    """
    width, height = size
    far = np.array([0, 0, width - 1, height - 1])
    reaches = np.concatenate([boxes[:, :2] <= far[:2] + NEAR_EDGE, boxes[:, 2:] >= far[2:] - NEAR_EDGE], axis=1)
    return np.asarray((reaches & inner).any(1), np.bool_)


def _not_seen_whole(cut: Boxes, whole: Boxes) -> Boxes:
    """The cut-off boxes of which no whole box, at least as sure, covers HIDDEN_BY_EDGE: the neighbour saw the rest."""
    if not len(cut.scores) or not len(whole.scores):
        return cut
    a, b = cut.boxes[:, None], whole.boxes[None]
    shared = (np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])).clip(0).prod(-1)
    area = (cut.boxes[:, 2:] - cut.boxes[:, :2]).prod(1)
    surer = whole.scores[None] >= cut.scores[:, None]
    return _pick(cut, ~((shared >= HIDDEN_BY_EDGE * area[:, None]) & surer).any(1))


def _pick(found: Boxes, which: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> Boxes:
    return Boxes(found.boxes[which], found.scores[which])
