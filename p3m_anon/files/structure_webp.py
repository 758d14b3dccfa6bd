"""What lies inside the chunks that a WebP's picture needs and is used by no decoder.

The codes are not followed here. Bytes are cut from the end of a part and the file is decoded again: a sound part
cannot spare them, as libwebp then meets the end of its data too early.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from p3m_anon.files.extra import Extra, sized

_SPARE = {
    b"VP8 ": 8,
    b"VP8L": 2,
    b"ALPH": 4,
}  # bytes that libwebp's encoder never leaves over; it leaves up to 7 of VP8
_Chunk = tuple[bytes, bytes, int]  # kind, body, file offset of the body


class _Part(NamedTuple):
    """A stretch of one chunk: which chunk, where it ends in the chunk's body, how long it is; its length's field."""

    chunk: int
    end: int
    size: int
    field: tuple[int, int] | None


def surplus_in_webp(data: bytes) -> Iterator[Extra]:
    """Raises struct.error, IndexError or an error of the decoder for a damaged file."""
    chunks, at = [], 12
    end = min(len(data), 8 + struct.unpack_from("<I", data, 4)[0])
    while at + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, at)
        chunks.append((kind, data[at + 8 : at + 8 + size], at + 8))
        if size % 2 and data[at + 8 + size : at + 9 + size] not in (b"", b"\0"):
            yield _leak("a padding byte that is not 0", 1, at + 8 + size)
        at += 8 + size + size % 2
    kinds = [kind for kind, _, _ in chunks]
    for number, (kind, body, place) in enumerate(chunks):
        name = kind.decode("latin-1").strip()
        if kind in (b"VP8X", b"ICCP", b"ALPH") and kinds.index(kind) < number:
            yield _leak(f"a second chunk {name}", len(body), place)
        elif kind == b"VP8X" and (len(body) > 10 or body[0] & 0xC1 or body[1:4] != b"\0\0\0"):
            yield _leak("unused fields of the header VP8X", len(body), place)
        elif kind == b"ALPH" and b"VP8L" in kinds:
            yield _leak("a chunk ALPH that the picture does not use", len(body), place)
    if sum(kind in (b"VP8 ", b"VP8L") for kind in kinds) != 1:
        return
    shown = _pixels(chunks)
    for part in _parts(chunks):
        spared = _spared(chunks, part, shown)
        if spared:
            kind, _, place = chunks[part.chunk]
            what = f"bytes at the end of a part of {kind.decode().strip()} that no decoder needs"
            yield _leak(what, spared, place + part.end - spared)


def _parts(chunks: list[_Chunk]) -> Iterator[_Part]:
    """The parts with an end of their own: VP8's partitions (RFC 6386, 9.2 and 9.5), VP8L, coded alpha."""
    for number, (kind, body, _) in enumerate(chunks):
        if kind in (b"VP8L", b"ALPH"):
            yield _Part(number, len(body), len(body), None)
        elif kind == b"VP8 ":
            first = int.from_bytes(body[:3], "little") >> 5
            yield _Part(number, 10 + first, first, (0, 5))
            count = _partitions(body[10 : 10 + first])
            start = 10 + first + 3 * (count - 1)
            for i in range(count - 1):
                size = int.from_bytes(body[10 + first + 3 * i : 13 + first + 3 * i], "little")
                yield _Part(number, start + size, size, (10 + first + 3 * i, 0))
                start += size
            yield _Part(number, len(body), len(body) - start, None)


def _partitions(header: bytes) -> int:
    """1, 2, 4 or 8: how many partitions of coefficients the frame header declares (RFC 6386, 7.3 and 9.2 to 9.5)."""
    value, scale, count, at = int.from_bytes(header[:2], "big"), 255, 0, 2

    def bit() -> int:
        nonlocal value, scale, count, at
        split = 1 + ((scale - 1) * 128 >> 8)
        found = value >= split << 8
        value, scale = (value - (split << 8), scale - split) if found else (value, split)
        while scale < 128:
            value, scale, count = value << 1, scale << 1, count + 1
            if count == 8:
                value, count = value | header[at] if at < len(header) else value, 0
                at += 1
        return int(found)

    def number(bits: int) -> int:
        return sum(bit() << (bits - 1 - i) for i in range(bits))

    number(2)  # colour space, clamping
    if bit():  # segments
        updates_map = bit()
        if bit():
            number(1)
            for bits in (7, 7, 7, 7, 6, 6, 6, 6):
                if bit():
                    number(bits + 1)
        for _ in range(3 if updates_map else 0):
            if bit():
                number(8)
    number(10)  # loop filter
    if bit() and bit():
        for _ in range(8):
            if bit():
                number(7)
    return 1 << number(2)


def _spared(chunks: list[_Chunk], part: _Part, shown: np.ndarray | None) -> int:
    """How many bytes at the end of a part can be cut without a trace; 0 where it is no more than encoders leave."""
    kind = chunks[part.chunk][0]

    def equal(cut: int) -> bool:
        pixels = _pixels(_shortened(chunks, part, cut))
        return pixels is not None and shown is not None and np.array_equal(pixels, shown)

    if part.size <= _SPARE[kind] or not equal(_SPARE[kind]):
        return 0
    return _most(equal, _SPARE[kind], part.size)


def _most(holds: Callable[[int], bool], low: int, high: int) -> int:
    """The largest number from `low`, for which it holds, below `high` for which it does."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _shortened(chunks: list[_Chunk], part: _Part, cut: int) -> list[_Chunk]:
    kind, body, place = chunks[part.chunk]
    short = bytearray(body[: part.end - cut] + body[part.end :])
    if part.field is not None:
        at, shift = part.field
        field = int.from_bytes(short[at : at + 3], "little")
        keep = field & ((1 << shift) - 1)
        short[at : at + 3] = ((part.size - cut) << shift | keep).to_bytes(3, "little")
    return [*chunks[: part.chunk], (kind, bytes(short), place), *chunks[part.chunk + 1 :]]


def _pixels(chunks: list[_Chunk]) -> np.ndarray | None:
    """What a file of these chunks shows, None where libwebp objects."""
    body = b"".join(
        kind + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2)
        for kind, part, _ in chunks
        if kind in (b"VP8 ", b"VP8L", b"VP8X", b"ALPH")
    )
    try:
        picture = WebPImageFile(BytesIO(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body))
        picture.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None
    return np.asarray(picture)


def _leak(what: str, size: int, at: int) -> Extra:
    return Extra("leak", sized(what, size, at), "structure")
