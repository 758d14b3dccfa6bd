"""How many pictures fit on a screen without scrolling, each with its crops beside it. Lengths are CSS pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CROP = 96  # least height of a crop
BETWEEN = 4  # between a thumbnail and its crops
FRAME = 3  # around a tile, on each side
LABEL = 16  # width of the strip with the letter that marks a tile: nothing lies over a picture
GAP = 8  # between tiles
LOWEST = 2 * CROP + BETWEEN  # of a tile inside its frame: two crops lie above each other
WIDEST = 1.6  # of a thumbnail, over its height
NARROWEST = 48
MOST_TILES = 36  # as many as there are letters and digits to mark them with


class Stage(NamedTuple):
    """Room for a sheet."""

    width: int
    height: int


class Slot(NamedTuple):
    """Width and height of a picture's thumbnail and of each of its crops, which are squares."""

    thumb: tuple[int, int]
    crop: int
    crops: int

    @property
    def width(self) -> int:
        """Of the whole tile with its frame."""
        columns = -(-self.crops // 2)
        return LABEL + self.thumb[0] + columns * (self.crop + BETWEEN) + 2 * FRAME


def slot(size: tuple[int, int], crops: int, stage: Stage) -> Slot:
    """How large a picture of `size` (width, height) and its crops are shown."""
    height = _height(stage)
    crop = (height - BETWEEN) // 2
    room = stage.width - 2 * FRAME - LABEL - -(-crops // 2) * (crop + BETWEEN)
    widest = max(min(round(WIDEST * height), room), NARROWEST)
    scale = min(height / size[1], widest / size[0])
    return Slot((max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)), crop, crops)


def rows_of(slots: Sequence[Slot], stage: Stage) -> list[list[int]] | None:
    """Indices of the tiles of each row, filled in order; None if they do not fit."""
    rows: list[list[int]] = []
    free = 0
    for index, one in enumerate(slots):
        if rows and one.width + GAP <= free:
            rows[-1].append(index)
            free -= one.width + GAP
        else:
            rows.append([index])
            free = stage.width - one.width
    fits = len(rows) <= _rows(stage) and len(slots) <= MOST_TILES and all(one.width <= stage.width for one in slots)
    return rows if fits or len(slots) <= 1 else None


def _rows(stage: Stage) -> int:
    return max((stage.height + GAP) // (LOWEST + 2 * FRAME + GAP), 1)


def _height(stage: Stage) -> int:
    """Of a tile inside its frame."""
    return max((stage.height + GAP) // _rows(stage) - GAP - 2 * FRAME, LOWEST)
