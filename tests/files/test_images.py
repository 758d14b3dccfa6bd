"""Reading pictures: whole or not at all, upright, in their own depth."""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from p3m_anon.errors import ImageError, UnsupportedImage
from p3m_anon.files.images import Encoding, encode, read
from p3m_anon.files.probe import probe
from tests.files.drawn import photo, saved

FORMATS = ("png", "tiff", "bmp", "webp", "jpg")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF"])
def test_orientation_is_applied(tmp_path: Path, orientation: int, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = photo(20, 31)
    path = tmp_path / "turned"
    options = {"lossless": True} if format == "WEBP" else {}
    Image.fromarray(pixels).save(path, format, exif=exif, **options)
    decoded = read(path)
    expected = Image.fromarray(pixels)
    expected.getexif()[0x0112] = orientation
    np.testing.assert_array_equal(decoded.pixels, np.asarray(ImageOps.exif_transpose(expected)))
    assert decoded.orientation == orientation
    assert decoded.stored_size == (31, 20)
    assert decoded.size == ((20, 31) if orientation >= 5 else (31, 20))


def test_orientation_of_a_16_bit_tiff(tmp_path: Path) -> None:
    pixels = photo(20, 31, 3, np.uint16)
    data = bytearray(encode(pixels, Encoding("TIFF"))[0])
    at = data.index(struct.pack("<HHI", 284, 3, 1))  # the planar tag, whose default is what we write
    data[at : at + 12] = struct.pack("<HHII", 274, 3, 1, 6)
    path = tmp_path / "turned.tif"
    path.write_bytes(data)
    np.testing.assert_array_equal(read(path).pixels, np.rot90(pixels, -1))


def test_other_modes(tmp_path: Path) -> None:
    grey = photo(channels=1)
    palette = Image.fromarray(photo()).convert("P")
    palette.save(tmp_path / "p.png")
    np.testing.assert_array_equal(read(tmp_path / "p.png").pixels, np.asarray(palette.convert("RGB")))
    palette.save(tmp_path / "pt.png", transparency=int(np.asarray(palette)[0, 0]))
    assert read(tmp_path / "pt.png").pixels.shape == (48, 64, 4)
    Image.fromarray(grey).convert("1").save(tmp_path / "1.png")
    assert set(np.unique(read(tmp_path / "1.png").pixels)) == {0, 255}
    decoded = read(saved(tmp_path / "g.jpg", grey))
    assert decoded.pixels.ndim == 2
    assert decoded.rgb.shape == (48, 64, 3)
    Image.fromarray(grey.astype(np.float32)).save(tmp_path / "f.tif")
    with pytest.raises(UnsupportedImage):
        read(tmp_path / "f.tif")
    cmyk = Image.fromarray(photo()).convert("CMYK")
    cmyk.save(tmp_path / "c.jpg", quality=95)
    assert abs(read(tmp_path / "c.jpg").pixels.astype(int) - photo()).mean() < 12


def test_several_frames_are_unsupported_but_thumbnails_are_not(tmp_path: Path) -> None:
    frames = [Image.fromarray(photo()), Image.fromarray(255 - photo())]
    for name in ("a.png", "a.webp", "a.tif", "a.gif"):
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
        with pytest.raises(UnsupportedImage, match=r"animated|pages|GIF"):
            read(tmp_path / name)
    frames[0].save(tmp_path / "a.mpo", save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "first.jpg")
    assert abs(read(tmp_path / "a.mpo").pixels.astype(int) - photo()).mean() < 12


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_every_truncation_is_an_error(tmp_path: Path, format: str, dtype: type) -> None:
    if dtype is np.uint16 and format not in ("png", "tiff"):
        return
    pixels = photo(90, 120, dtype=dtype)
    data, extension, _ = encode(pixels, Encoding("WEBP", lossless=False), format)
    path = tmp_path / f"cut{extension}"
    for share in (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(ImageError, match=r"^cut\."):
            read(path)


def test_a_cut_jpeg_that_was_closed_again_is_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", photo(200, 200), quality=90)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    with pytest.raises(ImageError, match="lower rows are missing"):
        read(path)
    grey = saved(tmp_path / "grey.jpg", np.full((40, 40, 3), 128, np.uint8))
    assert (read(grey).pixels == 128).all()


@given(where=st.integers(0, 10**6), value=st.integers(0, 255), format=st.sampled_from(FORMATS))
@settings(max_examples=150, deadline=None)
def test_damage_gives_a_picture_or_an_image_error(
    tmp_path_factory: pytest.TempPathFactory, where: int, value: int, format: str
) -> None:
    data, extension, _ = encode(photo(24, 24), Encoding("PNG"), format)
    broken = bytearray(data)
    broken[where % len(data)] = value
    path = tmp_path_factory.mktemp("damage") / f"a{extension}"
    path.write_bytes(broken)
    try:
        decoded = read(path, max_pixels=1_000_000)
    except ImageError as error:
        message = str(error)
    else:
        message = f"{path.name} decoded"
        assert decoded.pixels.dtype in (np.uint8, np.uint16)
    assert "\n" not in message
    assert message.startswith(path.name)


def test_bombs_are_refused_from_the_header(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", photo(100, 100))
    with pytest.raises(ImageError, match="100 x 100 pixels are more than the limit of 9999"):
        read(path, max_pixels=9999)
    assert read(path, max_pixels=10_000).size == (100, 100)


def test_too_many_scans_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", photo(), progressive=True)
    data = path.read_bytes()
    at = data.rindex(b"\xff\xda")
    path.write_bytes(data[:at] + data[at:-2] * 400 + b"\xff\xd9")
    with pytest.raises(ImageError, match="scans"):
        read(path)


def test_record(tmp_path: Path) -> None:
    path = saved(tmp_path / "Ünï 人 no ending", photo(), format="PNG")
    decoded = read(path)
    assert decoded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not decoded.pixels.flags.writeable
    assert not decoded.rgb.flags.writeable
    assert probe(path) == ("PNG", 64, 48)
    assert probe(path).pixels == 48 * 64


def test_what_is_no_file_is_an_image_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    for name in ("pipe.jpg", "empty.jpg", "text.jpg", "missing.jpg", "."):
        for look in (read, probe):
            with pytest.raises(ImageError):
                look(tmp_path / name)
