"""What a PNG says of its colours without a profile: the chunks cICP, sRGB, gAMA and cHRM, as numbers."""

from __future__ import annotations

import struct
from typing import NamedTuple

from p3m_anon.files.icc import clean
from p3m_anon.files.icc_build import gamma_tag, grey_profile, matrix_profile
from p3m_anon.files.icc_known import D65, known_spaces, primaries
from p3m_anon.files.lossless import png_chunk

_MOST_CHUNKS = 10_000
_SRGB_POINTS = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
_PRIMARIES = frozenset((1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 22))  # ITU-T H.273, table 2
_TRANSFERS = frozenset((1, *range(4, 19)))  # ITU-T H.273, table 3
_BY_CODES = {(1, 13): "sRGB", (12, 13): "Display P3", (9, 1): "BT.2020", (9, 14): "BT.2020", (9, 15): "BT.2020"}


class PngColour(NamedTuple):
    """The one declaration that holds (PNG, third edition, 4.3): cICP before sRGB before gAMA and cHRM.

    cicp: primaries, transfer, 0 or 1 for the full range. gamma: in 100,000ths. points: x and y of white, red, green and
    blue in 100,000ths.
    """

    cicp: tuple[int, int, int] | None = None
    srgb: bool = False
    gamma: int | None = None
    points: tuple[int, ...] | None = None

    @property
    def name(self) -> str:
        """For the record."""
        if self.cicp is not None:
            return f"cICP {self.cicp[0]}/{self.cicp[1]}"
        chunks = ["sRGB"] * self.srgb + ["gAMA"] * (self.gamma is not None) + ["cHRM"] * (self.points is not None)
        return f"PNG's {' and '.join(chunks)}"

    def chunks(self) -> bytes:
        """The chunks of these numbers."""
        if self.cicp is not None:
            code, transfer, full = self.cicp
            return png_chunk(b"cICP", bytes([code, transfer, 0, full]))
        if self.srgb:
            return png_chunk(b"sRGB", b"\0")
        gamma = b"" if self.gamma is None else png_chunk(b"gAMA", struct.pack(">I", self.gamma))
        return gamma + (b"" if self.points is None else png_chunk(b"cHRM", struct.pack(">8I", *self.points)))

    def profile(self, channels: int) -> bytes | None:
        """An ICC profile that says the same, for other formats; None where none is needed or none can say it."""
        space = "sRGB" if self.srgb else _BY_CODES.get(self.cicp[:2]) if self.cicp is not None else None
        if self.srgb or self.cicp is not None:
            profiles = {known.name: known.profile for known in known_spaces()}
            return profiles.get(space) if space is not None and channels >= 3 else None
        curve = gamma_tag(100_000 / (self.gamma or 45_455))
        if channels <= 2:
            return clean(grey_profile("grey", curve), 1).profile
        x = [number / 100_000 for number in self.points or _SRGB_POINTS]
        matrix = primaries((x[2], x[3]), (x[4], x[5]), (x[6], x[7]), (x[0], x[1]) if self.points else D65)
        assert matrix is not None
        return clean(matrix_profile("RGB", matrix, [curve] * 3), 3).profile

    @property
    def is_beyond_profiles(self) -> bool:
        """A coding that no profile of ours can express, as PQ and HLG."""
        return self.cicp is not None and self.cicp[:2] not in _BY_CODES


def read_png_colour(data: bytes) -> PngColour | None:
    """The declaration that holds in a PNG without a profile; None where there is none, or none in a sane range."""
    bodies: dict[bytes, bytes] = {}
    at = 8
    for _ in range(_MOST_CHUNKS):
        if at + 8 > len(data):
            return None
        length, kind = struct.unpack_from(">I4s", data, at)
        if kind in (b"IDAT", b"PLTE", b"iCCP"):
            break
        if kind in SIZES and length == SIZES[kind]:
            bodies.setdefault(kind, data[at + 8 : at + 8 + length])
        at += 12 + length
    return None if kind == b"iCCP" else colour_of(bodies)


SIZES = {b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}
"""Bytes in the body of each chunk."""


def colour_of(bodies: dict[bytes, bytes]) -> PngColour | None:
    """The declaration that holds among bodies of the right sizes."""
    if (body := bodies.get(b"cICP")) and body[0] in _PRIMARIES and body[1] in _TRANSFERS and not body[2]:
        return PngColour(cicp=(body[0], body[1], min(body[3], 1)))
    if b"sRGB" in bodies and bodies[b"sRGB"][0] <= 3:
        return PngColour(srgb=True)
    gamma = struct.unpack(">I", bodies[b"gAMA"])[0] if b"gAMA" in bodies else None
    points = struct.unpack(">8I", bodies[b"cHRM"]) if b"cHRM" in bodies else None
    gamma = gamma if gamma is not None and 10_000 <= gamma <= 1_000_000 else None
    points = points if points is not None and _is_sane(points) else None
    return PngColour(gamma=gamma, points=points) if gamma or points else None


def _is_sane(points: tuple[int, ...]) -> bool:
    x = [number / 100_000 for number in points]
    return primaries((x[2], x[3]), (x[4], x[5]), (x[6], x[7]), (x[0], x[1])) is not None
