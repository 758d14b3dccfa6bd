"""skipped.csv: the pictures that could not be read, and those that took their place."""

from __future__ import annotations

import csv
import fcntl
import io
import os
from collections.abc import Sequence
from pathlib import Path

from p3m_anon.files.atomic import write_bytes
from p3m_anon.training.batch import Replaced
from p3m_anon.training.metrics_log import explained

SKIPPED = "skipped.csv"
_COLUMNS = ("step", "id", "taken_instead", "problem")


class Skipped:
    """The file of one run, which all of its processes add to; there is none as long as nothing is skipped."""

    def __init__(self, folder: Path) -> None:
        """folder: of the run."""
        self._file = folder / SKIPPED

    def go_back(self, step: int) -> None:
        """Take out what was skipped after `step`: a run that was killed does those steps again. Raises Stopped."""
        if not self._file.exists():
            return
        kept = [row for row in self._rows() if int(row[0]) <= step]
        with explained(self._file):
            write_bytes(self._file, _lines([_COLUMNS, *kept]), private=True)

    def add(self, step: int, replaced: Sequence[Replaced]) -> None:
        """Written before the step is done, so that the first process finds it after the step. Raises Stopped."""
        rows = [(str(step), one.id, one.by, one.problem) for one in replaced]
        with explained(self._file), open(self._file, "ab", opener=_for_its_owner) as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # one process alone writes the names of the columns
            stream.write(_lines(rows if self._file.stat().st_size else [_COLUMNS, *rows]))

    def ids(self) -> frozenset[str]:
        """Of the pictures that were skipped, however often, in all processes and since the run's first step."""
        return frozenset(row[1] for row in self._rows()) if self._file.exists() else frozenset()

    def _rows(self) -> list[list[str]]:
        with self._file.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
            rows = list(csv.reader(stream))[1:]
        return [row for row in rows if len(row) == len(_COLUMNS)]  # a line may be cut


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _for_its_owner(file: str, flags: int) -> int:
    return os.open(file, flags, 0o600)
