"""How many faces the looks miss: measured on a labelled set of the user's, or the figures that we published."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from p3m_anon.dataset.sampling import upper_bound
from p3m_anon.errors import UsageError
from p3m_anon.faces.pairing import same_face
from p3m_anon.files.images import read
from p3m_anon.jobs.audit.eyes import UsedByBlur
from p3m_anon.jobs.audit.figures import width_group

if TYPE_CHECKING:
    from p3m_anon.arrays import Box
    from p3m_anon.jobs.audit.looks import AuditLooks

TABLE = "faces.csv"
PLACE = ("image", "x0", "y0", "x1", "y1")
LABELS = ("pose", "light", "skin_tone")


class LabelledFace(NamedTuple):
    """A face that a person marked. labels: of LABELS, those that are given."""

    box: Box
    labels: dict[str, str]


def published_recall() -> dict[str, Any]:
    """Faces that `blur` missed, as docs/detectors.md has them."""
    data = json.loads(files("p3m_anon.manifests").joinpath("detector_recall.json").read_bytes())
    rows = [_row("width", f"{one['width']} px", one["missed"], one["of"]) for one in data["rows"]]
    return {"basis": "published", "source": data["source"], "measured": data["measured"], "rows": rows}


def reference_recall(folder: Path, looks: AuditLooks) -> dict[str, Any]:
    """Faces of a labelled set that the audit's looks missed: all, by width, and by each label that is given.

    Args:
        folder: pictures and `faces.csv` with the columns `image` (relative to the folder), `x0`, `y0`, `x1`, `y1`
            (pixels of the upright picture) and, where known, `pose`, `light`, `skin_tone` (any words).
        looks: those of the audit.

    Raises:
        UsageError: for a table that is missing or damaged.
        ImageError: for a picture that cannot be read.
    """
    groups: dict[tuple[str, str], list[bool]] = {}
    for image, faces in _labelled(folder).items():
        seen = [one for one in looks.everything(read(folder / image).rgb, UsedByBlur()).sightings if one.is_sure]
        for face in faces:
            missed = not any(same_face(one.box, face.box) for one in seen)
            width = width_group(face.box[2] - face.box[0])
            for group in (("all", "all"), ("width", width), *face.labels.items()):
                groups.setdefault(group, []).append(missed)
    order = ("all", "width", *LABELS)
    names = sorted(groups, key=lambda one: (order.index(one[0]), len(one[1]) if one[0] == "width" else 0, one[1]))
    rows = [_row(*name, sum(groups[name]), len(groups[name])) for name in names]
    measured = "labelled faces that no look of this audit is sure of"
    return {"basis": "reference", "source": "a labelled set of the auditor's", "measured": measured, "rows": rows}


def _row(group: str, value: str, missed: int, of: int) -> dict[str, Any]:
    return {"group": group, "value": value, "missed": missed, "of": of, "bound": round(upper_bound(missed, of), 4)}


def _labelled(folder: Path) -> dict[str, list[LabelledFace]]:
    """Picture -> its labelled faces."""
    file = folder / TABLE
    found: dict[str, list[LabelledFace]] = {}
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            for image, face in _faces(csv.DictReader(stream)):
                if not (folder / image).resolve().is_relative_to(folder.resolve()):
                    raise ValueError(f"{image!r} lies outside the folder")
                found.setdefault(image, []).append(face)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{file}: not a table with the columns {', '.join(PLACE)} ({error})") from error
    if not found:
        raise UsageError(f"{file}: it lists no face")
    return found


def _faces(rows: csv.DictReader[str]) -> Iterator[tuple[str, LabelledFace]]:
    for row in rows:
        x0, y0, x1, y1 = (float(row[key]) for key in PLACE[1:])
        if not (x0 < x1 and y0 < y1):
            raise ValueError(f"line {rows.line_num}: x0 < x1 and y0 < y1 are required")
        yield row["image"], LabelledFace((x0, y0, x1, y1), {key: row[key] for key in LABELS if row.get(key)})
