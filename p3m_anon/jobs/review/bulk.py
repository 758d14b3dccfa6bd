"""Answers for many pictures at once, without the page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.faces.shapes import draw
from p3m_anon.files.decisions import Decision, Decisions
from p3m_anon.files.drawings import write_drawing
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.blur.inputs import find_folders
from p3m_anon.jobs.blur.run import LEDGER
from p3m_anon.jobs.review.request import last_request
from p3m_anon.jobs.review.sightings import sightings_of

if TYPE_CHECKING:
    from p3m_anon.files.ledger_rows import Row
    from p3m_anon.jobs.blur.inputs import Folders


@dataclass
class BulkSummary:
    """What was answered. left: why others were not, with how many of each. notes: names that fit nothing."""

    answered: int = 0
    left: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def leave(self, why: str) -> None:
        """One more that keeps waiting."""
        self.left[why] = self.left.get(why, 0) + 1

    @property
    def exit_code(self) -> int:
        """1 if a name fits nothing."""
        return int(bool(self.notes))


@dataclass(frozen=True)
class Answering:
    """An open ledger with its folders; nothing is written in a dry run."""

    ledger: Ledger
    folders: Folders
    who: str
    dry_run: bool

    def record(self, decision: Decision) -> None:
        """Write a first decision about a picture, or one in the place of an answer that decided nothing."""
        if not self.dry_run:
            before = Decisions(self.ledger).of(decision.path)
            Decisions(self.ledger).record(decision, self.who, before.version if before else 0)

    def problem(self, row: Row) -> str | None:
        """Why a row is not to be answered."""
        if row.status != "needs_review":
            return "do not wait for an answer"
        if not Decisions(self.ledger).is_open(row.path):
            return "have an answer, or were skipped, already"
        return None

    def sha256(self, row: Row) -> str | None:
        """Of the picture's file, if it is the one that the detectors saw."""
        known = next((one.sha256 for one in row.sources if one.role == "image"), None)
        try:
            found = hashlib.sha256((self.folders.pictures / row.path).read_bytes()).hexdigest()
        except OSError:
            return None
        return found if found == known else None


CHANGED = "have changed or are gone since `blur` saw them; run it again"


def confirm_no_face(
    out: Path, private: Path | None, names: Iterable[str], who: str, *, dry_run: bool = False
) -> BulkSummary:
    """Record for each named picture (id or path) that a person sees no identifiable face in it.

    Only pictures that wait, and in which no detector sees anything: the others have to be looked at one by one.
    """
    summary = BulkSummary()
    with _desk(out, private, who, dry_run) as desk:
        for name in names:
            row = desk.ledger.row(name) or desk.ledger.row_of_id(name)
            if row is None:
                summary.notes.append(f"{name}: no picture has this path or id")
                continue
            problem = desk.problem(row)
            if problem is None and sightings_of(row):
                problem = "look like a face to a detector somewhere: answer them on the page"
            sha256 = None if problem else desk.sha256(row)
            if problem or sha256 is None:
                summary.leave(problem or CHANGED)
                continue
            desk.record(Decision(row.path, sha256, "no_face"))
            summary.answered += 1
    return summary


def accept_suggestions(
    out: Path, private: Path | None, wanted: tuple[str, float], who: str, *, dry_run: bool = False
) -> BulkSummary:
    """Record for all pictures that wait for a reason that every place that any look saw is to be blurred.

    wanted: reason code and least score; a picture in which any place scores less keeps waiting.
    """
    reason, least = wanted
    summary = BulkSummary()
    with _desk(out, private, who, dry_run) as desk:
        for path in list(Decisions(desk.ledger).paths(f"reason:{reason}")):
            row = desk.ledger.row(path)
            assert row is not None
            problem = desk.problem(row) or _unfit(row, least)
            sha256 = None if problem else desk.sha256(row)
            if problem or sha256 is None:
                summary.leave(problem or CHANGED)
                continue
            if _accept(desk, row, sha256):
                summary.answered += 1
            else:
                summary.leave("have suggestions outside the picture only")
    return summary


def _unfit(row: Row, least: float) -> str | None:
    """Why a row's suggestions cannot be taken without a look."""
    seen = sightings_of(row)
    if not seen:
        return "have no suggestion"
    if any(one.score is None or one.score < least for one in seen):
        return f"have a suggestion that scores under {least:g}"
    return None


def _accept(desk: Answering, row: Row, sha256: str) -> bool:
    """Record the suggestions as a drawing; False if they cover no pixel."""
    shapes = [one.suggestion() for one in sightings_of(row)]
    mask = draw(shapes, (int(row.facts["width"]), int(row.facts["height"])))
    if mask.any() and not desk.dry_run:
        file, digest = write_drawing(desk.folders.private, row.id, shapes, mask)
        note = "suggestions accepted in bulk"
        desk.record(Decision(row.path, sha256, "mask", mask=file, mask_sha256=digest, note=note))
    return bool(mask.any())


@contextmanager
def _desk(out: Path, private: Path | None, who: str, dry_run: bool) -> Iterator[Answering]:
    """The ledger, open for one job."""
    folders = find_folders(last_request(out, private))
    file = folders.private / LEDGER
    with Ledger.copy_of(file) if dry_run else Ledger(file, who) as ledger:
        yield Answering(ledger, folders, who, dry_run)
