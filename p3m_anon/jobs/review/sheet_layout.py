"""How many pictures fit on a screen without scrolling, each with its crops beside it. Lengths are CSS pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

CROP = 96  # least height of a crop
LARGE_CROP = 100  # of a crop where only one fits above another
BETWEEN = 4  # between a thumbnail and its crops
FRAME = 3  # around a tile, on each side
LABEL = 16  # width of the strip with the letter that marks a tile: nothing lies over a picture
GAP = 8  # between tiles
LOWEST = 150  # of a thumbnail: in lower ones a face may be overlooked
TWO_CROPS = 2 * CROP + BETWEEN  # from this height on two crops lie above each other
WIDEST = 1.5  # of a thumbnail, over its height
NARROWEST = 48
USUAL = 0.75  # width over height of a usual thumbnail, to see how many rows a large screen needs
MOST_TILES = 36  # as many as there are letters and digits to mark them with


class Stage(NamedTuple):
    """Room for a sheet, in so many rows."""

    width: int
    height: int
    rows: int

    @property
    def inner(self) -> int:
        """Height of a tile inside its frame."""
        return (self.height + GAP) // self.rows - GAP - 2 * FRAME

    @property
    def stacked(self) -> int:
        """How many crops lie above each other."""
        return 2 if self.inner >= TWO_CROPS else 1


class Slot(NamedTuple):
    """Width and height of a picture's thumbnail; side of its crops, and how many columns of them there are."""

    thumb: tuple[int, int]
    crop: int
    columns: int

    @property
    def width(self) -> int:
        """Of the whole tile with its frame."""
        return LABEL + self.thumb[0] + self.columns * (self.crop + BETWEEN) + 2 * FRAME


def stages(width: int, height: int) -> list[Stage]:
    """The ways to divide a room into rows: low ones for pictures with few crops, and others with crops stacked."""
    found = [Stage(width, height, rows) for rows in range(1, 20)]
    found = [one for one in found if one.inner >= LOWEST and _estimate(one) <= MOST_TILES] or found[:1]
    stacked = [one for one in found if one.stacked == 2]
    return list(dict.fromkeys([found[-1], *stacked[-1:]]))


def slot(size: tuple[int, int], crops: int, stage: Stage) -> Slot:
    """How large a picture of `size` (width, height) and its crops are shown."""
    height = max(stage.inner, CROP)
    crop = (height - BETWEEN) // 2 if stage.stacked == 2 else min(height, LARGE_CROP)
    columns = -(-crops // stage.stacked)
    room = stage.width - 2 * FRAME - LABEL - columns * (crop + BETWEEN)
    widest = max(min(round(WIDEST * height), room), NARROWEST)
    scale = min(height / size[1], widest / size[0])
    return Slot((max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)), crop, columns)


def rows_of(slots: Sequence[Slot], stage: Stage) -> list[list[int]] | None:
    """Indices of the tiles of each row; each goes to the first row that has room. None if they do not fit."""
    rows: list[list[int]] = []
    free: list[int] = []
    for index, one in enumerate(slots):
        row = next((row for row, room in enumerate(free) if one.width + GAP <= room), None)
        if row is None:
            rows.append([index])
            free.append(stage.width - one.width)
        else:
            rows[row].append(index)
            free[row] -= one.width + GAP
    return rows if len(rows) <= stage.rows and len(slots) <= MOST_TILES and min(free, default=0) >= 0 else None


def _estimate(stage: Stage) -> int:
    return stage.rows * (stage.width // round(USUAL * stage.inner + LABEL + 2 * FRAME + GAP))
