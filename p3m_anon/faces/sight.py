"""What the looks saw in one picture, before anything is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from p3m_anon.arrays import Box
    from p3m_anon.faces.face import Face


class Sighting(NamedTuple):
    """A box in which a look that gives no landmarks sees a face; score 0..1."""

    box: Box
    score: float


@dataclass(frozen=True, eq=False)
class Sight:
    """What all looks saw in one picture, in pixels of that picture.

    faces: of the first look, with landmarks. second: boxes of the second look; None if there was no second look.
    faint: boxes of either look below the score from which it takes them for faces; nothing is masked for them.
    turns: quarter turns, counter-clockwise, after which faces stood upright. smallest: width in pixels of the smallest
    face that was looked for. complete: False if a look's list was full, so that faces may be missing from it.
    sure_first, sure_second: scores from which each look counts as sure.
    """

    faces: tuple[Face, ...]
    second: tuple[Sighting, ...] | None
    faint: tuple[Sighting, ...] = ()
    turns: int = 0
    smallest: float = 0.0
    complete: bool = True
    sure_first: float = 0.5
    sure_second: float = 0.5

    @property
    def second_boxes(self) -> Sequence[Box]:
        """The second look's boxes, none if there was no second look."""
        return [one.box for one in self.second or ()]
