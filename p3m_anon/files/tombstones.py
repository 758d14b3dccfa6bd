"""Withdrawn pictures: keyed marks from which nothing can be learned, and which keep the pictures from coming back."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.dataset.groups import NEAR, nearest
from p3m_anon.errors import Stopped
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.erasure import any_withdrawn
from p3m_anon.files.private import private_key

if TYPE_CHECKING:
    from p3m_anon.files.ledger import Ledger

FILE, KEY = "tombstones.txt", "key"
_BOUND, _MARKED = "key bound: ", "files marked as withdrawn: "


class Tombstones:
    """The withdrawn pictures of one private folder.

    A mark is an HMAC of the file's sha256, and the perceptual hash combined with 64 secret bits: without the key
    neither says anything of the picture, with it near-duplicates are still found.
    """

    def __init__(self, private: Path) -> None:
        """Read them; raises Stopped if they are there and cannot be read, as something might come back unseen."""
        self._private = private
        self._exact: set[str] = set()
        self._looks: set[str] = set()
        self._key: bytes | None = None
        try:
            lines = (private / FILE).read_text(encoding="ascii").splitlines()
            for line in lines:
                kind, value = line.split()
                int(value, 16)
                {"bytes": self._exact, "look": self._looks}[kind].add(value)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError) as error:
            raise Stopped(f"{private / FILE} cannot be read; put it back before anything is released") from error
        self._words = np.array([int(value, 16) for value in sorted(self._looks)], np.uint64)

    def __len__(self) -> int:
        """How many files are marked."""
        return len(self._exact)

    def check(self, ledger: Ledger) -> None:
        """Key, marks and ledger belong together; raises Stopped where one was lost or is another's.

        The ledger remembers a check value of the key and how many files were marked, from the first run on.
        """
        key = self._private / KEY
        known, marked = ledger.last_event(_BOUND), ledger.last_event(_MARKED)
        least = int(marked.removeprefix(_MARKED)) if marked else int(any_withdrawn(ledger))
        if len(self) < least:
            raise Stopped(
                f"{self._private / FILE} lacks marks of withdrawn pictures, which would come back: put it back from a"
                " backup, or start a new release and withdraw them there"
            )
        if key.exists() and known == f"{_BOUND}{self._check_value()}":
            return
        if known is not None or (len(self) and not key.exists()):
            raise Stopped(
                f"{key} is missing, or not this release's: withdrawn pictures would come back and opaque ids change;"
                " put it back from a backup, or start a new release"
            )
        if key.exists():
            self.bind(ledger)

    def bind(self, ledger: Ledger) -> None:
        """Have the ledger remember the key, and how many files are marked."""
        for prefix, value in ((_BOUND, self._check_value()), (_MARKED, str(len(self)))):
            if ledger.last_event(prefix) != f"{prefix}{value}":
                ledger.event(f"{prefix}{value}")

    def _check_value(self) -> str:
        return self._keyed("check").hex()[:16]

    def holds(self, sha256: str) -> bool:
        """Were these very bytes withdrawn?"""
        return bool(self._exact) and self._mark(sha256) in self._exact

    def resembles(self, phash: str) -> int | None:
        """By how many bits of 64 a perceptual hash (16 hex digits) differs from a withdrawn one; None beyond NEAR."""
        if not self._words.size:
            return None
        bits = nearest(np.uint64(self._hidden(phash)), self._words).bits
        return bits if bits <= NEAR else None

    def add(self, sha256: str | None, phash: str | None) -> None:
        """Mark a picture; it is on disk before this returns."""
        if sha256:
            self._exact.add(self._mark(sha256))
        if phash:
            self._looks.add(f"{self._hidden(phash):016x}")
        self._words = np.array([int(value, 16) for value in sorted(self._looks)], np.uint64)
        marks = [f"bytes {one}\n" for one in sorted(self._exact)] + [f"look {one}\n" for one in sorted(self._looks)]
        write_bytes(self._private / FILE, "".join(marks).encode("ascii"), private=True)

    def _mark(self, sha256: str) -> str:
        return self._keyed(f"bytes:{sha256}").hex()

    def _hidden(self, phash: str) -> int:
        return int(phash, 16) ^ int.from_bytes(self._keyed("look")[:8], "big")

    def _keyed(self, text: str) -> bytes:
        if self._key is None:
            self._key = private_key(self._private)
        return hmac.new(self._key, text.encode(), hashlib.sha256).digest()
