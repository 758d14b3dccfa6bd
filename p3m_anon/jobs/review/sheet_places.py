"""Which waiting pictures a sheet may offer as "no identifiable face", and the places in them that have to be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from p3m_anon.faces.pairing import SAME_PLACE, same_face, seen_faces
from p3m_anon.faces.reasons import Reason
from p3m_anon.files.decisions import Decisions
from p3m_anon.files.sheets import Sheets
from p3m_anon.jobs.review.sightings import sight_of

if TYPE_CHECKING:
    from p3m_anon.arrays import Box
    from p3m_anon.faces.sight import Sight
    from p3m_anon.files.ledger import Ledger
    from p3m_anon.files.ledger_rows import Row

MOST_PLACES = 12  # in one picture; with more it is looked at by itself
BY_ITSELF = {
    Reason.WITHDRAWN_BEFORE.value: "look like a picture that was withdrawn",
    Reason.DECISION_LAPSED.value: "were decided about before, and changed since",
    Reason.FACE_OUTSIDE_MANUAL_MASK.value: "have a mask that a person drew",
    Reason.ALPHA_MISSING.value: "have no matte that fits",
    Reason.ALPHA_MISMATCH.value: "have no matte that fits",
}
"""Reasons that "no identifiable face" does not settle, and how the page says so."""
SURE = "hold a face that a look is sure of"
CROWDED = f"hold more than {MOST_PLACES} places that look like a face"
INCOMPLETE = "hold more places than a look can list"
TOO_WIDE = "do not fit into this window with all their places"
MARKED = "were marked for a closer look"
DRAWN = "have a mask that a person drew"
CHANGED = "changed, or cannot be read, since `blur` saw them"


@dataclass(frozen=True)
class Offered:
    """A picture that a sheet may show.

    sha256: of the file that the looks saw. digest: of its ledger row. version: of the decision about it, 0 for none.
    size: width and height in pixels. places: boxes that any look saw at any score, each place once.
    """

    path: str
    sha256: str
    digest: str | None
    version: int
    size: tuple[int, int]
    places: tuple[Box, ...]


def offer(ledger: Ledger, row: Row) -> Offered | str | None:
    """The row as a sheet may show it; or why it is left to the single page; None if it does not wait for an answer."""
    decisions = Decisions(ledger)
    if row.status != "needs_review" or not decisions.is_open(row.path):
        return None
    if row.reason in BY_ITSELF:
        return BY_ITSELF[row.reason]
    before = decisions.of(row.path)
    if any(one.role == "manual_mask" for one in row.sources) or (before and before.verdict in ("mask", "normal")):
        return DRAWN
    sha256 = next((one.sha256 for one in row.sources if one.role == "image"), "")
    size = int(row.facts.get("width") or 0), int(row.facts.get("height") or 0)
    if not sha256 or not all(size):
        return CHANGED
    if Sheets(ledger).is_marked(row.path, sha256):
        return MARKED
    sight = sight_of(row)
    if has_sure_face(sight):
        return SURE
    if not sight.complete:
        return INCOMPLETE
    places = all_places(sight)
    if len(places) > MOST_PLACES:
        return CROWDED
    return Offered(row.path, sha256, row.digest, before.version if before else 0, size, places)


def has_sure_face(sight: Sight) -> bool:
    """A look saw a face at or above its gate's score. What is faint may be either look's: the lower gate counts."""
    lower = min(sight.sure_first, sight.sure_second)
    return (
        any(face.score >= sight.sure_first for face in sight.faces)
        or any(one.score >= sight.sure_second for one in sight.second or ())
        or any(one.score >= lower for one in sight.faint)
    )


def all_places(sight: Sight) -> tuple[Box, ...]:
    """Every place that any look saw at any score, each once, what is faint last."""
    places = [one.boxes[0] for one in seen_faces(sight)]
    for one in sorted(sight.faint, key=lambda one: -one.score):
        if all(same_face(one.box, place) < SAME_PLACE for place in places):
            places.append(one.box)
    return tuple(places)
