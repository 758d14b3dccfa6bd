"""What the detectors saw in a picture, read back from the ledger, and the shapes that would mask it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from shapely import Polygon

from p3m_anon.errors import ImageError
from p3m_anon.faces.face import Face
from p3m_anon.faces.outline import ellipse
from p3m_anon.faces.pairing import Seen, seen_faces
from p3m_anon.faces.shapes import Shape
from p3m_anon.faces.sight import Sight
from p3m_anon.faces.sight import Sighting as Spotted
from p3m_anon.files.drawings import shapes_of_mask
from p3m_anon.files.images import read

if TYPE_CHECKING:
    from pathlib import Path

    from p3m_anon.arrays import Box
    from p3m_anon.files.ledger_rows import Row

CENTRE = 0.5  # landmarks count from a pixel's centre, shapes from its corner
SIDEWAYS = ("profile", "ellipse", "implausible_outline")


@dataclass(frozen=True)
class Sighting:
    """One place at which a look saw a face. by: first, second or both. outline: corners, from pixel corners."""

    box: Box
    score: float | None
    by: str
    outline: tuple[tuple[float, float], ...] | None
    decision: str | None

    def to_json(self) -> dict[str, Any]:
        """For the page, counted from pixel corners."""
        outline = None if self.outline is None else [list(point) for point in self.outline]
        return {**vars(self), "box": [v + CENTRE for v in self.box], "outline": outline}

    def suggestion(self) -> Shape:
        """The shape that would mask it: the outline as `blur` drew it, else the ellipse around the box."""
        whole = ellipse(self.box)
        if self.outline is not None and self.decision not in SIDEWAYS:
            return Shape("polygon", self.outline)
        if self.outline is None:
            x0, y0, x1, y1 = (v + CENTRE for v in whole.bounds)
            return Shape("ellipse", ((x0, y0), (x1, y1)))
        drawn = Polygon([(x - CENTRE, y - CENTRE) for x, y in self.outline])
        both = whole.union(drawn.buffer(0)).convex_hull.simplify(0.5)
        assert isinstance(both, Polygon)
        return Shape("polygon", _corners(both))


def sight_of(row: Row) -> Sight:
    """What the looks saw in a picture, as the ledger keeps it; rows of older versions lack some of it."""
    facts = row.facts
    gate = facts.get("gate") or {}
    second = facts.get("second")
    faces = tuple(
        Face(
            np.asarray(one["landmarks"], np.float64),
            _box(one["box"]),
            float(one["score"]),
            str(one["detector"]),
            float(one.get("margin") or 0.0),
            one.get("view") or ("profile" if one.get("decision") in SIDEWAYS else "frontal"),
        )
        for one in row.faces
    )
    return Sight(
        faces,
        None if second is None else _spotted(second),
        _spotted(facts.get("faint") or ()),
        int(facts.get("turns") or 0),
        float(facts.get("smallest_face") or 0.0),
        bool(facts.get("complete", True)),
        float(gate.get("first", 0.5)),
        float(gate.get("second", 0.5)),
    )


def seen_of(row: Row) -> tuple[Seen, ...]:
    """Every face that any look saw, each once."""
    return seen_faces(sight_of(row))


def sightings_of(row: Row) -> tuple[Sighting, ...]:
    """Every place at which any look saw a face, the first look's first."""
    scores = {one.box: one.score for one in sight_of(row).second or ()}
    facts = {_box(one["box"]): one for one in row.faces}
    found = []
    for seen in seen_of(row):
        box = seen.boxes[0]
        if seen.face is None:
            found.append(Sighting(box, scores[box], seen.by, None, None))
            continue
        points = facts[box].get("outline")
        corners = None if not points else tuple((x + CENTRE, y + CENTRE) for x, y in points)
        found.append(Sighting(box, seen.face.score, seen.by, corners, facts[box].get("decision")))
    return tuple(found)


def released_shapes(row: Row, private: Path) -> tuple[Shape, ...]:
    """What is masked in the released picture, to be added to: else a new drawing would uncover it.

    Empty where nothing is released, and where a decision has shapes of its own.
    """
    if row.status != "accepted" or row.decision is not None:
        return ()
    if row.facts.get("status") == "anonymized":
        return tuple(one.suggestion() for one in sightings_of(row) if one.by != "second")
    facemask = next((one.file for one in row.outputs if one.role == "facemask"), None)
    if row.facts.get("status") != "anonymized_manual" or facemask is None:
        return ()
    try:
        return tuple(shapes_of_mask(read(private / facemask).pixels > 0))
    except ImageError:
        return ()  # it is drawn anew then, and what stays clear is asked about


def _corners(polygon: Polygon) -> tuple[tuple[float, float], ...]:
    return tuple((round(x + CENTRE, 1), round(y + CENTRE, 1)) for x, y in polygon.exterior.coords[:-1])


def _spotted(items: Any) -> tuple[Spotted, ...]:
    return tuple(Spotted(_box(one["box"]), float(one["score"])) for one in items)


def _box(values: Any) -> Box:
    x0, y0, x1, y1 = (float(v) for v in values)
    return x0, y0, x1, y1
