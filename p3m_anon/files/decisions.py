"""What people have decided about pictures, in the ledger; bound to a picture's bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np

from p3m_anon import __version__
from p3m_anon.errors import ImageError, P3MError
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_errors import now

if TYPE_CHECKING:
    from p3m_anon.arrays import Box, Mask

Verdict = Literal["mask", "no_face", "normal", "exclude", "skip", "open"]
Viewed = Literal["singly", "sheet", "list"]
VERDICTS = ("mask", "no_face", "normal", "exclude", "skip", "open")
BINDING = ("mask", "no_face", "normal", "exclude")
BASES = {
    "public_figure": "a public figure",
    "consent": "the person has agreed in writing",
    "no_identifiable_face": "nobody can be identified",
}
"""Why a face may stay (DESIGN.md section 5)."""


@dataclass(frozen=True)
class Decision:
    """What a person says of one picture.

    verdict: `mask`: blur the drawn mask. `no_face`: there is no identifiable face. `normal`: a face may stay, for
    `basis` with a `reference`. `exclude`: leave the picture out. `skip`, `open`: nothing, it waits on. image_sha256:
    of the file that the person saw. mask: PNG in the private folder, with its sha256; its shapes lie beside it as
    JSON. as_drawn: the transition region is blurred too. dismissed: places that look like a face to a detector and
    that the person leaves uncovered knowingly. accepts_loss: the person knows that the transition region takes much of
    what was drawn, with the alpha of alpha_sha256. suggested: the mask is what the detectors suggested, and a person
    accepted it without drawing. viewed: how the person saw the picture: by itself, on a sheet of thumbnails, or not on
    the page at all (a list of names). sheet: number of that sheet in the ledger. unsettled: sha256 of the file that the
    last binding decision was about, where this one took its place and decides nothing. version: raised with every
    change.
    """

    path: str
    image_sha256: str
    verdict: Verdict
    mask: str | None = None
    mask_sha256: str | None = None
    as_drawn: bool = False
    dismissed: tuple[Box, ...] = ()
    accepts_loss: bool = False
    alpha_sha256: str | None = None
    suggested: bool = False
    viewed: Viewed = "singly"
    sheet: int | None = None
    unsettled: str | None = None
    basis: str | None = None
    reference: str | None = None
    note: str | None = None
    version: int = 0
    who: str = ""
    at: str = ""
    tool: str = ""

    @property
    def is_binding(self) -> bool:
        """It says what is to become of the picture."""
        return self.verdict in BINDING

    def digest(self) -> str:
        """For the row that is made with it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def read_mask(self, private: Path, size: tuple[int, int]) -> Mask:
        """The drawn mask, bool (H, W); raises ImageError if it is not the one that was drawn. size: W, H."""
        import cv2

        assert self.mask is not None
        again = "open the review and draw it again"
        try:
            data = (private / self.mask).read_bytes()
        except OSError as error:
            raise ImageError(f"{self.path}: the mask drawn in the review cannot be read; {again}") from error
        if hashlib.sha256(data).hexdigest() != self.mask_sha256:
            raise ImageError(f"{self.path}: the mask drawn in the review was changed since; {again}")
        mask = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        if mask is None or mask.shape != (size[1], size[0]):
            raise ImageError(f"{self.path}: the mask drawn in the review is not of the picture's size; {again}")
        return np.asarray(mask > 127, np.bool_)


class Outdated(P3MError):
    """Somebody else has decided in the meantime; `now` is what they said."""

    def __init__(self, now: Decision) -> None:
        super().__init__(f"{now.path}: {now.who} has decided about it in the meantime; look at that first")
        self.now = now


class Listed(NamedTuple):
    """One line of a queue; open: it still needs an answer there."""

    path: str
    id: str
    status: str
    reason: str | None
    verdict: str | None
    open: bool


