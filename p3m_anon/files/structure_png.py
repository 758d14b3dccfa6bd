"""What lies inside the chunks that a PNG's picture needs and is used by no decoder."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from p3m_anon.files.extra import Extra, sized

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 8, 0, 8), (0, 8, 4, 8), (4, 8, 0, 4), (0, 4, 2, 4), (2, 4, 0, 2), (0, 2, 1, 2), (1, 2, 0, 1))
_LONGEST = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"sBIT": 4, b"pHYs": 9, b"bKGD": 6, b"cICP": 4, b"IEND": 0}
_ONCE = frozenset((b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"IEND", *_LONGEST))


def surplus_in_png(data: bytes) -> Iterator[Extra]:
    """Raises struct.error, IndexError or zlib.error for a damaged file."""
    at, kind, seen, entries = 8, b"", set(), 0
    unpacker, held, pixels_at = zlib.decompressobj(), 0, 0
    width, height, bits, color = struct.unpack_from(">IIBB", data, 16)
    needed = _size(width, height, bits * _CHANNELS[color], bool(data[28]))
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        (check,) = struct.unpack_from(">I", data, at + 8 + length)
        if check != zlib.crc32(body, zlib.crc32(kind)):
            yield _leak(f"a false checksum of chunk {kind.decode('latin-1')}", 4, at + 8 + length)
        if kind in seen:
            yield _leak(f"a second chunk {kind.decode()}", length + 12, at)
        if kind in _ONCE:
            seen.add(kind)
        if length > _LONGEST.get(kind, length):
            yield _leak(f"an overlong chunk {kind.decode()}", length, at + 8)
        if kind == b"IDAT":
            pixels_at = pixels_at or at + 8
            left = body
            while left and not unpacker.eof and held <= needed + (64 << 20):
                held += len(unpacker.decompress(left, 1 << 20))
                left = unpacker.unconsumed_tail
        elif kind == b"PLTE":
            entries = length // 3
            if color != 3:
                yield _leak("a palette that the picture does not use", length, at + 8)
            elif length > 3 << bits:
                yield _leak("more palette entries than there are values", length - (3 << bits), at + 8 + (3 << bits))
        elif kind == b"tRNS":
            most = {0: 2, 2: 6, 3: entries}.get(color, 0)
            if length > most:
                yield _leak("transparency beyond the picture's values", length - most, at + 8 + most)
        at += 12 + length
    if held > needed:
        yield _leak("pixel data behind the last row inside the compressed stream", held - needed, pixels_at)


def _size(width: int, height: int, bits: int, interlaced: bool) -> int:
    """Bytes of all rows with their filter bytes, before compression."""
    passes = _ADAM7 if interlaced else ((0, 1, 0, 1),)
    total = 0
    for top, down, left, across in passes:
        rows, columns = max(0, -(-(height - top) // down)), max(0, -(-(width - left) // across))
        total += rows * (1 + -(-columns * bits // 8)) if columns else 0
    return total


def _leak(what: str, size: int, at: int) -> Extra:
    return Extra("leak", sized(what, size, at), "structure")
