"""The ledger's clock, and its data base's errors in our words."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone

from p3m_anon.errors import Stopped


def explained(error: sqlite3.Error) -> Stopped:
    """The data base's errors in our words."""
    if "full" in str(error) or "disk I/O" in str(error):
        return Stopped("disk full: make room and run the same command again; what is finished is kept")
    if "locked" in str(error):
        return Stopped("the ledger is busy: another run is writing to it; try again in a moment")
    return Stopped(f"the ledger cannot be used ({error}); restore it, or start with a new --out and --private")


def now() -> str:
    """The time as the ledger writes it: UTC, ISO 8601, ms."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")