_FIELDS = (
    *("mask", "mask_sha256", "as_drawn", "dismissed", "accepts_loss", "alpha_sha256", "suggested"),
    *("viewed", "sheet", "unsettled"),
    *("basis", "reference", "note"),
)
_FROM = "FROM inputs i LEFT JOIN decisions d ON d.path = i.path WHERE i.seen = :run AND "
_FROM_DECISIONS = "FROM decisions d CROSS JOIN inputs i ON i.path = d.path WHERE i.seen = :run AND "
_BINDS = "coalesce(d.verdict, 'open') NOT IN ('open', 'skip')"
# A decision that a run has carried out, and the picture still waits: it has to be looked at again.
_OPEN = f"(i.status = 'needs_review' AND (NOT ({_BINDS}) OR i.decision IS d.version) AND d.verdict IS NOT 'skip')"
_LATER = "(i.status = 'needs_review' AND d.verdict IS 'skip')"
_UNWRITTEN = f"({_BINDS} AND i.decision IS NOT d.version OR d.verdict IS 'open' AND i.decision IS NOT NULL)"
_SAMPLED = "SELECT path FROM sample_items WHERE sample = (SELECT max(n) FROM samples)"
_WANTED = {
    "todo": "i.status = 'needs_review'",
    "open": _OPEN,
    "later": _LATER,
    "decided": f"{_BINDS} AND NOT {_OPEN}",
    "unwritten": _UNWRITTEN,
    "released": "i.status = 'accepted'",
    "failed": "i.status IN ('failed', 'unsupported')",
}


