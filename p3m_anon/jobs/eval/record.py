"""What an evaluation has measured so far, in SQLite in its run folder: each row is safe once it is there."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from pathlib import Path

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.evaluation.rows import COLUMNS, METRICS, NAN, NUMBERS, EvalRow

RECORD = "record.sqlite"
_FIELDS = ", ".join(COLUMNS)
_TYPES = ", ".join(
    f"{name} {'REAL' if name in NUMBERS else 'TEXT NOT NULL'}{' PRIMARY KEY' * (name == 'id')}" for name in COLUMNS
)
_SCHEMA = f"""
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA secure_delete = ON;
BEGIN EXCLUSIVE;
CREATE TABLE IF NOT EXISTS rows ({_TYPES}, panel BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS run (about TEXT NOT NULL);
COMMIT;
CREATE TEMP TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class EvalRecord:
    """The open record; a context manager, used by one thread, and by one process at a time.

    Raises Stopped while another run has it open and where it cannot be read or written.
    """

    def __init__(self, folder: Path, about: str, *, private: bool) -> None:
        """Open or create the record in `folder`. about: what is evaluated; private: for its owner only.

        Raises UsageError where the record there is about something else.
        """
        self._folder = folder
        try:
            folder.mkdir(mode=0o700 if private else 0o755, parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / RECORD, timeout=0.2, isolation_level=None)
            if private:
                os.chmod(folder / RECORD, 0o600)
            self._db.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise self._explained(error) from error
        there = self._do("SELECT about FROM run").fetchone()
        if there is None:
            self._do("INSERT INTO run VALUES (?)", (about,))
        elif there[0] != about:
            self._db.close()
            raise UsageError(f"{folder} holds the evaluation of something else ({there[0]}); choose another --out")

    def __enter__(self) -> EvalRecord:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of it; what was added is there."""
        self._db.close()

    def known(self, id: str) -> tuple[str, str]:
        """digest and image_sha256 of the row that is there; "" without one, and no digest for rows with an error."""
        found = self._do("SELECT digest, image_sha256 FROM rows WHERE id = ?", (id,)).fetchone()
        return found or ("", "")

    def add(self, row: EvalRow, panel: bytes) -> None:
        """One picture is done, for good: what was known of it before is replaced."""
        marks = ", ".join("?" * (len(COLUMNS) + 1))
        self._do(f"INSERT OR REPLACE INTO rows VALUES ({marks})", (*astuple(row), panel))
        self.see(row.id)

    def see(self, id: str) -> None:
        """Its row is there, and still right."""
        self._do("INSERT OR IGNORE INTO seen VALUES (?)", (id,))

    def forget_unseen(self) -> int:
        """Remove what is known of pictures that did not come up since the record was opened; how many they are."""
        return self._do("DELETE FROM rows WHERE id NOT IN (SELECT id FROM seen)").rowcount

    def rows(self) -> Iterator[EvalRow]:
        """All, by id."""
        yield from map(_row, self._do(f"SELECT {_FIELDS} FROM rows ORDER BY id"))

    def worst(self, count: int) -> list[EvalRow]:
        """The scored rows with the largest SAD, worst first."""
        query = f"SELECT {_FIELDS} FROM rows WHERE error = '' ORDER BY sad DESC, id LIMIT ?"
        return [_row(found) for found in self._do(query, (count,))]

    def failed(self) -> Iterator[EvalRow]:
        """The rows with an error, by id."""
        yield from map(_row, self._do(f"SELECT {_FIELDS} FROM rows WHERE error != '' ORDER BY id"))

    def values(self, metric: str) -> list[float]:
        """All defined values of one of METRICS, in ascending order."""
        if metric not in METRICS:
            raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
        return [value for (value,) in self._do(f"SELECT {metric} FROM rows WHERE {metric} NOT NULL ORDER BY {metric}")]

    def panel(self, id: str) -> bytes:
        """The picture of a row for people, JPEG; empty where there is none."""
        found = self._do("SELECT panel FROM rows WHERE id = ?", (id,)).fetchone()
        return bytes(found[0]) if found else b""

    def _do(self, query: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(query, values)
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> Stopped:
        text = str(error)
        if "locked" in text:
            return Stopped(f"another run is working on {self._folder}; wait for it, or stop it first")
        if "full" in text:
            return Stopped("disk full: make room and run the same command again; what is finished is kept")
        if isinstance(error, OSError):
            return Stopped(f"cannot write {self._folder} ({error.strerror}); check its rights, or choose another --out")
        if "readonly" in text or "unable to open" in text:
            return Stopped(f"cannot write {self._folder / RECORD}; check the folder's rights, or choose another --out")
        if "disk I/O" in text:
            return Stopped(
                f"{self._folder / RECORD} cannot be written: its disk fails or is full; what is there is kept"
            )
        return Stopped(f"{self._folder / RECORD} cannot be used ({text}); choose another --out, or remove the file")


def read_panels(folder: Path, ids: Iterable[str]) -> dict[str, bytes]:
    """The panels of these pictures of a run that is over; those that it does not have are left out.

    Nothing is written. Raises Stopped where the record cannot be read.
    """
    uri = f"{(folder / RECORD).resolve().as_uri()}?mode=ro"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=0.2)) as db:
            found = ((id, db.execute("SELECT panel FROM rows WHERE id = ?", (id,)).fetchone()) for id in ids)
            return {id: bytes(one[0]) for id, one in found if one is not None}
    except sqlite3.Error as error:
        raise Stopped(f"{folder / RECORD} cannot be read ({error}); run the evaluation again") from error


def _row(found: tuple[str | float | None, ...]) -> EvalRow:
    return EvalRow(*(NAN if value is None else value for value in found))  # type: ignore[arg-type]
