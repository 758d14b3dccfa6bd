"""A gain map that is not kept is said."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p3m_anon.files.gain_maps import gain_map_of
from p3m_anon.files.images import read
from p3m_anon.files.lossless import png, png_chunk

SIGNS = {
    "Ultra HDR": (0xE1, b'http://ns.adobe.com/xap/1.0/\0<x xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"/>'),
    "ISO 21496-1": (0xE2, b"urn:iso:std:iso:ts:21496:-1\0\0\0\0\0"),
    "Apple": (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x>urn:com:apple:photo:2020:aux:hdrgainmap</x>"),
}


def jpeg() -> bytes:
    stream = BytesIO()
    Image.new("RGB", (16, 16), (90, 120, 30)).save(stream, "JPEG")
    return stream.getvalue()


@pytest.mark.parametrize("kind", SIGNS)
def test_every_kind_is_named(tmp_path: Path, kind: str) -> None:
    code, body = SIGNS[kind]
    second = jpeg()[:2] + struct.pack(">BBH", 0xFF, code, len(body) + 2) + body + jpeg()[2:]
    (tmp_path / "a.jpg").write_bytes(jpeg() + second)
    assert read(tmp_path / "a.jpg").notes == (f"its HDR gain map ({kind}) is not kept",)


def test_a_png_and_pictures_without_one() -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    assert gain_map_of(png(pixels, colour=png_chunk(b"gMAP", b"")), "PNG") == "PNG"
    assert gain_map_of(png(pixels), "PNG") is None
    assert gain_map_of(jpeg() + jpeg(), "JPEG") is None
