"""What `manifest build` and `manifest verify` find: kept on disk, so that a million findings cost no memory."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

KINDS = {
    "unblurred": "a picture that is not blurred where only blurred ones may lie",
    "basis": "not blurred, and nothing says why it may be shown",
    "missing": "a file that should be there is not",
    "extra": "a file that no row lists",
    "changed": "a file that is not what its row says",
    "truncated": "a file whose end is missing",
    "unreadable": "a file that cannot be read as what it should be",
    "row": "a row that is none, or breaks a rule",
    "duplicate": "something that may be there once only",
    "size": "a file whose size is not its picture's",
    "values": "a trimap or face mask with values of its own",
    "count": "another number of pictures than the facts say",
    "odd": "a file that is not where or what it should be",
    "link": "a link; put the file itself there",
    "facts": "dataset.json does not fit the rows",
    "seal": "checksums.txt does not fit",
}
"""Kind -> what it means, worst first; the list is closed."""


class Finding(NamedTuple):
    """`file`: relative to the root, or another name of what it is about. `detail`: one line."""

    kind: str
    file: str
    detail: str


class Findings:
    """A set of findings that is read back in order: by kind, file and detail. For one thread."""

    def __init__(self) -> None:
        """Empty; the data lie in a temporary file that goes with this object."""
        self.counts: Counter[str] = Counter()
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("CREATE TABLE found (kind INT, file TEXT, detail TEXT)")
        self._db.execute("BEGIN")

    def __len__(self) -> int:
        """How many there are."""
        return self.counts.total()

    def add(self, kind: str, file: str, detail: str) -> None:
        """One more; `kind` is one of KINDS."""
        self.counts[kind] += 1
        values = (_ORDER[kind], _text(file), _text(detail))
        self._db.execute("INSERT INTO found VALUES (?, ?, ?)", values)

    def add_all(self, findings: Iterable[Finding]) -> None:
        """Several more."""
        for one in findings:
            self.add(*one)

    def __iter__(self) -> Iterator[Finding]:
        """All of them."""
        for kind, file, detail in self._db.execute("SELECT * FROM found ORDER BY kind, file, detail"):
            yield Finding(_NAMES[kind], file, detail)

    def of(self, kind: str, most: int) -> list[Finding]:
        """The first of one kind."""
        query = "SELECT file, detail FROM found WHERE kind = ? ORDER BY file, detail LIMIT ?"
        return [Finding(kind, *found) for found in self._db.execute(query, (_ORDER[kind], most))]

    def kinds(self) -> list[str]:
        """Those that were found, worst first."""
        return [kind for kind in KINDS if self.counts[kind]]


def json_parts(head: Mapping[str, Any], findings: Iterable[Finding]) -> Iterator[str]:
    """One JSON object in parts: the fields of `head`, and all findings, of which there may be very many."""
    yield json.dumps(dict(head), ensure_ascii=False)[:-1] + ', "findings": ['
    comma = "\n"
    for one in findings:
        yield comma + json.dumps(one._asdict(), ensure_ascii=False)
        comma = ",\n"
    yield "]}\n"


def _text(value: str) -> str:
    """Half a surrogate pair, which JSON allows, is no text for a database."""
    return value.encode("utf-8", "backslashreplace").decode()


_NAMES = list(KINDS)
_ORDER = {kind: number for number, kind in enumerate(_NAMES)}
