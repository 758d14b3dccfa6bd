"""An answer about faces: what the person was shown, what it leaves clear, and the mask that goes with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from p3m_anon.faces.shapes import Shape, shapes_from_json
from p3m_anon.files.decisions import Decision, checked_basis
from p3m_anon.files.drawings import write_drawing
from p3m_anon.review.desk import Json, Refused

if TYPE_CHECKING:
    from p3m_anon.files.ledger_rows import Row
    from p3m_anon.jobs.review.pictures import Drawn, Opened


def judged(opened: Opened, row: Row, decision: Decision, asked: Json, private: Path) -> Decision:
    """A decision about faces, with its mask written; it holds for what the person was shown."""
    if changed_since(row, opened.decoded.sha256):
        raise ValueError("the file has changed since the detectors looked at it; write first, then decide")
    values: dict[str, Any] = vars(decision)
    shapes = asked_shapes(asked) if decision.verdict != "no_face" else ()
    as_drawn = asked.get("as_drawn") is True
    if decision.verdict == "normal":
        basis, reference = checked_basis(asked.get("basis"), asked.get("reference"))
        values = {**values, "basis": basis, "reference": reference}
    drawn = opened.draw(shapes, as_drawn)
    if decision.verdict == "mask" and not drawn.mask.any():
        raise ValueError("nothing is drawn inside the picture; draw what is to be blurred first")
    _confirm(opened, drawn, decision, asked)
    if drawn.mask.any():
        file, sha256 = write_drawing(private, row.id, shapes, drawn.mask)
        values = {**values, "mask": file, "mask_sha256": sha256, "as_drawn": as_drawn}
    known = {"accepts_loss": bool(drawn.lost), "alpha_sha256": opened.alpha_sha256}
    dismissed = tuple(drawn.covered) if shapes else tuple(one.box for one in opened.sightings)
    return Decision(**{**values, **known, "dismissed": dismissed})


def _confirm(opened: Opened, drawn: Drawn, decision: Decision, asked: Json) -> None:
    """The person was shown what stays clear: the very places, and how much the soft edge takes of the drawing."""
    confirmed = asked.get("confirmed")
    shown = {_corners(box) for box in confirmed} if isinstance(confirmed, list) else set()
    places = places_left(opened, drawn)
    missing = [i for i in places if _corners(opened.sightings[i].to_json()["box"]) not in shown]
    if decision.verdict == "normal":
        missing = []  # that they stay clear is what the person says
    if missing or (drawn.lost and asked.get("accepts_loss") is not True):
        count = "1 place looks" if len(places) == 1 else f"{len(places)} places look"
        said = f"{count} like a face and would not be masked enough" if missing else ""
        if drawn.lost:
            said += f"{'; ' if said else ''}the soft edge takes {max(drawn.lost):.0%} of what is drawn"
        left = left_json(places) if missing else []
        raise Refused(422, said, uncovered=left, lost=max(drawn.lost, default=0.0))


def places_left(opened: Opened, drawn: Drawn) -> dict[int, float]:
    """Index of each sighting of which too little will be blurred -> share that will be."""
    return {i: drawn.covered[one.box] for i, one in enumerate(opened.sightings) if one.box in drawn.covered}


def left_json(places: dict[int, float]) -> list[Json]:
    """The same for the page."""
    return [{"sighting": index, "covered": round(share, 3)} for index, share in places.items()]


def changed_since(row: Row, sha256: str) -> bool:
    """The file is not the one that the detectors saw; False where they saw none."""
    seen = next((one.sha256 for one in row.sources if one.role == "image"), "")
    return bool(seen) and seen != sha256


def asked_shapes(asked: Json) -> tuple[Shape, ...]:
    try:
        return shapes_from_json(asked.get("shapes") or [])
    except ValueError as error:
        raise Refused(400, str(error)) from error


def _corners(box: Any) -> tuple[float, ...]:
    try:
        return tuple(round(float(v), 1) for v in box)
    except (TypeError, ValueError):
        return ()
