"""What lies inside the parts that a TIFF's picture needs and is used by no decoder."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from p3m_anon.files.extra import Extra, sized, surplus_of
from p3m_anon.files.metadata_tiff import SIZES, STRIPS
from p3m_anon.files.structure_jpeg import surplus_in_jpeg

_ONE = (254, 255, 256, 257, 259, 262, 266, 274, 277, 278, 282, 283, 284, 292, 293, 296, 317, 322, 323, 332, 531)
_FIXED = {**dict.fromkeys(_ONE, 1), 529: 3, 530: 2, 532: 6}
_PER_CHANNEL = (258, 338, 339, 340, 341)
_CODES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_MOST_HELD = 2 << 30
_PADDING = 8  # bytes of 0 between two parts


class _Tag(NamedTuple):
    at: int
    place: int
    size: int
    number: int
    values: tuple[int, ...]  # of whole numbers, else ()


def surplus_in_tiff(data: bytes) -> Iterator[Extra]:
    """About the first picture; further ones are named as such by others. Raises struct.error and the like."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    word, head = ("Q", 16) if big else ("I", 8)
    (at,) = struct.unpack_from(order + word, data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, at)
    table, width = at + (8 if big else 2), 20 if big else 12
    if count > 4096:
        raise struct.error("damaged")
    tags: dict[int, _Tag] = {}
    slack = 0
    spans = [(0, head), (at, table + count * width + struct.calcsize(order + word))]
    for entry in range(table, table + count * width, width):
        number, kind, values = struct.unpack_from(order + "HH" + word, data, entry)
        place, size = entry + 4 + struct.calcsize(order + word), SIZES.get(kind, 1) * values
        inline = struct.calcsize(order + word)
        if size > inline:
            (place,) = struct.unpack_from(order + word, data, place)
        else:
            slack += sum(byte > 0 for byte in data[place + size : place + inline])
        numbers = struct.unpack_from(f"{order}{values}{_CODES[kind]}", data, place) if kind in _CODES else ()
        if number in tags:
            yield _leak(f"tag {number} a second time", max(size, width), place)
        tags[number] = _Tag(entry, place, size, values, numbers)
        spans.append((place, place + size))
    if slack:
        yield Extra("warning", sized("unused bytes of the directory that are not 0", slack, at), "structure")
    yield from _tags(tags)
    pieces = _pieces(tags)
    spans += [(start, start + length) for start, length in pieces]
    yield from _between(data, spans)
    yield from _strips(data, tags, pieces)


def _first(tags: dict[int, _Tag], number: int, default: int) -> int:
    return tags[number].values[0] if number in tags and tags[number].values else default


def _tags(tags: dict[int, _Tag]) -> Iterator[Extra]:
    """Tags that this picture does not use, and values beyond those that it uses."""
    channels = _first(tags, 277, 1)
    for number, tag in tags.items():
        if number == 320 and _first(tags, 262, 1) != 3:
            yield _leak("a ColorMap that the picture does not use", tag.size, tag.place)
        elif number == 347 and _first(tags, 259, 1) != 7:
            yield _leak("JPEGTables that the picture does not use", tag.size, tag.place)
        most = channels if number in _PER_CHANNEL else _FIXED.get(number)
        if number == 320:
            most = 3 << _first(tags, 258, 1)
        if most is not None and tag.number > most:
            unit = tag.size // tag.number
            what = f"more values of tag {number} than the picture has"
            yield _leak(what, tag.size - most * unit, tag.place + most * unit)


def _pieces(tags: dict[int, _Tag]) -> list[tuple[int, int]]:
    """(start, length) of each strip or tile."""
    pieces: list[tuple[int, int]] = []
    for starts, lengths in STRIPS:
        if starts in tags and lengths in tags:
            pieces += zip(tags[starts].values, tags[lengths].values, strict=False)
    return pieces


def _between(data: bytes, spans: list[tuple[int, int]]) -> Iterator[Extra]:
    """What lies between the parts; zeros for alignment are nothing."""
    reached = 0
    for start, stop in [*sorted(spans), (len(data), len(data))]:
        gap = data[reached:start]
        if gap and not (len(gap) <= _PADDING and not any(gap)):
            yield surplus_of("bytes that belong to nothing", data, reached, len(gap))
        reached = max(reached, stop)


def _strips(data: bytes, tags: dict[int, _Tag], pieces: list[tuple[int, int]]) -> Iterator[Extra]:
    """Bytes of a strip or tile beyond its pixels."""
    packing, tiled = _first(tags, 259, 1), 322 in tags
    width, height = _first(tags, 256, 0), _first(tags, 257, 0)
    across, down = (
        (_first(tags, 322, 0), _first(tags, 323, 0)) if tiled else (width, min(height, _first(tags, 278, height)))
    )
    planes = _first(tags, 277, 1) if _first(tags, 284, 1) == 2 else 1
    bits = _first(tags, 258, 1) * _first(tags, 277, 1) // planes
    per_plane = max(1, len(pieces) // planes)
    if tiled and (width % across or height % down):
        yield Extra("warning", "tiles that reach beyond the picture; what they hold there is not checked", "structure")
    if packing not in (1, 5, 7, 8, 32773, 32946) or (_first(tags, 262, 1) == 6 and packing != 7):
        yield Extra("warning", f"strips of compression {packing}, which are not checked for spare bytes", "structure")
        return
    total = 0
    for number, (start, length) in enumerate(pieces):
        rows = down if tiled else min(down, height - number % per_plane * down)
        needed = rows * -(-across * bits // 8)
        piece = data[start : start + length]
        if packing == 7:
            head = b""
            if 347 in tags:
                tag = tags[347]
                head = data[tag.place : tag.place + tag.size].removesuffix(b"\xff\xd9")[2:]
            inside = surplus_in_jpeg(piece[:2] + head + piece[2:])
            yield from (e._replace(what=f"in the strip at offset {start}: {e.what}") for e in inside)
            continue
        used, held = _used(piece, packing, needed)
        total += held
        if total > _MOST_HELD:
            yield Extra("leak", "strips that unpack to more than any picture", "structure")
            return
        if used < length:
            yield surplus_of("bytes of a strip behind its pixels", data, start + used, length - used)
        if held > needed:
            yield _leak("pixel data behind the last row inside a compressed strip", held - needed, start)


def _used(piece: bytes, packing: int, needed: int) -> tuple[int, int]:
    """How many bytes of a strip a decoder reads, and how many it gives."""
    if packing == 1:
        return min(needed, len(piece)), min(needed, len(piece))
    if packing in (8, 32946):
        unpacker, held, left = zlib.decompressobj(), 0, piece
        while left and not unpacker.eof and held <= needed + (64 << 20):
            held += len(unpacker.decompress(left, 1 << 20))
            left = unpacker.unconsumed_tail
        return len(piece) - len(unpacker.unused_data), held
    if packing == 5:
        from p3m_anon.files.lzw_walk import reach

        return reach(piece)
    at = held = 0
    while at < len(piece) and held < needed:  # PackBits
        code = piece[at]
        at += 1 + (code + 1 if code < 128 else 1 if code > 128 else 0)
        held += code + 1 if code < 128 else 257 - code if code > 128 else 0
    return min(at, len(piece)), held


def _leak(what: str, size: int, at: int) -> Extra:
    return Extra("leak", sized(what, size, at), "structure")
