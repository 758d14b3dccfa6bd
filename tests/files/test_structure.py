"""What is hidden in a picture file is named with its place, and never reaches a file that we write."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from p3m_anon.errors import ImageError
from p3m_anon.files.images import Encoding, encode, read
from p3m_anon.files.masked import encode_masked
from p3m_anon.files.metadata import extras
from p3m_anon.files.structure import surplus
from tests.files.drawn import photo
from tests.files.jpegs import Kind, sampled, stored
from tests.files.planted import ALL, PAYLOAD, TABLE, saved, tiff

CASES = [pytest.param(data, id=f"{format} {name}") for format, cases in ALL.items() for name, data in cases()]


@pytest.mark.parametrize("data", CASES)
def test_a_planted_payload_is_a_leak_and_is_not_written_on(tmp_path: Path, data: bytes) -> None:
    leaks = [extra.what for extra in extras(data) if extra.severity == "leak"]
    assert leaks
    path = tmp_path / "x"
    path.write_bytes(data)
    try:
        decoded = read(path)
    except ImageError:
        return  # then blur refuses it
    changed = np.zeros(decoded.pixels.shape[:2], bool)
    changed[10:20, 10:20] = True
    pixels = decoded.pixels.copy()
    pixels[changed] = 99 if pixels.ndim == 2 or pixels.shape[2] == 3 else (99, 99, 99, 255)
    written = encode_masked(decoded, pixels, changed).data
    assert not extras(written)
    for start in range(0, len(PAYLOAD) - 12, 4):
        assert PAYLOAD[start : start + 12] not in written
    assert TABLE[:20] not in written


def test_the_files_are_sound_without_the_payload() -> None:
    options: dict[str, list[dict[str, object]]] = {"JPEG": [{}, {"progressive": True}, {"channels": 1}]}
    for format in ALL:
        for option in options.get(format, [{}]):
            assert not extras(saved(format, **option)), format
    assert not extras(tiff(photo().tobytes(), 1))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(1, 1), (37, 53), (600, 41)])
def test_what_we_write_has_no_surplus(format: str, channels: int, dtype: type, size: tuple[int, int]) -> None:
    pixels = photo(*size, channels, dtype)
    if channels in (2, 4):
        pixels[: size[0] // 2, :, -1] = 0
    for lossless in (True, False):
        try:
            data = encode(pixels, Encoding(format, lossless=lossless))[0]
        except ImageError:
            return  # this format cannot hold it
        assert not surplus(data)


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0", "grey"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("restart", [0, 3])
@pytest.mark.parametrize("size", [(48, 64), (47, 61), (1, 1)])
def test_ordinary_jpegs_have_none(sampling: str, progressive: bool, restart: int, size: tuple[int, int]) -> None:
    for quality in (5, 95):
        kind = Kind(*size, sampling=sampling, progressive=progressive, restart=restart, quality=quality)
        assert not surplus(stored(kind))


def test_unusual_samplings_have_none() -> None:
    assert not surplus(sampled([(1, 2), (1, 1), (1, 1)]))
    assert not surplus(sampled([(2, 2), (2, 1), (2, 1)]))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK", "YCbCr", "I;16"])
def test_pillows_files_have_no_leak(mode: str) -> None:
    tiffs = [{"compression": c} for c in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")]
    ways = {"JPEG": [{}, {"optimize": True}], "PNG": [{}], "WEBP": [{}, {"lossless": True}], "TIFF": [{}, *tiffs]}
    image = Image.fromarray(photo()).convert("L" if mode == "I;16" else mode).convert(mode)
    for format, choices in {**ways, "BMP": [{}]}.items():
        for options in choices:
            out = io.BytesIO()
            try:
                image.save(out, format, **options)
            except (OSError, RuntimeError, ValueError):
                continue  # this format does not know the mode
            assert not [extra for extra in surplus(out.getvalue()) if extra.severity == "leak"], (format, options)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_opencvs_files_have_no_leak(extension: str, channels: int) -> None:
    pixels = photo(channels=channels)
    if channels == 4:
        pixels[..., 3] = 200
    assert not surplus(cv2.imencode(extension, pixels)[1].tobytes())


@pytest.mark.parametrize(
    ("format", "options"),
    [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True}), ("WEBP", {"exact": True})],
)
def test_a_picture_under_alpha_0_is_named(format: str, options: dict[str, object]) -> None:
    pixels = photo(120, 160, 4)
    pixels[..., 3] = 255
    pixels[10:100, 10:100, 3] = 0
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format, **options)
    assert "a picture under alpha 0" in surplus(out.getvalue())[0].what
    pixels[10:100, 10:100, :3] = 255
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format, **options)
    assert not surplus(out.getvalue())


def test_the_place_of_a_scans_tail_is_exact() -> None:
    plain = stored(Kind())
    found = surplus(plain[:-2] + b"hidden" + b"\xff\xd9")
    expected = f"bytes behind the last coded unit of a scan (6 bytes at offset {len(plain) - 2})"
    assert [extra.what for extra in found] == [expected]


def test_the_same_bytes_are_not_named_twice() -> None:
    for name, data in ALL["PNG"]():
        assert len([e for e in extras(data) if e.severity == "leak"]) <= 2, name


def test_tables_that_every_encoder_knows_are_no_finding() -> None:
    colour, grey = stored(Kind(quality=75)), stored(Kind(sampling="grey", quality=75))
    start, scan = grey.index(b"\xff\xdb"), colour.index(b"\xff\xda")
    tables, at = b"", colour.index(b"\xff\xdb")
    while at < scan:
        length = 2 + int.from_bytes(colour[at + 2 : at + 4], "big")
        if colour[at + 1] in (0xDB, 0xC4):
            tables += colour[at : at + length]
        at += length
    assert not surplus(grey[:start] + tables + grey[start:])


def test_one_value_all_over_is_a_note() -> None:
    plain = stored(Kind())
    assert [extra.severity for extra in surplus(plain[:-2] + bytes(50) + b"\xff\xd9")] == ["note"]
