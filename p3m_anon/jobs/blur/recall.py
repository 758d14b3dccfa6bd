"""Pictures that an earlier run released with a clear face, or that wait again: `recall.txt` in the private folder.

What a picture looked like in public is known from its old face mask, which is set aside before the new one replaces
it. What was found is an event in the ledger, written before the picture's row; the file is made from the events. So
a run that is killed at any moment loses nothing: the next one finds the mask set aside, or the event.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from p3m_anon.files.recall_list import RECALLED

if TYPE_CHECKING:
    from p3m_anon.arrays import Box, Mask
    from p3m_anon.files.ledger import Ledger
    from p3m_anon.files.ledger_rows import Row
    from p3m_anon.files.release import Release
    from p3m_anon.jobs.blur.tasks import Task

ASIDE = "recall"  # folder of face masks of pictures that are being worked on
CLEAR = 0.5  # share of the inner ellipse from which a face counts as clear
_PENDING = "recall: still to be compared"
_BROKEN = ("failed", "unsupported")


@dataclass(frozen=True)
class Public:
    """A picture as it was released. outlines: what was masked, by the ledger, for want of a face mask."""

    sha256: str | None
    width: int
    height: int
    outlines: tuple[tuple[tuple[float, float], ...], ...] = ()


class Recall:
    """Compares what is released with what a run makes of it; for the ledger's thread."""

    def __init__(self, store: Release, ledger: Ledger) -> None:
        self._store, self._ledger = store, ledger

    def kept(self, tasks: Iterable[Task]) -> Iterator[Task]:
        """The same tasks; the face mask of each released picture is set aside before its task goes out."""
        for task in tasks:
            if task.row.status == "accepted":
                self._set_aside(task.row)
            yield task

    def compare(self, after: Row) -> bool:
        """Whether a picture is recalled; its event is written. To be called before its new row is recorded."""
        before = self._ledger.row(after.path)
        if before is None or (after.digest is not None and after.digest == before.digest):
            return False
        public = self._public(before)
        if public is None:
            return False
        if after.status in _BROKEN:  # it may be read again another time
            if before.status == "accepted":
                self._note(_PENDING, after.path, vars(public))
            return False
        clear = self._clear(public, after)
        if not clear and after.status != "needs_review":
            return False
        self._note(RECALLED, after.path, {"id": after.id, "boxes": clear})
        return True

    def done(self, after: Row) -> None:
        """Remove what was set aside for a picture; after its new row is recorded."""
        if after.status not in _BROKEN:
            forget(self._store.private, after.path)

    def _set_aside(self, row: Row) -> None:
        target = aside(self._store.private, row.path)
        file = next((one.file for one in row.outputs if one.role == "facemask"), None)
        if file is None or target.exists():  # an interrupted run has set the older one aside
            return
        target.parent.mkdir(mode=0o700, exist_ok=True)
        source = self._store.private / file
        try:
            os.link(source, target)
        except FileNotFoundError:
            return
        except OSError:  # no hard links here
            temporary = target.with_suffix(".part")
            shutil.copyfile(source, temporary)
            os.replace(temporary, target)

    def _public(self, before: Row) -> Public | None:
        """How a picture was released, by the row that is about to be replaced; None if it was not."""
        if before.status == "accepted" and before.facts.get("width"):
            sha256 = next((one.sha256 for one in before.sources if one.role == "image"), None)
            return Public(sha256, int(before.facts["width"]), int(before.facts["height"]), _outlines(before))
        if before.status not in _BROKEN or not aside(self._store.private, before.path).is_file():
            return None
        query = "SELECT previous FROM events WHERE path = ? AND what = ? ORDER BY n DESC LIMIT 1"
        found = self._ledger.db.execute(query, (before.path, _PENDING)).fetchone()
        return Public(**json.loads(found[0])) if found else None

    def _clear(self, public: Public, after: Row) -> list[Box]:
        """Faces that are seen now, were clear in public, and are masked now or wait for a person."""
        from p3m_anon.faces.pairing import not_dismissed
        from p3m_anon.jobs.review.sightings import seen_of

        sha256 = next((one.sha256 for one in after.sources if one.role == "image"), None)
        if after.status not in ("accepted", "needs_review") or sha256 != public.sha256:
            return []  # another file: what was public was another picture
        dismissed = [(b[0], b[1], b[2], b[3]) for b in after.facts.get("dismissed") or ()]
        seen = seen_of(after)
        left = set(not_dismissed([one.boxes[0] for one in seen], dismissed))
        boxes = [box for one in seen if one.boxes[0] in left for box in dict.fromkeys(one.boxes)]
        if not boxes:
            return []
        clear = clear_boxes(self._covered(public, after.path), boxes)
        if clear and after.status == "accepted":
            facemask = next((one.file for one in after.outputs if one.role == "facemask"), None)
            now = None if facemask is None else read_mask(self._store.private / facemask)
            still = set() if now is None else set(clear_boxes(now, clear))
            clear = [box for box in clear if box not in still]
        return _one_a_face(clear, [one.boxes for one in seen])

    def _covered(self, public: Public, path: str) -> Mask:
        """What was masked in public, bool (H, W)."""
        mask = read_mask(aside(self._store.private, path))
        return drawn_outlines(public) if mask is None or mask.shape != (public.height, public.width) else mask

    def _note(self, what: str, path: str, said: Mapping[str, Any]) -> None:
        with self._ledger.transaction():
            self._ledger.note(what, path, json.dumps(said))


