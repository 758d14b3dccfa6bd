"""The segments of a JPEG file (ITU T.81, annex B): read strictly, written as few as decoding needs."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

LARGEST_SIDE = 65500
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # in coded data 00 and D0 to D7 (restart) belong to the data
_SOI, _EOI, _SOS, _DQT, _DHT, _DRI, _COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xFE
_SOF = (0xC0, 0xC1, 0xC2)  # baseline, extended sequential and progressive, all Huffman coded
_OTHER_FRAMES = {0xC3: "lossless", 0xC9: "arithmetic coding", 0xCA: "arithmetic coding", 0xCB: "lossless"}
_ZIGZAG = sorted(range(64), key=lambda i: (i // 8 + i % 8, (i // 8 if (i // 8 + i % 8) % 2 else i % 8)))
_ICC_CHUNK = 65519
_ICC_NAME = b"ICC_PROFILE\0"

Colour = Literal["grey", "ycc", "rgb"]


class CannotSplice(Exception):
    """The coefficients of this JPEG cannot be copied; the message says why, in a few words for a record."""


class Component(NamedTuple):
    """One component of a frame: sampling factors 1 to 4 across and down; 64 quantization steps in row order."""

    across: int
    down: int
    steps: tuple[int, ...]


@dataclass(frozen=True)
class Frame:
    """What the frame header says; `width` and `height` in pixels, 1 or 3 components."""

    width: int
    height: int
    components: tuple[Component, ...]
    colour: Colour

    @property
    def most(self) -> tuple[int, int]:
        """The largest sampling factors, down and across (T.81 A.1.1)."""
        return max(c.down for c in self.components), max(c.across for c in self.components)

    def grid(self, component: Component) -> tuple[int, int]:
        """Rows and columns of 8x8 blocks that hold the component's samples (T.81 A.1.1 and A.2.4)."""
        down, across = self.most
        return -(-self.height * component.down // (8 * down)), -(-self.width * component.across // (8 * across))

    def transposed(self) -> Frame:
        """Rows and columns swapped."""
        swapped = tuple(
            Component(c.down, c.across, tuple(c.steps[8 * (i % 8) + i // 8] for i in range(64)))
            for c in self.components
        )
        return replace(self, width=self.height, height=self.width, components=swapped)


@dataclass(frozen=True)
class Layout:
    """A parsed file: its frame; `bare`, the same file with the segments that decoding needs, and no others."""

    frame: Frame
    bare: bytes
    coded: bytes  # DHT, DRI and SOS segments with the coded data, up to the end marker


class _Walk:
    """State of one pass over the segments; the names are those of T.81 B.2."""

    def __init__(self) -> None:
        self.tables: dict[int, tuple[int, ...]] = {}
        self.frame: bytes = b""
        self.jfif = False
        self.transform: int | None = None
        self.head: list[bytes] = []  # segments before the first scan
        self.coded: list[bytes] = []
        self.scans = 0

    def segment(self, code: int, body: bytes, raw: bytes) -> None:
        """Take one segment; `body` lies behind its length."""
        if code in _OTHER_FRAMES:
            raise CannotSplice(_OTHER_FRAMES[code])
        if 0xE0 <= code <= 0xEF or code == _COM:
            self._application(code, body)
        elif code == _DQT and not self.scans:
            self.tables.update(_quantization(body))
            self.head.append(raw)
        elif code in _SOF and not self.frame and not self.scans:
            self.frame = body
            _check_frame(body)
            self.head.append(raw)
        elif code == _DHT:
            _check_huffman(body)
            self.coded.append(raw)
        elif code == _DRI and len(body) == 2:
            self.coded.append(raw)
        elif code == _SOS and self.frame:
            _check_scan(body, self.frame)
            self.scans += 1
            self.coded.append(raw)
        else:
            raise CannotSplice(f"unusual marker {code:02X}")

    def _application(self, code: int, body: bytes) -> None:
        if self.scans:
            return
        if code == 0xE0 and len(body) >= 14 and body.startswith(b"JFIF\0"):
            self.jfif = True
        elif code == 0xEE and len(body) >= 12 and body.startswith(b"Adobe"):
            self.transform = body[11]

    def layout(self) -> Layout:
        """The result, after the end marker."""
        if not self.scans:
            raise CannotSplice("no scan")
        height, width, count = struct.unpack_from(">HHB", self.frame, 1)
        parts = [struct.unpack_from(">BBB", self.frame, 6 + 3 * i) for i in range(count)]
        components = []
        for _, factors, number in parts:
            if number not in self.tables:
                raise CannotSplice("a missing quantization table")
            components.append(Component(factors >> 4, factors & 15, self.tables[number]))
        if count == 1:  # a single component has one block per unit, whatever its factors say (T.81 A.2.2)
            components = [Component(1, 1, components[0].steps)]
        colour = self._colour(tuple(part[0] for part in parts))
        coded = b"".join(self.coded)
        bare = b"\xff\xd8" + b"".join(self.head) + coded + b"\xff\xd9"
        return Layout(Frame(width, height, tuple(components), colour), bare, coded)

    def _colour(self, ids: tuple[int, ...]) -> Colour:
        """As decoders decide it: JFIF first, then Adobe's marker, then the components' names."""
        if len(ids) == 1:
            return "grey"
        if self.jfif:
            return "ycc"
        if self.transform is not None:
            return "rgb" if self.transform == 0 else "ycc"
        return "rgb" if ids == tuple(b"RGB") else "ycc"


def parse(data: bytes) -> Layout:
    """Read all segments of the first picture in `data`; what follows its end marker is not looked at.

    Accepts 8-bit sequential and progressive Huffman-coded files of one or three components that keep to T.81 in every
    field. Raises CannotSplice, with the reason, for all others. What is accepted has no way to make a decoder stumble
    before its coded data begin.
    """
    if data[:2] != b"\xff\xd8":
        raise CannotSplice("no JPEG")
    walk, at = _Walk(), 2
    while True:
        found = _MARKER.match(data, at)
        if found is None:
            raise CannotSplice("bytes between the markers" if at < len(data) else "no end marker")
        code, at = found[1][0], found.end()
        if code == _EOI:
            return walk.layout()
        length = int.from_bytes(data[at : at + 2], "big")
        if length < 2 or at + length > len(data):
            raise CannotSplice("a segment that is cut off")
        walk.segment(code, data[at + 2 : at + length], b"\xff" + bytes([code]) + data[at : at + length])
        at += length
        if code == _SOS:
            following = _MARKER.search(data, at)
            if following is None:
                raise CannotSplice("no end marker")
            walk.coded.append(data[at : following.start()])
            at = following.start()


def assemble(frame: Frame, coded: bytes, icc: bytes | None) -> bytes:
    """A file of `coded` (tables and one scan of components named 1, 2, 3) with the headers of `frame`.

    It holds JFIF's or Adobe's marker, whichever tells decoders the colour space, the profile, and what T.81 requires.
    """
    tables = sorted({c.steps for c in frame.components}, key=[c.steps for c in frame.components].index)
    deep = any(max(steps) > 255 for steps in tables)  # then it is no baseline file any more (T.81 B.2.4.1)
    parts = [b"\xff\xd8"]
    if frame.colour == "rgb":
        parts.append(_packed(0xEE, b"Adobe" + struct.pack(">HHHB", 100, 0, 0, 0)))
    else:
        parts.append(_packed(0xE0, b"JFIF\0" + struct.pack(">BBBHHBB", 1, 1, 0, 1, 1, 0, 0)))
    chunks = [icc[i : i + _ICC_CHUNK] for i in range(0, len(icc), _ICC_CHUNK)] if icc else []
    parts += [_packed(0xE2, _ICC_NAME + bytes([i + 1, len(chunks)]) + chunk) for i, chunk in enumerate(chunks)]
    for number, steps in enumerate(tables):
        zigzag = [steps[i] for i in _ZIGZAG]
        body = struct.pack(">64H", *zigzag) if max(steps) > 255 else bytes(zigzag)
        parts.append(_packed(_DQT, bytes([number | (16 if max(steps) > 255 else 0)]) + body))
    layers = b"".join(
        bytes([name, c.across << 4 | c.down, tables.index(c.steps)]) for name, c in enumerate(frame.components, 1)
    )
    head = struct.pack(">BHHB", 8, frame.height, frame.width, len(frame.components))
    parts.append(_packed(0xC1 if deep else 0xC0, head + layers))
    return b"".join([*parts, coded, b"\xff\xd9"])


def _packed(code: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body


def _quantization(body: bytes) -> dict[int, tuple[int, ...]]:
    """Tables by number, in row order (T.81 B.2.4.1)."""
    tables, at = {}, 0
    while at < len(body):
        deep, number = body[at] >> 4, body[at] & 15
        size = 128 if deep else 64
        if deep > 1 or number > 3 or at + 1 + size > len(body):
            raise CannotSplice("an odd quantization table")
        steps = struct.unpack_from(">64H" if deep else ">64B", body, at + 1)
        if min(steps) < 1:
            raise CannotSplice("an odd quantization table")
        rows = [0] * 64
        for place, step in zip(_ZIGZAG, steps, strict=True):
            rows[place] = step
        tables[number] = tuple(rows)
        at += 1 + size
    return tables


def _check_huffman(body: bytes) -> None:
    """Every table complete, numbered 0 to 3, no more codes than their lengths allow (T.81 B.2.4.2 and C)."""
    at = 0
    while at < len(body):
        counts = body[at + 1 : at + 17]
        used = sum(count << (16 - length) for length, count in enumerate(counts, 1))
        total = sum(counts)
        if body[at] & 0xEC or len(counts) < 16 or total > 256 or used > 1 << 16 or at + 17 + total > len(body):
            raise CannotSplice("an odd Huffman table")
        at += 17 + total


def _check_frame(body: bytes) -> None:
    """T.81 B.2.2, and what jpeglib's code can take."""
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        raise CannotSplice("an odd frame header")
    bits, height, width, count = struct.unpack_from(">BHHB", body)
    if count not in (1, 3):
        raise CannotSplice("CMYK" if count == 4 else f"{count} components")
    if bits != 8 or not 0 < height <= LARGEST_SIDE or not 0 < width <= LARGEST_SIDE:
        raise CannotSplice("an odd frame header")
    factors = [(f >> 4, f & 15) for f in body[7::3]]
    if not all(1 <= a <= 4 and 1 <= d <= 4 for a, d in factors) or len(set(body[6::3])) != count:
        raise CannotSplice("an odd frame header")
    across, down = max(a for a, _ in factors), max(d for _, d in factors)
    if any(across % a or down % d for a, d in factors) or sum(a * d for a, d in factors) > 10:
        raise CannotSplice("an unusual sampling")


def _check_scan(body: bytes, frame: bytes) -> None:
    """T.81 B.2.3: as long as it says, about components that exist, each once and in the frame's order."""
    count = body[0] if body else 0
    known, ids = frame[6::3], body[1 : 1 + 2 * count : 2]
    if not 1 <= count <= 4 or len(body) != 4 + 2 * count or any(t & 0xCC for t in body[2 : 2 + 2 * count : 2]):
        raise CannotSplice("an odd scan header")
    places = [known.find(name) for name in ids]
    if places[0] < 0 or places != sorted(set(places)):
        raise CannotSplice("an odd scan header")
