"""Writing pictures: nothing lost, nothing private carried along."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageCms, PngImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

from p3m_anon.errors import ImageError
from p3m_anon.files.icc import clean
from p3m_anon.files.images import Encoding, encode, read
from tests.files.drawn import photo, reread, saved


@pytest.mark.parametrize("format", ["png", "tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_lossless_round_trip(tmp_path: Path, format: str, dtype: type, channels: int) -> None:
    pixels = photo(300, 37, channels, dtype)  # more rows than one strip
    if (format, dtype, channels) == ("tiff", np.uint16, 2):
        with pytest.raises(ImageError, match="--format png"):
            encode(pixels, Encoding("PNG"), format)
        return
    data, extension, fidelity = encode(pixels, Encoding("PNG"), format)
    again = reread(tmp_path, data, extension)
    assert fidelity == "exact"
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, pixels)


@given(
    pixels=hnp.arrays(
        st.sampled_from([np.dtype(np.uint8), np.dtype(np.uint16)]),
        st.one_of(
            st.tuples(st.integers(1, 9), st.integers(1, 9)),
            st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([2, 3, 4])),
        ),
    )
)
@settings(max_examples=60, deadline=None)
def test_other_programs_read_our_files(pixels: np.ndarray) -> None:
    """PNG and TIFF are our own writing: Pillow (8 bit) and OpenCV (16 bit) must see the same values in them."""
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        pixels[pixels[..., -1] == 0] = 0
    for format in ("png", "tiff"):
        if pixels.dtype == np.uint8:
            data, _, _ = encode(pixels, Encoding("PNG"), format)
            with Image.open(io.BytesIO(data)) as picture:
                np.testing.assert_array_equal(np.asarray(picture), pixels)
        elif pixels.ndim == 2 or pixels.shape[2] > 2:
            data, _, _ = encode(pixels, Encoding("PNG"), format)
            found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
            order = [2, 1, 0, 3]
            np.testing.assert_array_equal(found if found.ndim == 2 else found[..., order[: found.shape[2]]], pixels)


@pytest.mark.parametrize("sampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_keeps_tables_sampling_and_progression(tmp_path: Path, sampling: int, progressive: bool) -> None:
    tables = [[1 + (3 * k + 5 * i) % 90 for k in range(64)] for i in (0, 1)]  # not symmetric
    path = saved(tmp_path / "a.jpg", photo(), qtables=tables, subsampling=sampling, progressive=progressive)
    decoded = read(path)
    data, extension, fidelity = encode(decoded.pixels, decoded.encoding)
    assert (extension, fidelity) == (".jpg", "reencoded")
    old, new = JpegImageFile(path), JpegImageFile(io.BytesIO(data))
    assert [list(new.quantization[part[3]]) for part in new.layer] == [
        list(old.quantization[part[3]]) for part in old.layer
    ]
    assert [part[1:3] for part in new.layer] == [part[1:3] for part in old.layer]
    assert bool(new.info.get("progressive")) == progressive


def test_jpeg_on_its_side_turns_its_tables(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    table = list(range(1, 65))
    decoded = read(saved(tmp_path / "a.jpg", photo(), qtables=[table, table], subsampling=1, exif=exif))
    new = JpegImageFile(io.BytesIO(encode(decoded.pixels, decoded.encoding)[0]))
    assert list(new.quantization[0]) == list(np.reshape(table, (8, 8)).T.ravel())
    assert [part[1:3] for part in new.layer] == [(1, 1)] * 3  # 4:4:0 cannot be written: no colour is lost instead


SECRET = b"SecretOfThePhotographer"


def private_files(folder: Path) -> list[Path]:
    """One picture in each format, with the secret wherever that format can hide it."""
    pixels = photo()
    exif = Image.Exif()
    exif[0x010F] = SECRET.decode()
    exif.get_ifd(0x8825)[1] = "N"
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", SECRET.decode())
    common = {"exif": exif, "xmp": b"<x:xmpmeta>" + SECRET + b"</x:xmpmeta>"}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    files = [
        saved(folder / "a.jpg", pixels, comment=SECRET, icc_profile=profile + SECRET, **common),
        saved(folder / "a.png", pixels, pnginfo=text, icc_profile=profile, **common),
        saved(folder / "a.webp", pixels, icc_profile=profile, **common),
        saved(folder / "a.tif", pixels, tiffinfo={270: SECRET.decode(), 315: SECRET.decode()}, icc_profile=profile),
    ]
    thumbnail = io.BytesIO()
    Image.fromarray(pixels[:16, :16]).save(thumbnail, "JPEG", comment=SECRET)
    files.append(folder / "trailing.jpg")
    files[-1].write_bytes(files[0].read_bytes() + thumbnail.getvalue())
    files.append(folder / "film.jpg")
    files[-1].write_bytes(files[0].read_bytes() + b"\0\0\0\x18ftypmp42" + SECRET)
    return files


def test_nothing_private_is_written(tmp_path: Path) -> None:
    for path in private_files(tmp_path):
        assert SECRET in path.read_bytes(), path.name
        decoded = read(path)
        assert decoded.encoding.icc is not None
        for format in (None, "png", "tiff", "webp", "jpg"):
            data, _, _ = encode(decoded.pixels, decoded.encoding, format)
            assert SECRET not in data
            for mark in (b"Exif", b"xmpmeta", b"ns.adobe.com", b"Photoshop", b"tEXt", b"eXIf", b"XMP ", b"EXIF"):
                assert mark not in data, (path.name, format, mark)


def test_png_holds_only_the_allowed_chunks(tmp_path: Path) -> None:
    for path in private_files(tmp_path):
        decoded = read(path)
        data, _, _ = encode(decoded.pixels, decoded.encoding, "png")
        assert chunks(data) == [b"IHDR", b"iCCP", b"IDAT", b"IEND"]


def chunks(data: bytes) -> list[bytes]:
    at, found = 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.append(kind)
        at += 12 + length
    return found


@pytest.mark.parametrize("format", ["png", "tiff", "webp", "jpg"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_profile_stays_with_its_pixels(tmp_path: Path, format: str, dtype: type) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if dtype is np.uint16 and format in ("webp", "jpg"):
        return
    data, extension, _ = encode(photo(dtype=dtype), Encoding("PNG", icc=profile), format)
    path = tmp_path / f"a{extension}"
    path.write_bytes(data)
    assert read(path).encoding.icc == clean(profile, 3).profile
    grey, _, _ = encode(photo(channels=1), Encoding("PNG", icc=profile), format)
    assert b"acsp" not in grey
    assert b"iCCP" not in grey


def test_colour_under_alpha_zero_never_leaves(tmp_path: Path) -> None:
    pixels = photo(channels=4)
    pixels[:20, :, 3] = 0
    pixels[20:, :, 3] = 255
    decoded = read(saved(tmp_path / "a.png", pixels))
    assert not decoded.pixels[:20].any()
    assert not decoded.rgb[:20].any()
    np.testing.assert_array_equal(decoded.pixels[20:], pixels[20:])
    for format in ("png", "tiff", "bmp", "webp"):
        data, extension, _ = encode(pixels, Encoding("PNG"), format)
        assert not reread(tmp_path, data, extension)[:20].any()
    assert pixels[:20, :, :3].any()  # the argument is not written into


@pytest.mark.parametrize(
    ("dtype", "channels", "format"), [(np.uint16, 3, "jpg"), (np.uint16, 1, "webp"), (np.uint16, 3, "bmp")]
)
def test_depth_is_never_lost_silently(dtype: type, channels: int, format: str) -> None:
    with pytest.raises(ImageError, match=r"16 bits.*--format png"):
        encode(photo(channels=channels, dtype=dtype), Encoding("PNG"), format)


def test_transparency_is_never_lost_silently() -> None:
    with pytest.raises(ImageError, match=r"transparency.*--format png"):
        encode(photo(channels=4), Encoding("PNG"), "jpg")


@pytest.mark.parametrize(
    "bad", [np.zeros((4, 4), np.float32), np.zeros((4, 4, 5), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_encode_checks_its_arguments(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="pixels must be"):
        encode(bad, Encoding("PNG"))
    with pytest.raises(ValueError, match="format must be"):
        encode(photo(), Encoding("PNG"), "gif")
