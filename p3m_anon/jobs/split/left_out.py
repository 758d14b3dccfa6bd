"""`left_out.csv` in a dataset's private folder: every picture of the releases that is in no split, and why."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from p3m_anon.errors import Stopped
from p3m_anon.files.atomic import replacing

LEFT_OUT = "left_out.csv"
REFUSED_AS = "refused: "
"""How `why` begins of a clear picture that is too near to the blurred one named in `other`."""


class LeftOut(NamedTuple):
    """One line. release: `release` or `normal`. path, id: in its ledger. other, other_id: because of that picture."""

    release: str
    path: str
    id: str
    why: str
    other: str = ""
    other_id: str = ""


def write_left_out(file: Path, lines: Iterable[LeftOut]) -> None:
    """Write them, readable by the owner only."""
    with replacing(file, private=True) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8", newline="")
        writer = csv.writer(text)
        writer.writerow(LeftOut._fields)
        writer.writerows(lines)
        text.flush()
        text.detach()


def read_left_out(file: Path) -> Iterator[LeftOut]:
    """What `write_left_out` wrote; none where the file is gone. Raises Stopped for another file."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            lines = csv.reader(stream)
            next(lines, None)
            for line in lines:
                yield LeftOut(*line)
    except FileNotFoundError:
        return
    except (OSError, ValueError, TypeError, csv.Error) as error:
        raise Stopped(f"{file} cannot be read ({error}); remove it, nothing else needs it") from error
