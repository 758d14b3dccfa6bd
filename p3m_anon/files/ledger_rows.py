"""What the ledger keeps of one input."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Source:
    """A file that a result was made from; `file` is its full path."""

    role: str
    file: str
    size: int
    mtime_ns: int
    sha256: str


@dataclass(frozen=True)
class Output:
    """A file that was written; `file` is relative to the release folder, or to the private one."""

    role: str
    file: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Row:
    """All that the ledger keeps of one input.

    status: pending, accepted, needs_review, failed, excluded, withdrawn or unsupported. decision: version of the
    review decision that it was made with.
    """

    path: str
    id: str
    status: str = "pending"
    reason: str | None = None
    detail: str | None = None
    digest: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    faces: list[dict[str, Any]] = field(default_factory=list)
    phash: str | None = None
    timings: dict[str, float] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    outputs: tuple[Output, ...] = ()
    decision: int | None = None


def id_key(name: str) -> str:
    """Two ids with the same key would be one file on some file system."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
