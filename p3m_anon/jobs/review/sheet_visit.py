"""One look through a filter in one window, the sheets that it was given, and what comes next."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from p3m_anon.jobs.review.sheet_layout import MOST_TILES, Slot, Stage, rows_of, slot, stages
from p3m_anon.review.desk import Json, Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from p3m_anon.jobs.review.sheet_places import Offered
    from p3m_anon.jobs.review.sheet_survey import Survey
    from p3m_anon.jobs.review.sheet_tiles import Tile

DENSEST = 2.0  # device pixels for a CSS pixel


@dataclass(eq=False)
class Visit:
    """One look through a filter in one window; room: its width and height in CSS pixels."""

    wanted: str
    room: tuple[int, int]
    dense: float
    survey: Survey
    name: str = field(default_factory=lambda: secrets.token_hex(12))
    lock: threading.Lock = field(default_factory=threading.Lock)  # held while a sheet is drawn


@dataclass(eq=False)
class Sheet:
    """A sheet that was drawn and is not answered. rows: indices of tiles. served: names of images that were fetched."""

    visit: Visit
    stage: Stage
    tiles: tuple[Tile, ...]
    rows: list[list[int]]
    name: str = field(default_factory=lambda: secrets.token_hex(12))
    served: set[str] = field(default_factory=set)
    drawn: float = field(default_factory=time.monotonic)

    @property
    def pictures(self) -> list[Offered]:
        """All but the control."""
        return [tile.picture for tile in self.tiles if tile.picture is not None]

    def marked(self, names: frozenset[str]) -> list[Offered]:
        """The pictures of these tiles."""
        return [tile.picture for tile in self.tiles if tile.picture is not None and tile.name in names]

    def to_json(self) -> Json:
        """What the page needs; the control looks like any other tile."""
        rows = [[_tile_json(self.tiles[index]) for index in row] for row in self.rows]
        return {"sheet": self.name, "rows": rows, "stacked": self.stage.stacked}


class SheetQueue:
    """Where the pictures of one sheet come from: the survey, or a sheet that has to be shown again."""

    def __init__(self, visit: Visit, elsewhere: set[str], again: list[Offered] | None) -> None:
        self.visit, self._survey = visit, visit.survey
        self._elsewhere, self._again = elsewhere, again

    def take(self) -> Offered | None:
        """The next picture, as the ledger has it now."""
        if self._again is None:
            return self._survey.take(self._elsewhere)
        while self._again:
            now = self._survey.again(self._again.pop(0))
            if now is not None:
                return now
        return None

    def put_back(self, picture: Offered) -> None:
        """It comes first again."""
        if self._again is None:
            self._survey.put_back(picture)
        else:
            self._again.insert(0, picture)

    def end(self) -> None:
        """What did not fit on the sheet that is shown again comes with the next one."""
        self._survey.put_back(*(self._again or ()))


def fitting(queue: SheetQueue, base: Offered, at: float) -> tuple[Stage, list[Offered]]:
    """As many pictures as fit on the screen with a control of the size of `base`, and how the screen is divided.

    at: share of the way through the sheet at which the control stands. No picture where not even one fits.
    """
    divisions = stages(*queue.visit.room)
    stage, count = divisions[-1], 0
    pictures: list[Offered] = []
    while divisions and len(pictures) + 1 < MOST_TILES and (next_one := queue.take()) is not None:
        pictures.append(next_one)
        divisions = [one for one in divisions if rows_with(pictures, base, at, one) is not None]
        if divisions:
            stage, count = divisions[-1], len(pictures)
    for left in reversed(pictures[count:]):
        queue.put_back(left)
    return stage, pictures[:count]


def rows_with(pictures: Sequence[Offered], base: Offered, at: float, stage: Stage) -> list[list[int]] | None:
    """The rows of pictures and control; None if they do not fit."""
    everything = list(pictures)
    everything.insert(place_of(at, len(pictures)), base)
    return rows_of([slot_of(one, stage) for one in everything], stage)


def place_of(at: float, count: int) -> int:
    """Index of the control among `count` pictures."""
    return int(at * (count + 1))


def slot_of(picture: Offered, stage: Stage) -> Slot:
    """How large a picture is shown."""
    return slot(picture.size, len(picture.places), stage)


def _tile_json(tile: Tile) -> Json:
    images = [{"name": one.name, "width": one.size[0], "height": one.size[1]} for one in tile.images]
    return {"tile": tile.name, "images": images}


def read_window(asked: Json) -> tuple[str, tuple[int, int], float]:
    """Filter, room and density; raises Refused for what is none."""
    wanted = str(asked.get("filter") or "")
    if wanted != "todo" and not wanted.startswith("reason:"):
        raise Refused(400, "sheets are for pictures that wait: the filter is todo or reason:<code>")
    try:
        width, height = int(asked["width"]), int(asked["height"])
        dense = min(max(float(asked.get("dense") or 1.0), 1.0), DENSEST)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Refused(400, "width, height and dense are numbers: the room for a sheet") from error
    if not (400 <= width <= 10_000 and 200 <= height <= 10_000):
        raise Refused(400, "a sheet needs a room of 400 x 200 to 10000 x 10000 pixels")
    return wanted, (width, height), dense
