"""One look through a filter in one window, the sheets that it was given, and what comes next."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from p3m_anon.jobs.review.sheet_layout import MOST_TILES, Slot, Stage, rows_of, slot
from p3m_anon.review.desk import Json, Refused

if TYPE_CHECKING:
    from p3m_anon.jobs.review.sheet_places import Offered
    from p3m_anon.jobs.review.sheet_survey import Survey
    from p3m_anon.jobs.review.sheet_tiles import Tile

DENSEST = 2.0  # device pixels for a CSS pixel


@dataclass(eq=False)
class Visit:
    """One look through a filter in one window."""

    wanted: str
    stage: Stage
    dense: float
    survey: Survey
    name: str = field(default_factory=lambda: secrets.token_hex(12))
    lock: threading.Lock = field(default_factory=threading.Lock)  # held while a sheet is drawn


@dataclass(eq=False)
class Sheet:
    """A sheet that was drawn and is not answered. rows: indices of tiles. served: names of images that were fetched."""

    visit: Visit
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
        return {"sheet": self.name, "rows": rows}


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


def fitting(queue: SheetQueue, control: Slot, at: float) -> list[Offered]:
    """As many pictures as fit on the screen with the control, which stands at a share `at` of the way."""
    pictures: list[Offered] = []
    while len(pictures) + 1 < MOST_TILES and (next_one := queue.take()) is not None:
        slots = [slot_of(one, queue.visit) for one in (*pictures, next_one)]
        slots.insert(int(at * (len(slots) + 1)), control)
        if pictures and rows_of(slots, queue.visit.stage) is None:
            queue.put_back(next_one)
            break
        pictures.append(next_one)
    return pictures


def slot_of(picture: Offered, visit: Visit) -> Slot:
    """How large a picture is shown."""
    return slot(picture.size, len(picture.places), visit.stage)


def shown_slot(tile: Tile) -> Slot:
    """How large a tile that was made is shown."""
    thumb, *crops = tile.images
    return Slot(thumb.size, crops[0].size[0] if crops else 0, len(crops))


def _tile_json(tile: Tile) -> Json:
    images = [{"name": one.name, "width": one.size[0], "height": one.size[1]} for one in tile.images]
    return {"tile": tile.name, "images": images}


def read_window(asked: Json) -> tuple[str, Stage, float]:
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
    return wanted, Stage(width, height), dense