def clear_boxes(covered: Mask, boxes: Sequence[Box]) -> list[Box]:
    """Boxes of faces of whose inner ellipse (0.6 of the box) at least half was not masked.

    covered: bool (H, W), what was masked. A face outside the picture is not clear.
    """
    from p3m_anon.faces.outline import ELLIPSE_CORE, ellipse
    from p3m_anon.faces.raster import rasterize

    found = []
    for box in boxes:
        patch = rasterize(ellipse(box, ELLIPSE_CORE), (covered.shape[0], covered.shape[1]))
        masked = np.count_nonzero(covered[patch.slices] & patch.mask)
        if patch.area and 1 - masked / patch.area >= CLEAR:
            found.append(box)
    return found


def drawn_outlines(public: Public) -> Mask:
    """What the ledger says was masked, bool (H, W)."""
    from shapely import Polygon

    from p3m_anon.faces.patch import union
    from p3m_anon.faces.raster import rasterize

    size = (public.height, public.width)
    return union([rasterize(Polygon(one), size) for one in public.outlines if len(one) >= 3], size)


def read_mask(file: Path) -> Mask | None:
    """A face mask, bool (H, W); None where there is none that can be read."""
    import cv2

    with contextlib.suppress(OSError, cv2.error):
        pixels = cv2.imdecode(np.frombuffer(file.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
        return None if pixels is None else np.asarray(pixels > 127, np.bool_)
    return None


def aside(private: Path, path: str) -> Path:
    """Where the old face mask of an input is set aside."""
    return private / ASIDE / f"{hashlib.sha256(path.encode()).hexdigest()[:32]}.png"


def forget(private: Path, path: str) -> None:
    """Remove what was set aside of an input."""
    aside(private, path).unlink(missing_ok=True)


def count_outdated(ledger: Ledger, versions: Mapping[str, str], settings_digest: str) -> tuple[int, int]:
    """How many inputs of this run were judged by other versions or settings, and how many of them are released."""
    query = (
        "SELECT versions, json_extract(facts, '$.settings_digest'), status, count(*) FROM inputs"
        " WHERE seen = ? AND status IN ('accepted', 'needs_review') GROUP BY 1, 2, 3"
    )
    outdated = released = 0
    for made_by, digest, status, count in ledger.db.execute(query, (ledger.run,)):
        if json.loads(made_by) != dict(versions) or digest != settings_digest:
            outdated += count
            released += count if status == "accepted" else 0
    return outdated, released


def _outlines(row: Row) -> tuple[tuple[tuple[float, float], ...], ...]:
    """What was masked in a picture without a person's help."""
    if row.facts.get("status") != "anonymized":
        return ()
    return tuple(tuple((x, y) for x, y in face["outline"]) for face in row.faces if face.get("outline"))


def _one_a_face(boxes: Sequence[Box], faces: Iterable[Sequence[Box]]) -> list[Box]:
    """The first of these boxes of each face."""
    firsts = (next((box for box in face if box in boxes), None) for face in faces)
    return [box for box in firsts if box is not None]
