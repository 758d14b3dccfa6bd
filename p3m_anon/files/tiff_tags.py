"""The few tags of a TIFF that decide how, and whether, it is decoded."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from p3m_anon.errors import ImageError

_MAX_PAGES = 1000
_MAX_TAGS = 4096
_MAX_VALUES = 16  # of one tag; more samples per pixel than this is no photo
_SIZES = {3: ("H", 2), 4: ("I", 4), 16: ("Q", 8)}  # SHORT, LONG, LONG8


@dataclass(frozen=True)
class Page:
    """One directory: sizes in pixels, `bits` per channel, TIFF's own codes for the rest."""

    width: int
    height: int
    bits: tuple[int, ...]
    channels: int
    photometric: int
    sample_format: int
    orientation: int
    orientation_at: int | None
    premultiplied: bool
    planar: bool


@dataclass(frozen=True)
class _Layout:
    """Byte order and the widths that differ between TIFF and BigTIFF."""

    order: str
    big: bool

    def read(self, stream: BinaryIO, code: str) -> tuple[int, ...]:
        return struct.unpack(self.order + code, stream.read(struct.calcsize(self.order + code)))


def pages(stream: BinaryIO, name: str) -> list[Page]:
    """All full pages of a TIFF, without reduced copies and transparency masks; at least one, else ImageError."""
    stream.seek(0)
    head = stream.read(4)
    layout = _Layout("<" if head[:2] == b"II" else ">", head[2:4] in (b"+\0", b"\0+"))
    if layout.big:
        layout.read(stream, "HH")
    (at,) = layout.read(stream, "Q" if layout.big else "I")
    found: list[Page] = []
    seen: set[int] = set()
    while at and at not in seen and len(seen) < _MAX_PAGES:
        seen.add(at)
        tags, places, at = _directory(stream, layout, at, name)
        if not tags.get(254, (0,))[0] & 0b101:
            found.append(_page(tags, places))
    if not found:
        raise ImageError(f"{name}: the TIFF holds no picture; replace the file")
    return found


def _directory(
    stream: BinaryIO, layout: _Layout, at: int, name: str
) -> tuple[dict[int, tuple[int, ...]], dict[int, int], int]:
    """Whole-number tags of one directory, the file positions of their values, and where the next directory is."""
    stream.seek(at)
    (count,) = layout.read(stream, "Q" if layout.big else "H")
    if count > _MAX_TAGS:
        raise ImageError(f"{name}: damaged TIFF directory; replace the file")
    width, value_at, word = (20, 12, "Q") if layout.big else (12, 8, "I")
    table = stream.tell()
    tags: dict[int, tuple[int, ...]] = {}
    places: dict[int, int] = {}
    for entry in range(table, table + count * width, width):
        stream.seek(entry)
        tag, kind, values = layout.read(stream, "HH" + word)
        if kind not in _SIZES or not 0 < values <= _MAX_VALUES:
            continue
        code, size = _SIZES[kind]
        place = entry + value_at
        if values * size > struct.calcsize(layout.order + word):
            (place,) = layout.read(stream, word)
        stream.seek(place)
        tags[tag], places[tag] = layout.read(stream, f"{values}{code}"), place
    stream.seek(table + count * width)
    (following,) = layout.read(stream, word)
    return tags, places, following


def _page(tags: dict[int, tuple[int, ...]], places: dict[int, int]) -> Page:
    orientation = tags.get(274, (1,))[0]
    channels = tags.get(277, (1,))[0]
    return Page(
        width=tags.get(256, (0,))[0],
        height=tags.get(257, (0,))[0],
        bits=tags.get(258, (1,)),
        channels=channels,
        photometric=tags.get(262, (1,))[0],
        sample_format=tags.get(339, (1,))[0],
        orientation=orientation if 1 <= orientation <= 8 else 1,
        orientation_at=places.get(274) if orientation != 1 else None,
        premultiplied=1 in tags.get(338, ()),
        planar=channels > 1 and tags.get(284, (1,))[0] == 2,
    )
