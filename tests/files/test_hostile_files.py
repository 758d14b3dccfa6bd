"""The collection of hostile and unusual files: read, or named in one line."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL.JpegImagePlugin import JpegImageFile

from p3m_anon.errors import ImageError, UnsupportedImage
from p3m_anon.files.images import encode, read
from p3m_anon.files.probe import probe


@pytest.mark.shared
def test_hostile_files(shared_data: Path) -> None:
    """Every file is read or named in one line; nothing hangs, warns or ends in another exception."""
    good, messages = 0, []
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImportWarning)
        for path in sorted((shared_data / "bad").iterdir()):
            try:
                decoded = read(path)
            except ImageError as error:
                messages.append((path.name, str(error)))
            else:
                good += 1
                assert decoded.pixels.size
                assert probe(path)[1:] == decoded.stored_size
                for format in (None, "png"):
                    if decoded.pixels.size < 10_000_000:
                        data, _, _ = encode(decoded.pixels, decoded.encoding, format)
                        assert data
    for name, message in messages:
        assert message.startswith(name)
        assert "\n" not in message
        assert ";" in message  # what to do about it comes after what is wrong
    assert good >= 35
    assert len(messages) >= 20


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "error", "words"),
    [
        ("16384x16384.png", ImageError, "16384 x 16384"),
        ("sharp_65536-uint32-limit.png", ImageError, "65536"),
        ("decompression_bomb.gif", UnsupportedImage, "GIF"),
        ("no_palette.gif", UnsupportedImage, "GIF"),
        ("mode_16bit.png", UnsupportedImage, "APNG"),
        ("iss634.webp", UnsupportedImage, "animated WebP"),
        ("rot1mir0.avif", UnsupportedImage, "AVIF"),
        ("monkey12.jpg", UnsupportedImage, "12-bit"),
        ("sharp_truncated.jpg", ImageError, "cut off"),
        ("sharp_truncated.png", ImageError, "cut off"),
        ("truncated_jpeg.jpg", ImageError, "cut off"),
        ("BlueSquare_truncated.jpg", ImageError, "cut off"),
        ("image_invalid.jpg", ImageError, "not a picture"),
    ],
)
def test_refused_files(shared_data: Path, name: str, error: type[ImageError], words: str) -> None:
    with pytest.raises(error, match=words) as found:
        read(shared_data / "bad" / name)
    assert type(found.value) is error


@pytest.mark.shared
def test_all_orientations_show_the_same_picture(shared_data: Path) -> None:
    upright = [read(shared_data / "bad" / f"hopper_orientation_{k}.jpg") for k in (3, 4, 6, 8)]
    upright.append(read(shared_data / "bad" / "hopper_orientation_6.webp"))
    reference = read(shared_data / "portraits" / "hopper.jpg").pixels.astype(int)
    for decoded in upright:
        assert abs(decoded.pixels.astype(int) - reference).mean() < 6


@pytest.mark.shared
def test_unusual_colours(shared_data: Path) -> None:
    bad = shared_data / "bad"
    cmyk = read(bad / "giunchedi_cmyk_orient.jpg")
    assert cmyk.pixels.shape == (800, 533, 3)
    assert cmyk.orientation == 6
    assert cmyk.encoding.icc is None
    lab = read(bad / "hopper.Lab.tif").pixels.astype(int)
    assert abs(lab - read(shared_data / "portraits" / "hopper.jpg").pixels).mean() < 4
    deep = read(bad / "sharp_16-bit-grey-alpha.png")
    assert deep.pixels.dtype == np.uint16
    assert deep.pixels.shape == (96, 109, 2)
    assert deep.encoding.icc is not None
    assert read(bad / "xmp_tags_orientation.png").orientation == 3
    camera = read(bad / "r_sony.jpg")
    assert b"SONY" not in encode(camera.pixels, camera.encoding)[0]


@pytest.mark.shared
def test_the_fast_decoder_gives_the_same_pixels(shared_data: Path) -> None:
    for path in sorted((shared_data / "portraits").glob("*.jpg")):
        picture = JpegImageFile(path)
        np.testing.assert_array_equal(read(path).pixels, np.asarray(picture), err_msg=path.name)
