"""Files by the stem of their name, several of one name among them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import PREFIX
from p3m_anon.files.folders import PICTURE_ENDINGS, find_pictures, stem_of


class NamedFiles:
    """The picture files of a folder and below, in a temporary database: there may be a million. For one thread."""

    def __init__(self, folder: Path | None) -> None:
        """None, for a folder that is not there, holds nothing. Raises UsageError for one that cannot be listed."""
        self._folder = folder or Path()
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("CREATE TABLE files (stem TEXT, file TEXT, used INT, PRIMARY KEY (stem, file)) WITHOUT ROWID")
        if folder is None:
            return
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder")
        self._db.execute("BEGIN")
        for path in find_pictures(folder, follow_links=True):
            file = path.relative_to(folder)
            values = _text(stem_of(file)), _text(file.as_posix())
            self._db.execute("INSERT INTO files VALUES (?, ?, 0)", values)

    def stems(self) -> Iterator[str]:
        """Each once, in order."""
        yield from (_path(stem) for (stem,) in self._db.execute("SELECT DISTINCT stem FROM files ORDER BY stem"))

    def find(self, *names: str) -> list[Path]:
        """The files with any of these stems, in order; from now on they count as used."""
        found = []
        for name in sorted(set(names)):
            rows = self._db.execute("SELECT file FROM files WHERE stem = ? ORDER BY file", (_text(name),)).fetchall()
            found += [self._folder / _path(file) for (file,) in rows]
            self._db.execute("UPDATE files SET used = 1 WHERE stem = ?", (_text(name),))
        return found

    def unused(self) -> Iterator[str]:
        """Files, relative to the folder, that no `find` has named."""
        yield from (_path(file) for (file,) in self._db.execute("SELECT file FROM files WHERE NOT used ORDER BY file"))


def hidden_in(folder: Path) -> int:
    """Picture files that NamedFiles leaves out, as their names begin with a dot."""
    names = os.listdir(folder) if folder.is_dir() else []
    ours = (name for name in names if name.startswith(".") and not name.startswith(PREFIX))
    return sum(Path(name).suffix.lower() in PICTURE_ENDINGS for name in ours)


def encodable(name: str) -> str:
    """Names of files need not be valid UTF-8; ids and messages have to be."""
    return name.encode("utf-8", "backslashreplace").decode()


def id_of(stem: str) -> str:
    """Encodable, and no two stems have the same: with the backslashes doubled, none of them can look like an escape."""
    return encodable(stem.replace("\\", "\\\\"))


def _text(name: str) -> bytes:
    """Bytes are compared in the order of their code points."""
    return name.encode("utf-8", "surrogateescape")


def _path(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")
