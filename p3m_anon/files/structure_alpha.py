"""Colour under alpha 0: no viewer shows it, and every program can bring it back."""

from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.files.decode import channels_of, decode
from p3m_anon.files.extra import Extra
from p3m_anon.files.headers import inspect

_MACROBLOCK = 16
_RINGING = 4  # levels that VP8's filters leave
_MOST_PIXELS = 250_000_000
_LEAST = 64  # pixels: a face of 8 px


def colour_under_alpha(data: bytes) -> Extra | None:
    """A leak where colours under alpha 0 differ from pixel to pixel; None for one colour all over, as for no alpha.

    Decodes only what has an alpha. In WebP with loss only places away from what is seen count, and larger differences.
    """
    try:
        header = inspect(BytesIO(data), "picture")
        if header.width * header.height > _MOST_PIXELS:
            return None
        if header.format == "JPEG" or (header.format == "WEBP" and header.channels < 4):
            return None
        if header.format == "PNG" and data[25] not in (4, 6) and b"tRNS" not in data[:4096]:
            return None
        pixels = decode(data, header, "picture").pixels
    except ImageError:
        return None
    if channels_of(pixels) not in (2, 4):
        return None
    clear = (pixels[..., -1] == 0).astype(np.uint8)
    least = 0
    if not header.lossless:
        clear = np.asarray(cv2.erode(clear, np.ones((2 * _MACROBLOCK + 1,) * 2, np.uint8)), np.uint8)
        least = _RINGING
    hidden = clear.astype(bool)
    beside = hidden[:, 1:] & hidden[:, :-1]
    colour = pixels[..., :-1].astype(np.int32)
    varied = beside & (np.abs(np.diff(colour, axis=1)).max(axis=2) > least)
    count = int(varied.sum())
    if count < _LEAST:
        return None
    rows, columns = np.nonzero(varied)
    box = (int(columns.min()), int(rows.min()), int(columns.max()) + 2, int(rows.max()) + 1)
    return Extra(
        "leak", f"a picture under alpha 0 ({count} pixels differ from their neighbours, in {box})", "structure"
    )
