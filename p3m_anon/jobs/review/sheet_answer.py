"""What a sheet's answer has to hold before anything is written, and the writing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p3m_anon.files.decisions import Decision, Decisions, Outdated
from p3m_anon.files.sheets import SheetRecord, Sheets
from p3m_anon.jobs.review.sheet_places import Offered, offer
from p3m_anon.review.desk import Json, Refused

if TYPE_CHECKING:
    from collections.abc import Iterator

    from p3m_anon.files.ledger import Ledger

LONGEST = 24 * 3600.0  # seconds that a sheet can have been shown


@dataclass(frozen=True)
class SheetAnswer:
    """What a person says of a sheet. marked: names of tiles; seconds: for which the page showed it."""

    who: str
    marked: frozenset[str]
    seconds: float


def read_answer(asked: Json, tiles: set[str], drawn_seconds: float) -> SheetAnswer:
    """The answer, if the page showed every tile; raises Refused otherwise.

    Args:
        asked: as `review.desk.Sheets.answer` has it.
        tiles: names of all tiles of the sheet.
        drawn_seconds: how long ago the sheet was drawn: it was not shown for longer.
    """
    who = str(asked.get("who") or "").strip()[:200]
    if not who:
        raise Refused(400, "your name goes with each answer; enter it first")
    reports = {str(one.get("tile")): one for one in _objects(asked.get("tiles"))}
    if set(reports) != tiles:
        raise Refused(400, "the answer does not report on every picture of the sheet")
    for what, words in (("loaded", "loaded"), ("seen", "in view")):
        missing = sum(one.get(what) is not True for one in reports.values())
        if missing:
            were = "picture was" if missing == 1 else "pictures were"
            raise Refused(400, f"{missing} {were} not {words}; nothing was answered")
    marked = asked.get("marked")
    if not isinstance(marked, list) or not all(isinstance(one, str) for one in marked) or not tiles.issuperset(marked):
        raise Refused(400, "`marked` has to be a list of the sheet's tiles")
    try:
        seconds = float(asked.get("seconds") or 0.0)
    except (TypeError, ValueError) as error:
        raise Refused(400, "`seconds` has to be a number") from error
    seconds = min(max(seconds, 0.0), drawn_seconds, LONGEST) if seconds == seconds else 0.0
    return SheetAnswer(who, frozenset(marked), seconds)


def changed_files(folder: Path, pictures: Sequence[Offered], workers: Executor) -> list[Offered]:
    """Pictures whose file no longer has the bytes that were shown."""
    digests = workers.map(lambda one: _hash(folder / one.path), pictures)
    return [one for one, digest in zip(pictures, digests, strict=True) if digest != one.sha256]


def write_answers(
    ledger: Ledger, sheet: SheetRecord, who: str, pictures: Sequence[Offered], marked: Sequence[Offered]
) -> int:
    """Record an accepted sheet and "no identifiable face" for its pictures; returns how many were answered.

    A picture that somebody else has answered in the meantime, or that `blur` has looked at again, is left as it is.
    """
    answered = 0
    with _without_waiting(ledger):
        number = Sheets(ledger).record(sheet, who, [(one.path, one.sha256) for one in marked])
        for one in pictures:
            row = ledger.row(one.path)
            if row is None or offer(ledger, row) != one:
                continue
            decision = Decision(one.path, one.sha256, "no_face", dismissed=one.places, viewed="sheet", sheet=number)
            try:
                Decisions(ledger).record(decision, who, one.version)
            except Outdated:
                continue
            answered += 1
    # The log's last commit takes all before it along: what was answered outlives a power cut from here on.
    ledger.event(f"sheet {number}: {answered} answered")
    return answered


@contextmanager
def _without_waiting(ledger: Ledger) -> Iterator[None]:
    """Commits that do not wait for the disk one by one."""
    before = ledger.db.execute("PRAGMA synchronous").fetchone()[0]
    ledger.db.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        ledger.db.execute(f"PRAGMA synchronous={before}")


def _hash(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def _objects(value: Any) -> list[Json]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
