"""One door to what the needed parts of a picture file hold in excess: every byte of JPEG, PNG, WebP, TIFF, BMP."""

from __future__ import annotations

import struct
import zlib

from p3m_anon.files.extra import Extra
from p3m_anon.files.headers import sniff
from p3m_anon.files.structure_alpha import colour_under_alpha
from p3m_anon.files.structure_bmp import surplus_in_bmp
from p3m_anon.files.structure_jpeg import surplus_in_jpeg
from p3m_anon.files.structure_png import surplus_in_png
from p3m_anon.files.structure_tiff import surplus_in_tiff
from p3m_anon.files.structure_webp import surplus_in_webp

_READERS = {
    "JPEG": surplus_in_jpeg,
    "PNG": surplus_in_png,
    "WEBP": surplus_in_webp,
    "TIFF": surplus_in_tiff,
    "BMP": surplus_in_bmp,
}
_MOST = 100  # findings of one file; a hostile one can have any number


def surplus(data: bytes) -> list[Extra]:
    """What no decoder needs inside the parts that hold the picture, with file offset and size; [] for a sound file.

    Whole parts that are no picture (metadata, tails) are `metadata.extras`'s. A file that cannot be followed to its
    end is a leak itself, as nobody can say what it holds.
    """
    kind = sniff(data[:32])
    if kind not in _READERS:
        return []
    found: list[Extra] = []
    try:
        for extra in _READERS[kind](data):
            found.append(extra)
            if len(found) >= _MOST:
                break
    except (struct.error, IndexError, KeyError, ValueError, TypeError, OverflowError, ZeroDivisionError, zlib.error):
        found.append(Extra("leak", f"a {kind} whose parts do not fit together", "structure"))
    hidden = colour_under_alpha(data)
    return found if hidden is None else [*found, hidden]
