"""What a picture file holds besides its pixels and a colour profile; for auditing what was written.

Every byte is accounted for: by a part that is needed to decode the picture, by the profile, or by an `Extra`. This
module names whole parts; what the needed parts hold in excess is `structure`'s.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

from p3m_anon.files.extra import Extra, sized
from p3m_anon.files.headers import sniff
from p3m_anon.files.icc_findings import ordinary, profile_remarks
from p3m_anon.files.metadata_tiff import tiff_extras, tiff_profile
from p3m_anon.files.png_colour import read_png_colour
from p3m_anon.files.structure import surplus

_APP = (
    (0xE1, b"Exif\0", "EXIF data"),
    (0xE1, b"http://ns.adobe.com/xap/", "XMP data"),
    (0xE1, b"http://ns.adobe.com/xmp/", "more XMP data"),
    (0xED, b"Photoshop 3.0", "IPTC or Photoshop data"),
    (0xE2, b"MPF\0", "a list of further pictures (MPF)"),
    (0xE0, b"JFXX", "a JFIF thumbnail"),
)
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))  # markers without a length
_NEEDED = frozenset((*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD, 0xDF)) - {0xC8}
_SCAN_END = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_PNG_NEEDED = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCP"))
_PNG_HARMLESS = frozenset((b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs", b"bKGD", b"cICP"))
_PNG_TEXT = {b"tEXt": "text", b"iTXt": "text or XMP data", b"zTXt": "text", b"eXIf": "EXIF data", b"tIME": "a date"}
_WEBP_NEEDED = frozenset((b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"))
_WEBP_NAMES = {b"EXIF": "EXIF data", b"XMP ": "XMP data"}
_MOST_PROFILE = 64 << 20


def extras(data: bytes) -> tuple[Extra, ...]:
    """All that a JPEG, PNG, WebP, TIFF or BMP file holds besides picture and profile; () for a clean one.

    A file of another format, or one whose parts do not fit together, is an extra itself.
    """
    kind = sniff(data[:32])
    readers = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "TIFF": _tiff, "BMP": _bmp}
    if kind not in readers:
        return (Extra("leak", "no picture of a format that we write"),)
    try:
        parts = tuple(readers[kind](data))
    except (struct.error, IndexError, zlib.error):
        return (Extra("leak", f"a damaged or cut off {kind}"),)
    return (*parts, *surplus(data))


def _jpeg(data: bytes) -> Iterator[Extra]:
    at, profile = 2, {}
    while True:
        start = at
        while data[at] != 0xFF:
            at += 1
        if at > start:
            yield Extra("leak", sized("bytes between two segments", at - start, start))
        while data[at] == 0xFF:
            at += 1
        code = data[at]
        at += 1
        if code == 0xD9:
            break
        if code in _BARE or code == 0:
            continue
        (length,) = struct.unpack_from(">H", data, at)
        body = data[at + 2 : at + length]
        if len(body) != length - 2:
            raise struct.error("cut off")
        at += length
        if code == 0xDA:
            end = _SCAN_END.search(data, at)
            if end is None:
                raise struct.error("no end marker")
            at = end.start()
        elif code == 0xE2 and body.startswith(b"ICC_PROFILE\0") and len(body) > 14:
            profile[body[12]] = body[14:]
        elif code not in _NEEDED:
            yield from _segment(code, body, at - length - 2)
    yield from _behind_profile(b"".join(part for _, part in sorted(profile.items())))
    yield from _behind(data, at)


def _segment(code: int, body: bytes, at: int) -> Iterator[Extra]:
    """An application segment or a comment of a JPEG, whose marker lies at `at`."""
    if code == 0xE0 and body.startswith(b"JFIF\0"):
        if len(body) > 14:
            yield Extra("leak", sized("a JFIF thumbnail", len(body) - 14, at + 18))
        return
    if code == 0xEE and body.startswith(b"Adobe") and len(body) == 12:
        return  # says how the colours are coded
    if code == 0xFE:
        yield Extra("leak", sized("a comment", len(body), at + 4))
        return
    for marker, start, name in _APP:
        if code == marker and body.startswith(start):
            inside = " with a thumbnail" if b"\xff\xd8\xff" in body else ""
            inside += " and a place (GPS)" if _speaks_of_gps(body) else ""
            yield Extra("leak", sized(f"{name}{inside}", len(body), at + 4))
            return
    name = f"segment APP{code - 0xE0}" if 0xE0 <= code <= 0xEF else f"segment {code:#04x}"
    yield Extra("leak", sized(f"an unknown {name}", len(body), at + 4))


def _speaks_of_gps(body: bytes) -> bool:
    """XMP's GPS properties, or EXIF's pointer to a GPS directory in either byte order."""
    return any(sign in body for sign in (b"GPSLatitude", b"\x88\x25\0\x04", b"\x25\x88\x04\0"))


def _behind(data: bytes, at: int) -> Iterator[Extra]:
    """Bytes behind the end of the picture."""
    rest = data[at:]
    if rest:
        inner = sniff(rest.lstrip(b"\0")[:32])
        what = f", a second picture ({inner})" if inner else ""
        yield Extra("leak", sized(f"bytes behind the end of the picture{what}", len(rest), at))


def _behind_profile(profile: bytes) -> Iterator[Extra]:
    if not profile:
        return
    declared = struct.unpack_from(">I", profile)[0] if len(profile) >= 4 else 0
    if declared != len(profile):
        yield Extra("leak", f"a colour profile of {len(profile)} bytes that declares {declared}")
    for remark in profile_remarks(profile):
        yield Extra(remark.severity, remark.what)


def _png(data: bytes) -> Iterator[Extra]:
    at, pixels, pixels_at = 8, zlib.decompressobj(), 0
    declared = read_png_colour(data)
    colour = declared.chunks() if declared is not None else b""
    while True:
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        if len(data) < at + 12 + length:
            raise struct.error("cut off")
        at += 12 + length
        if kind == b"IDAT":
            _drain(pixels, body)
            pixels_at = at - 4 - len(pixels.unused_data)
        elif kind == b"iCCP":
            label, _, packed = body.partition(b"\0")
            if not ordinary(label.decode("latin-1")):
                yield Extra("leak", sized("an unusual name of the colour profile", len(label), at - 4 - length))
            unpacker = zlib.decompressobj()
            yield from _behind_profile(unpacker.decompress(packed[1:], _MOST_PROFILE))
            if unpacker.unused_data:
                yield Extra(
                    "leak", sized("bytes behind the colour profile", len(unpacker.unused_data), at - 12 - length)
                )
        elif kind == b"IEND":
            break
        elif kind in _PNG_HARMLESS and data[at - 12 - length : at] in colour:
            continue  # without a profile, it says what the values mean
        elif kind in _PNG_HARMLESS:
            yield Extra("note", f"chunk {kind.decode()}")
        elif kind not in _PNG_NEEDED:
            name = _PNG_TEXT.get(kind, f"an unknown chunk {kind.decode('latin-1')!r}")
            name += " and a place (GPS)" if _speaks_of_gps(body) else ""
            yield Extra("leak", sized(name, length, at - 4 - length))
    if pixels.unused_data:
        spare = len(pixels.unused_data)
        yield Extra("leak", sized("bytes behind the compressed pixels, up to the last IDAT's end", spare, pixels_at))
    yield from _behind(data, at)


def _drain(unpacker: zlib._Decompress, body: bytes) -> None:
    """Decompress and forget, so that only what lies behind the end of the stream is kept."""
    if unpacker.eof:
        unpacker.decompress(body)
        return
    left = body
    while left and not unpacker.eof:
        unpacker.decompress(left, 1 << 20)
        left = unpacker.unconsumed_tail


def _webp(data: bytes) -> Iterator[Extra]:
    (length,) = struct.unpack_from("<I", data, 4)
    end, at = 8 + length, 12
    if end > len(data):
        raise struct.error("cut off")
    pictures = 0
    while at + 8 <= end:
        kind, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > end:
            raise struct.error("cut off")
        pictures += kind in (b"VP8 ", b"VP8L")
        body = data[at + 8 : at + 8 + size]
        if kind == b"ICCP":
            yield from _behind_profile(body)
        elif kind not in _WEBP_NEEDED:
            name = _WEBP_NAMES.get(kind, f"an unknown chunk {kind.decode('latin-1')!r}")
            name += " and a place (GPS)" if _speaks_of_gps(body) else ""
            yield Extra("leak", sized(name, size, at + 8))
        at += 8 + size + size % 2
    if pictures != 1:
        yield Extra("leak", f"{pictures} pictures in one file")
    yield from _behind(data, max(at, end))


def _bmp(data: bytes) -> Iterator[Extra]:
    (offset,) = struct.unpack_from("<I", data, 10)
    (header,) = struct.unpack_from("<I", data, 14)
    if header == 12:
        (width, height, _, bits), packing, declared, used = struct.unpack_from("<HHHH", data, 18), 0, 0, 0
        entry = 3
    else:
        width, height, _, bits, packing, declared = struct.unpack_from("<iiHHII", data, 18)
        used, entry = struct.unpack_from("<I", data, 46)[0] if header >= 40 else 0, 4
    palette = (used or 1 << bits) * entry if bits <= 8 else used * entry
    masks = 12 if packing == 3 and header == 40 else 16 if packing == 6 and header == 40 else 0
    gap = offset - 14 - header - palette - masks
    pixels = declared if packing in (1, 2) else (width * bits + 31) // 32 * 4 * abs(height)
    end = offset + pixels
    if end > len(data):
        raise struct.error("cut off")
    if gap > 3:
        yield Extra("leak", sized("bytes between header and pixels", gap, offset - gap))
    if header >= 124:
        at, size = struct.unpack_from("<II", data, 14 + 112)
        if size and 14 + at == end:
            yield from _behind_profile(data[end : end + size])
            end += size
    if data[end:] != b"\0\0":
        yield from _behind(data, end)


def _tiff(data: bytes) -> Iterator[Extra]:
    yield from _behind_profile(tiff_profile(data))
    for what in tiff_extras(data):
        yield Extra("leak", what)
