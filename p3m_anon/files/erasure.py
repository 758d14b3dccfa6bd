"""What the ledger forgets of a withdrawn picture, and how its twins are found."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3m_anon.files.ledger import Ledger

_FORGOTTEN = (
    "UPDATE inputs SET status = 'withdrawn', reason = NULL, detail = 'withdrawn', digest = NULL, facts = '{}',"
    " faces = '[]', phash = NULL, timings = '{}', versions = '{}', decision = NULL WHERE path = ?"
)


def any_withdrawn(ledger: Ledger) -> bool:
    """Was any input of any run withdrawn?"""
    return bool(ledger.db.execute("SELECT 1 FROM inputs WHERE status = 'withdrawn' LIMIT 1").fetchone())


def scrub(db: sqlite3.Connection) -> bool:
    """Leave nothing of deleted rows in a database's file or its write-ahead log; False while another program reads it.

    Nothing is lost by trying again later.
    """
    try:
        db.execute("PRAGMA secure_delete = ON")
        db.execute("VACUUM")
        busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    except sqlite3.OperationalError:
        return False
    return not busy


def erase(ledger: Ledger, path: str, who: str) -> None:
    """Keep of an input that it was withdrawn, when and by whom, and nothing else: no landmarks, hashes or decision.

    The append-only events keep when and by whom something was done, and lose what the picture was like before.
    """
    with ledger.transaction():
        ledger.db.execute(_FORGOTTEN, (path,))
        for table in ("sources", "outputs", "decisions", "exports"):
            ledger.db.execute(f"DELETE FROM {table} WHERE path = ?", (path,))
        ledger.db.execute("UPDATE sample_items SET output_sha256 = '' WHERE path = ?", (path,))
        (guard,) = ledger.db.execute("SELECT sql FROM sqlite_master WHERE name = 'events_stay'").fetchone()
        ledger.db.execute("DROP TRIGGER events_stay")  # in this transaction only
        ledger.db.execute("UPDATE events SET previous = NULL WHERE path = ?", (path,))
        ledger.db.execute(guard)
        ledger.note("withdrawn", path, None, who)


def same_bytes(ledger: Ledger, digests: Set[str]) -> Iterator[str]:
    """Paths of inputs whose picture has one of these sha256s."""
    for path, sha256 in ledger.db.execute("SELECT path, sha256 FROM sources WHERE role = 'image' ORDER BY path"):
        if sha256 in digests:
            yield path


def looks(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Path and perceptual hash of every input that has one."""
    yield from ledger.db.execute("SELECT path, phash FROM inputs WHERE phash IS NOT NULL ORDER BY path")
