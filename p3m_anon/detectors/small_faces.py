"""The search for small faces: a network proposes places at a low score, and each is looked at again, enlarged.

At native size a network is sure of a face from about 30 px and hardly ever of one of 16 px, but it suspects nearly all
of them: of 150 pasted faces of 16 px CenterFace gives 141 a score over 0.2 in a picture enlarged by half, and 149 one
over 0.05, at 8 suspicions in a megapixel. Enlarged to ZOOMED px the real ones are plain and the others are not
(docs/detectors.md has the measurement).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from p3m_anon.arrays import check_rgb
from p3m_anon.detectors.networks import NMS_IOU, Boxes, BoxNetwork, no_boxes, overlap, suppress
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
ANGLES = (0.0, 25.0, -25.0)  # degrees: a head on its side is plainer when it is turned upright
NEAR = 0.75  # of the suspected face's width, between its middle and that of a face that confirms it
ALIKE = 2.5  # times as wide or narrow that such a face may be
MOST_ZOOMS = 400  # of one picture; with more suspicions the picture counts as not looked at in full


class Search(NamedTuple):
    """What was found: the boxes of each network that looked, with its scores; and whether all was looked at."""

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

    def find(self, rgb: RGB, suspected: Boxes | None = None) -> Search:
        """Look through rgb uint8 (H, W, 3); suspected: places at which another look saw something."""
        height, width = check_rgb(rgb).shape[:2]
        scale = AT_INPUT / smallest_face(height, width, self._smallest)
        proposed, complete = in_tiles(self._networks[0], rgb, scale, SUSPECTED)
        if suspected is not None:  # a score of another network says nothing of this one's
            proposed = _appended(proposed, Boxes(suspected.boxes, np.full(len(suspected.scores), SUSPECTED)))
        wide = proposed.boxes[:, 2] - proposed.boxes[:, 0]
        proposed = Boxes(proposed.boxes[wide <= SMALL], proposed.scores[wide <= SMALL])
        sure, plain = (proposed.scores >= least for least in (self._networks[0].confirms, PLAIN))
        found: list[list[Boxes]] = [[] for _ in self._networks]
        found[0].append(Boxes(proposed.boxes[sure], proposed.scores[sure]))
        for box in proposed.boxes[~plain][:MOST_ZOOMS]:
            for angle in ANGLES:
                crop, to_picture = _enlarged(rgb, box, angle)
                asked = self._networks if angle == 0 else self._networks[:1]
                answers = [_confirming(network.find(crop), box, to_picture, network.confirms) for network in asked]
                for answer, kept in zip(answers, found, strict=False):
                    kept.append(answer)
                if any(len(answer.scores) for answer in answers):
                    break
        complete &= int((~plain).sum()) <= MOST_ZOOMS
        return Search(tuple(_merged(one) for one in found), complete)


def _enlarged(rgb: RGB, box: npt.NDArray[np.float64], angle: float) -> tuple[RGB, npt.NDArray[np.float64]]:
    """The surroundings of a box, SIDE x SIDE, turned by `angle` degrees; and the way back, affine float64 (2, 3)."""
    scale = max(box[2] - box[0], 4.0) / ZOOMED
    cos, sin = scale * np.cos(np.radians(angle)), scale * np.sin(np.radians(angle))
    turn = np.array([[cos, -sin], [sin, cos]])
    middle = (box[:2] + box[2:]) / 2
    way = np.column_stack([turn, middle - turn @ np.full(2, (SIDE - 1) / 2)])
    how = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    crop = cv2.warpAffine(rgb, way, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8), way


def _confirming(seen: Boxes, box: npt.NDArray[np.float64], way: npt.NDArray[np.float64], threshold: float) -> Boxes:
    """Boxes of the enlarged picture, in pixels of the whole one, that lie where the suspected face lies."""
    middles = (seen.boxes[:, :2] + seen.boxes[:, 2:]) / 2 @ way[:, :2].T + way[:, 2]
    scale = float(np.hypot(way[0, 0], way[1, 0]))
    sides = (seen.boxes[:, 2:] - seen.boxes[:, :2]) * scale
    boxes = np.concatenate([middles - sides / 2, middles + sides / 2], axis=1)
    wide = box[2] - box[0]
    off = np.abs(middles - (box[:2] + box[2:]) / 2).max(1, initial=0)
    keep = (off <= NEAR * wide) & (sides[:, 0] <= ALIKE * wide) & (sides[:, 0] >= wide / ALIKE)
    keep &= seen.scores >= threshold
    return Boxes(boxes[keep], seen.scores[keep])


def _appended(known: Boxes, more: Boxes) -> Boxes:
    """Also those that lie where none of the known ones does."""
    alone = ~(overlap(more.boxes, known.boxes) >= NMS_IOU).any(1)
    boxes, scores = known.boxes, known.scores
    return Boxes(np.concatenate([boxes, more.boxes[alone]]), np.concatenate([scores, more.scores[alone]]))


def _merged(parts: list[Boxes]) -> Boxes:
    """One list, each place once, best first."""
    if not parts:
        return no_boxes()
    boxes, scores = np.concatenate([one.boxes for one in parts]), np.concatenate([one.scores for one in parts])
    order = np.argsort(-scores, kind="stable")
    order = order[suppress(boxes[order])]
    return Boxes(boxes[order], scores[order])
