"""Test pictures among those that are trained on: the same bytes, or nearly the same picture.

Every file is read once; its digests are kept privately, and taken from there while the file's size and time stay.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from p3m_anon.dataset.duplicates import perceptual_hash
from p3m_anon.dataset.groups import MIRROR, NEAR, hash_words
from p3m_anon.errors import ImageError, P3MError, UsageError
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.files.images import read

CACHE, LEAKS = "fingerprints.sqlite", "train-leaks.txt"
_PORTION = 64
_NAMED = 5


class Fingerprint(NamedTuple):
    """A picture: sha256 of its bytes and perceptual hash, in hex; or why there is none."""

    name: str
    sha256: str
    hash: str
    problem: str = ""


class Fingerprinted(NamedTuple):
    """Those that could be read, and the others."""

    good: list[Fingerprint]
    bad: list[Fingerprint]


class Fingerprints:
    """Fingerprints of files, computed on all cores and kept; a context manager for one thread."""

    def __init__(self, private: Path, on_file: Callable[[], None] = lambda: None, *, keeps: bool = True) -> None:
        """Where `private` cannot be written they are kept in memory, and a notice says so; nothing is written at all
        without `keeps`."""
        self.notices: list[str] = []
        self._on_file = on_file
        if not keeps:
            self._db = _in_memory(private / CACHE)
            self._create()
            return
        try:
            private.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(private / CACHE, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(private / CACHE, timeout=30)
            self._create()
        except (OSError, sqlite3.Error) as error:
            self.notices.append(f"{private / CACHE} cannot be used ({error}): pictures are compared again in each run")
            self._db = sqlite3.connect("")
            self._create()

    def __enter__(self) -> Fingerprints:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Keep what is known."""
        self._db.commit()
        self._db.close()

    def of(self, files: Iterable[tuple[str, Path]]) -> Fingerprinted:
        """The fingerprints of (name, file), in this order."""
        found = Fingerprinted([], [])
        waiting = iter(files)
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            while portion := list(islice(waiting, _PORTION)):
                for one in self._portion(pool, portion):
                    (found.bad if one.problem else found.good).append(one)
                    self._on_file()
        return found

    def digests(self, files: Iterable[str]) -> dict[str, str]:
        """File -> sha256 of its bytes; "" for one that cannot be read."""
        found: dict[str, str] = {}
        waiting = iter(files)
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            while portion := list(islice(waiting, _PORTION)):
                known = {file: self._digest(file) for file in portion}
                fresh = [file for file, digest in known.items() if not digest]
                for file, (digest, stamp) in zip(fresh, pool.map(_sha256, fresh), strict=True):
                    known[file] = digest
                    if digest:
                        values = os.path.abspath(file), *stamp, digest
                        self._db.execute("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?)", values)
                self._db.commit()
                found |= known
                for _ in portion:
                    self._on_file()
        return found

    def _digest(self, file: str) -> str:
        """What is known of it, or ""."""
        path = os.path.abspath(file)
        row = self._db.execute("SELECT size, mtime_ns, sha256 FROM digests WHERE path = ?", (path,)).fetchone()
        return row[2] if row and row[:2] == _stamp(Path(file)) else ""

    def _portion(self, pool: ThreadPoolExecutor, portion: list[tuple[str, Path]]) -> Iterator[Fingerprint]:
        known = [self._get(name, path) for name, path in portion]
        fresh = pool.map(_fingerprint, [pair for pair, one in zip(portion, known, strict=True) if one is None])
        for (_, path), one in zip(portion, known, strict=True):
            if one is not None:
                yield one
                continue
            made, stamp = next(fresh)
            if not made.problem:
                values = str(path.absolute()), *stamp, made.sha256, made.hash
                self._db.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", values)
            yield made
        self._db.commit()

    def _get(self, name: str, path: Path) -> Fingerprint | None:
        row = self._db.execute(
            "SELECT size, mtime_ns, sha256, hash FROM files WHERE path = ?", (str(path.absolute()),)
        ).fetchone()
        return Fingerprint(name, *row[2:]) if row and row[:2] == _stamp(path) else None

    def _create(self) -> None:
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT,"
            " hash TEXT) WITHOUT ROWID"
        )
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, sha256 TEXT)"
            " WITHOUT ROWID"
        )


def _in_memory(file: Path) -> sqlite3.Connection:
    """A copy of what is known, as far as it can be read."""
    db = sqlite3.connect("")
    if file.is_file():
        uri = f"{file.absolute().as_uri()}?mode=ro"
        with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(uri, uri=True)) as kept:
            kept.backup(db)
    return db


def refuse_leaks(trained: Fingerprinted, tests: Fingerprinted, private: Path | None) -> None:
    """Raises UsageError if a picture of `trained` is one of `tests` or looks like it; a file in `private` lists all."""
    found = list(_leaks(trained.good, tests.good))
    if not found:
        return
    ids = list(dict.fromkeys(one for one, _ in found))
    named = "; ".join(said for _, said in found[:_NAMED])
    more = f"; and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    raise UsageError(
        f"train holds test pictures, or pictures that look like them ({len(ids)}): {named}{more}. Remove them, or"
        f" leave them out with --leave-out FILE{_listed(ids, private)}"
    )


def _listed(ids: list[str], private: Path | None) -> str:
    if private is None:
        return ", an id a line; the run itself lists them all in a file"
    try:
        text = "".join(f"{one}\n" for one in ids)
        write_bytes(private / LEAKS, text.encode("utf-8", "surrogateescape"), private=True)
    except (OSError, P3MError):
        return ", an id a line"
    return f"; {private / LEAKS} lists them"


def _leaks(trained: list[Fingerprint], tests: list[Fingerprint]) -> Iterator[tuple[str, str]]:
    """(id, line) for each pair."""
    hashes = hash_words(one.hash for one in trained)
    for test in tests:
        word = np.uint64(int(test.hash, 16))
        bits = np.minimum(np.bitwise_count(hashes ^ word), np.bitwise_count(hashes ^ word ^ MIRROR))
        for place in np.flatnonzero(bits <= NEAR).tolist():
            one = trained[place]
            same = one.sha256 == test.sha256
            how = "the same bytes" if same else f"{bits[place]} of 64 bits differ"
            yield one.name, f"{one.name} and {test.name} ({how})"


def _fingerprint(named: tuple[str, Path]) -> tuple[Fingerprint, tuple[int, int]]:
    name, path = named
    stamp = _stamp(path)
    try:
        decoded = read(path)
    except ImageError as error:
        return Fingerprint(name, "", "", str(error)), stamp
    return Fingerprint(name, decoded.sha256, perceptual_hash(decoded.rgb)), stamp


def _sha256(file: str) -> tuple[str, tuple[int, int]]:
    stamp = _stamp(Path(file))
    try:
        return file_sha256(os.path.realpath(file)), stamp
    except OSError:  # the loader says why, when it comes to this picture
        return "", stamp


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns
