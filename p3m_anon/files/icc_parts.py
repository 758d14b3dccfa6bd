"""Reading ICC profiles (ICC.1:2010): header, tags, tone curves and primaries; bytes of any origin, bounds checked."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float64]
"""float64 (256,): light, 0 to 1, of the values 0/255 to 255/255; it never falls."""

Matrix = npt.NDArray[np.float64]
"""float64 (3, 3): XYZ under D50 in the rows; red, green and blue in the columns."""

HEADER = 128
POINTS = 256
_MOST_TAGS = 128
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
_FALL = 0.005  # by which a measured curve may fall from noise
_RISE = 0.25  # from black to white, at least
_PARAMETERS = (1, 3, 4, 5, 7)  # of the five kinds of parametric curve


class Tag(NamedTuple):
    """One entry of a profile's table: where its bytes start in the profile, and these bytes."""

    start: int
    data: bytes


def whole(icc: bytes | None) -> bytes | None:
    """The bytes of a profile up to its declared size, or None when they are not a profile."""
    if not icc or len(icc) < HEADER + 4 or icc[36:40] != b"acsp":
        return None
    (size,) = struct.unpack_from(">I", icc)
    return icc[:size] if HEADER + 4 <= size <= len(icc) else None


def tags_of(profile: bytes) -> dict[bytes, Tag] | None:
    """Tags by signature, the first of each name; None where the table is damaged."""
    (count,) = struct.unpack_from(">I", profile, HEADER)
    if count > _MOST_TAGS or HEADER + 4 + 12 * count > len(profile):
        return None
    tags: dict[bytes, Tag] = {}
    for entry in range(HEADER + 4, HEADER + 4 + 12 * count, 12):
        name, start, size = struct.unpack_from(">4sII", profile, entry)
        if size < 8 or start < HEADER + 4 or start + size > len(profile):
            return None
        tags.setdefault(name, Tag(start, profile[start : start + size]))
    return tags


def describes_colour(profile: bytes) -> bool:
    """The profile is one of a device or a colour space, not a link between two."""
    return profile[12:16] in _CLASSES and profile[8] in (2, 4) and profile[20:24] in (b"XYZ ", b"Lab ")


def xyz(tag: Tag | None) -> npt.NDArray[np.float64] | None:
    """float64 (3,) of an XYZ tag; None where it is missing or out of any sane range."""
    if tag is None or len(tag.data) < 20 or tag.data[:4] != b"XYZ ":
        return None
    numbers = np.array(struct.unpack_from(">3i", tag.data, 8)) / 65536
    return numbers if np.abs(numbers).max() <= 3 else None


def matrix_of(tags: dict[bytes, Tag]) -> Matrix | None:
    """The primaries; None where one is missing or they span no space."""
    columns = [xyz(tags.get(name)) for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    if any(column is None for column in columns):
        return None
    matrix = np.stack([np.asarray(column) for column in columns], axis=1)
    return matrix if abs(np.linalg.det(matrix)) > 1e-4 else None


def curve_of(data: bytes) -> Curve | None:
    """A `curv` or `para` tag's tone curve; None for what is not one."""
    values = _table(data) if data[:4] == b"curv" else _parametric(data) if data[:4] == b"para" else None
    if values is None or not np.isfinite(values).all():
        return None
    values = np.clip(values, 0, 1)
    rising = np.maximum.accumulate(values)
    if (rising - values).max() > _FALL or rising[-1] - rising[0] < _RISE:
        return None
    return rising


def curve_length(data: bytes) -> int | None:
    """Bytes of the curve with which `data` begins, as far as it is used; None where it is cut off or unknown."""
    if len(data) < 12:
        return None
    if data[:4] == b"curv":
        length = 12 + 2 * struct.unpack_from(">I", data, 8)[0]
    elif data[:4] == b"para" and struct.unpack_from(">H", data, 8)[0] < len(_PARAMETERS):
        length = 12 + 4 * _PARAMETERS[struct.unpack_from(">H", data, 8)[0]]
    else:
        return None
    return length if length <= len(data) else None


def _table(data: bytes) -> Curve | None:
    """At the 256 values: all entries are read, so that no part of a table can hold something else."""
    if curve_length(data) is None:
        return None
    (count,) = struct.unpack_from(">I", data, 8)
    x = np.linspace(0, 1, POINTS)
    if count == 0:
        return x
    entries = np.frombuffer(data, ">u2", count, 12)
    if count == 1:
        gamma = float(entries[0]) / 256
        return x**gamma if 0.1 <= gamma <= 10 else None
    values = entries / 65535
    if (np.maximum.accumulate(values) - values).max() > _FALL:
        return None
    return np.interp(x, np.linspace(0, 1, count), values)


def _parametric(data: bytes) -> Curve | None:
    """ICC.1:2010, table 65: Y = (aX + b)^g + e from X = d up, cX + f below; the shorter kinds leave some out."""
    if curve_length(data) is None:
        return None
    (kind,) = struct.unpack_from(">H", data, 8)
    count = _PARAMETERS[kind]
    p = [number / 65536 for number in struct.unpack_from(f">{count}i", data, 12)]
    g = p[0]
    if not 0.1 <= g <= 10 or max(abs(number) for number in p) > 100:
        return None
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        a, b = p[1:3]
        e = f = p[3] if kind == 2 else 0.0
        d = -b / a if a else 2.0
    elif kind in (3, 4):
        a, b, c, d = p[1:5]
        e, f = p[5:7] if kind == 4 else (0.0, 0.0)
    return parametric((g, a, b, c, d, e, f))


def parametric(numbers: Sequence[float]) -> Curve:
    """The curve of g, a, b, c, d and, where not 0, e and f, at the 256 values; not clipped."""
    g, a, b, c, d, e, f = (*numbers, 0.0, 0.0)[:7]
    x = np.linspace(0, 1, POINTS)
    return np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)
