"""What manifest and seal say should lie below a root, in a temporary database: uniqueness, and what was seen."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import Any

from p3m_anon.dataset.layout import stem
from p3m_anon.dataset.rows import FILE_KEYS
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_facts import FACTS, SEAL, UNSPLIT, may_be_sealed, seal_entries
from p3m_anon.files.dataset_rows import MANIFEST, scan_rows
from p3m_anon.files.ledger_rows import id_key
from p3m_anon.files.remote import Location
from p3m_anon.jobs.manifest.findings import Findings
from p3m_anon.jobs.manifest.rules import row_findings


class ManifestIndex:
    """The expected files, each with its digest, or None where nothing says what it should be. For one thread."""

    def __init__(self, root: Location, findings: Findings) -> None:
        """Read manifest.jsonl and checksums.txt of `root`; what is wrong with them goes into `findings`."""
        self._root, self._findings = root, findings
        self.rows = 0
        self.is_split = False
        self.counts: dict[str, Counter[str]] = {}
        self.settings: set[str] = set()
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA cache_size = -65536")  # 64 MB: files come in no order
        self._db.execute("CREATE TABLE ids (key TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("CREATE TABLE pictures (place TEXT PRIMARY KEY) WITHOUT ROWID")
        self._db.execute("CREATE TABLE files (file TEXT PRIMARY KEY, sha256 TEXT, seen INT) WITHOUT ROWID")
        self._db.execute("BEGIN")
        self._read_rows()
        self.is_sealed = (root / SEAL).is_file() and not (root / SEAL).is_symlink()
        if self.is_sealed:
            self._read_seal()
        elif self.is_split or (root / FACTS).exists():
            findings.add("seal", SEAL, "missing, so nobody can tell whether the manifest itself was changed")

    def expected(self, file: str) -> tuple[bool, str | None]:
        """Whether the file should be there, and its sha256 if one is known; it is marked as seen."""
        found = self._db.execute("SELECT sha256 FROM files WHERE file = ?", (file,)).fetchone()
        if found is None:
            return False, None
        self._db.execute("UPDATE files SET seen = 1 WHERE file = ?", (file,))
        return True, found[0]

    def has_picture(self, file: str) -> bool:
        """Whether a face mask's path, `.../facemask/x.png`, is that of a picture that a row lists."""
        split, _, name = file.rpartition("facemask/")
        found = self._db.execute("SELECT 1 FROM pictures WHERE place = ?", (f"{split}{stem(name)}",)).fetchone()
        return found is not None

    def missing(self) -> Iterator[str]:
        """What was not seen."""
        yield from (file for (file,) in self._db.execute("SELECT file FROM files WHERE NOT seen ORDER BY file"))

    def _read_rows(self) -> None:
        if not (self._root / MANIFEST).is_file():
            raise UsageError(f"{self._root} holds no {MANIFEST}; `p3m-anon manifest build` writes one")
        for number, row, problem in scan_rows(self._root / MANIFEST):
            if row is None:
                self._findings.add("row", f"{MANIFEST}, line {number}", str(problem))
            else:
                self._findings.add_all(row_findings(row, number))
                self._take(number, row)

    def _take(self, number: int, row: dict[str, Any]) -> None:
        self.rows += 1
        split, status, digest = row.get("split"), row["status"], row.get("settings_digest")
        self.is_split |= split is not None
        self.counts.setdefault(str(split or UNSPLIT), Counter())[status] += 1
        if isinstance(digest, str) and len(self.settings) < 10_000:
            self.settings.add(digest)
        if not self._insert("INSERT OR IGNORE INTO ids VALUES (?)", id_key(row["id"])):
            self._findings.add("duplicate", f"{MANIFEST}, line {number}", f"the id {row['id']} is there already")
        for key in FILE_KEYS:
            file = row.get(key)
            if file and not self._insert(
                "INSERT OR IGNORE INTO files VALUES (?, ?, 0)", file, row.get(f"{key}_sha256")
            ):
                self._findings.add("duplicate", file, f"line {number} lists it, and another row does too")
        folder, _, name = row["image"].partition("_image/")
        self._insert(
            "INSERT OR IGNORE INTO pictures VALUES (?)", f"{folder.rpartition('/')[0]}/{stem(name)}".lstrip("/")
        )

    def _read_seal(self) -> None:
        for number, file, sha256 in seal_entries(self._root):
            if file is None:
                self._findings.add("seal", SEAL, f"line {number} is none that we write")
            elif not may_be_sealed(file):
                self._findings.add("seal", file, f"in {SEAL}, but only a row can list it")
            else:
                self._insert("INSERT OR REPLACE INTO files VALUES (?, ?, 0)", file, sha256)

    def _insert(self, query: str, *values: str | None) -> bool:
        texts = [None if one is None else one.encode("utf-8", "backslashreplace").decode() for one in values]
        return self._db.execute(query, texts).rowcount == 1
