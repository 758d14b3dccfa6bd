"""What a colour profile holds besides the numbers of its colours; for auditing what others wrote."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Literal, NamedTuple

from p3m_anon.files.icc import clean
from p3m_anon.files.icc_parts import HEADER, Tag, curve_length, curve_of, tags_of, whole
from p3m_anon.files.icc_tables import TABLES, table_bytes

_TEXTS = frozenset((b"desc", b"cprt", b"dmnd", b"dmdd", b"vued", b"dscm", b"targ"))
_CURVES = frozenset((b"rTRC", b"gTRC", b"bTRC", b"kTRC", b"aarg", b"aagg", b"aabg"))
_TABLES = frozenset((*TABLES, b"B2A0", b"B2A1", b"B2A2", b"B2D0", b"B2D1", b"B2D2", b"B2D3", b"gamt", b"vcgt"))
_TABLES |= frozenset((b"pre0", b"pre1", b"pre2"))
_LENGTHS = {b"XYZ ": 20, b"sf32": 44, b"meas": 36, b"view": 36, b"sig ": 12, b"chrm": 36, b"cicp": 12}
"""Bytes of the types that hold a few numbers."""
_NUMBERS = frozenset(
    (b"wtpt", b"bkpt", b"rXYZ", b"gXYZ", b"bXYZ", b"lumi", b"chad", b"meas", b"view", b"tech", b"chrm")
)
_NUMBERS |= frozenset((b"cicp", b"ciis", b"rig0", b"rig2"))
_USUAL = """
a adobe all and any apple artifex artist bt built by c calibrated camera cc0 ch color colormatch colorspace
colour com compact company compatible condition conditions copyright corp corporation curve d50 d65 default
display domain dot e ecirgb ektaspace elle facebook fb for free freely from full g gain gamma generic gimp
google gray grayscale grey greyscale hewlett hp http https icc iec iec61966 image in inc incorporated inkscape
international irec its itu kcgcolorspacedisplayp3 kcgcolorspacesrgb kodak l lcms linear little littlecms m2
microsoft monitor nikon no of on org own p3 packard photo photoshop primaries pro profile profiles prophoto
public rec rec2020 rec709 reference reserved rgb right rights romm s s709 sgray smpte software sony space srgb
standard stone sys systems tables the trc u uncalibrated use v v2 v4 version viewing web wide widegamut
wikimedia with without www zebra
"""
_ORDINARY = frozenset(_USUAL.split())
"""Words of the names and copyrights that come with operating systems and image programs."""
_LONGEST, _DIGITS = 400, 24  # letters and digits of a usual text
_WORDS = re.compile(r"[^\W\d_][\w']*")


class Remark(NamedTuple):
    """Something in a profile: `leak` for what may hold private content, `note` for what is to be known."""

    severity: Literal["leak", "note"]
    what: str


def profile_remarks(icc: bytes) -> Iterator[Remark]:
    """All that no colour maths needs, with its place in the profile; nothing for a profile of ours.

    A profile of ordinary words and nothing hidden is one note; tables are a note, as nobody can tell what they hold.
    """
    profile = whole(icc)
    tags = tags_of(profile) if profile is not None else None
    if profile is None or tags is None:
        yield Remark("leak", f"a colour profile of {len(icc)} bytes that no program can read")
        return
    channels = 1 if profile[16:20] == b"GRAY" else 3
    tables = sum(len(tag.data) for name, tag in tags.items() if name in _TABLES)
    if tables:
        yield Remark("note", f"opaque bytes: tables of {tables} bytes in a colour profile")
    cleaned = clean(profile, channels)
    if cleaned.profile == profile:
        return
    leaks = [*_header(profile), *_gaps(profile, tags)]
    for name, tag in tags.items():
        leaks += _tag(name, tag)
    yield from (Remark("leak", f"in the colour profile: {leak}") for leak in dict.fromkeys(leaks))
    if not leaks:
        yield Remark("note", "a colour profile with an ordinary text and header of its own")


def ordinary(text: str) -> bool:
    """Every word is one of those that come with common programs, and there is not enough else to hold anything."""
    if len(text) > _LONGEST or sum(letter.isdigit() for letter in text) > _DIGITS:
        return False
    if not all(letter.isprintable() or letter.isspace() for letter in text):
        return False
    return all(word in _ORDINARY for word in _WORDS.findall(text.lower()))


def _header(profile: bytes) -> Iterator[str]:
    if any(profile[100:HEADER]):
        yield f"{HEADER - 100} reserved bytes at byte 100 that are not 0"


def _gaps(profile: bytes, tags: dict[bytes, Tag]) -> Iterator[str]:
    """Bytes, other than zeros, that no entry of the table points to."""
    (count,) = struct.unpack_from(">I", profile, HEADER)
    reached = HEADER + 4 + 12 * count
    entries = [struct.unpack_from(">4sII", profile, at) for at in range(HEADER + 4, reached, 12)]
    if len({name for name, _, _ in entries}) < len(entries):
        yield "two tags of one name"
    spans = sorted((start, start + size) for _, start, size in entries)
    for start, stop in [*spans, (len(profile), len(profile))]:
        if start > reached and any(profile[reached:start]):
            yield f"{start - reached} bytes at byte {reached} that belong to no tag"
        reached = max(reached, stop)


def _tag(name: bytes, tag: Tag) -> Iterator[str]:
    place = f"tag {name.decode('latin-1')!r} ({len(tag.data)} bytes at byte {tag.start})"
    data = tag.data
    if name in _TEXTS:
        text = _text(data)
        if text is None or not ordinary(text):
            yield f"a text that is not one of the usual ones, {place}"
        return
    if name in _CURVES:
        used = curve_length(data)
        if curve_of(data) is None:
            yield f"a curve that is not a tone curve, {place}"
    elif name in _NUMBERS:
        used = _LENGTHS.get(data[:4])
        if used is None:
            yield f"an unknown kind of numbers, {place}"
    elif name in _TABLES:
        copy = table_bytes(data)
        used = len(copy) if copy is not None and data[:4] != b"mAB " else None
    else:
        yield f"a private {place}"
        return
    if used is not None and any(data[used:]):
        yield f"{len(data) - used} bytes behind the values of {place}"


def _text(data: bytes) -> str | None:
    """All letters of a text tag, also from where only some programs look; None for an unknown or damaged kind."""
    if data[:4] == b"text":
        return data[8:].decode("latin-1").replace("\0", " ")
    try:
        if data[:4] == b"desc":
            return _described(data)
        if data[:4] == b"mluc":
            return _localized(data)
    except (struct.error, UnicodeDecodeError):
        return None
    return None


def _described(data: bytes) -> str | None:
    """ASCII, Unicode and Macintosh text of the older kind; None where anything lies behind them."""
    (plain,) = struct.unpack_from(">I", data, 8)
    at = 12 + plain
    if at > len(data):
        return None
    wide = struct.unpack_from(">I", data, at + 4)[0] if at + 8 <= len(data) else 0
    middle = min(at + 8, len(data)), min(at + 8 + 2 * wide, len(data))
    behind = data[middle[1] :]  # two bytes of code, one of length, 67 of text
    if any(behind[70:]):
        return None
    words = data[12:at] + b" " + behind[3:70]
    return words.decode("latin-1").replace("\0", " ") + data[slice(*middle)].decode("utf-16-be").replace("\0", " ")


def _localized(data: bytes) -> str | None:
    """The texts of all languages; None where bytes belong to none."""
    count, width = struct.unpack_from(">II", data, 8)
    if count > 200 or width != 12:
        return None
    spans, texts = [(0, 16 + 12 * count)], []
    for entry in range(16, 16 + 12 * count, 12):
        length, start = struct.unpack_from(">4xII", data, entry)
        if start + length > len(data):
            return None
        spans.append((start, start + length))
        texts.append(data[start : start + length].decode("utf-16-be"))
    reached = 0
    for start, stop in [*sorted(spans), (len(data), len(data))]:
        if start > reached and any(data[reached:start]):
            return None
        reached = max(reached, stop)
    return " ".join(texts).replace("\0", " ")
