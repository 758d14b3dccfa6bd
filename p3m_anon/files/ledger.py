"""The ledger: what is known about every input, in SQLite, private and local.

One row an input, written after its files; an append-only table of events tells how it came there.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from p3m_anon.errors import UsageError
from p3m_anon.files.ledger_errors import explained, now
from p3m_anon.files.ledger_rows import Output, Row, Source, id_key
from p3m_anon.files.ledger_schema import MIGRATIONS

_PLAIN = ("path", "id", "status", "reason", "detail", "digest", "phash", "decision")


class Ledger:
    """An open ledger. Use one per process; all writes come from one thread.

    Its rows are those of the last run, and from `register` on those of a new one.
    """

    def __init__(self, file: Path, who: str = "p3m-anon") -> None:
        """Open or create; an older schema is brought up to date, a newer one refused."""
        try:
            db = sqlite3.connect(file, isolation_level=None)
            os.chmod(file, 0o600)
            for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=10000"):
                db.execute(f"PRAGMA {pragma}")
            self._open(db, file, who)
        except sqlite3.Error as error:
            raise explained(error) from error

    @classmethod
    def copy_of(cls, file: Path) -> Ledger:
        """A copy in a file of SQLite's own, empty if there is no such file: for questions that must leave no trace.

        Raises Stopped for a file that is no ledger.
        """
        db = sqlite3.connect("", isolation_level=None)  # grows with the ledger on disk, not in memory
        ledger = cls.__new__(cls)
        try:
            if file.is_file():
                with contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source:
                    source.backup(db)
            ledger._open(db, file, "copy")
        except sqlite3.Error as error:
            raise explained(error) from error
        return ledger

    def _open(self, db: sqlite3.Connection, file: Path, who: str) -> None:
        self.db, self._who = db, who
        db.row_factory = sqlite3.Row
        if self._version > len(MIGRATIONS):
            raise UsageError(f"{file.name}: made by a newer p3m-anon (schema {self._version}); upgrade p3m-anon")
        for number, script in enumerate(MIGRATIONS[self._version :], self._version + 1):
            try:
                self.db.executescript(f"BEGIN; {script} PRAGMA user_version={number}; COMMIT;")
            except sqlite3.OperationalError:
                with contextlib.suppress(sqlite3.Error):
                    self.db.execute("ROLLBACK")
                if self._version < number:  # else another process was quicker
                    raise

    @property
    def _version(self) -> int:
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    @property
    def run(self) -> int:
        """Number of the last run, 0 before the first; another process may have begun a new one."""
        return int(self.db.execute("SELECT coalesce(max(n), 0) FROM runs").fetchone()[0])

    def close(self) -> None:
        """Fold the write-ahead log into the file."""
        self.db.close()

    def __enter__(self) -> Ledger:
        """The ledger itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def register(self, inputs: Iterable[tuple[str, str]], make_id: Callable[[str, bool], str]) -> int:
        """Begin a run: note all its inputs, as (path, stem), and return how many there are.

        make_id(path, shared) gives a path's id; `shared` says that another input has the same stem.
        Raises UsageError, and changes nothing, if two ids are the same.
        """
        db = self.db
        db.execute("CREATE TEMP TABLE IF NOT EXISTS found (path TEXT PRIMARY KEY, stem TEXT) WITHOUT ROWID")
        db.execute("DELETE FROM found")
        with self.transaction("BEGIN"):  # nobody waits while the folder is walked
            db.executemany("INSERT INTO found VALUES (?, ?)", ((path, id_key(stem)) for path, stem in inputs))
        db.create_function("make_id", 2, lambda path, shared: make_id(path, bool(shared)), deterministic=True)
        db.create_function("id_key", 1, id_key, deterministic=True)
        db.execute("DROP TABLE IF EXISTS named")
        db.execute(
            "CREATE TEMP TABLE named AS SELECT path, make_id(path, n > 1) AS id FROM"
            " (SELECT path, count(*) OVER (PARTITION BY stem) AS n FROM found)"
        )
        twins = db.execute(
            "SELECT group_concat(path, ' and ') FROM named GROUP BY id_key(id) HAVING count(*) > 1 LIMIT 3"
        ).fetchall()
        if twins:
            pairs = "; ".join(row[0] for row in twins)
            raise UsageError(f"two inputs would get the same id: {pairs}. Rename one, or use --ids opaque")
        with self.transaction():
            run = self.run + 1
            db.execute("INSERT INTO runs VALUES (?, ?)", (run, now()))
            # an input that is gone gives its id back when a new file asks for it
            db.execute(
                "UPDATE inputs SET id_key = 'gone:' || path WHERE path NOT IN (SELECT path FROM named)"
                " AND id_key IN (SELECT id_key(id) FROM named)"
            )
            db.execute("UPDATE inputs SET id_key = 'old:' || path WHERE path IN (SELECT path FROM named)")
            db.execute(
                "INSERT INTO inputs (path, id, id_key, seen, status)"
                " SELECT path, id, id_key(id), ?, 'pending' FROM named WHERE true"
                " ON CONFLICT (path) DO UPDATE SET id = excluded.id, id_key = excluded.id_key, seen = excluded.seen",
                (run,),
            )
        return int(db.execute("SELECT count(*) FROM named").fetchone()[0])

    def companions(self, files: Iterable[tuple[str, str, str]]) -> None:
        """Note the files that lie beside the pictures of this run: (role, stem, file).

        They are kept in the data base and not in memory, as there may be as many as pictures.
        """
        self.db.execute("CREATE TEMP TABLE IF NOT EXISTS companions (stem TEXT, role TEXT, file TEXT)")
        self.db.execute("DELETE FROM companions")
        with self.transaction("BEGIN"):
            rows = ((id_key(stem), role, file) for role, stem, file in files)
            self.db.executemany("INSERT INTO companions VALUES (?, ?, ?)", rows)
            self.db.execute("CREATE INDEX IF NOT EXISTS companions_stem ON companions (stem)")

    def beside(self, stem: str) -> dict[str, list[str]]:
        """Role -> files of a stem."""
        found: dict[str, list[str]] = {}
        query = "SELECT role, file FROM companions WHERE stem = ? ORDER BY role, file"
        for role, file in self.db.execute(query, (id_key(stem),)):
            found.setdefault(role, []).append(file)
        return found

    def has_companions(self, role: str) -> bool:
        """Is there any file of this role at all?"""
        return self.db.execute("SELECT 1 FROM companions WHERE role = ? LIMIT 1", (role,)).fetchone() is not None

    def lonely(self, role: str, most: int) -> list[str]:
        """Files of a role that lie beside no input of this run."""
        query = "SELECT file FROM companions WHERE role = ? AND stem NOT IN (SELECT stem FROM found) LIMIT ?"
        return sorted(file for (file,) in self.db.execute(query, (role, most)))

    def knows(self, name: str) -> bool:
        """Is there an input of this run with this path or id?"""
        query = "SELECT 1 FROM inputs WHERE seen = ? AND (path = ? OR id = ?) LIMIT 1"
        return self.db.execute(query, (self.run, name, name)).fetchone() is not None

    def row_of_id(self, name: str) -> Row | None:
        """The row of this run's input that has an id."""
        query = "SELECT * FROM inputs WHERE id_key = ? AND seen = ?"
        found = self.db.execute(query, (id_key(name), self.run)).fetchone()
        return self._row(found) if found else None

    def accounts_for(self, file: str) -> bool:
        """Does a released file, relative to the release folder, belong to an accepted input of this run?"""
        query = "SELECT 1 FROM outputs JOIN inputs USING (path) WHERE file = ? AND seen = ? AND status = 'accepted'"
        return self.db.execute(query, (file, self.run)).fetchone() is not None

    def count_gone(self) -> int:
        """Inputs of earlier runs that are not there any more."""
        query = "SELECT count(*) FROM inputs WHERE seen < ? AND status != 'withdrawn'"
        return int(self.db.execute(query, (self.run,)).fetchone()[0])

    def rows(self, status: str | None = None, *, gone: bool = False, page: int = 500) -> Iterator[Row]:
        """Rows of this run's inputs in path order (or of inputs that are gone), a page at a time."""
        last = ""
        where = "+seen < ?" if gone else "+seen = ?"  # with a plus: pages in path order need no other index
        while True:
            found = self.db.execute(
                f"SELECT * FROM inputs WHERE path > ? AND {where} AND (? IS NULL OR status = ?) ORDER BY path LIMIT ?",
                (last, self.run, status, status, page),
            ).fetchall()
            if not found:
                return
            for row in found:
                yield self._row(row)
            last = found[-1]["path"]

    def row(self, path: str) -> Row | None:
        """The row of one input."""
        found = self.db.execute("SELECT * FROM inputs WHERE path = ?", (path,)).fetchone()
        return self._row(found) if found else None

    def record(self, row: Row, what: str = "blur") -> None:
        """Write a row with its sources and outputs, and an event that keeps what it said before."""
        with self.transaction():
            before = self.db.execute("SELECT status, reason, digest FROM inputs WHERE path = ?", (row.path,)).fetchone()
            previous = json.dumps(dict(before)) if before else None
            self.note(f"{what}: {row.status}", row.path, previous)
            self.db.execute(
                "UPDATE inputs SET status=?, reason=?, detail=?, digest=?, facts=?, faces=?, phash=?, timings=?,"
                " versions=?, decision=?, updated=? WHERE path=?",
                (
                    *(row.status, row.reason, row.detail, row.digest, json.dumps(row.facts)),
                    *(json.dumps(row.faces), row.phash, json.dumps(row.timings), json.dumps(row.versions)),
                    *(row.decision, now(), row.path),
                ),
            )
            for table, items in (("sources", row.sources), ("outputs", row.outputs)):
                self.db.execute(f"DELETE FROM {table} WHERE path = ?", (row.path,))
                for item in items:
                    values = list(vars(item).values())
                    marks = ", ".join("?" * (len(values) + 1))
                    self.db.execute(f"INSERT INTO {table} VALUES ({marks})", (row.path, *values))

    def forget(self, path: str) -> None:
        """Remove the row of an input that is gone; the event stays."""
        with self.transaction():
            self.note("pruned", path, None)
            for table in ("inputs", "sources", "outputs"):
                self.db.execute(f"DELETE FROM {table} WHERE path = ?", (path,))

    def counts(self) -> dict[str, int]:
        """How many inputs of this run have each status."""
        found = self.db.execute("SELECT status, count(*) FROM inputs WHERE seen = ? GROUP BY status", (self.run,))
        return dict(found.fetchall())

    def reasons(self) -> dict[str, int]:
        """How many inputs of this run wait for each reason."""
        found = self.db.execute(
            "SELECT reason, count(*) FROM inputs WHERE seen = ? AND status = 'needs_review' GROUP BY reason",
            (self.run,),
        )
        return dict(found.fetchall())

    def run_settings(self) -> Iterator[dict[str, Any]]:
        """The settings of all runs, newest first."""
        query = "SELECT previous FROM events WHERE path IS NULL AND what = 'run started' ORDER BY n DESC"
        for (detail,) in self.db.execute(query):
            with contextlib.suppress(ValueError, TypeError, KeyError):
                yield json.loads(json.loads(detail)["settings"])

    def event(self, what: str, detail: dict[str, Any] | None = None) -> None:
        """Append an event that belongs to no input."""
        with self.transaction():
            self.note(what, None, json.dumps(detail) if detail else None)

    def last_event(self, prefix: str) -> str | None:
        """The newest event that belongs to no input and starts like this."""
        found = self.db.execute(
            "SELECT what FROM events WHERE path IS NULL AND what LIKE ? ORDER BY n DESC LIMIT 1", (prefix + "%",)
        ).fetchone()
        return found[0] if found else None

    def note(self, what: str, path: str | None, previous: str | None, who: str | None = None) -> None:
        """Append an event inside a transaction."""
        self.db.execute(
            "INSERT INTO events (at, who, what, path, previous) VALUES (?, ?, ?, ?, ?)",
            (now(), who or self._who, what, path, previous),
        )

    def _row(self, row: sqlite3.Row) -> Row:
        values = {key: row[key] for key in _PLAIN}
        values |= {key: json.loads(row[key]) for key in ("facts", "faces", "timings", "versions")}
        for table, kind in (("sources", Source), ("outputs", Output)):
            found = self.db.execute(f"SELECT * FROM {table} WHERE path = ? ORDER BY role", (row["path"],)).fetchall()
            values[table] = tuple(kind(**{k: r[k] for k in r.keys() if k != "path"}) for r in found)  # noqa: SIM118
        return Row(**values)

    @contextlib.contextmanager
    def transaction(self, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
        """All or nothing; raises Stopped where the disk is full or the file is broken."""
        try:
            self.db.execute(begin)
            yield
            self.db.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):  # a full disk may have ended the transaction already
                self.db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise explained(error) from error
            raise
