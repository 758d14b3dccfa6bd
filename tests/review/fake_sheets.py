"""Sheets in memory: thumbnails of a fake desk's pictures, a few on a sheet, and a control that is a white picture."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL import Image

from p3m_anon.review.desk import Json, Refused

if TYPE_CHECKING:
    from tests.review.fake_desk import FakeDesk

CROPS = 2


class FakeSheets:
    """Keeps to the contract of `Sheets` as far as the page can tell.

    `each`: pictures on a sheet, without the control, which comes second. `singly`: what is left to the single page.
    `broken`: images that are refused, by number of the request. `refusal`: what the next answer is refused with.
    """

    def __init__(self, desk: FakeDesk) -> None:
        self._desk = desk
        self.each = 3
        self.singly: list[Json] = []
        self.broken: set[int] = set()
        self.refusal: Refused | None = None
        self.drawn: list[Json] = []
        self.answers: list[Json] = []
        self.served: list[str] = []
        self.shown: dict[str, list[str | None]] = {}  # sheet -> path of each tile, None for the control
        self._asked = 0
        self._images: dict[str, bytes] = {}

    def draw(self, asked: Json) -> Json:
        self.drawn.append(asked)
        if asked["fresh"]:
            self.shown.clear()
        taken = {path for tiles in self.shown.values() for path in tiles}
        waiting = [row["path"] for row in self._desk.queue(asked["filter"], None, 999)["rows"] if row["open"]]
        paths = [path for path in waiting if path not in taken][: self.each]
        left = {"complete": True, "waiting": 0, "singly": self.singly}
        return {"visit": "visit", "sheet": self._sheet(paths) if paths else None, "left": left}

    def _sheet(self, paths: list[str]) -> Json:
        name = f"sheet-{len(self.drawn)}-{len(self.answers)}"
        tiles: list[str | None] = [paths[0], None, *paths[1:]]
        self.shown[name] = tiles
        made = [self._tile(f"{name}-{n}", path) for n, path in enumerate(tiles)]
        return {"sheet": name, "rows": [made[n : n + 3] for n in range(0, len(made), 3)], "stacked": 2}

    def _tile(self, name: str, path: str | None) -> Json:
        picture = Image.new("RGB", (300, 200), "white") if path is None else self._desk.pictures[path]
        sizes = [(240, 196), *[(96, 96)] * CROPS]
        for n, size in enumerate(sizes):
            stream = io.BytesIO()
            picture.resize(size).save(stream, "JPEG")
            self._images[f"{name}-{n}"] = stream.getvalue()
        images = [{"name": f"{name}-{n}", "width": w, "height": h} for n, (w, h) in enumerate(sizes)]
        return {"tile": name, "images": images}

    def image(self, name: str) -> bytes:
        self._asked += 1
        if self._asked in self.broken:
            raise Refused(404, "there is no such picture")
        self.served.append(name)
        return self._images[name]

    def answer(self, asked: Json) -> Json:
        self.answers.append(asked)
        if self.refusal is not None:
            refusal, self.refusal = self.refusal, None
            raise refusal
        tiles = self.shown.pop(asked["sheet"])
        marked = {int(name.rpartition("-")[2]) for name in asked["marked"]}
        if tiles.index(None) not in marked:
            again = self._sheet([path for path in tiles if path is not None])
            return {"state": "failed", "answered": 0, "marked": 0, "changed": 0, "sheet": again}
        rest = [path for n, path in enumerate(tiles) if n not in marked]
        for n, path in enumerate(tiles):
            if path is None:
                continue
            verdict = "skip" if n in marked else "no_face"  # skipped: the fake has no other way to leave it out
            self._desk.put(path, {"verdict": verdict, "shapes": [], "who": asked["who"]})
        return {"state": "accepted", "answered": len(rest), "marked": len(marked) - 1, "changed": 0, "sheet": None}