class Decisions:
    """The decisions of one ledger, and the queues that they make."""

    def __init__(self, ledger: Ledger) -> None:
        """Used from the ledger's thread."""
        self._ledger, self._db = ledger, ledger.db

    def of(self, path: str) -> Decision | None:
        """The newest decision about an input; it may have been made about other bytes."""
        row = self._db.execute("SELECT * FROM decisions WHERE path = ?", (path,)).fetchone()
        if row is None:
            return None
        detail = json.loads(row["detail"])
        detail["dismissed"] = tuple((b[0], b[1], b[2], b[3]) for b in detail["dismissed"])
        if detail.get("note") == "suggestions accepted in bulk":  # as versions before 0.2 said it
            detail |= {"suggested": True, "viewed": "list"}
        plain = {key: row[key] for key in ("path", "image_sha256", "verdict", "version", "who", "at", "tool")}
        return Decision(**plain, **detail)

    def record(self, decision: Decision, who: str, seen_version: int) -> Decision:
        """Write a decision and an event; returns it as written.

        seen_version: of the decision that the person saw, 0 for none. Raises Outdated if there is a newer one.
        """
        with self._ledger.transaction():
            before = self.of(decision.path)
            if before is not None and before.version != seen_version:
                raise Outdated(before)
            version = (before.version if before else 0) + 1
            if before is not None and not decision.is_binding:
                unsettled = before.image_sha256 if before.is_binding else before.unsettled
                drawing = {"mask": before.mask, "mask_sha256": before.mask_sha256, "as_drawn": before.as_drawn}
                decision = replace(decision, unsettled=unsettled, **drawing)  # type: ignore[arg-type]
            made = replace(decision, version=version, who=who, at=now(), tool=__version__)
            detail = json.dumps({key: getattr(made, key) for key in _FIELDS})
            values = (made.path, version, made.image_sha256, made.verdict, detail, who, made.at, made.tool)
            self._db.execute("INSERT OR REPLACE INTO decisions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            previous = json.dumps(asdict(before)) if before else None
            self._ledger.note(f"decision {version}: {made.verdict}", made.path, previous, who)
        return made

    def count(self, wanted: str) -> int:
        """How many inputs a queue holds; wanted as for `listed`."""
        return int(
            self._db.execute(f"SELECT count(*) {_from(wanted)} {_condition(wanted)}", self._given(wanted)).fetchone()[0]
        )

    def reasons(self) -> dict[str, tuple[int, int]]:
        """Reason -> (pictures that wait, of them without an answer)."""
        query = f"SELECT i.reason, count(*), sum({_OPEN}) {_FROM} i.status = 'needs_review' GROUP BY i.reason"
        return {row[0]: (row[1], row[2]) for row in self._db.execute(query, {"run": self._ledger.run})}

    def listed(self, wanted: str, after: str | None, most: int, find: str = "") -> list[Listed]:
        """A page of a queue in path order, from behind `after`.

        wanted: todo (all that wait), open (without an answer), later, decided, unwritten, released, failed, sample,
        or `reason:<code>`. find: part of an id.
        """
        given = {**self._given(wanted), "after": after or "", "most": most, "find": f"%{_escaped(find)}%"}
        rows = self._db.execute(
            f"SELECT i.path, i.id, i.status, i.reason, CASE WHEN {_OPEN} THEN NULL ELSE d.verdict END,"
            f" {_still_open(wanted)}"
            f" {_ordered(wanted)} {_condition(wanted)} AND i.path > :after"
            " AND i.id LIKE :find ESCAPE '\\' ORDER BY i.path LIMIT :most",
            given,
        )
        return [Listed(row[0], row[1], row[2], row[3], row[4], bool(row[5])) for row in rows]

    def paths(self, wanted: str) -> Iterator[str]:
        """All paths of a queue."""
        last: str | None = None
        while page := self.listed(wanted, last, 500):
            yield from (row.path for row in page)
            last = page[-1].path

    def place(self, wanted: str, path: str) -> int | None:
        """A picture's place in a queue, from 1; None if it is not in it."""
        given = {**self._given(wanted), "path": path}
        query = f"SELECT count(*), max(i.path = :path) {_from(wanted)} {_condition(wanted)} AND i.path <= :path"
        place, there = self._db.execute(query, given).fetchone()
        return int(place) if there else None

    def neighbours(self, wanted: str, path: str) -> tuple[str | None, str | None]:
        """The pictures before and after a place in a queue."""
        given = {**self._given(wanted), "path": path}
        query = f"SELECT i.path {_ordered(wanted)} {_condition(wanted)} AND i.path"
        before = self._db.execute(f"{query} < :path ORDER BY i.path DESC LIMIT 1", given).fetchone()
        after = self._db.execute(f"{query} > :path ORDER BY i.path LIMIT 1", given).fetchone()
        return before and before[0], after and after[0]

    def is_open(self, path: str) -> bool:
        """Does it wait for an answer?"""
        query = f"SELECT 1 {_FROM} {_OPEN} AND i.path = :path"
        return self._db.execute(query, {"run": self._ledger.run, "path": path}).fetchone() is not None

    def _given(self, wanted: str) -> dict[str, Any]:
        return {"run": self._ledger.run, "reason": wanted.partition(":")[2]}


def is_queue(wanted: str) -> bool:
    """Is there such a queue?"""
    return wanted in (*_WANTED, "sample") or wanted.startswith("reason:")


def _from(wanted: str) -> str:
    """Few pictures have a decision, so what needs one begins there."""
    return _FROM_DECISIONS if wanted in ("decided", "unwritten", "later") else _FROM


def _ordered(wanted: str) -> str:
    """The same for pages in path order: the plus keeps SQLite from an index whose rows it would have to sort."""
    return _from(wanted).replace("i.seen", "+i.seen")


def _condition(wanted: str) -> str:
    if wanted.startswith("reason:"):
        return "i.status = 'needs_review' AND i.reason = :reason"
    if wanted == "sample":
        return f"i.path IN ({_SAMPLED})"
    return f"({_WANTED[wanted]})"


def _still_open(wanted: str) -> str:
    if wanted == "sample":
        return f"i.path IN ({_SAMPLED} AND answer IS NULL)"
    return _LATER if wanted == "later" else _OPEN


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def checked_basis(basis: str | None, reference: str | None) -> tuple[str, str]:
    """A release basis and its reference; raises ValueError if either is missing or unknown."""
    text = (reference or "").strip()
    if basis not in BASES:
        raise ValueError(f"a release basis is one of {', '.join(BASES)}")
    if not text:
        raise ValueError("a release basis needs a reference: the form's number, the page, the name")
    return basis, text


def checked_verdict(value: object) -> Verdict:
    """One of VERDICTS; raises ValueError for anything else."""
    if value not in VERDICTS:
        raise ValueError(f"a verdict is one of {', '.join(VERDICTS)}")
    return cast(Verdict, value)
