"""What a picture is stratified by: what the ledger knows of it, or columns of the user."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np

from p3m_anon.errors import UsageError
from p3m_anon.files.ledger_rows import Row

MOST_VALUES = 1000


class Strata:
    """Turns what pictures are stratified by into one sorted number for each."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """names: `faces` (0, 1, 2, 3 or more), `face-size` (the widest face, as a share of the picture's width: none,
        up to 1/8, up to 1/4, more), `picture-size` (up to 1, 2, 4, 8 megapixels, more), or a user's column.
        """
        self._names = names
        self._seen: list[dict[object, int]] = [{} for _ in names]
        self._columns = [array("H") for _ in names]

    def add(self, row: Row, own: tuple[str, ...]) -> tuple[object, ...]:
        """One more picture; own: its values of the user's columns, in their order. Returns the values."""
        rest = iter(own)
        values = tuple(_KNOWN[name](row) if name in _KNOWN else next(rest) for name in self._names)
        for name, value, seen, column in zip(self._names, values, self._seen, self._columns, strict=True):
            if value not in seen and len(seen) == MOST_VALUES:
                raise UsageError(f"--stratify {name}: more than {MOST_VALUES} different values; put them into classes")
            column.append(seen.setdefault(value, len(seen)))
        return values

    def codes(self, count: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        """int64 (count,), of all pictures so far; neighbours differ in the last column first."""
        total = np.zeros(count, np.int64)
        for seen, column in zip(self._seen, self._columns, strict=True):
            rank = np.argsort(np.argsort(np.array([str(value) for value in seen])))
            total = total * len(seen) + rank[np.frombuffer(column, np.uint16)]
        return total


def _faces(row: Row) -> int:
    return min(3, max(int(row.facts["faces"]), len(row.faces)))


def _face_size(row: Row) -> int:
    share = max((float(face["width"]) for face in row.faces), default=0.0) / float(row.facts["width"])
    return sum(share > bound for bound in (0, 1 / 8, 1 / 4))


def _picture_size(row: Row) -> int:
    pixels = int(row.facts["width"]) * int(row.facts["height"])
    return sum(pixels > bound * 1_000_000 for bound in (1, 2, 4, 8))


_KNOWN = {"faces": _faces, "face-size": _face_size, "picture-size": _picture_size}
