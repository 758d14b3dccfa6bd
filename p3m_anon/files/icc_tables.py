"""Profiles of tables (A2B): copied value by value, so that nothing between or behind the values goes along."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping

from p3m_anon.files.icc_build import profile as built
from p3m_anon.files.icc_parts import Tag, curve_length

TABLES = (b"A2B0", b"A2B1", b"A2B2", b"D2B0", b"D2B1", b"D2B2", b"D2B3")
"""Tags of which each takes precedence over primaries and curves."""

LARGEST = 64 << 10
"""Bytes up to which a profile of tables is kept."""

_KEPT = (b"A2B0", b"A2B1")
_MATRIX = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))


def table_profile(profile: bytes, tags: Mapping[bytes, Tag]) -> bytes | None:
    """A profile of an RGB profile's tables (perceptual, relative) and nothing else; None where one is unusual."""
    tables = {name: table_bytes(tags[name].data) for name in _KEPT if name in tags}
    kept = {name: data for name, data in tables.items() if data is not None}
    if not kept or len(kept) < len(tables):
        return None
    intent = profile[67] if profile[67] <= 2 else 0
    return built("RGB by tables", b"RGB ", profile[20:24], kept, profile[8], intent)


def table_bytes(data: bytes) -> bytes | None:
    """A `mft1`, `mft2` or `mAB ` tag of three channels without any bytes that are not values; None for others."""
    if len(data) < 32 or data[8:10] != b"\3\3":
        return None
    if data[:4] == b"mft1":
        return _fixed(data, 48, 3 * 256 * 2 + 3 * data[10] ** 3)
    if data[:4] == b"mft2" and len(data) >= 52:
        before, after = struct.unpack_from(">HH", data, 48)
        return _fixed(data, 52, 2 * (3 * before + 3 * data[10] ** 3 + 3 * after)) if min(before, after) > 1 else None
    return _parts(data) if data[:4] == b"mAB " else None


def _fixed(data: bytes, head: int, values: int) -> bytes | None:
    """The two older kinds: a header whose matrix says nothing for RGB, then the values."""
    if data[10] < 2 or head + values > len(data):
        return None
    return data[:4] + bytes(4) + data[8:11] + b"\0" + _MATRIX + data[48:head] + data[head : head + values]


def _parts(data: bytes) -> bytes | None:
    """The newer kind: curves, matrix, curves, table, curves at places of its own, here one behind the other."""
    places = struct.unpack_from(">5I", data, 12)
    parts = [
        _curves(data, places[0]),
        _block(data, places[1], 48),
        _curves(data, places[2]),
        _grid(data, places[3]),
        _curves(data, places[4]),
    ]
    if any(part is None for part in parts) or not parts[0]:
        return None
    at, starts, body = 32, [], b""
    for part in parts:
        starts.append(at + len(body) if part else 0)
        body += part or b""
    return b"mAB \0\0\0\0\3\3\0\0" + struct.pack(">5I", *starts) + body


def _curves(data: bytes, at: int) -> bytes | None:
    """Three curves, each filled up to four bytes; empty where there are none."""
    if not at:
        return b""
    out = b""
    for _ in range(3):
        length = curve_length(data[at:])
        if length is None:
            return None
        out += data[at : at + 4] + bytes(4) + _used(data[at + 8 : at + length], data[at : at + 4]) + bytes(-length % 4)
        at += length + -length % 4
    return out


def _used(body: bytes, kind: bytes) -> bytes:
    """The two reserved bytes of a parametric curve are 0."""
    return body[:2] + b"\0\0" + body[4:] if kind == b"para" else body


def _grid(data: bytes, at: int) -> bytes | None:
    if not at:
        return b""
    if at + 20 > len(data):
        return None
    sizes, width = data[at : at + 3], data[at + 16]
    if width not in (1, 2) or min(sizes) < 2:
        return None
    length = 3 * width * math.prod(sizes)
    values = _block(data, at + 20, length)
    return None if values is None else sizes.ljust(16, b"\0") + bytes([width, 0, 0, 0]) + values + bytes(-length % 4)


def _block(data: bytes, at: int, length: int) -> bytes | None:
    if not at:
        return b""
    return data[at : at + length] if at + length <= len(data) else None
