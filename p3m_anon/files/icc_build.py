"""Writing ICC profiles of numbers alone: header and text are the same in all of ours."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from p3m_anon.files.icc_parts import HEADER, Curve, Matrix

D50 = (0xF6D6, 0x10000, 0xD32D)  # in 65536ths, as ICC.1 writes it
_DATE = (2000, 1, 1, 0, 0, 0)  # a valid one that says nothing
_COPYRIGHT = "No copyright, use freely"
_LEVELS = 4095  # of the root of the light: finer than what 8 bits of sRGB show anywhere


def matrix_profile(name: str, matrix: Matrix, curves: Sequence[bytes]) -> bytes:
    """An RGB profile of primaries and three curve tags (see `gamma_tag`, `parametric_tag`, `table_tag`)."""
    tags = {f"{letter}XYZ".encode(): xyz_tag(column) for letter, column in zip("rgb", matrix.T, strict=True)}
    tags |= {f"{letter}TRC".encode(): curve for letter, curve in zip("rgb", curves, strict=True)}
    return profile(name, b"RGB ", b"XYZ ", tags)


def grey_profile(name: str, curve: bytes) -> bytes:
    """A grey profile of one curve tag."""
    return profile(name, b"GRAY", b"XYZ ", {b"kTRC": curve})


def profile(name: str, space: bytes, pcs: bytes, tags: Mapping[bytes, bytes], major: int = 4, intent: int = 0) -> bytes:
    """A profile of `tags` with `name` for its description; equal tags share their bytes."""
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", *D50)
    every = {b"desc": _text(name, major, described=True), b"cprt": _text(_COPYRIGHT, major), b"wtpt": white, **tags}
    at, places, body = HEADER + 4 + 12 * len(every), {}, b""
    for data in every.values():
        if data not in places:
            places[data] = at + len(body)
            body += data + bytes(-len(data) % 4)
    table = struct.pack(">I", len(every))
    table += b"".join(struct.pack(">4sII", tag, places[data], len(data)) for tag, data in every.items())
    version = 0x04200000 if major == 4 else 0x02100000
    head = struct.pack(">II I4s4s4s", HEADER + len(table) + len(body), 0, version, b"mntr", space, pcs)
    head += struct.pack(">6H4s", *_DATE, b"acsp") + bytes(24) + struct.pack(">I3i", intent, *D50)
    return head.ljust(HEADER, b"\0") + table + body


def xyz_tag(numbers: npt.NDArray[np.float64]) -> bytes:
    """An XYZ tag of three numbers between -3 and 3."""
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *np.round(numbers * 65536).astype(int).tolist())


def gamma_tag(gamma: float) -> bytes:
    """A pure power, in 256ths."""
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))


def parametric_tag(numbers: Sequence[float]) -> bytes:
    """Kind 3 of ICC.1's parametric curves: g, a, b, c, d."""
    return b"para\0\0\0\0" + struct.pack(">HH5i", 3, 0, *(round(number * 65536) for number in numbers))


def quantized(curve: Curve) -> Curve:
    """`curve` in steps too small to be seen, the same again for a curve that was quantized before."""
    steps = np.round(np.sqrt(curve) * _LEVELS)
    return np.round((steps / _LEVELS) ** 2 * 65535) / 65535


def table_tag(curve: Curve) -> bytes:
    """A table of the 256 points of a quantized curve."""
    return b"curv\0\0\0\0" + struct.pack(">I", len(curve)) + np.round(curve * 65535).astype(">u2").tobytes()


def _text(text: str, major: int, *, described: bool = False) -> bytes:
    """A `desc` or `cprt` tag in the type of the version."""
    if major == 4:
        wide = text.encode("utf-16-be")
        return b"mluc\0\0\0\0" + struct.pack(">II4sII", 1, 12, b"enUS", len(wide), 28) + wide
    plain = text.encode("ascii") + b"\0"
    if not described:
        return b"text\0\0\0\0" + plain
    return b"desc\0\0\0\0" + struct.pack(">I", len(plain)) + plain + bytes(4 + 4 + 2 + 1 + 67)
