"""A user's CSV of columns: subjects, shoots, whatever pictures are to be grouped or stratified by."""

from __future__ import annotations

import csv
import sqlite3
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from p3m_anon.errors import UsageError

KEYS = ("path", "id")


class Columns:
    """Looked up by path or id; kept in a data base of SQLite's own, as there may be as many lines as pictures.

    A picture may have several lines (two subjects in one picture): it belongs to the group of each. `lost` counts
    look-ups without a line, `found` those with one.
    """

    def __init__(self, file: Path, group_by: str | None, stratify: tuple[str, ...]) -> None:
        """Raises UsageError for a file that cannot be read, lacks a column, or is no CSV in UTF-8."""
        self.file, self.found, self.lost = file, 0, 0
        self._strata = len(stratify)
        self._db = sqlite3.connect("", isolation_level=None)
        marks = ", ".join(f"s{number}" for number in range(len(stratify)))
        self._db.execute(f"CREATE TABLE lines (key TEXT, grouped TEXT{', ' if marks else ''}{marks})")
        wanted = ([group_by] if group_by else []) + list(stratify)
        self._db.execute("BEGIN")
        try:
            with file.open(encoding="utf-8-sig", newline="") as stream:
                reader = csv.DictReader(stream)
                self.key = self._key(reader.fieldnames or [], wanted)
                lines = (
                    (_plain(line[self.key]), line[group_by] if group_by else None, *(line[one] for one in stratify))
                    for line in reader
                )
                self._db.executemany(f"INSERT INTO lines VALUES ({', '.join('?' * (2 + len(stratify)))})", lines)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UsageError(f"--columns {file}: cannot be read as CSV in UTF-8 ({error})") from error
        self._db.execute("COMMIT")
        self._db.execute("CREATE INDEX lines_key ON lines (key)")

    def of(self, path: str, id_: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(groups, value of each stratification column) of a picture; raises UsageError if its lines contradict."""
        key = _plain(path if self.key == "path" else id_)
        lines = self._db.execute("SELECT * FROM lines WHERE key = ?", (key,)).fetchall()
        self.found += bool(lines)
        self.lost += not lines
        strata = {tuple((value or "").strip() for value in line[2:]) for line in lines}
        if len(strata) > 1:
            raise UsageError(f"--columns {self.file}: {key} has several lines that differ in what is stratified by")
        groups = {(line[1] or "").strip() for line in lines} - {""}
        return tuple(sorted(groups)), strata.pop() if strata else ("",) * self._strata

    def close(self) -> None:
        """Drop the data base."""
        self._db.close()

    def _key(self, names: Sequence[str], wanted: list[str]) -> str:
        missing = [one for one in wanted if one not in names]
        if missing:
            raise UsageError(f"--columns {self.file}: no column {', '.join(missing)}; it has {', '.join(names)}")
        for key in KEYS:
            if key in names:
                return key
        raise UsageError(f"--columns {self.file}: needs a column `path` or `id` that says which picture a line is of")


def _plain(text: str | None) -> str:
    return unicodedata.normalize("NFC", (text or "").strip())
