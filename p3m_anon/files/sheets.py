"""Sheets in the ledger: pictures that a person answered many at a time, as thumbnails."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from p3m_anon.files.ledger_errors import now

if TYPE_CHECKING:
    from p3m_anon.files.ledger import Ledger

SheetState = Literal["accepted", "failed", "changed"]


@dataclass(frozen=True)
class SheetRecord:
    """What the ledger keeps of one sheet that was handed in.

    queue: filter that it was drawn from. seconds: for which it was shown. pictures: on it, without the control.
    marked: of them for a closer look. control_marked: the person marked the control. state: `accepted`, `failed` (the
    control was not marked, so nothing was answered) or `changed` (a file had changed, so nothing was answered).
    """

    queue: str
    seconds: float
    pictures: int
    marked: int
    control_marked: bool
    state: SheetState


class Sheets:
    """The sheets of one ledger; used from its thread."""

    def __init__(self, ledger: Ledger) -> None:
        """Of an open ledger."""
        self._ledger, self._db = ledger, ledger.db

    def record(self, sheet: SheetRecord, who: str, marked: Iterable[tuple[str, str]] = ()) -> int:
        """Write a sheet and an event.

        Args:
            sheet: what came of it.
            who: the person who looked at it.
            marked: path and sha256 of each picture that was marked for a closer look.

        Returns:
            The sheet's number.
        """
        with self._ledger.transaction():
            values = {**asdict(sheet), "at": now(), "who": who}
            names = ", ".join(values)
            marks = ", ".join(f":{name}" for name in values)
            number = int(self._db.execute(f"INSERT INTO sheets ({names}) VALUES ({marks})", values).lastrowid or 0)
            rows = ((path, sha256, number) for path, sha256 in marked)
            self._db.executemany("INSERT OR REPLACE INTO sheet_marks VALUES (?, ?, ?)", rows)
            self._ledger.note(f"sheet {number}: {sheet.state}, {sheet.pictures} pictures", None, None, who)
        return number

    def is_marked(self, path: str, image_sha256: str) -> bool:
        """Was this file marked on a sheet for a closer look?"""
        query = "SELECT 1 FROM sheet_marks WHERE path = ? AND image_sha256 = ?"
        return self._db.execute(query, (path, image_sha256)).fetchone() is not None

    def summary(self) -> dict[str, Any]:
        """Figures for the datasheet.

        Returns:
            sheets: handed in; accepted: of them; failed_controls: sheets whose control was not marked; pictures:
            answered on sheets, as the decisions are now; median_seconds: for which an accepted sheet was shown, float,
            or None if there is none.
        """
        states = dict(self._db.execute("SELECT state, count(*) FROM sheets GROUP BY state").fetchall())
        seconds = [row[0] for row in self._db.execute("SELECT seconds FROM sheets WHERE state = 'accepted'")]
        answered = (
            "SELECT count(*) FROM decisions d JOIN inputs i USING (path) WHERE i.seen = ? AND d.verdict = 'no_face'"
            " AND json_extract(d.detail, '$.viewed') = 'sheet'"
        )
        return {
            "sheets": sum(states.values()),
            "accepted": states.get("accepted", 0),
            "failed_controls": states.get("failed", 0),
            "pictures": int(self._db.execute(answered, (self._ledger.run,)).fetchone()[0]),
            "median_seconds": round(median(seconds), 1) if seconds else None,
        }
