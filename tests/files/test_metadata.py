"""Every byte of a file is accounted for."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from p3m_anon.files.decode import decode
from p3m_anon.files.headers import inspect
from p3m_anon.files.images import Encoding, encode
from p3m_anon.files.lossless import png, png_chunk
from p3m_anon.files.metadata import extras
from tests.files.profiles import NAME, planted, tables

RGB = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")


def saved(format: str, **options: object) -> bytes:
    stream = BytesIO()
    Image.fromarray(RGB).save(stream, format, **options)
    return stream.getvalue()


def said(data: bytes) -> str:
    return "; ".join(f"{extra.severity}: {extra.what}" for extra in extras(data))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("icc", [None, ICC], ids=["plain", "icc"])
def test_what_we_write_holds_nothing_else(format, channels, icc):
    pixels = np.concatenate([RGB, RGB[..., :1]], 2)[..., :channels]
    pixels = np.ascontiguousarray(pixels[..., 0] if channels == 1 else pixels)
    if (format, channels) in {("JPEG", 2), ("JPEG", 4), ("BMP", 2)} or (format == "BMP" and icc and channels > 2):
        pytest.skip("this format cannot hold it")
    assert said(encode(pixels, Encoding(format, icc))[0]) == ""


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_what_we_write_in_16_bit(format):
    assert said(encode(RGB.astype(np.uint16) * 257, Encoding(format, ICC))[0]) == ""


@pytest.mark.parametrize("options", [{"progressive": True}, {"subsampling": 2}, {"restart_marker_blocks": 2}])
def test_kinds_of_jpeg(options):
    assert said(saved("JPEG", **options)) == ""


@pytest.mark.parametrize("format", FORMATS)
def test_bytes_behind_the_end(format):
    data = saved(format)
    assert "leak: " in said(data + b"hidden" * 200)
    assert "second picture" in said(data + saved("JPEG")) or format == "TIFF"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_a_cut_off_file_is_named(format, share):
    data = saved(format)
    assert "leak: " in said(data[: int(len(data) * share)])


def exif() -> Image.Exif:
    tags = Image.Exif()
    tags[0x0132] = "2020:01:01 00:00:00"
    tags.get_ifd(0x8825)[1] = "N"
    return tags


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_exif_with_a_place(format):
    found = said(saved(format, exif=exif()))
    assert "leak: EXIF data" in found
    assert "GPS" in found


@pytest.mark.parametrize("format", ["JPEG", "WEBP"])
def test_xmp_with_a_place(format):
    found = said(saved(format, xmp=b"<x:xmpmeta exif:GPSLatitude='52,31N'/>"))
    assert "leak: XMP data" in found
    assert "GPS" in found


def test_exif_thumbnail_comment_and_junk_in_a_jpeg():
    data = saved("JPEG", comment=b"at home")
    assert "leak: a comment (7 bytes at offset 24)" in said(data)
    body = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0" + saved("JPEG")[:500]
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    assert "with a thumbnail" in said(data[:2] + segment + data[2:])
    assert "bytes between two segments" in said(data[:20] + b"junk" + data[20:])
    jfif = b"\xff\xe0" + struct.pack(">H", 16 + 12) + b"JFIF\0\1\1\0\0\1\0\1\2\2" + b"\0" * 12
    assert "JFIF thumbnail" in said(data[:2] + jfif + data[2:])
    unknown = b"\xff\xeb" + struct.pack(">H", 6) + b"abcd"
    assert "segment APP11" in said(data[:2] + unknown + data[2:])


def test_a_profile_with_a_tail():
    assert "colour profile" in said(saved("JPEG", icc_profile=ICC + b"hidden"))
    assert "colour profile" in said(saved("PNG", icc_profile=ICC + b"hidden"))
    assert "colour profile" in said(saved("WEBP", icc_profile=ICC + b"hidden"))


def test_png_texts_and_hidden_bytes():
    info = PngInfo()
    info.add_text("Author", "me")
    info.add_itxt("XML:com.adobe.xmp", "GPSLatitude")
    found = said(saved("PNG", pnginfo=info))
    assert "leak: text (" in found
    assert "GPS" in found
    assert said(saved("PNG", dpi=(72, 72))) == "note: chunk pHYs"
    body = zlib.compress(b"\0" * (3 * 53 + 1) * 37) + b"hidden"
    head = saved("PNG")[:33]
    chunk = struct.pack(">I", len(body)) + b"IDAT" + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
    end = saved("PNG")[-12:]
    assert "leak: bytes behind the compressed pixels, up to the last IDAT's end (6 bytes at offset " in said(
        head + chunk + end
    )


def test_tiff_tags_and_directories():
    assert "a description (tag 270" in said(saved("TIFF", description="at home"))
    stream = BytesIO()
    pages = [Image.fromarray(RGB), Image.fromarray(RGB[::-1])]
    pages[0].save(stream, "TIFF", save_all=True, append_images=pages[1:])
    assert "further picture" in said(stream.getvalue())
    place = saved("TIFF", description="52,31N").replace(struct.pack("<HH", 270, 2), struct.pack("<HH", 34853, 2))
    assert "a place (GPS) (tag 34853" in said(place)


def test_a_gap_in_a_bmp():
    data = bytearray(saved("BMP"))
    struct.pack_into("<I", data, 10, 54 + 100)
    assert "between header and pixels" in said(bytes(data[:54]) + b"x" * 100 + bytes(data[54:]))


@pytest.mark.parametrize(
    "data", [b"", b"no picture", b"GIF89a" + b"\0" * 40, b"\xff\xd8\xff", b"II*\0\xff\xff\xff\xff"]
)
def test_what_is_no_picture_of_ours(data):
    assert said(data).startswith("leak: ")


def test_noise_never_crashes():
    rng = np.random.default_rng(5)
    for format in FORMATS:
        data = np.frombuffer(saved(format, **({} if format == "BMP" else {"icc_profile": ICC})), np.uint8)
        for _ in range(150):
            spoilt = data.copy()
            at = rng.integers(2, len(spoilt), 6)
            spoilt[at] = rng.integers(0, 256, 6, dtype=np.uint8)
            assert {extra.severity for extra in extras(spoilt.tobytes())} <= {"leak", "warning", "note"}


def test_shared_hostile_files_never_crash(shared_data):
    for path in sorted((shared_data / "bad").iterdir()):
        if path.is_file() and path.stat().st_size < 20_000_000:
            assert {extra.severity for extra in extras(path.read_bytes())} <= {"leak", "warning", "note"}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("place", planted())
def test_what_a_profile_hides_is_found_and_not_written(format, place):
    data = saved(format, icc_profile=planted()[place])
    assert "leak: in the colour profile: " in said(data)
    header = inspect(BytesIO(data), "a")
    stored = decode(data, header, "a")
    assert stored.icc is not None
    ours = encode(stored.pixels, Encoding(format, stored.icc))[0]
    assert said(ours) == ""
    assert NAME.encode() not in ours
    assert NAME.encode("utf-16-be") not in ours


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_an_ordinary_profile_is_a_note(format):
    assert said(saved(format, icc_profile=ICC)) == "note: a colour profile with an ordinary text and header of its own"
    kept = encode(RGB, Encoding(format, tables(9)))[0]
    assert said(kept).startswith("note: opaque bytes: tables of ")


def test_chunks_that_say_what_a_png_means():
    gamma = png_chunk(b"gAMA", struct.pack(">I", 55556))
    assert said(png(RGB, colour=gamma)) == ""
    assert said(png(RGB, ICC, colour=gamma)).startswith("note: chunk gAMA")
    assert "leak" in said(png(RGB, colour=png_chunk(b"gAMA", b"Erika Mustermann")))
    named = png(RGB, ICC).replace(b"iCCPICC\0", b"iCCPEva\0")
    assert "unusual name" in said(named)
