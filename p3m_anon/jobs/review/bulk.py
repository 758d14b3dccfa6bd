"""Answers for many pictures at once, without the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.errors import UsageError
from p3m_anon.faces.judge import Ruling
from p3m_anon.faces.reasons import EXPLANATION, Reason
from p3m_anon.faces.shapes import draw
from p3m_anon.files.decisions import Decision, Decisions
from p3m_anon.files.drawings import write_drawing
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.manual_masks import ManualMask
from p3m_anon.jobs.blur.inputs import find_folders
from p3m_anon.jobs.blur.run import LEDGER
from p3m_anon.jobs.review.foresight import Foresight
from p3m_anon.jobs.review.request import last_request
from p3m_anon.jobs.review.sheet_places import DRAWN, all_places, has_sure_face
from p3m_anon.jobs.review.sightings import sight_of, sightings_of

if TYPE_CHECKING:
    from p3m_anon.faces.reasons import Finding
    from p3m_anon.files.ledger_rows import Row
    from p3m_anon.jobs.blur.inputs import Folders

LEAST_SCORE = 0.4  # under it what looks suggest is a face's edge, or no face, too often to be taken unseen
LISTED = 1000  # pictures that are named for each reason
CHANGED = "have changed or are gone since `blur` saw them; run it again"
OUTDATED = "were judged by an earlier version or with other settings; run `blur` again"
ONE_BY_ONE = {
    Reason.WITHDRAWN_BEFORE.value: "look like a picture that was withdrawn; answer them on the page",
    Reason.DECISION_LAPSED.value: "were decided about before, and changed since; answer them on the page",
}
"""Reasons that nobody settles unseen."""


@dataclass(frozen=True)
class Wanted:
    """Which suggestions are accepted: in pictures that wait for `reason`, if every place scores at least `least`.

    below: why a score under LEAST_SCORE will do; goes into the record.
    """

    reason: str
    least: float
    below: str | None = None

    def note(self) -> str:
        """For the record. Raises UsageError for a low score without a reason, and for a reason that none needs."""
        text = (self.below or "").strip()
        if self.least < LEAST_SCORE and not text:
            raise UsageError(f"--min-score under {LEAST_SCORE:g} needs --below REASON, which is recorded")
        if self.least >= LEAST_SCORE and self.below is not None:
            raise UsageError(f"--below goes with a --min-score under {LEAST_SCORE:g}")
        return f"suggestions accepted in bulk, from a score of {self.least:g}{f': {text}' if text else ''}"


@dataclass
class BulkSummary:
    """What was answered. left: why others were not, with how many of each. pictures: their paths, at most LISTED of
    each. notes: names that fit nothing.
    """

    answered: int = 0
    left: dict[str, int] = field(default_factory=dict)
    pictures: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def leave(self, why: str, path: str) -> None:
        """One more that keeps waiting."""
        self.left[why] = self.left.get(why, 0) + 1
        named = self.pictures.setdefault(why, [])
        if len(named) < LISTED:
            named.append(path)

    @property
    def exit_code(self) -> int:
        """1 if a name fits nothing."""
        return int(bool(self.notes))


@dataclass(frozen=True)
class Answering:
    """An open ledger with its folders; nothing is written in a dry run."""

    ledger: Ledger
    folders: Folders
    foresight: Foresight
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
        if row.reason in ONE_BY_ONE:
            return ONE_BY_ONE[row.reason]
        before = Decisions(self.ledger).of(row.path)
        drew = before is not None and before.verdict in ("mask", "normal") and not before.suggested
        if drew or any(one.role == "manual_mask" for one in row.sources):
            return f"{DRAWN}; answer them on the page"
        return None if self.foresight.is_current(row) else OUTDATED


def confirm_no_face(
    out: Path, private: Path | None, names: Iterable[str], who: str, *, dry_run: bool = False
) -> BulkSummary:
    """Record for each named picture (id or path) that a person sees no identifiable face in it.

    Only pictures that wait, and in which no look is sure of a face: the others have to be looked at one by one. What a
    look saw weakly is recorded as dismissed.
    """
    summary = BulkSummary()
    with _desk(out, private, who, dry_run) as desk:
        for name in names:
            row = desk.ledger.row(name) or desk.ledger.row_of_id(name)
            if row is None:
                summary.notes.append(f"{name}: no picture has this path or id")
                continue
            problem = _confirm(desk, row)
            if problem is None:
                summary.answered += 1
            else:
                summary.leave(problem, row.path)
    return summary


def accept_suggestions(
    out: Path, private: Path | None, wanted: Wanted, who: str, *, dry_run: bool = False
) -> BulkSummary:
    """Record for all pictures that wait for a reason that every place that any look saw is to be blurred.

    A picture in which any place scores less than is wanted keeps waiting, and so does one that `blur` would send back:
    it is judged with the suggested mask first. Raises UsageError for a low score without a reason.
    """
    note = wanted.note()
    summary = BulkSummary()
    with _desk(out, private, who, dry_run) as desk:
        for path in list(Decisions(desk.ledger).paths(f"reason:{wanted.reason}")):
            row = desk.ledger.row(path)
            assert row is not None
            problem = desk.problem(row) or _unfit(row, wanted.least) or _accept(desk, row, note)
            if problem is None:
                summary.answered += 1
            else:
                summary.leave(problem, path)
    return summary


def _confirm(desk: Answering, row: Row) -> str | None:
    """Record that there is no face in a picture; or why not."""
    sight = sight_of(row)
    if (problem := desk.problem(row)) is not None:
        return problem
    if has_sure_face(sight):
        return "hold a face that a look is sure of: answer them on the page"
    if not sight.complete:
        return "hold more places than a look can list: answer them on the page"
    decoded = desk.foresight.read(row)
    if decoded is None:
        return CHANGED
    places = all_places(sight)
    if found := desk.foresight.findings(row, decoded, Ruling("no_face", places)):
        return _sent_back(found)
    desk.record(Decision(row.path, decoded.sha256, "no_face", dismissed=places, viewed="list"))
    return None


def _unfit(row: Row, least: float) -> str | None:
    """Why a row's suggestions cannot be taken without a look."""
    seen = sightings_of(row)
    if not seen:
        return "have no suggestion"
    if any(one.score is None or one.score < least for one in seen):
        return f"have a suggestion that scores under {least:g}"
    return None


