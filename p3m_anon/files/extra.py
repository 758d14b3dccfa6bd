"""One thing that a picture file holds and no decoder needs."""

from __future__ import annotations

from typing import Literal, NamedTuple

Severity = Literal["leak", "warning", "note"]


class Extra(NamedTuple):
    """Something that is not needed to decode the picture.

    severity: `leak` for what may hold private content, `warning` for what a person should look at, `note` for what
    cannot hold any (density, gamma). what: one phrase, with size and file offset in bytes. check: `metadata` for whole
    parts of a file that are not its picture, `structure` for what lies inside or between the parts of the picture.
    """

    severity: Severity
    what: str
    check: Literal["metadata", "structure"] = "metadata"


def sized(what: str, size: int, at: int) -> str:
    """The phrase with size and file offset."""
    return f"{what} ({size} byte{'' if size == 1 else 's'} at offset {at})"


def surplus_of(what: str, data: bytes, at: int, size: int) -> Extra:
    """A finding about `size` bytes of `data` from `at`: one value all over cannot hold anything, so it is a note."""
    held = data[at : at + size]
    severity: Severity = "note" if held == held[:1] * len(held) else "leak"
    return Extra(severity, sized(what, size, at), "structure")
