"""`recall.txt`: pictures that were released with a clear face, or that were released and wait again; private."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from p3m_anon.files.atomic import write_bytes

if TYPE_CHECKING:
    from p3m_anon.arrays import Box
    from p3m_anon.files.ledger import Ledger

FILE = "recall.txt"
RECALLED = "recall"  # the event that names a picture: {"id", "boxes"}
_FATE = {"needs_review": "waits", "excluded": "left out", "failed": "failed", "unsupported": "failed"}


class Listed(NamedTuple):
    """A picture of a list: its id in the release and its path among the inputs; one text for both if not told apart."""

    id: str
    path: str


def write_recall(private: Path, ledger: Ledger) -> Path | None:
    """Write recall.txt from the ledger; its path, or None if no picture has to be named.

    A line a picture, tab-separated: id, path, what became of it, and the sizes (width x height, in pixels) of the
    faces that were clear, `-` for none. Withdrawn pictures are left out.
    """
    pictures: dict[str, tuple[str, str, dict[Box, None]]] = {}
    query = (
        "SELECT e.path, e.previous, i.id, i.status, json_extract(i.facts, '$.status') FROM events e"
        " LEFT JOIN inputs i USING (path) WHERE e.what = ? AND i.status IS NOT 'withdrawn' ORDER BY e.n"
    )
    for path, said, name, status, released in ledger.db.execute(query, (RECALLED,)):
        event = json.loads(said)
        boxes = pictures[path][2] if path in pictures else {}
        boxes |= dict.fromkeys((b[0], b[1], b[2], b[3]) for b in event["boxes"])
        pictures[path] = (name or event["id"], _fate(status, released), boxes)
    file = private / FILE
    if not pictures:
        file.unlink(missing_ok=True)
        return None
    lines = (_line(path, *said) for path, said in sorted(pictures.items()))
    write_bytes(file, "".join(lines).encode(), private=True)
    return file


def read_listed(lines: Iterable[str]) -> list[Listed]:
    """The pictures of a list: a line is an id or a path, or one of recall.txt."""
    found = []
    for line in lines:
        fields = line.split("\t")
        names = (_unescaped(fields[0]), _unescaped(fields[1])) if len(fields) == 4 else (line, line)
        found.append(Listed(*names))
    return found


def _fate(status: str | None, released: str | None) -> str:
    """What became of a picture, in a word or two."""
    if status == "accepted":
        return "masked" if (released or "").startswith("anonymized") else "not masked"
    return "gone" if status is None else _FATE.get(status, "waits")


def _line(path: str, name: str, fate: str, boxes: Iterable[Box]) -> str:
    sizes = " ".join(f"{box[2] - box[0]:.0f}x{box[3] - box[1]:.0f}" for box in boxes)
    return "\t".join((_escaped(name), _escaped(path), fate, sizes or "-")) + "\n"


def _escaped(text: str) -> str:
    """Text without tabs and line ends."""
    return "".join(c if c.isprintable() and c != "\\" else f"\\u{{{ord(c):x}}}" for c in text)


def _unescaped(text: str) -> str:
    return re.sub(r"\\u\{([0-9a-f]{1,6})\}", lambda found: chr(int(found[1], 16)), text)
