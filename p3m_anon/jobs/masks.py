"""Masks out to annotation tools and back: LabelMe, COCO (CVAT), plain PNG."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from p3m_anon.errors import ImageError, UsageError
from p3m_anon.faces.patch import from_mask
from p3m_anon.faces.shapes import draw
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.coco import CocoPicture, read_coco, write_coco
from p3m_anon.files.decisions import Decision, Decisions, Outdated
from p3m_anon.files.drawings import shapes_of_mask, write_drawing
from p3m_anon.files.folders import AS_DRAWN, walk_stems
from p3m_anon.files.labelme import labelme_json, read_labelme
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_errors import now
from p3m_anon.files.manual_masks import encode_mask, manual_mask, read_manual_mask
from p3m_anon.files.probe import probe
from p3m_anon.files.regions import FACE, SUGGESTION, Region
from p3m_anon.jobs.blur.inputs import find_folders
from p3m_anon.jobs.blur.run import LEDGER
from p3m_anon.jobs.review.request import last_request
from p3m_anon.jobs.review.sightings import sightings_of

if TYPE_CHECKING:
    from p3m_anon.files.ledger_rows import Row
    from p3m_anon.files.manual_masks import ManualMask
    from p3m_anon.jobs.blur.inputs import Folders

MaskFormat = Literal["labelme", "coco", "png"]
COCO_FILE = "annotations.json"
Size = tuple[int, int]


@dataclass
class MaskSummary:
    """What went out or came in. left: why others did not, with how many of each. problems: one line per bad file."""

    done: int = 0
    left: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def leave(self, why: str) -> None:
        """One more that stays as it is."""
        self.left[why] = self.left.get(why, 0) + 1

    @property
    def exit_code(self) -> int:
        """1 if a file is bad."""
        return int(bool(self.problems))

    def to_json(self) -> str:
        """All of it, for other programs."""
        return json.dumps({**vars(self), "exit_code": self.exit_code}, sort_keys=True)


@dataclass(frozen=True)
class _Marked:
    """A picture with the regions that go out: drawn by a person, or suggested."""

    row: Row
    size: Size
    regions: tuple[Region, ...]
    as_drawn: bool


# -- out


def export_masks(
    out: Path, private: Path | None, to: Path, format: MaskFormat, reason: str | None = None
) -> MaskSummary:
    """Write masks of pictures that wait or were drawn on into the folder `to`, which must be new or empty.

    Drawn masks are labelled `face`, automatic ones `suggestion`; PNG has no labels and takes drawn masks only.
    reason: only pictures that wait for it. Raises UsageError where `to` holds files, or lies in the release folder.
    """
    folders = find_folders(last_request(out, private))
    _check_target(to, folders)
    summary = MaskSummary()
    with Ledger(folders.private / LEDGER) as ledger:
        marked = _marked(ledger, folders, reason, summary, suggestions=format != "png")
        if format == "coco":
            pictures = (CocoPicture(one.row.path, one.size, one.regions, one.as_drawn) for one in marked)
            write_coco(to / COCO_FILE, pictures, private=True)
            return summary
        for one in marked:
            suffix = AS_DRAWN if one.as_drawn else ""
            if format == "png":
                mask = one.regions[0].patch.full((one.size[1], one.size[0]))
                write_bytes(to / f"{one.row.id}{suffix}.png", encode_mask(mask), private=True)
                continue
            file = to / f"{one.row.id}.json"
            picture = os.path.relpath(folders.pictures / one.row.path, file.parent)
            text = labelme_json(one.regions, one.size, picture, as_drawn=one.as_drawn)
            write_bytes(file, text, private=True)
    return summary


def _check_target(to: Path, folders: Folders) -> None:
    if to.resolve().is_relative_to(folders.out.resolve()):
        raise UsageError(f"{to} lies inside the release folder; choose another folder")
    if to.is_dir() and any(to.iterdir()):
        raise UsageError(f"{to} is not empty, and somebody's work may lie there; choose a new folder")


def _marked(
    ledger: Ledger, folders: Folders, reason: str | None, summary: MaskSummary, *, suggestions: bool
) -> Iterator[_Marked]:
    """The pictures that wait or were drawn on, in path order, a page of the ledger at a time."""
    decisions = Decisions(ledger)
    for row in ledger.rows():
        decision = decisions.of(row.path)
        if decision is not None and not decision.is_binding:
            decision = None
        drawn = decision is not None and decision.mask is not None
        if (reason is not None and row.reason != reason) or not (drawn or row.status == "needs_review"):
            continue
        if "width" not in row.facts:
            summary.problems.append(f"{row.path}: cannot be read any more, so its mask stays here")
            continue
        size = int(row.facts["width"]), int(row.facts["height"])
        try:
            regions = _regions(row, decision, size, folders.private)
        except ImageError as error:
            summary.problems.append(str(error))
            continue
        if drawn or suggestions:
            _note_export(ledger, row)
        if regions and (suggestions or drawn):
            summary.done += 1
            yield _Marked(row, size, regions, decision is not None and decision.as_drawn)
        elif suggestions:
            summary.done += 1  # with an empty file somebody can begin to draw
            yield _Marked(row, size, (), False)
        else:
            summary.leave("have no drawn mask")


def _note_export(ledger: Ledger, row: Row) -> None:
    """A mask that comes back is about the file that went out."""
    sha256 = next((one.sha256 for one in row.sources if one.role == "image"), "")
    with ledger.transaction():
        ledger.db.execute("INSERT OR REPLACE INTO exports VALUES (?, ?, ?)", (row.path, sha256, now()))


def _regions(row: Row, decision: Decision | None, size: Size, private: Path) -> tuple[Region, ...]:
    if decision is not None and decision.mask is not None:
        return (Region(FACE, from_mask(decision.read_mask(private, size))),)
    found = (from_mask(draw([one.suggestion()], size)) for one in sightings_of(row))
    return tuple(Region(SUGGESTION, patch) for patch in found if patch.area)


# -- in


def import_masks(
    out: Path, private: Path | None, source: Path, format: MaskFormat, who: str, *, replace: bool = False
) -> MaskSummary:
    """Record what people drew elsewhere as decisions about these very files.

    source: folder of PNG or LabelMe files, or the COCO file. Suggestions are never taken for drawings. A picture
    with an answer keeps it, unless `replace`. One bad file gives one line, the others come in.
    """
    folders = find_folders(last_request(out, private))
    with Ledger(folders.private / LEDGER, who) as ledger:
        bringing = _Bringing(ledger, folders, who, replace)
        if format == "coco":
            bringing.coco(source / COCO_FILE if source.is_dir() else source)
        elif source.is_dir():
            bringing.files(source, format)
        else:
            raise UsageError(f"{source} is not a folder; give the folder that holds the {format} files")
    return bringing.summary


class _Bringing:
    """One import, picture by picture."""

    def __init__(self, ledger: Ledger, folders: Folders, who: str, replace: bool) -> None:
        self._ledger, self._folders, self._who, self._replace = ledger, folders, who, replace
        self.summary = MaskSummary()

    def coco(self, file: Path) -> None:
        for name, found in read_coco(file, lambda name: self._sizes(self._row(name))):
            try:
                if isinstance(found, ImageError):
                    raise found
                if found.is_blank or name is None:
                    self.summary.leave("were left as they are: nothing is drawn in them")
                    continue
                row = self._row(name)
                size, _ = self._sizes(row)
                self._bring(row, manual_mask(found, size, f"{file.name}: {name}"), file)
            except (ImageError, Outdated) as error:
                self.summary.problems.append(str(error))

    def files(self, folder: Path, format: MaskFormat) -> None:
        ending = ".png" if format == "png" else ".json"
        found = 0
        for stem, path in walk_stems(folder, "manual_mask"):
            if path.suffix.lower() != ending:
                continue
            found += 1
            try:
                row = self._row(stem)
                size, stored = self._sizes(row)
                if format == "labelme" and read_labelme(path, size, stored).is_blank:
                    self.summary.leave("were left as they are: nothing is drawn in them")
                    continue
                self._bring(row, read_manual_mask(path, size, stored), path)
            except (ImageError, Outdated) as error:
                self.summary.problems.append(str(error))
        if not found:
            raise UsageError(f"{folder} holds no {ending} files; give the folder that was exported and drawn in")

    def _row(self, name: str) -> Row:
        """By path or by id, and by nothing less: of two pictures of one name one would get the other's mask."""
        row = self._ledger.row(name) or self._ledger.row_of_id(name)
        if row is None:
            raise ImageError(f"{name}: no picture has this name; keep the names that were exported")
        return row

    def _sizes(self, row: Row) -> tuple[Size, Size | None]:
        """(W, H) of the upright picture, and as it is stored."""
        if "width" not in row.facts:
            raise ImageError(f"{row.path}: `blur` could not read this picture; there is nothing to draw on")
        stored = probe(self._folders.pictures / row.path)
        return (int(row.facts["width"]), int(row.facts["height"])), (stored.width, stored.height)

    def _bring(self, row: Row, drawn: ManualMask, file: Path) -> None:
        decisions = Decisions(self._ledger)
        before = decisions.of(row.path)
        size = drawn.mask.shape[1], drawn.mask.shape[0]
        if before is not None and before.is_binding and before.mask and before.as_drawn == drawn.as_drawn:
            try:
                if np.array_equal(before.read_mask(self._folders.private, size), drawn.mask):
                    self.summary.leave("have this very mask already")
                    return
            except ImageError:
                pass  # the old mask is lost; this one takes its place
        if before is not None and before.is_binding and not self._replace:
            self.summary.leave("have another answer already; --replace overwrites it")
            return
        sha256 = self._drawn_on(row, file)
        shapes = shapes_of_mask(drawn.mask)
        mask, digest = write_drawing(self._folders.private, row.id, shapes, drawn.mask)
        values: dict[str, Any] = {"mask": mask, "mask_sha256": digest, "as_drawn": drawn.as_drawn, "note": "imported"}
        decisions.record(Decision(row.path, sha256, "mask", **values), self._who, before.version if before else 0)
        self.summary.done += 1

    def _drawn_on(self, row: Row, file: Path) -> str:
        """The sha256 of the picture that the mask was drawn on: the one that was exported, and still is there.

        Without an export a mask that is older than the picture cannot have been drawn on it.
        """
        picture = self._folders.pictures / row.path
        known = next((one.sha256 for one in row.sources if one.role == "image"), None)
        found = self._ledger.db.execute("SELECT image_sha256 FROM exports WHERE path = ?", (row.path,)).fetchone()
        sha256 = hashlib.sha256(picture.read_bytes()).hexdigest()
        if sha256 != known:
            raise ImageError(f"{row.path}: the picture has changed since `blur` saw it; run it again, then import")
        if found is not None and found[0] != sha256:
            raise ImageError(f"{row.path}: the picture has changed since it was exported; export and draw it again")
        if found is None and file.stat().st_mtime < picture.stat().st_mtime:
            raise ImageError(f"{row.path}: the picture is newer than its mask; export it, and draw on it again")
        return sha256
