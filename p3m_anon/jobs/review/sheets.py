"""Sheets of thumbnails: drawn ahead, shown, and accepted only if somebody really looked (see `review.desk.Sheets`)."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.files.images import read
from p3m_anon.files.sheets import SheetRecord, Sheets, SheetState
from p3m_anon.jobs.review.sheet_answer import SheetAnswer, changed_files, read_answer, write_answers
from p3m_anon.jobs.review.sheet_control import draw_paste, pasted
from p3m_anon.jobs.review.sheet_places import CHANGED, MARKED, TOO_WIDE, Offered
from p3m_anon.jobs.review.sheet_survey import Survey
from p3m_anon.jobs.review.sheet_tiles import Tile, TileImage, make_images
from p3m_anon.jobs.review.sheet_visit import (
    Sheet,
    SheetQueue,
    Visit,
    fitting,
    place_of,
    read_window,
    rows_with,
    slot_of,
)
from p3m_anon.review.desk import Json, Refused

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.files.ledger import Ledger
    from p3m_anon.jobs.review.sheet_layout import Stage

WORKERS = 2  # pictures that are decoded at once
MOST_VISITS = 8
MOST_SHEETS = 4  # of one visit that are held at once: one shown, the others made ahead
TRIES = 5  # at a picture for the control


class _Plan(NamedTuple):
    """base: the picture of which the control is a copy, and its pixels; at: share of the way at which it stands."""

    base: Offered
    rgb: RGB
    at: float
    stage: Stage
    pictures: list[Offered]


class SheetRoom:
    """All sheets of one desk; used from several threads."""

    def __init__(self, ask: Callable[[Callable[[Ledger], Any]], Any], folder: Callable[[], tuple[Path, int]]) -> None:
        """ask: runs a question in the ledger's thread. folder: of the pictures, and the most pixels of one."""
        self._ask, self._folder = ask, folder
        self._workers = ThreadPoolExecutor(WORKERS, "sheets")
        self._walker = ThreadPoolExecutor(1, "survey")
        self._lock = threading.Lock()
        self._visits: OrderedDict[str, Visit] = OrderedDict()
        self._sheets: OrderedDict[str, Sheet] = OrderedDict()
        self._images: dict[str, tuple[Sheet, TileImage]] = {}

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            for visit in self._visits.values():
                visit.survey.end()
        for pool in (self._walker, self._workers):
            pool.shutdown(cancel_futures=True)

    def draw(self, asked: Json) -> Json:
        """See `review.desk.Sheets.draw`."""
        visit = self._visit(asked)
        with visit.lock:
            sheet = self._draw(visit)
        if sheet is not None:
            self._walker.submit(visit.survey.finish)
        return {"visit": visit.name, "sheet": sheet and sheet.to_json(), "left": visit.survey.to_json()}

    def image(self, name: str) -> bytes:
        """See `review.desk.Sheets.image`."""
        with self._lock:
            if name not in self._images:
                raise Refused(404, "there is no such picture; its sheet was answered")
            sheet, image = self._images[name]
            sheet.served.add(name)
        return image.data

    def answer(self, asked: Json) -> Json:
        """See `review.desk.Sheets.answer`."""
        with self._lock:
            sheet = self._sheets.pop(str(asked.get("sheet")), None)  # nobody else can answer it meanwhile
        if sheet is None:
            raise Refused(409, "this sheet was answered, or was drawn too long ago; a new one is needed")
        try:
            answer = read_answer(asked, {tile.name for tile in sheet.tiles}, time.monotonic() - sheet.drawn)
            if any(image.name not in sheet.served for tile in sheet.tiles for image in tile.images):
                raise Refused(400, "not every picture of the sheet was fetched; nothing was answered")
        except Refused:
            with self._lock:
                self._sheets[sheet.name] = sheet
            raise
        try:
            return self._answered(sheet, answer)
        finally:
            self._forget(sheet)

    # -- answers

    def _answered(self, sheet: Sheet, answer: SheetAnswer) -> Json:
        marked = sheet.marked(answer.marked)
        rest = [one for one in sheet.pictures if one not in marked]
        control = any(tile.picture is None and tile.name in answer.marked for tile in sheet.tiles)
        changed = changed_files(self._folder()[0], rest, self._workers) if control else []
        state: SheetState = "changed" if changed else "accepted" if control else "failed"
        record = SheetRecord(
            sheet.visit.wanted, round(answer.seconds, 1), len(sheet.pictures), len(marked), control, state
        )
        if state == "accepted":
            count = self._ask(lambda ledger: write_answers(ledger, record, answer.who, rest, marked))
            for _ in marked:
                sheet.visit.survey.leave(MARKED)
            return {"state": state, "answered": count, "marked": len(marked), "changed": 0, "sheet": None}
        self._ask(lambda ledger: Sheets(ledger).record(record, answer.who))
        for _ in changed:
            sheet.visit.survey.leave(CHANGED)
        same = [one for one in sheet.pictures if one not in changed]
        again = self._draw(sheet.visit, same) if same else None
        drawn = again and again.to_json()
        return {"state": state, "answered": 0, "marked": 0, "changed": len(changed), "sheet": drawn}

    # -- drawing

    def _draw(self, visit: Visit, again: Sequence[Offered] = ()) -> Sheet | None:
        """A sheet of the pictures that come next, or of those that come again; None where none is left."""
        rng = np.random.default_rng(secrets.randbits(128))
        queue = SheetQueue(visit, self._shown_elsewhere(visit), list(again) if again else None)
        while (first := queue.take()) is not None:
            queue.put_back(first)
            plan = self._plan(visit, queue, first, again, rng)
            if isinstance(plan, str):
                queue.take()
                visit.survey.leave(plan)
                continue
            stage = plan.stage
            made = list(self._workers.map(lambda one, stage=stage: self._tile(one, visit, stage), plan.pictures))
            tiles = [tile for tile in made if tile is not None]
            for _ in range(len(made) - len(tiles)):
                visit.survey.leave(CHANGED)
            if tiles:
                paste = draw_paste(plan.base.size, plan.base.places, rng)
                slot = slot_of(plan.base, stage)
                images = make_images(pasted(plan.rgb, paste), plan.base.places, slot, visit.dense)
                queue.end()
                return self._held(visit, plan, tiles, Tile(None, images))
        return None

    def _plan(
        self, visit: Visit, queue: SheetQueue, first: Offered, again: Sequence[Offered], rng: np.random.Generator
    ) -> _Plan | str:
        """What comes on a sheet, with a control that leaves room for all of `again`; or why `first` cannot be shown."""
        besides = {one.path for one in again} or {first.path}
        for left in range(TRIES, -1, -1):
            base, rgb = self._base(visit, besides, first, rng) if left else (first, self._rgb(first))
            if rgb is None:
                return CHANGED
            at = float(rng.random())
            stage, pictures = fitting(queue, base, at)
            if pictures and (len(pictures) >= len(again) or not left):
                return _Plan(base, rgb, at, stage, pictures)
            for one in reversed(pictures):
                queue.put_back(one)
        return TOO_WIDE

    def _base(
        self, visit: Visit, besides: set[str], own: Offered, rng: np.random.Generator
    ) -> tuple[Offered, RGB | None]:
        """The waiting picture of which the control is a copy; one on the same sheet where there is no other."""
        others = visit.survey.others(besides) or visit.survey.others(set())
        for index in rng.permutation(len(others))[:TRIES]:
            rgb = self._rgb(others[index])
            if rgb is not None:
                return others[index], rgb
        return own, self._rgb(own)

    def _shown_elsewhere(self, visit: Visit) -> set[str]:
        """Pictures that somebody else, or another window, has before them: they come last."""
        with self._lock:
            return {one.path for sheet in self._sheets.values() if sheet.visit is not visit for one in sheet.pictures}

    def _tile(self, picture: Offered, visit: Visit, stage: Stage) -> Tile | None:
        rgb = self._rgb(picture)
        if rgb is None:
            return None
        return Tile(picture, make_images(rgb, picture.places, slot_of(picture, stage), visit.dense))

    def _rgb(self, picture: Offered) -> RGB | None:
        """The picture that the looks saw; None if the file is another one by now, or cannot be read."""
        folder, max_pixels = self._folder()
        try:
            decoded = read(folder / picture.path, max_pixels=max_pixels)
        except ImageError:
            return None
        return decoded.rgb if (decoded.sha256, decoded.size) == (picture.sha256, picture.size) else None

    # -- what is held in memory

    def _visit(self, asked: Json) -> Visit:
        """The visit that is named, or a new one in its place."""
        wanted, room, dense = read_window(asked)
        with self._lock:
            visit = self._visits.get(str(asked.get("visit")))
            fresh = asked.get("fresh") is True
            if visit is not None and not fresh and (visit.wanted, visit.room, visit.dense) == (wanted, room, dense):
                self._visits.move_to_end(visit.name)
                if sum(one.visit is visit for one in self._sheets.values()) >= MOST_SHEETS:
                    raise Refused(409, "enough sheets wait; answer one first")
                return visit
        if visit is not None:
            self._end(visit)
        visit = Visit(wanted, room, dense, Survey(self._ask, wanted))
        with self._lock:
            self._visits[visit.name] = visit
            oldest = next(iter(self._visits.values())) if len(self._visits) > MOST_VISITS else None
        if oldest is not None:
            self._end(oldest)
        return visit

    def _held(self, visit: Visit, plan: _Plan, tiles: list[Tile], control: Tile) -> Sheet:
        pictures = [tile.picture for tile in tiles if tile.picture is not None]
        rows = rows_with(pictures, plan.base, plan.at, plan.stage)
        while rows is None:  # one that could not be read has left a gap that others fill less well
            visit.survey.put_back(pictures.pop())
            rows = rows_with(pictures, plan.base, plan.at, plan.stage)
        shown = tiles[: len(pictures)]
        shown.insert(place_of(plan.at, len(pictures)), control)
        sheet = Sheet(visit, plan.stage, tuple(shown), rows)
        with self._lock:
            if visit.name in self._visits:  # else it was ended while this was drawn
                self._sheets[sheet.name] = sheet
                self._images |= {image.name: (sheet, image) for tile in shown for image in tile.images}
        return sheet

    def _end(self, visit: Visit) -> None:
        with self._lock:
            self._visits.pop(visit.name, None)
            gone = [one for one in self._sheets.values() if one.visit is visit]
        visit.survey.end()
        for sheet in gone:
            self._forget(sheet)

    def _forget(self, sheet: Sheet) -> None:
        with self._lock:
            self._sheets.pop(sheet.name, None)
            for tile in sheet.tiles:
                for image in tile.images:
                    self._images.pop(image.name, None)
