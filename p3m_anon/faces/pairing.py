"""Which boxes of different looks are one face, and how many faces neither look may have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import Box
    from p3m_anon.faces.face import Face
    from p3m_anon.faces.sight import Sight

SAME_PLACE = 0.4  # intersection over union from which two boxes lie at one place
SAME_FACE = 0.5  # share of the smaller box that two boxes of one face have in common
MOST_WIDER = 3.0  # times as wide as the other that a box of the same face may be

SeenBy = Literal["both", "first", "second"]


@dataclass(frozen=True, eq=False)
class Seen:
    """One face as all looks together saw it.

    face: as the first look saw it, with landmarks; None if only the second look saw it. boxes: every box of it, the
    first look's first. by: which looks saw it; `both` if there was one look only. sure: a look that saw it was sure.
    """

    face: Face | None
    boxes: tuple[Box, ...]
    by: SeenBy
    sure: bool

    @property
    def width(self) -> float:
        """Of its widest box, in pixels."""
        return max(box[2] - box[0] for box in self.boxes)

    @property
    def area(self) -> float:
        """Of its largest box, in pixels."""
        return max((box[2] - box[0]) * (box[3] - box[1]) for box in self.boxes)


@dataclass(frozen=True)
class Counts:
    """How many faces both looks saw, and each alone; of one picture or of many."""

    both: int = 0
    first: int = 0
    second: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.both + other.both, self.first + other.first, self.second + other.second)

    @property
    def unseen(self) -> float:
        """Estimated number of faces that neither look saw.

        Chapman's estimator of a population from two samples, (n1 + 1)(n2 + 1) / (m + 1) - 1, less what was seen (D. G.
        Chapman, 1951). It assumes that the looks miss faces independently. They do not: both miss what is small, dark
        or turned away, so that the estimate is too low.

        Example:
            >>> Counts(both=4, first=2, second=5).unseen
            2.0
        """
        return self.first * self.second / (self.both + 1)


def seen_faces(sight: Sight) -> tuple[Seen, ...]:
    """Every face that any look saw, each once; the first look's first, in its order."""
    second = sight.second_boxes
    scores = [one.score for one in sight.second or ()]
    first = [face.box for face in sight.faces]
    partner, likeness = paired(first, second), same_faces(second, first)
    boxes: list[list[Box]] = [[box] for box in first]
    sure = [face.score >= sight.sure_first for face in sight.faces]
    for i, j in partner.items():
        boxes[i].append(second[j])
        sure[i] |= scores[j] >= sight.sure_second
        sure[i] &= bool(likeness[j, i] >= SAME_PLACE)  # boxes that hardly agree are masked by their ellipses
    alone: list[Seen] = []
    for j in sorted(set(range(len(second))) - set(partner.values())):
        near = [i for i in np.flatnonzero(likeness[j] >= SAME_PLACE).tolist() if i in partner]
        if near:  # a second box of a face that both saw is no other face
            boxes[max(near, key=lambda i: likeness[j, i])].append(second[j])
        else:
            alone.append(Seen(None, (second[j],), "second", scores[j] >= sight.sure_second))
    by: list[SeenBy] = ["both" if i in partner or sight.second is None else "first" for i in range(len(first))]
    found = [Seen(*one) for one in zip(sight.faces, map(tuple, boxes), by, sure, strict=True)]
    return (*found, *alone)


def counts(seen: Sequence[Seen]) -> Counts:
    """How many of these faces both looks saw, and each alone."""
    by = [one.by for one in seen]
    return Counts(by.count("both"), by.count("first"), by.count("second"))


def paired(boxes: Sequence[Box], others: Sequence[Box]) -> dict[int, int]:
    """Index of each box -> index of its partner in the other list; each has one partner at most.

    The best overlap is paired first, so that two heads cheek to cheek are not both the one box around them.
    """
    likeness = same_faces(boxes, others)
    rows, cols = np.nonzero(likeness)
    order = np.lexsort((cols, rows, -likeness[rows, cols]))
    found: dict[int, int] = {}
    taken: set[int] = set()
    for i, j in zip(rows[order].tolist(), cols[order].tolist(), strict=True):
        if i not in found and j not in taken:
            found[i] = j
            taken.add(j)
    return found


def unmatched(boxes: Sequence[Box], others: Sequence[Box]) -> tuple[list[Box], list[Box]]:
    """Boxes of either list that have no partner in the other."""
    partner = paired(boxes, others)
    taken = set(partner.values())
    return (
        [box for i, box in enumerate(boxes) if i not in partner],
        [box for j, box in enumerate(others) if j not in taken],
    )


def not_dismissed(boxes: Sequence[Box], dismissed: Sequence[Box]) -> list[Box]:
    """The boxes of which a person has not said that nothing there needs a mask.

    Each saying holds for one box at most, and for one that lies there closely: not for all faces in its reach.
    """
    likeness = same_faces(boxes, dismissed)
    held: set[int] = set()
    free = set(range(len(dismissed)))
    rows, cols = np.nonzero(likeness >= SAME_PLACE)
    for _, i, j in sorted(zip(-likeness[rows, cols], rows.tolist(), cols.tolist(), strict=True)):
        if i not in held and j in free:
            held.add(i)
            free.remove(j)
    return [box for i, box in enumerate(boxes) if i not in held]


def same_face(a: Box, b: Box) -> float:
    """Intersection over union of two boxes that may be one face, else 0; see `same_faces`."""
    return float(same_faces([a], [b])[0, 0])


def same_faces(boxes: Sequence[Box], others: Sequence[Box]) -> npt.NDArray[np.float64]:
    """Intersection over union of each pair that may be one face, else 0: float64 (len(boxes), len(others)).

    One face: they share half of the smaller box, and neither is more than three times as wide.
    """
    a = np.asarray(boxes, np.float64).reshape(-1, 1, 4)
    b = np.asarray(others, np.float64).reshape(1, -1, 4)
    shared = (np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])).clip(0).prod(-1)
    size_a, size_b = a[..., 2:] - a[..., :2], b[..., 2:] - b[..., :2]
    area_a, area_b = size_a.prod(-1), size_b.prod(-1)
    alike = shared > 0
    alike &= np.maximum(size_a[..., 0], size_b[..., 0]) <= MOST_WIDER * np.minimum(size_a[..., 0], size_b[..., 0])
    alike &= shared >= SAME_FACE * np.minimum(area_a, area_b)
    union = np.maximum(area_a + area_b - shared, 1e-12)
    return np.asarray(np.where(alike, shared / union, 0.0), np.float64)
