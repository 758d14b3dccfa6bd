"""Which pictures get layers: anonymized ones, and of the clear ones only those that may be published.

Nothing else is ever opened.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from p3m_anon.errors import UsageError
from p3m_anon.files.folders import find_pictures, stem_of
from p3m_anon.jobs.foreground.sets import MASK, LayerSet

BLURRED, CLEAR, NORMAL_SET = "blurred_image", "original_image", "P3M-500-NP"
MANIFEST = "manifest.jsonl"


class Digests(NamedTuple):
    """What a manifest says that a picture and its alpha are; None where it says nothing."""

    image: str | None = None
    alpha: str | None = None


NOT_LISTED = Digests()


@dataclass(frozen=True)
class Pair:
    """A picture and its alpha, in one set, of one `id`.

    label: what messages and records call the picture. listed: what it and its alpha have to be. problem: why it gets
    no layers. twin: the layers of this name belong to another picture.
    """

    one: LayerSet
    id: str
    image: Path
    label: str
    listed: Digests = NOT_LISTED
    problem: str = ""
    twin: bool = False

    @property
    def alpha(self) -> Path:
        """The file, there or not."""
        return self.one.masks / f"{self.id}.png"

    @property
    def foreground(self) -> str:
        """Where its foreground goes, relative to the dataset; this names the picture in the record."""
        return self.one.label(f"fg/{self.id}.png")


class Manifest:
    """The rows of a dataset's manifest by image, in a temporary file; a dataset without one has none."""

    def __init__(self, root: Path) -> None:
        """Raises UsageError for a manifest that cannot be read: it says what may be opened."""
        self.exists = (root / MANIFEST).is_file()
        self._db = sqlite3.connect("")
        self._db.execute("CREATE TABLE rows (image TEXT PRIMARY KEY, status, sha, alpha_sha) WITHOUT ROWID")
        if not self.exists:
            return
        try:
            with (root / MANIFEST).open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    self._add(number, line)
        except (OSError, ValueError) as error:
            raise UsageError(f"{MANIFEST} cannot be read ({error}); run the command that wrote it again") from error

    def _add(self, number: int, line: str) -> None:
        row = json.loads(line)
        if not isinstance(row, dict) or not isinstance(row.get("image"), str):
            raise ValueError(f"line {number} is no row")
        values = (row["image"], row.get("status"), row.get("image_sha256"), row.get("alpha_sha256"))
        self._db.execute("INSERT OR REPLACE INTO rows VALUES (?, ?, ?, ?)", values)

    def row(self, image: str) -> tuple[str | None, Digests] | None:
        """Status and digests of an image, by its path relative to the dataset."""
        found = self._db.execute("SELECT status, sha, alpha_sha FROM rows WHERE image = ?", (image,)).fetchone()
        return (found[0], Digests(found[1], found[2])) if found else None


def pairs_of(one: LayerSet, manifest: Manifest) -> Iterator[Pair]:
    """Every picture of a set in name order, then each alpha without a picture."""
    seen: set[str] = set()
    for folder in (BLURRED, CLEAR):
        if not (one.folder / folder).is_dir() or (folder == CLEAR and not _may_be_opened(one, manifest)):
            continue
        for path in find_pictures(one.folder / folder):
            pair = _pair(one, folder, path, manifest)
            if pair.id in seen:
                pair = replace(pair, problem=f"another picture is called {pair.id} too; keep one of them", twin=True)
            seen.add(pair.id)
            yield pair
    for path in find_pictures(one.masks):
        relative = path.relative_to(one.masks)
        id = stem_of(relative)
        if id not in seen:
            label = one.label(f"{MASK}/{relative.as_posix()}")
            yield Pair(one, id, path, label, problem="no anonymized picture of this name")


def unopened(one: LayerSet, manifest: Manifest) -> str | None:
    """A line about a folder of clear pictures that lies where none may."""
    if not (one.folder / CLEAR).is_dir() or _may_be_opened(one, manifest):
        return None
    return (
        f"{one.label(CLEAR)} was not opened: clear pictures belong to {NORMAL_SET}, or to rows that {MANIFEST} calls "
        "normal; move it out of the dataset"
    )


def _may_be_opened(one: LayerSet, manifest: Manifest) -> bool:
    """Clear pictures of this set; with a manifest, it is asked about each."""
    return one.folder.name == NORMAL_SET or (manifest.exists and one.name == "")


def _pair(one: LayerSet, folder: str, path: Path, manifest: Manifest) -> Pair:
    relative = path.relative_to(one.folder)
    pair = Pair(one, stem_of(path.relative_to(one.folder / folder)), path, one.label(relative.as_posix()))
    if manifest.exists:
        row = manifest.row(pair.label)
        if row is None:
            return replace(pair, problem=f"not listed in {MANIFEST}, so it was not opened")
        status, listed = row
        if folder == CLEAR and one.folder.name != NORMAL_SET and status != "normal":
            return replace(pair, problem=f"{MANIFEST} does not call it normal, so it was not opened")
        pair = replace(pair, listed=listed)
    if not _is_file(pair.alpha):
        return replace(pair, problem=f"no alpha {MASK}/{pair.id}.png")
    return pair


def _is_file(path: Path) -> bool:
    with contextlib.suppress(OSError):
        return path.is_file()
    return False
