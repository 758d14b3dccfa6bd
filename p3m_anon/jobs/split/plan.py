"""The plan of a split: which picture goes where, under which name. SQLite, private; made before any file is placed."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from p3m_anon.dataset.rows import SPLITS, Split
from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.ledger_rows import id_key

PLAN = "split.sqlite"
VERSION = 1
_TABLES = """
CREATE TABLE pictures (
  id TEXT PRIMARY KEY, id_key TEXT NOT NULL UNIQUE,
  split INTEGER NOT NULL,           -- place in SPLITS
  origin TEXT NOT NULL,             -- release or normal
  path TEXT NOT NULL,               -- of the source, relative, as in the ledger of the origin
  release_id TEXT NOT NULL,         -- in the release folder
  row TEXT NOT NULL,                -- JSON: the manifest's row
  image TEXT NOT NULL, image_size INTEGER NOT NULL,   -- released files, relative to the release folder
  alpha TEXT NOT NULL, alpha_size INTEGER NOT NULL,
  source TEXT, source_size INTEGER, source_sha256 TEXT,   -- the original
  grouped INTEGER NOT NULL,         -- pictures with the same number are near-duplicates or of one user group
  UNIQUE (origin, path)
) WITHOUT ROWID;
CREATE INDEX pictures_split ON pictures (split, id);
CREATE INDEX pictures_grouped ON pictures (grouped);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Picture(NamedTuple):
    """A line of the plan; see the table."""

    id: str
    split: Split
    origin: str
    path: str
    release_id: str
    row: dict[str, Any]
    image: str
    image_size: int
    alpha: str
    alpha_size: int
    source: str | None
    source_size: int | None
    source_sha256: str | None
    grouped: int


class Plan:
    """An open plan. facts: `inputs` (their digest), `division` (the summary), `folders`, `finished`."""

    def __init__(self, file: Path) -> None:
        """Open one that `write` made; raises UsageError for a newer one, Stopped for what is none."""
        try:
            self._db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
            self._db.execute("PRAGMA busy_timeout=10000")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
        except sqlite3.Error as error:
            raise Stopped(f"{file} cannot be used ({error}); restore it, or choose a new --out") from error
        if version != VERSION:
            raise UsageError(f"{file}: made by another p3m-anon (plan {version}); use that one, or choose a new --out")

    @classmethod
    def write(cls, file: Path, pictures: Iterable[Picture], facts: dict[str, str]) -> Plan:
        """A new plan, there whole or not at all. Raises UsageError for two pictures with one id."""
        temporary = file.with_name(file.name + ".new")
        temporary.unlink(missing_ok=True)
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL, 0o600))
        with _explained(), contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as db:
            db.executescript(f"PRAGMA journal_mode=OFF; {_TABLES} BEGIN;")
            marks = ", ".join("?" * (len(Picture._fields) + 1))
            for one in pictures:
                values = one._replace(row=json.dumps(one.row), split=SPLITS.index(one.split))  # type: ignore[arg-type]
                try:
                    db.execute(f"INSERT INTO pictures VALUES ({marks})", (one.id, id_key(one.id), *values[1:]))
                except sqlite3.IntegrityError as error:
                    raise UsageError(_twins(db, one)) from error
            db.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())
            db.execute(f"PRAGMA user_version={VERSION}")
            db.execute("COMMIT")
        os.replace(temporary, file)
        return cls(file)

    def fact(self, name: str) -> str | None:
        """What was noted under a name."""
        found = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return found[0] if found else None

    def note(self, name: str, value: str) -> None:
        """Note a fact."""
        with _explained():
            self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def pictures(self) -> Iterator[Picture]:
        """All of them, by split and then by id."""
        names = ", ".join(Picture._fields)
        for found in self._db.execute(f"SELECT {names} FROM pictures ORDER BY split, id"):
            one = Picture(*found)
            yield one._replace(split=SPLITS[found[1]], row=json.loads(found[5]))

    def counts(self) -> dict[str, dict[str, int]]:
        """Split -> status -> pictures."""
        query = "SELECT split, json_extract(row, '$.status'), count(*) FROM pictures GROUP BY 1, 2"
        counts: dict[str, dict[str, int]] = {}
        for split, status, count in self._db.execute(query):
            counts.setdefault(SPLITS[split], {})[status] = count
        return counts

    def groups(self) -> tuple[int, int]:
        """How many groups the pictures make up, and how many of them the largest has."""
        return group_sizes(self._db)

    def digests(self) -> list[str]:
        """The settings digests that rows name."""
        query = "SELECT DISTINCT json_extract(row, '$.settings_digest') AS one FROM pictures WHERE one IS NOT NULL"
        return sorted(found[0] for found in self._db.execute(query))

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Plan:
        """The plan itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def group_sizes(db: sqlite3.Connection, without: Iterable[str] = ()) -> tuple[int, int]:
    """How many groups a plan's pictures make up, and how many the largest has; without: ids that do not count."""
    query = """SELECT count(*), coalesce(max(members), 0) FROM (SELECT count(*) AS members FROM pictures
        WHERE id NOT IN (SELECT value FROM json_each(?)) GROUP BY grouped)"""
    groups, largest = db.execute(query, (json.dumps(list(without)),)).fetchone()
    return groups, largest


def _twins(db: sqlite3.Connection, one: Picture) -> str:
    found = db.execute("SELECT origin, path FROM pictures WHERE id_key = ?", (id_key(one.id),)).fetchone()
    other = f"{found[0]}: {found[1]}" if found else "another one"
    return f"two pictures would get the same id {one.id!r}: {other} and {one.origin}: {one.path}; use --ids opaque"


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise Stopped(f"the plan cannot be written ({error}); make room, and run the same command again") from error
