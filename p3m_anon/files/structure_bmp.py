"""What lies inside the parts that a BMP's picture needs and is used by no decoder."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from p3m_anon.files.extra import Extra, sized, surplus_of


def surplus_in_bmp(data: bytes) -> Iterator[Extra]:
    """Raises struct.error, IndexError or ValueError for a damaged file."""
    if any(data[6:10]):
        yield _leak("reserved fields of the header", 4, 6)
    (offset,) = struct.unpack_from("<I", data, 10)
    (header,) = struct.unpack_from("<I", data, 14)
    if header == 12:
        (width, height, _, bits), packing, used, entry = struct.unpack_from("<HHHH", data, 18), 0, 0, 3
    else:
        width, height, _, bits, packing, _ = struct.unpack_from("<iiHHII", data, 18)
        used, entry = struct.unpack_from("<I", data, 46)[0] if header >= 40 else 0, 4
    colors_at = 14 + header + (12 if packing == 3 and header == 40 else 16 if packing == 6 and header == 40 else 0)
    colors = used or (1 << bits if bits <= 8 else 0)
    most = 1 << bits if bits <= 8 else 0
    if colors > most:
        yield _leak("palette entries that no pixel can use", (colors - most) * entry, colors_at + most * entry)
    palette = np.frombuffer(data, np.uint8, min(colors, most) * entry, colors_at).reshape(-1, entry)
    if entry == 4 and palette.size and len(np.unique(palette[:, 3])) > 1:
        yield _leak("the fourth bytes of the palette", len(palette), colors_at)
    gap = offset - colors_at - colors * entry
    if 0 < gap <= 3 and any(data[offset - gap : offset]):
        yield _leak("bytes between header and pixels", gap, offset - gap)
    if header >= 124 and data[70:74] != b"\0\0\0\0" and any(data[74:122]):
        yield _leak("colour fields that another field switches off", 48, 74)
    if packing in (1, 2):
        yield from _run_lengths(data, offset, struct.unpack_from("<I", data, 34)[0], bits)
    elif width > 0 and height:
        yield from _pixels(data, offset, (abs(height), width, bits), packing, colors_at if header == 40 else 54)


def _pixels(data: bytes, offset: int, size: tuple[int, int, int], packing: int, masks_at: int) -> Iterator[Extra]:
    """The ends of rows, and the bits of a pixel that belong to no channel."""
    height, width, bits = size
    row, used = (width * bits + 31) // 32 * 4, -(-width * bits // 8)
    rows = np.frombuffer(data, np.uint8, row * height, offset).reshape(height, row)
    ends = rows[:, used:]
    if ends.any():
        yield surplus_of("bytes behind the rows", ends.tobytes(), 0, ends.size)._replace(
            what=sized("bytes behind the rows", ends.size, offset + used)
        )
    spare = -width * bits % 8
    if spare and len(np.unique(rows[:, used - 1] & ((1 << spare) - 1))) > 1:
        yield _leak("bits behind the rows", height, offset + used - 1)
    if bits not in (16, 32):
        return
    if packing in (3, 6):
        count = 4 if packing == 6 or masks_at == 54 else 3
        start = masks_at if masks_at == 54 else masks_at - (16 if packing == 6 else 12)
        taken = int(np.bitwise_or.reduce(np.frombuffer(data, "<u4", count, start)))
    else:
        taken = 0x7FFF if bits == 16 else 0xFFFFFF
    values = rows[:, :used].copy().view(f"<u{bits // 8}") & np.array(~taken & ((1 << bits) - 1), f"<u{bits // 8}")
    if len(values) and (values != values.flat[0]).any():
        yield _leak("bits of the pixels that belong to no channel", values.nbytes, offset)


def _run_lengths(data: bytes, at: int, size: int, bits: int) -> Iterator[Extra]:
    """Bytes behind the code that ends a picture packed by run lengths."""
    end = at + size
    while at + 1 < end:
        first, second = data[at], data[at + 1]
        at += 2
        if first == 0 and second == 1:
            break
        if first == 0 and second == 2:
            at += 2
        elif first == 0 and second > 2:
            count = second if bits == 8 else (second + 1) // 2
            at += count + count % 2
    if at < end:
        yield surplus_of("bytes behind the end of the packed pixels", data, at, end - at)


def _leak(what: str, size: int, at: int) -> Extra:
    return Extra("leak", sized(what, size, at), "structure")
