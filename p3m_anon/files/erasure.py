"""What the ledger forgets of a withdrawn picture, and how its twins are found."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3m_anon.files.ledger import Ledger

_FORGOTTEN = (
    "UPDATE inputs SET status = 'withdrawn', reason = NULL, detail = 'withdrawn', digest = NULL, facts = '{}',"
    " faces = '[]', phash = NULL, timings = '{}', versions = '{}', decision = NULL WHERE path = ?"
)


def erase(ledger: Ledger, path: str, who: str) -> None:
    """Keep of an input that it was withdrawn, when and by whom, and nothing else: no landmarks, hashes or decision.

    The append-only events keep what was said of it earlier, as they must.
    """
    with ledger.transaction():
        ledger.db.execute(_FORGOTTEN, (path,))
        for table in ("sources", "outputs", "decisions"):
            ledger.db.execute(f"DELETE FROM {table} WHERE path = ?", (path,))
        ledger.note("withdrawn", path, None, who)


def same_bytes(ledger: Ledger, digests: Set[str]) -> Iterator[str]:
    """Paths of inputs whose picture has one of these sha256s."""
    for path, sha256 in ledger.db.execute("SELECT path, sha256 FROM sources WHERE role = 'image' ORDER BY path"):
        if sha256 in digests:
            yield path


def looks(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Path and perceptual hash of every input that has one."""
    yield from ledger.db.execute("SELECT path, phash FROM inputs WHERE phash IS NOT NULL ORDER BY path")
