"""What each matte was made of, in SQLite in the private folder: nothing of it lies among the mattes."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

from p3m_anon.errors import Stopped

RECORD = "mattes.sqlite"
BEGUN = -1  # in the place of the size of a cut-out that may lie there, unfinished
_SCHEMA = """
CREATE TABLE IF NOT EXISTS mattes (
    alpha TEXT PRIMARY KEY, image_sha256 TEXT NOT NULL, digest TEXT NOT NULL, alpha_size INTEGER NOT NULL,
    cutout_size INTEGER NOT NULL
) WITHOUT ROWID;
"""


class MatteRow(NamedTuple):
    """One picture that was begun. alpha: its file, below the folder of mattes.

    image_sha256: hex, of the picture's file. digest: hex, of all else that decided the result. Sizes in bytes;
    cutout_size is 0 without a cut-out, and may be BEGUN. Of a picture that is not finished only `alpha` says something.
    """

    alpha: str
    image_sha256: str = ""
    digest: str = ""
    alpha_size: int = 0
    cutout_size: int = 0


class MatteRecord:
    """The open record; a context manager, used by one thread. Raises Stopped where it cannot be read or written."""

    def __init__(self, private: Path, *, read_only: bool = False) -> None:
        """Open or create it in `private`; with read_only a copy in memory, which leaves no trace."""
        file = private / RECORD
        try:
            self._db = sqlite3.connect("" if read_only else file, timeout=30, isolation_level=None)
            if not read_only:
                os.chmod(file, 0o600)
            elif file.is_file():
                source = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
                source.backup(self._db)
                source.close()
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise _explained(error) from error

    def __enter__(self) -> MatteRecord:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of it; what was added is there."""
        self._db.close()

    def get(self, alpha: str) -> MatteRow | None:
        """The row of a file that is ours, finished or not; None where we have written nothing."""
        found = self._do("SELECT * FROM mattes WHERE alpha = ?", (alpha,)).fetchone()
        return MatteRow(*found) if found else None

    def put(self, row: MatteRow) -> None:
        """Kept at once: before work begins that the file will be ours, afterwards that it is finished."""
        self._do("INSERT OR REPLACE INTO mattes VALUES (?, ?, ?, ?, ?)", row)

    def forget(self, alpha: str) -> None:
        """Its files are gone."""
        self._do("DELETE FROM mattes WHERE alpha = ?", (alpha,))

    def _do(self, query: str, values: tuple[object, ...]) -> sqlite3.Cursor:
        try:
            return self._db.execute(query, values)
        except sqlite3.Error as error:
            raise _explained(error) from error


def _explained(error: Exception) -> Stopped:
    if "full" in str(error) or "disk I/O" in str(error):
        return Stopped("disk full: make room and run the same command again; what is finished is kept")
    return Stopped(f"{RECORD} cannot be used ({error}); remove it and the mattes, and they are made again")
