"""What lies inside the parts that a JPEG's picture needs and is used by no decoder (ITU T.81, annex B)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from p3m_anon.files.extra import Extra, sized, surplus_of

_SCAN_END = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_SOF = (0xC0, 0xC1, 0xC2)
_OTHER = frozenset((0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF))
_MOST_SCANS = 300
_MOST_BLOCKS = 12_000_000  # of all components together: 250 megapixels


class _Definition:
    """A table as it was written: content, span in the file, and whether a scan used it before it was replaced."""

    def __init__(self, content: bytes, at: int) -> None:
        self.content, self.at, self.is_used = content, at, False


class _Component(NamedTuple):
    name: int
    across: int
    down: int
    table: int
    first: int  # of its blocks, among those of all components
    row: int  # blocks in a row, as whole units


class _Picture:
    """State of one pass over the segments."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.definitions: dict[tuple[int, int], _Definition] = {}  # (segment code, number)
        self.all_definitions: list[tuple[int, _Definition]] = []
        self.restart: _Definition | None = None
        self.components: list[_Component] = []
        self.code = self.width = self.height = self.scans = 0
        self.known = np.zeros(0, np.uint64)
        self.levels: dict[int, npt.NDArray[np.int64]] = {}  # per component and coefficient: T.81's Al, -1 before it

    def segment(self, code: int, at: int, end: int) -> Iterator[Extra]:
        """A segment from its marker at `at`, whose body begins 4 bytes later, up to `end`."""
        body = self.data[at + 4 : end]
        if code in (0xDB, 0xC4):
            yield from self._tables(code, body, at + 4)
        elif code == 0xDD:
            if self.restart is not None and not self.restart.is_used:
                yield _leak("a restart interval that no scan uses", len(self.restart.content) + 4, self.restart.at)
            self.restart = _Definition(body, at)
            if len(body) != 2:
                yield _leak("an overlong restart interval", end - at, at)
        elif code in _SOF and not self.code:
            self._frame(code, body)
            if len(body) > 6 + 3 * body[5]:
                yield _leak("bytes in the frame header", len(body) - 6 - 3 * body[5], at + 10 + 3 * body[5])
        elif code in _SOF or code in _OTHER:
            if self.code:
                yield _leak("a second frame header", end - at, at)
            else:
                self.code = code
                what = "coded data of a kind that is not checked (no Huffman-coded 8-bit picture)"
                yield Extra("warning", what, "structure")
        elif code in (0xDC, 0xDE, 0xDF, 0xCC):
            name = {0xDC: "DNL", 0xDE: "DHP", 0xDF: "EXP", 0xCC: "DAC"}[code]
            if code != 0xCC or self.code not in _OTHER:
                yield _leak(f"segment {name}, which this picture does not need", end - at, at)

    def _tables(self, code: int, body: bytes, at: int) -> Iterator[Extra]:
        start = 0
        while start < len(body):
            number = body[start]
            size = 65 + 64 * (number >> 4) if code == 0xDB else 17 + sum(body[start + 1 : start + 17])
            content = body[start + 1 : start + size]
            if len(content) != size - 1 or number & 0xEC:
                yield _leak("bytes behind the tables of a segment", len(body) - start, at + start)
                return
            definition = _Definition(content, at + start)
            key = (code, number & 3 if code == 0xDB else number)
            self.definitions[key] = definition
            self.all_definitions.append((code, definition))
            symbols = content[16:]
            if code == 0xC4 and len(set(symbols)) < len(symbols):
                yield _leak("a Huffman table that gives a symbol twice", size, at + start)
            start += size

    def _frame(self, code: int, body: bytes) -> None:
        bits, self.height, self.width, count = struct.unpack_from(">BHHB", body)
        self.code = code
        parts = [(*struct.unpack_from(">BBB", body, 6 + 3 * i),) for i in range(count)]
        sizes = [(name, factors >> 4, factors & 15, table) for name, factors, table in parts]
        if (
            bits != 8
            or not self.height
            or not self.width
            or not all(1 <= a <= 4 and 1 <= d <= 4 for _, a, d, _ in sizes)
        ):
            raise struct.error("odd frame")
        rows, columns = self._units(max(a for _, a, _, _ in sizes), max(d for _, _, d, _ in sizes))
        first = 0
        for name, across, down, table in sizes:
            self.components.append(_Component(name, across, down, table, first, columns * across))
            self.levels[name] = np.full(64, -1, np.int64)
            first += rows * down * columns * across
        if first > _MOST_BLOCKS:
            raise struct.error("too large")
        self.known = np.zeros(first if code == 0xC2 else 1, np.uint64)

    def _units(self, across: int, down: int) -> tuple[int, int]:
        return -(-self.height // (8 * down)), -(-self.width // (8 * across))

    def scan(self, at: int, start: int, stop: int) -> Iterator[Extra]:
        """A scan whose header begins at `at`; its coded data lie from `start` to `stop`."""
        self.scans += 1
        body = self.data[at + 4 : start]
        count = body[0]
        if self.code in _OTHER:
            return
        parts = [(body[1 + 2 * i], body[2 + 2 * i]) for i in range(count)]
        ss, se, approximation = body[1 + 2 * count : 4 + 2 * count]
        if len(body) > 4 + 2 * count:
            yield _leak("bytes in a scan header", len(body) - 4 - 2 * count, at + 8 + 2 * count)
        named = [next((c for c in self.components if c.name == name), None) for name, _ in parts]
        components = [c for c in named if c is not None]
        if self.code != 0xC2:
            ss, se, approximation = 0, 63, 0
        ah, al = approximation >> 4, approximation & 15
        levels = [self.levels[c.name] for c in components]
        new = all((level[ss : se + 1] == (ah if ah else -1)).all() for level in levels)
        if len(components) != count or not count or not ss <= se < 64 or not new or self.scans > _MOST_SCANS:
            yield _leak("a scan that codes again what other scans have coded", stop - at, at)
            return
        for level in levels:
            level[ss : se + 1] = al
        yield from self._coded(components, [tables for _, tables in parts], (ss, se, ah), start, stop)

    def _coded(
        self, components: list[_Component], tables: list[int], band: tuple[int, int, int], start: int, stop: int
    ) -> Iterator[Extra]:
        from p3m_anon.files.jpeg_walk import Scan, follow

        ss, se, ah = band
        progressive = self.code == 0xC2
        for c in components:
            self._used(0xDB, c.table)
        needs_dc, needs_ac = ss == 0 and not ah, se > 0
        empty = np.zeros(65536, np.uint16)
        dc = np.stack([self._lookup(t >> 4) if needs_dc else empty for t in tables])
        ac = np.stack([self._lookup(0x10 | t & 15) if needs_ac else empty for t in tables])
        across, down = max(c.across for c in self.components), max(c.down for c in self.components)
        if len(components) == 1:  # then a unit is one block, and only those that hold pixels are coded (T.81 A.2.2)
            c = components[0]
            units = -(-self.height * c.down // (8 * down)), -(-self.width * c.across // (8 * across))
            sizes = [(1, 1, c.first, c.row)]
        else:
            units, sizes = self._units(across, down), [(c.down, c.across, c.first, c.row) for c in components]
        restart = 0
        if self.restart is not None:
            self.restart.is_used = True
            restart = int.from_bytes(self.restart.content[:2], "big")
        scan = Scan(start, stop, restart, progressive, ss, se, ah, units, np.array(sizes, np.int64), dc, ac)
        gaps, broken = follow(self.data, scan, self.known)
        for first, last in gaps:
            if last == stop and last - first >= 2 and self.data[first] == 0xFF and 0xD0 <= self.data[first + 1] <= 0xD7:
                first += 2 if last - first == 2 else 0  # some encoders close the last interval too
            if last > first:
                what = "bytes behind the last coded unit of a scan" if last == stop else "bytes before a restart marker"
                yield surplus_of(what, self.data, first, last - first)
        if broken is not None:
            yield _leak("coded data that break their own Huffman code and cannot be followed", stop - broken, broken)

    def _lookup(self, number: int) -> npt.NDArray[np.uint16]:
        from p3m_anon.files.jpeg_walk import lookup

        content = self._used(0xC4, number)
        return lookup(content[:16], content[16:])

    def _used(self, code: int, number: int) -> bytes:
        """The content of a table, which counts as used from now on."""
        if (code, number) not in self.definitions:
            raise struct.error("a missing table")
        definition = self.definitions[code, number]
        definition.is_used = True
        return definition.content

    def unused(self) -> Iterator[Extra]:
        """Tables that no scan used. Those that every encoder knows by heart hold nothing."""
        if self.code in _OTHER:
            return
        used = {definition.content for _, definition in self.all_definitions if definition.is_used}
        for code, definition in self.all_definitions:
            if definition.is_used or definition.content in used or definition.content in _ordinary_tables():
                continue
            name = "a quantization table" if code == 0xDB else "a Huffman table"
            yield _leak(f"{name} that no scan uses", len(definition.content) + 1, definition.at)
        if self.restart is not None and not self.restart.is_used:
            yield _leak("a restart interval that no scan uses", len(self.restart.content) + 4, self.restart.at)


def surplus_in_jpeg(data: bytes) -> Iterator[Extra]:
    """What the first picture's own segments hold in excess; what lies between or behind them is not looked at here.

    Raises struct.error, IndexError or ValueError for a damaged file.
    """
    picture, at, icc, singles = _Picture(data), 2, set(), set()
    while True:
        while data[at] != 0xFF:
            at += 1
        while data[at + 1] == 0xFF:
            at += 1
        start, code = at, data[at + 1]
        at += 2
        if code == 0xD9:
            break
        if code <= 1 or 0xD0 <= code <= 0xD8:
            yield _leak(f"a marker {code:02X} where none belongs", 2, start)
            continue
        (length,) = struct.unpack_from(">H", data, at)
        at += length
        body = data[start + 4 : at]
        if length < 2 or at > len(data):
            raise struct.error("cut off")
        if code == 0xDA:
            end = _SCAN_END.search(data, at)
            if end is None:
                raise struct.error("no end marker")
            yield from picture.scan(start, at, end.start())
            at = end.start()
        elif code == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) >= 14:
            if body[12] in icc or not 1 <= body[12] <= body[13]:
                yield _leak("a piece of a colour profile that is there twice", len(body) + 4, start)
            icc.add(body[12])
        elif (code == 0xE0 and body.startswith(b"JFIF\0")) or (code == 0xEE and body.startswith(b"Adobe")):
            if code in singles:
                yield _leak(f"a further {'JFIF' if code == 0xE0 else 'Adobe'} segment", len(body) + 4, start)
            singles.add(code)
        else:
            yield from picture.segment(code, start, at)
    yield from picture.unused()


def _leak(what: str, size: int, at: int) -> Extra:
    return Extra("leak", sized(what, size, at), "structure")


@cache
def _ordinary_tables() -> frozenset[bytes]:
    """Contents of the Huffman tables of T.81 K.3, and of its quantization tables (K.1) at every quality of libjpeg."""
    found = set()
    for quality in range(1, 101):
        out = BytesIO()
        Image.new("RGB", (8, 8)).save(out, "JPEG", quality=quality)
        data, at = out.getvalue(), 2
        while data[at + 1] != 0xDA:
            body = data[at + 4 : at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")]
            if data[at + 1] in (0xDB, 0xC4):
                found.add(body[1:])  # libjpeg writes one table a segment
            at += 4 + len(body)
    return frozenset(found)
