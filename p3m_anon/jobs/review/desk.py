"""The review page's desk: it reads and writes the ledger, opens pictures, and lets `blur` carry decisions out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from p3m_anon import __version__
from p3m_anon.errors import ImageError
from p3m_anon.files.decisions import (
    BASES,
    Decision,
    Decisions,
    Outdated,
    checked_verdict,
)
from p3m_anon.files.drawings import read_shapes, remove_drawing
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.samples import COVERED, MISSED, Samples
from p3m_anon.jobs.blur.inputs import find_folders
from p3m_anon.jobs.blur.run import LEDGER
from p3m_anon.jobs.review.answer import asked_shapes, changed_since, judged, left_json, places_left
from p3m_anon.jobs.review.asked import check_queue, read_text, read_window
from p3m_anon.jobs.review.pictures import Cabinet, Opened, Window, data_url, jpeg
from p3m_anon.jobs.review.queue import picture_json, state_json
from p3m_anon.jobs.review.request import last_request
from p3m_anon.jobs.review.sample import begin_sample
from p3m_anon.jobs.review.sheets import SheetRoom
from p3m_anon.jobs.review.sightings import released_shapes
from p3m_anon.jobs.review.write import Writer
from p3m_anon.review.desk import Json, Refused

if TYPE_CHECKING:
    from p3m_anon.files.ledger_rows import Row

T = TypeVar("T")
MOST_ROWS = 1000  # of a queue in one answer


class ReviewDesk:
    """The desk of one release folder (see `review.desk.Desk`). Close it at the end."""

    def __init__(self, out: Path, private: Path | None = None, who: str = "unknown") -> None:
        """Open the ledger beside `out`; raises UsageError where `blur` has not been yet."""
        self.who = who
        self._out, self._private = out, private
        self._read_request()
        self._clerk = ThreadPoolExecutor(1, "ledger")  # SQLite wants one thread
        self._ledger = self._clerk.submit(Ledger, self.folders.private / LEDGER, who).result()
        self._clerk.submit(
            self._ledger.db.execute, "PRAGMA synchronous=FULL"
        ).result()  # an answer outlives a power cut
        self._readers = ThreadPoolExecutor(1, "ahead")
        self._writer = Writer()
        self._continued = False
        self._sheets = SheetRoom(self._ask, lambda: (self.folders.pictures, self.request.max_pixels))

    def _read_request(self) -> None:
        """What the last run was asked, perhaps a colleague's; pictures opened with older settings are forgotten."""
        self.request = last_request(self._out, self._private)
        self.folders = find_folders(self.request)
        self._cabinet = Cabinet(self.request.settings, self.request.max_pixels)

    def _keep_up(self) -> None:
        if last_request(self._out, self._private) != self.request:
            self._read_request()

    def close(self) -> None:
        """Wait for what is under way, and fold the ledger's log into its file."""
        self._sheets.close()
        self._readers.shutdown(cancel_futures=True)
        self._writer.wait()
        self._ask(Ledger.close)
        self._clerk.shutdown()

    def _ask(self, question: Callable[[Ledger], T]) -> T:
        """Run something on the ledger, in its own thread."""
        return self._clerk.submit(question, self._ledger).result()

    def begin_sample(self, size: int, seed: int | None = None) -> None:
        """Go on with an unfinished sample check of this size, and seed if one is given, or draw a new one.

        Raises UsageError if nothing is released, and for a seed that was drawn and looked through before.
        """
        self._continued = self._ask(lambda ledger: begin_sample(ledger, size, seed, self.who))

    @property
    def sheets(self) -> SheetRoom:
        """See `Desk.sheets`."""
        return self._sheets

    # -- what the page sees

    def state(self) -> Json:
        """See `Desk.state`."""
        state = self._ask(state_json)
        if state["sample"] is not None:
            state["sample"]["continued"] = self._continued
        bases = [{"key": key, "label": label} for key, label in BASES.items()]
        return {**state, "who": self.who, "version": __version__, "out": self.folders.out.name, "bases": bases}

    def queue(self, wanted: str, after: str | None, limit: int, find: str = "") -> Json:
        """See `Desk.queue`."""
        check_queue(wanted)
        limit = min(limit, MOST_ROWS)
        rows = self._ask(lambda ledger: Decisions(ledger).listed(wanted, after, limit + 1, find))
        return {"rows": [row._asdict() for row in rows[:limit]], "more": len(rows) > limit}

    def picture(self, path: str, wanted: str) -> Json:
        """See `Desk.picture`."""
        check_queue(wanted)
        self._keep_up()
        row = self._row(path)
        decision = self._ask(lambda ledger: Decisions(ledger).of(path))
        size, has_alpha, error = (0, 0), False, None
        try:
            opened = self._open(row)
            size, sha256, has_alpha = opened.decoded.size, opened.decoded.sha256, opened.alpha is not None
        except ImageError as problem:
            sha256, error = self._hash(row), str(problem)
        changed = changed_since(row, sha256)
        facts = self._ask(lambda ledger: picture_json(ledger, row, decision, wanted, changed=changed))
        if facts["decision"] is not None and decision is not None:
            shapes = read_shapes(self.folders.private, decision.mask) if decision.mask is not None else ()
            facts["decision"] |= {
                "shapes": [shape.to_json() for shape in shapes],
                "lapsed": decision.image_sha256 != sha256,
            }
        facts["start"] = [] if changed else [shape.to_json() for shape in released_shapes(row, self.folders.private)]
        if facts["next"] is not None:
            self._readers.submit(self._read_ahead, facts["next"])
        shown = {"width": size[0], "height": size[1], "sha256": sha256, "error": error, "transition": has_alpha}
        return {**facts, **shown, "changed": changed}

    def image(self, path: str, which: str, window: Window, width: int) -> bytes:
        """See `Desk.image`."""
        row = self._row(path)
        try:
            if which == "released":
                return self._cabinet.window(self._released(row), window, width)
            return jpeg(self._open(row).rgb, window, width)
        except ImageError as error:
            raise Refused(404, str(error)) from error
        except ValueError as error:
            raise Refused(400, str(error)) from error

    def transition(self, path: str, width: int) -> bytes:
        """See `Desk.transition`."""
        return self._shown(self._row(path)).transition(width)

    def preview(self, asked: Json) -> Json:
        """See `Desk.preview`."""
        opened = self._shown(self._row(read_text(asked, "path")))
        shapes = asked_shapes(asked)
        window, width = read_window(asked)
        drawn = opened.draw(shapes, asked.get("as_drawn") is True)
        try:
            image = jpeg(opened.masked(drawn) if shapes else opened.rgb, window, width)
            seen = opened.background(drawn, window, width)
        except ValueError as error:
            raise Refused(400, str(error)) from error
        background = None if seen is None else {"area": seen[0], "image": data_url(seen[1], "png")}
        left = left_json(places_left(opened, drawn))
        return {"image": data_url(image), "uncovered": left, "area": drawn.area, "background": background}

    # -- what a person says

    def decide(self, asked: Json) -> Json:
        """See `Desk.decide`."""
        path, wanted = read_text(asked, "path"), str(asked.get("filter") or "todo")
        check_queue(wanted)
        who = str(asked.get("who") or self.who)[:200]
        row = self._row(path)
        if asked.get("verdict") == COVERED:
            if not self._ask(lambda ledger: Samples(ledger).answer(path, COVERED, who)):
                raise Refused(400, "there is no sample check with this picture; start one with --sample N")
        else:
            self._decide(row, asked, who, wanted)
        return {"picture": self.picture(path, wanted), "state": self.state()}

    def _decide(self, row: Row, asked: Json, who: str, wanted: str) -> None:
        try:
            verdict = checked_verdict(asked.get("verdict"))
            sha256, version = read_text(asked, "sha256"), int(asked.get("version") or 0)
            note = str(asked.get("note") or "").strip()[:2000] or None
            decision = Decision(row.path, sha256, verdict, note=note)
            if verdict in ("mask", "no_face", "normal"):
                opened = self._shown(row)
                if sha256 != opened.decoded.sha256:
                    raise self._changed(row.path, wanted)
                decision = judged(opened, row, decision, asked, self.folders.private)
            elif verdict == "exclude" and sha256 != self._hash(row):
                raise self._changed(row.path, wanted)
        except (ValueError, TypeError) as error:
            raise Refused(400, str(error)) from error
        try:
            self._record(row, decision, who, version)
        except Outdated as error:
            raise Refused(409, str(error), now=self.picture(row.path, wanted)) from error

    def _record(self, row: Row, decision: Decision, who: str, version: int) -> None:
        """Into the ledger; drawings of older decisions stay, as the events speak of them."""
        try:
            self._ask(lambda ledger: Decisions(ledger).record(decision, who, version))
        except Outdated as error:
            if decision.mask is not None and decision.mask != error.now.mask:
                remove_drawing(self.folders.private, decision.mask)
            raise
        answer = {"no_face": COVERED, "skip": None, "open": None}.get(decision.verdict, MISSED)
        if decision.verdict != "skip":
            self._ask(lambda ledger: Samples(ledger).answer(row.path, answer, who))

    # -- carrying it out

    def write(self) -> Json:
        """See `Desk.write`."""
        self._keep_up()
        total = self._ask(lambda ledger: Decisions(ledger).count("unwritten"))
        self._writer.start(replace(self.request, who=self.who), total)
        return self.writing()

    def writing(self) -> Json:
        """See `Desk.writing`."""
        return self._writer.state()

    # -- rows and files

    def _row(self, path: str) -> Row:
        row = self._ask(lambda ledger: ledger.row(path))
        if row is None or row.status == "withdrawn":
            raise Refused(404, f"there is no picture {path}" if row is None else f"{path} was withdrawn")
        return row

    def _file(self, row: Row) -> Path:
        return self.folders.pictures / row.path

    def _open(self, row: Row) -> Opened:
        return self._cabinet.open(row, self._file(row))

    def _shown(self, row: Row) -> Opened:
        try:
            return self._open(row)
        except ImageError as error:
            raise Refused(404, str(error)) from error

    def _read_ahead(self, path: str) -> None:
        """Have the next picture ready; if it cannot be read, the page will be told when it asks."""
        try:
            self._open(self._row(path))
        except (ImageError, Refused):
            return

    def _released(self, row: Row) -> Path:
        for one in row.outputs:
            if one.role == "image":
                return self.folders.out / one.file
        raise Refused(404, f"{row.path} is not released")

    def _hash(self, row: Row) -> str:
        """Of a file that may be no picture at all."""
        try:
            return hashlib.sha256(self._file(row).read_bytes()).hexdigest()
        except OSError:
            return ""

    def _changed(self, path: str, wanted: str) -> Refused:
        return Refused(409, "the file has changed since it was shown; look again", now=self.picture(path, wanted))
