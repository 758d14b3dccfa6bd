"""What was made from which picture and alpha, in SQLite in the private folder: nothing of it lies in a release."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from p3m_anon.errors import Stopped
from p3m_anon.files.erasure import scrub
from p3m_anon.jobs.foreground.sets import RECORD

_SCHEMA = """
CREATE TABLE IF NOT EXISTS layers (
    foreground TEXT PRIMARY KEY, background TEXT NOT NULL, image TEXT, image_sha256 TEXT, alpha_sha256 TEXT,
    foreground_size INTEGER, foreground_sha256 TEXT, background_size INTEGER, background_sha256 TEXT,
    error_mean REAL, error_max REAL, version INTEGER, seen INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS trimaps (
    trimap TEXT PRIMARY KEY, method TEXT, kernel INTEGER, seed INTEGER, alpha_sha256 TEXT, unknown REAL
) WITHOUT ROWID;
"""


class LayerRow(NamedTuple):
    """One finished picture. Files are relative to the dataset; errors are mean and maximum, in levels of 255."""

    foreground: str
    background: str
    image: str
    image_sha256: str
    alpha_sha256: str
    foreground_size: int
    foreground_sha256: str
    background_size: int
    background_sha256: str
    error_mean: float
    error_max: float
    version: int


class TrimapRow(NamedTuple):
    """One trimap with a kernel of its own. `unknown`: its share of the picture."""

    trimap: str
    method: str
    kernel: int
    seed: int
    alpha_sha256: str
    unknown: float


class LayersRecord:
    """The open record; a context manager, used by one thread. Raises Stopped where it cannot be read or written."""

    def __init__(self, private: Path, *, read_only: bool = False) -> None:
        """Open or create `layers.sqlite`; with read_only a copy in memory, which leaves no trace."""
        file = private / RECORD
        try:
            if read_only:
                self._db = sqlite3.connect("")
                if file.is_file():
                    source = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
                    source.backup(self._db)
                    source.close()
            else:
                private.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._db = sqlite3.connect(file, timeout=30)
                os.chmod(file, 0o600)
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise _explained(error) from error

    def __enter__(self) -> LayersRecord:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Keep what is committed; what is not goes if the block ended with an error."""
        try:
            if kind is None:
                self._db.commit()
        except sqlite3.Error as error:
            raise _explained(error) from error
        finally:
            self._db.close()

    def start(self) -> None:
        """A new run: nothing has been seen."""
        self._do("UPDATE layers SET seen = 0")

    def get(self, foreground: str) -> LayerRow | None:
        """A finished row, or None where there is none or the work was only begun."""
        found = self._do(
            f"SELECT {', '.join(LayerRow._fields)} FROM layers WHERE foreground = ? AND image_sha256 IS NOT NULL",
            (foreground,),
        ).fetchone()
        return LayerRow(*found) if found else None

    def files(self, foreground: str) -> tuple[str, ...]:
        """The files that are ours, finished or not; none of a picture that was never worked on."""
        found = self._do("SELECT foreground, background FROM layers WHERE foreground = ?", (foreground,)).fetchone()
        return tuple(found or ())

    def claim(self, foreground: str, background: str) -> None:
        """Said, durably, before work begins: what will lie there is ours and not finished."""
        values = foreground, background
        self._do("INSERT OR REPLACE INTO layers (foreground, background) VALUES (?, ?)", values)
        self._commit()

    def see(self, foreground: str) -> None:
        """Finished earlier, and still right."""
        self._do("UPDATE layers SET seen = 1 WHERE foreground = ?", (foreground,))

    def add(self, row: LayerRow) -> None:
        """A picture is finished: its files are there."""
        marks = ", ".join("?" * len(row))
        self._do(f"INSERT OR REPLACE INTO layers ({', '.join(row._fields)}) VALUES ({marks})", row)
        self._commit()

    def forget(self, foreground: str) -> None:
        """Its files are gone."""
        self._do("DELETE FROM layers WHERE foreground = ?", (foreground,))
        self._commit()

    def erase(self, names: Iterable[str]) -> bool:
        """Forget pictures by their ids, in every folder of the dataset; as `erasure.scrub` returns."""
        for name in names:
            for table, column, file in (
                ("layers", "foreground", f"fg/{name}.png"),
                ("trimaps", "trimap", f"trimap/{name}.png"),
            ):
                here, below = f"{column} = ?", f"substr({column}, -length(?)) = ?"
                self._do(f"DELETE FROM {table} WHERE {here} OR {below}", (file, f"/{file}", f"/{file}"))
        self._commit()
        return scrub(self._db)

    def unseen(self) -> list[str]:
        """Layers whose pictures did not come up in this run."""
        return [file for (file,) in self._do("SELECT foreground FROM layers WHERE seen = 0 ORDER BY foreground")]

    def worst(self, count: int) -> list[LayerRow]:
        """The finished rows with the largest mean error, worst first."""
        query = f"SELECT {', '.join(LayerRow._fields)} FROM layers WHERE image_sha256 IS NOT NULL AND seen = 1"
        return [LayerRow(*r) for r in self._do(f"{query} ORDER BY error_mean DESC, foreground LIMIT ?", (count,))]

    def mean_error(self) -> float | None:
        """Over all pictures that were seen."""
        found = self._do("SELECT avg(error_mean) FROM layers WHERE seen = 1").fetchone()[0]
        return None if found is None else float(found)

    def add_trimap(self, row: TrimapRow) -> None:
        """Kept when the block ends."""
        self._do(f"INSERT OR REPLACE INTO trimaps VALUES ({', '.join('?' * len(row))})", row)

    def trimaps(self) -> Iterator[TrimapRow]:
        """All of them, in path order."""
        for row in self._do("SELECT * FROM trimaps ORDER BY trimap"):
            yield TrimapRow(*row)

    def _do(self, query: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(query, values)
        except sqlite3.Error as error:
            raise _explained(error) from error

    def _commit(self) -> None:
        try:
            self._db.commit()
        except sqlite3.Error as error:
            raise _explained(error) from error


def _explained(error: Exception) -> Stopped:
    if "full" in str(error) or "disk I/O" in str(error):
        return Stopped("disk full: make room and run the same command again; what is finished is kept")
    return Stopped(f"{RECORD} cannot be used ({error}); remove it, and what it describes is made again")
