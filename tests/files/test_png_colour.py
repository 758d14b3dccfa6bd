"""What a PNG says of its colours in chunks of its own."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from p3m_anon.errors import ImageError
from p3m_anon.files.icc import clean, is_srgb
from p3m_anon.files.images import encode, read
from p3m_anon.files.lossless import png, png_chunk
from p3m_anon.files.png_colour import PngColour, read_png_colour

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 8, 3), dtype=np.uint8)
POINTS = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
GAMA, CHRM = png_chunk(b"gAMA", struct.pack(">I", 55556)), png_chunk(b"cHRM", struct.pack(">8I", *POINTS))
SRGB, CICP = png_chunk(b"sRGB", b"\1"), png_chunk(b"cICP", bytes([12, 13, 0, 1]))
PQ = png_chunk(b"cICP", bytes([9, 16, 0, 1]))


def read_again(folder: Path, data: bytes, **options: str):
    (folder / "a.png").write_bytes(data)
    return read(folder / "a.png", **options)


def kinds(data: bytes) -> list[bytes]:
    at, found = 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.append(kind)
        at += 12 + length
    return found


@pytest.mark.parametrize(
    ("chunks", "kept"),
    [
        (GAMA, [b"gAMA"]),
        (CHRM + GAMA, [b"gAMA", b"cHRM"]),
        (GAMA + CHRM + SRGB, [b"sRGB"]),
        (SRGB + CICP, [b"cICP"]),
        (PQ, [b"cICP"]),
        (b"", []),
    ],
)
def test_what_holds_is_kept(tmp_path: Path, chunks: bytes, kept: list[bytes]) -> None:
    decoded = read_again(tmp_path, png(PIXELS, colour=chunks))
    data = encode(decoded.pixels, decoded.encoding)[0]
    assert kinds(data) == [b"IHDR", *kept, b"IDAT", b"IEND"]
    assert read_again(tmp_path, data).encoding == decoded.encoding


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"gAMA", struct.pack(">I", 0)),
        png_chunk(b"gAMA", struct.pack(">I", 1 << 31)),
        png_chunk(b"gAMA", struct.pack(">I", 45455) + b"Erika Mustermann"),
        png_chunk(b"cHRM", b"Erika Mustermann" * 2),
        png_chunk(b"cHRM", bytes(32)),
        png_chunk(b"sRGB", b"\x07"),
        png_chunk(b"cICP", b"\xff\xff\xff\xff"),
        GAMA[:10],
    ],
)
def test_what_makes_no_sense_is_left_out(chunk: bytes) -> None:
    assert read_png_colour(png(PIXELS, colour=chunk)) is None


def test_a_profile_comes_first(tmp_path: Path) -> None:
    profile = PngColour(gamma=55556, points=POINTS).profile(3)
    decoded = read_again(tmp_path, png(PIXELS, profile, colour=SRGB))
    assert decoded.encoding.png is None
    assert decoded.encoding.icc == profile


def test_other_formats_get_a_profile_that_says_the_same(tmp_path: Path) -> None:
    decoded = read_again(tmp_path, png(PIXELS, colour=GAMA + CHRM))
    expected = PngColour(gamma=55556, points=POINTS).profile(3)
    assert expected is not None
    assert expected in encode(decoded.pixels, decoded.encoding, "tiff")[0]
    display = PngColour(cicp=(12, 13, 1)).profile(3)
    assert clean(display, 3).name == "Display P3"
    assert is_srgb(PngColour(srgb=True).profile(3))
    assert clean(PngColour(gamma=45455).profile(1), 1).name == "grey, gamma 2.20"
    hdr = read_again(tmp_path, png(PIXELS, colour=PQ))
    with pytest.raises(ImageError, match="cICP 9/16"):
        encode(hdr.pixels, hdr.encoding, "jpeg")


def test_conversion_to_srgb(tmp_path: Path) -> None:
    data = png(PIXELS, colour=GAMA + CHRM)
    converted = read_again(tmp_path, data, icc="srgb")
    assert (converted.encoding.png, converted.encoding.icc, converted.colours) == (None, None, "sRGB")
    assert "converted" in converted.notes[0]
    assert (converted.pixels != PIXELS).any()
    plain = read_again(tmp_path, png(PIXELS, colour=SRGB), icc="srgb")
    np.testing.assert_array_equal(plain.pixels, PIXELS)
    hdr = read_again(tmp_path, png(PIXELS, colour=PQ), icc="srgb")
    assert "no way to sRGB" in hdr.notes[0]
    assert hdr.encoding.png == PngColour(cicp=(9, 16, 1))
