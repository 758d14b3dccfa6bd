"""What a TIFF holds besides its picture and a colour profile."""

from __future__ import annotations

import struct
from collections.abc import Iterator

NEEDED = frozenset(
    (
        *(254, 255, 256, 257, 258, 259, 262, 266, 273, 274, 277, 278, 279, 282, 283, 284, 292, 293, 296, 317, 320),
        *(322, 323, 324, 325, 332, 338, 339, 340, 341, 347, 529, 530, 531, 532, 34675),
    )
)
"""Tags (TIFF 6.0 and its supplements) that say how the pixels are stored, and the colour profile."""

_NAMED = {
    **{269: "the document's name", 270: "a description", 271: "the camera's maker", 272: "the camera's model"},
    **{285: "a page name", 305: "the program's name", 306: "a date", 315: "the author", 316: "the computer's name"},
    **{330: "further pictures (SubIFDs)", 700: "XMP data", 33432: "a copyright", 33723: "IPTC data"},
    **{34377: "Photoshop data", 34665: "EXIF data", 34853: "a place (GPS)", 37724: "Photoshop data"},
}
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CODES = {3: "H", 4: "I", 16: "Q"}
STRIPS = ((273, 279), (324, 325))  # starts, lengths
_MOST_TAGS = 4096


def tiff_extras(data: bytes) -> Iterator[str]:
    """One phrase for each thing that is not needed; raises struct.error or IndexError for a damaged file."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    word, count_code = ("Q", "Q") if big else ("I", "H")
    head = 16 if big else 8
    (at,) = struct.unpack_from(order + word, data, 8 if big else 4)
    spans = [(0, head)]
    first = True
    seen: set[int] = set()
    while at and at not in seen and len(seen) < 16:
        seen.add(at)
        if not first:
            yield "a further picture (directory)"
        (count,) = struct.unpack_from(order + count_code, data, at)
        if count > _MOST_TAGS:
            raise struct.error("damaged")
        table, width = at + struct.calcsize(order + count_code), 20 if big else 12
        tags: dict[int, tuple[int, ...]] = {}
        for entry in range(table, table + count * width, width):
            tag, span = _tag(data, order, word, entry, tags)
            spans.append(span)
            if tag not in NEEDED:
                yield f"{_NAMED.get(tag, 'an unknown tag')} (tag {tag}, {span[1] - span[0]} bytes at offset {span[0]})"
        end = table + count * width + struct.calcsize(order + word)
        spans.append((at, end))
        for starts, lengths in STRIPS:
            pairs = zip(tags.get(starts, ()), tags.get(lengths, ()), strict=False)
            spans += [(start, start + length) for start, length in pairs]
        if any(stop > len(data) for _, stop in spans):
            raise struct.error("cut off")
        (at,) = struct.unpack_from(order + word, data, end - struct.calcsize(order + word))
        first = False


def _tag(
    data: bytes, order: str, word: str, entry: int, tags: dict[int, tuple[int, ...]]
) -> tuple[int, tuple[int, int]]:
    """A tag's number and the span of its value; whole numbers are put into `tags`."""
    tag, kind, number = struct.unpack_from(order + "HH" + word, data, entry)
    place = entry + 4 + struct.calcsize(order + word)
    size = SIZES.get(kind, 1) * number
    if size > struct.calcsize(order + word):
        (place,) = struct.unpack_from(order + word, data, place)
    if place + size > len(data):
        raise struct.error("cut off")
    if kind in _CODES:
        tags[tag] = struct.unpack_from(f"{order}{number}{_CODES[kind]}", data, place)
    return tag, (place, place + size)


def tiff_profile(data: bytes) -> bytes:
    """The colour profile of the first picture, empty where there is none; errors as in `tiff_extras`."""
    order = "<" if data[:2] == b"II" else ">"
    big = struct.unpack_from(order + "H", data, 2)[0] == 43
    word, count_code = ("Q", "Q") if big else ("I", "H")
    (at,) = struct.unpack_from(order + word, data, 8 if big else 4)
    (count,) = struct.unpack_from(order + count_code, data, at)
    table, width = at + struct.calcsize(order + count_code), 20 if big else 12
    for entry in range(table, table + min(count, _MOST_TAGS) * width, width):
        tag, (start, stop) = _tag(data, order, word, entry, {})
        if tag == 34675:
            return data[start:stop]
    return b""
