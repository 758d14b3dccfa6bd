"""How far the LZW codes of a TIFF strip reach (TIFF 6.0, section 13)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from p3m_anon.files.compiled import compiled

_CLEAR, _END, _FIRST, _MOST = 256, 257, 258, 4096


def reach(piece: bytes) -> tuple[int, int]:
    """How many bytes a decoder reads up to the code that ends the strip, and how many it gives."""
    used, held = _reach(np.frombuffer(piece, np.uint8))
    return int(used), int(held)


@compiled
def _reach(piece: npt.NDArray[np.uint8]) -> tuple[int, int]:
    lengths = np.zeros(_MOST, np.int64)  # of the strings in the table
    value = count = at = held = last = 0
    width, entries = 9, _FIRST
    while True:
        while count < width:
            if at >= len(piece):
                return at, held
            value = ((value << 8) | piece[at]) & 0xFFFFFF
            count += 8
            at += 1
        count -= width
        code = (value >> count) & ((1 << width) - 1)
        if code == _END:
            return at, held
        if code == _CLEAR:
            width, entries, last = 9, _FIRST, 0
            continue
        size = 1 if code < _CLEAR else lengths[code] if code < entries else last + 1
        held += size
        if last > 0 and entries < _MOST:
            lengths[entries] = last + 1
            entries += 1
        last = size
        if entries + 1 >= 1 << width and width < 12:
            width += 1
