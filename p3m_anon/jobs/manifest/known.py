"""What is known of a dataset: what its rows say, and what the ledger of its release says."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from p3m_anon.files.dataset_facts import UNSPLIT
from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.files.decisions import BINDING
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.samples import Samples
from p3m_anon.files.searched import Agreement, Searched, agreement, searched, second_looks
from p3m_anon.files.sheets import Sheets

TALLIED = ("detector", "profile", "fidelity", "release_basis", "viewed", "license", "source", "attribution")
MOST = 1000  # different values of a field that are told apart
IN_BULK = "suggestions accepted in bulk"  # how the note of such an answer begins; the whole of it in version 0.1


@dataclass
class Contents:
    """What the rows say. counts: split -> status -> pictures. sizes: widths and heights, pixels, of rows that have
    them. faces: faces in a picture -> pictures. filled: key -> rows that have it. tally: key -> value -> rows, at most
    MOST values.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    widths: array[int] = field(default_factory=lambda: array("i"))
    heights: array[int] = field(default_factory=lambda: array("i"))
    faces: Counter[int] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    tally: dict[str, Counter[str]] = field(default_factory=lambda: {key: Counter() for key in TALLIED})

    @property
    def pictures(self) -> int:
        """All of them."""
        return sum(counts.total() for counts in self.counts.values())


class Answer(NamedTuple):
    """A kind of answer: its verdict, whether its mask is an accepted suggestion, and how the picture was seen."""

    verdict: str
    suggested: bool
    viewed: str


@dataclass(frozen=True)
class Reviewed:
    """What the ledger of a release says in numbers. statuses: of all inputs. answers: of people, those that decide.

    people: how many decided. waiting: their answers that no run has carried out yet. sheets: as `Sheets.summary` has
    them. widths: of faces, pixels. searched, second_looks, agreement: what was looked for in released pictures, by
    which second look, and how far the looks agree.
    """

    statuses: Mapping[str, int]
    answers: Mapping[Answer, int]
    people: int
    waiting: int
    sheets: Mapping[str, Any]
    widths: array[int]
    searched: Searched | None
    second_looks: Mapping[str, int]
    agreement: Agreement | None
    sample: str | None
    sample_open: tuple[int, int] | None


def read_contents(root: Path) -> Contents:
    """One pass over the rows; 8 bytes a picture stay in memory."""
    seen = Contents()
    for row in read_rows(root / MANIFEST):
        seen.counts.setdefault(row.get("split") or UNSPLIT, Counter())[row["status"]] += 1
        seen.filled.update(key for key, value in row.items() if value is not None)
        if row.get("width") and row.get("height"):
            seen.widths.append(row["width"])
            seen.heights.append(row["height"])
        if row.get("faces") is not None:
            seen.faces[row["faces"]] += 1
        for key, tally in seen.tally.items():
            if (value := row.get(key)) is not None and (value in tally or len(tally) < MOST):
                tally[value] += 1
    return seen


def read_review(ledger: Ledger) -> Reviewed:
    """Numbers only: no name, note, reference or path comes out of the ledger."""
    marks = ", ".join("?" * len(BINDING))
    decided = f"FROM decisions d JOIN inputs i USING (path) WHERE i.seen = ? AND d.verdict IN ({marks})"
    given = (ledger.run, *BINDING)
    people, waiting = ledger.db.execute(
        f"SELECT count(DISTINCT d.who), coalesce(sum(i.decision IS NOT d.version), 0) {decided}", given
    ).fetchone()
    sample = Samples(ledger).newest()
    is_open = sample is not None and not sample.is_finished
    return Reviewed(
        statuses=ledger.counts(),
        answers=_answers(ledger),
        people=people,
        waiting=waiting,
        sheets=Sheets(ledger).summary(),
        widths=array("i", _face_widths(ledger)),
        searched=searched(ledger, released=True),
        second_looks=second_looks(ledger, released=True),
        agreement=agreement(ledger),
        sample=sample.statement if sample else None,
        sample_open=(sample.answered, sample.size) if sample and is_open else None,
    )


def _answers(ledger: Ledger) -> dict[Answer, int]:
    """Kinds of answers that decide -> how many there are.

    Versions that did not record how a picture was seen noted one thing: that suggestions were accepted in bulk.
    """
    marks = ", ".join("?" * len(BINDING))
    in_bulk = f"json_extract(d.detail, '$.note') IS '{IN_BULK}'"
    query = (
        f"SELECT d.verdict, coalesce(json_extract(d.detail, '$.suggested'), {in_bulk}) AS suggested,"
        f" coalesce(json_extract(d.detail, '$.viewed'), CASE WHEN {in_bulk} THEN 'list' ELSE 'singly' END) AS viewed,"
        f" count(*) FROM decisions d JOIN inputs i USING (path) WHERE i.seen = ? AND d.verdict IN ({marks})"
        " GROUP BY d.verdict, suggested, viewed"
    )
    found = ledger.db.execute(query, (ledger.run, *BINDING))
    return {Answer(verdict, bool(suggested), viewed): count for verdict, suggested, viewed, count in found}


def _face_widths(ledger: Ledger) -> Iterator[int]:
    for row in ledger.rows("accepted"):
        yield from (round(face["width"]) for face in row.faces if face.get("width"))