def _accept(desk: Answering, row: Row, note: str) -> str | None:
    """Record the suggestions as a drawing; or why not."""
    decoded = desk.foresight.read(row)
    if decoded is None:
        return CHANGED
    shapes = [one.suggestion() for one in sightings_of(row)]
    mask = draw(shapes, decoded.size)
    if not mask.any():
        return "have suggestions outside the picture only"
    if found := desk.foresight.findings(row, decoded, Ruling("mask"), ManualMask(mask, False)):
        return _sent_back(found)
    if not desk.dry_run:
        file, digest = write_drawing(desk.folders.private, row.id, shapes, mask)
        decision = Decision(row.path, decoded.sha256, "mask", mask=file, mask_sha256=digest, note=note)
        desk.record(replace(decision, suggested=True, viewed="list"))
    return None


def _sent_back(found: tuple[Finding, ...]) -> str:
    worst = found[0].reason
    return f"would be sent back: {worst.value} ({EXPLANATION[worst]})"


@contextmanager
def _desk(out: Path, private: Path | None, who: str, dry_run: bool) -> Iterator[Answering]:
    """The ledger, open for one job."""
    request = last_request(out, private)
    folders = find_folders(request)
    file = folders.private / LEDGER
    with Ledger.copy_of(file) if dry_run else Ledger(file, who) as ledger:
        yield Answering(ledger, folders, Foresight(request, folders, ledger), who, dry_run)
