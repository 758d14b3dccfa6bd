"""A release folder read back: manifest and ledger side by side, and the files that neither knows."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from p3m_anon.dataset.integrity import Discrepancy, row_form
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_rows import Row
from p3m_anon.files.manifest import manifest_row
from p3m_anon.files.metadata import extras
from p3m_anon.files.release import IMAGE_FOLDERS

MANIFEST = "manifest.jsonl"
PUBLIC_ROLES = ("image", "alpha", "public_facemask")
_LONGEST_LINE = 1 << 20


class Listed(NamedTuple):
    """One picture: its manifest row and its ledger row, either may be missing."""

    id: str
    manifest: dict[str, Any] | None
    ledger: Row | None


class ReleaseIndex:
    """Manifest and ledger of one release, joined by id in a temporary file."""

    def __init__(self, out: Path, ledger: Ledger | None) -> None:
        """Read the manifest of `out`; lines that are no rows are kept in `broken`."""
        self._out, self._ledger = out, ledger
        self.broken: list[Discrepancy] = []
        self.has_manifest = (out / MANIFEST).is_file()
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("CREATE TABLE rows (id TEXT PRIMARY KEY, manifest TEXT, path TEXT) WITHOUT ROWID")
        self._db.execute("CREATE TABLE files (file TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("BEGIN")
        self._read_manifest()
        if ledger is not None:
            for row in ledger.rows("accepted"):
                self._db.execute(
                    "INSERT INTO rows VALUES (?, NULL, ?) ON CONFLICT (id) DO UPDATE SET path = excluded.path",
                    (row.id, row.path),
                )
                self._know(output.file for output in row.outputs if output.role in PUBLIC_ROLES)
        self._db.execute("COMMIT")

    def __len__(self) -> int:
        """How many pictures are listed."""
        return int(self._db.execute("SELECT count(*) FROM rows").fetchone()[0])

    def pairs(self) -> Iterator[Listed]:
        """Every listed picture in id order."""
        last = ""
        while True:
            found = self._db.execute("SELECT * FROM rows WHERE id > ? ORDER BY id LIMIT 500", (last,)).fetchall()
            if not found:
                return
            for name, text, path in found:
                row = self._ledger.row(path) if self._ledger is not None and path is not None else None
                yield Listed(name, json.loads(text) if text else None, row)
            last = found[-1][0]

    def strays(self) -> Iterator[tuple[str, bool]]:
        """(file, is a link) of all that lies in the release folder and in no row; hidden files too."""
        for folder, folders, files in os.walk(self._out):
            folders.sort()
            for name in sorted([*files, *(f for f in folders if os.path.islink(os.path.join(folder, f)))]):
                path = Path(folder, name)
                file = path.relative_to(self._out).as_posix()
                known = self._db.execute("SELECT 1 FROM files WHERE file = ?", (_text(file),)).fetchone()
                expected = known or file == MANIFEST or self._is_mask_by_its_look(file)
                if path.is_symlink() or not expected:
                    yield _text(file), path.is_symlink()

    def has_picture_of(self, file: str) -> bool:
        """Whether a mask or layer, `FOLDER/ID.png`, has the name of a picture that is listed."""
        name = file.partition("/")[2].rpartition(".")[0]
        if not name:
            return False
        query = "SELECT 1 FROM files WHERE file >= ? AND file < ? LIMIT 1"
        stems = [f"{images}/{name}" for images in IMAGE_FOLDERS]
        return any(self._db.execute(query, (f"{stem}.", f"{stem}/")).fetchone() for stem in stems)

    def _is_mask_by_its_look(self, file: str) -> bool:
        """A published face mask where no ledger can tell: named like a picture, one bit a pixel, nothing else in it."""
        if self._ledger is not None:
            return False
        if not file.startswith("facemask/") or not self.has_picture_of(file):
            return False
        data = (self._out / file).read_bytes()
        one_bit = data.startswith(b"\x89PNG") and data[24:26] == b"\x01\x00"  # IHDR: depth 1, grey
        return one_bit and not extras(data)

    def _read_manifest(self) -> None:
        if not self.has_manifest:
            return
        with (self._out / MANIFEST).open("rb") as stream:
            for number, line in enumerate(iter(lambda: stream.readline(_LONGEST_LINE), b""), 1):
                try:
                    row = json.loads(line)
                    wrong = row_form(row)
                except (ValueError, RecursionError):
                    row, wrong = None, "not JSON"
                if wrong is None and self._db.execute("SELECT 1 FROM rows WHERE id = ?", (row["id"],)).fetchone():
                    wrong = f"the id {row['id']} is there twice"
                if wrong is not None:
                    if len(self.broken) < 100:
                        self.broken.append(Discrepancy("leak", "manifest", MANIFEST, f"line {number}: {wrong}"))
                    continue
                self._db.execute("INSERT INTO rows VALUES (?, ?, NULL)", (row["id"], json.dumps(row)))
                self._know(row.get(key) for key in ("image", "alpha"))

    def _know(self, files: Any) -> None:
        self._db.executemany("INSERT OR IGNORE INTO files VALUES (?)", ((file,) for file in files if file))


def ledger_view(row: Row) -> dict[str, Any] | None:
    """The manifest row that the ledger stands for, None where it lacks what that needs."""
    try:
        return manifest_row(row)
    except KeyError:
        return None


def _text(name: str) -> str:
    """A file name that is no valid UTF-8, as text."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
