"""`manifest.jsonl` as a stream: one line, one picture, nothing else held in memory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from p3m_anon.dataset.integrity import row_form
from p3m_anon.dataset.rows import row_line
from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import replacing
from p3m_anon.files.remote import Location

MANIFEST = "manifest.jsonl"
LONGEST_LINE = 1 << 20


class Line(NamedTuple):
    """One line of a manifest: its number from 1, and either the row or why it is none."""

    number: int
    row: dict[str, Any] | None
    problem: str | None


def scan_rows(file: Location) -> Iterator[Line]:
    """Every line of a manifest, good or bad; a line longer than LONGEST_LINE is never held whole.

    Raises UsageError where there is no such file, or it cannot be read.
    """
    try:
        with file.open("rb") as stream:
            number = 0
            while line := stream.readline(LONGEST_LINE + 1):
                number += 1
                yield _line(number, line, stream)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror})") from error


def read_rows(file: Location) -> Iterator[dict[str, Any]]:
    """The rows of a manifest, one at a time, as `dataset.integrity.row_form` wants them.

    Raises UsageError that names file and line at the first line that is no row.
    """
    for line in scan_rows(file):
        if line.row is None:
            raise UsageError(f"{file}, line {line.number}: {line.problem}; manifest verify lists all")
        yield line.row


def write_rows(file: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows in the order given, whole or not at all; returns how many.

    Raises ValueError for a field that is not public, else as `files.atomic.replacing` does.
    """
    count = 0
    with replacing(file) as stream:
        for row in rows:
            stream.write(row_line(row).encode() + b"\n")
            count += 1
    return count


def _line(number: int, line: bytes, stream: BinaryIO) -> Line:
    if len(line) > LONGEST_LINE:
        while line and not line.endswith(b"\n"):
            line = stream.readline(LONGEST_LINE)
        return Line(number, None, "longer than a row can be")
    if not line.endswith(b"\n"):
        return Line(number, None, "cut off: the line has no end")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return Line(number, None, "not JSON")
    problem = row_form(row)
    return Line(number, None if problem else row, problem)
