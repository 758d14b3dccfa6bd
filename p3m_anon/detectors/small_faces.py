"""The search for small faces: a network proposes places at a low score, and each is looked at again, enlarged.

At native size a network is sure of a face from about 30 px and hardly ever of one of 16 px, but it suspects nearly all
of them: of 150 pasted faces of 16 px CenterFace gives 141 a score over 0.2 in a picture enlarged by half, and 149 one over
0.05, at 8 suspicions in a megapixel. Enlarged to ZOOMED px the real ones are plain and the others are not
(docs/detectors.md has the measurement).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from p3m_anon.arrays import check_rgb
from p3m_anon.detectors.networks import Boxes, BoxNetwork, no_boxes, suppress
from p3m_anon.detectors.wide_look import in_tiles, smallest_face

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB

AT_INPUT = 18.0  # px: width at the proposing network's input of the smallest face that is looked for
SMALL = 96.0  # px: wider faces are left to the other looks
SUSPECTED = 0.05  # score from which a place is looked at again
PLAIN = 0.60  # score from which it need not be
ZOOMED = 48.0  # px: width to which a suspected face is brought
SIDE = 192  # px: of the square that is cut out around it, at that size
NEAR = 0.75  # of the suspected face's width, between its middle and that of a face that confirms it
ALIKE = 2.5  # times as wide or narrow that such a face may be
MOST_ZOOMS = 400  # of one picture; with more suspicions the picture counts as not looked at in full


class Search(NamedTuple):
    """What was found: for each network that looked, its boxes with the scores it gave; and whether all was looked at."""

    boxes: tuple[Boxes, ...]
    complete: bool


class SmallFaceSearch:
    """Looks for faces up to SMALL px wide.

    Args:
        networks: the first proposes; all of them confirm.
        smallest: width in pixels of the smallest face that is looked for; None for the default of `smallest_face`.
    """

    def __init__(self, networks: Sequence[BoxNetwork], smallest: float | None = None) -> None:
        self._networks, self._smallest = tuple(networks), smallest
        self.names = tuple(network.name for network in networks)

    def find(self, rgb: RGB) -> Search:
        """Look through rgb uint8 (H, W, 3)."""
        height, width = check_rgb(rgb).shape[:2]
        scale = AT_INPUT / smallest_face(height, width, self._smallest)
        proposed, complete = in_tiles(self._networks[0], rgb, scale, SUSPECTED)
        wide = proposed.boxes[:, 2] - proposed.boxes[:, 0]
        proposed = Boxes(proposed.boxes[wide <= SMALL], proposed.scores[wide <= SMALL])
        sure, plain = (proposed.scores >= least for least in (self._networks[0].confirms, PLAIN))
        found: list[list[Boxes]] = [[] for _ in self._networks]
        found[0].append(Boxes(proposed.boxes[sure], proposed.scores[sure]))
        for box in proposed.boxes[~plain][:MOST_ZOOMS]:
            crop, to_picture = _enlarged(rgb, box)
            for network, kept in zip(self._networks, found, strict=True):
                seen = network.find(crop)
                kept.append(_confirming(seen, box, to_picture, network.confirms))
        complete &= int((~plain).sum()) <= MOST_ZOOMS
        return Search(tuple(_merged(one) for one in found), complete)


def _enlarged(rgb: RGB, box: npt.NDArray[np.float64]) -> tuple[RGB, tuple[float, float, float]]:
    """The surroundings of a box, SIDE x SIDE, and the way back: scale and offsets in x and y."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    scale = max(box[2] - box[0], 4.0) / ZOOMED
    left, top = x - scale * (SIDE - 1) / 2, y - scale * (SIDE - 1) / 2
    way = np.array([[scale, 0, left], [0, scale, top]])
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(rgb, way, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8), (scale, left, top)


def _confirming(
    seen: Boxes, box: npt.NDArray[np.float64], to_picture: tuple[float, float, float], threshold: float
) -> Boxes:
    """Boxes of the enlarged picture, in pixels of the whole one, that lie where the suspected face lies."""
    scale, left, top = to_picture
    boxes = seen.boxes * scale + np.array([left, top, left, top])
    wide = box[2] - box[0]
    off = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - (box[:2] + box[2:]) / 2).max(1, initial=0)
    widths = boxes[:, 2] - boxes[:, 0]
    keep = (off <= NEAR * wide) & (widths <= ALIKE * wide) & (widths >= wide / ALIKE) & (seen.scores >= threshold)
    return Boxes(boxes[keep], seen.scores[keep])


def _merged(parts: list[Boxes]) -> Boxes:
    """One list, each place once, best first."""
    if not parts:
        return no_boxes()
    boxes, scores = np.concatenate([one.boxes for one in parts]), np.concatenate([one.scores for one in parts])
    order = np.argsort(-scores, kind="stable")
    order = order[suppress(boxes[order])]
    return Boxes(boxes[order], scores[order])
