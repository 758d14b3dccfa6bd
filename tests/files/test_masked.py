"""Which way a masked picture is encoded, and what the record says about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import ImageCms

from p3m_anon.files.images import Decoded, encode, read
from p3m_anon.files.masked import encode_masked
from p3m_anon.files.metadata import extras
from tests.files.drawn import photo, reread, saved
from tests.files.jpegs import Kind, face, stored
from tests.files.profiles import NAME, hidden_jpeg, planted, tables


def changed(decoded: Decoded) -> tuple[np.ndarray, np.ndarray]:
    pixels, mask = decoded.pixels.copy(), face(decoded.pixels.shape)
    pixels[mask] = 99
    return pixels, mask


def read_kind(folder: Path, kind: Kind, **options: object) -> Decoded:
    path = folder / "a.jpg"
    path.write_bytes(stored(kind, **options))
    return read(path)


def test_jpeg_to_jpeg_copies_blocks(tmp_path: Path) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    decoded = read_kind(tmp_path, Kind(sampling="4:4:4"), icc_profile=profile)
    pixels, mask = changed(decoded)
    for format in (None, "jpeg", "JPG"):
        made = encode_masked(decoded, pixels, mask, format)
        assert (made.extension, made.fidelity) == (".jpg", "mcu")
        assert set(made.note) == {"recoded_units", "all_units", "edge_max", "edge_mean", "rest_max"}
    (tmp_path / "b.jpg").write_bytes(made.data)
    again = read(tmp_path / "b.jpg")
    assert again.encoding == decoded.encoding
    corner = np.s_[:8, :8] if not mask[:8, :8].any() else np.s_[-8:, -8:]
    np.testing.assert_array_equal(again.pixels[corner], decoded.pixels[corner])


def test_other_ways_are_those_of_encode(tmp_path: Path) -> None:
    decoded = read_kind(tmp_path, Kind())
    pixels, mask = changed(decoded)
    for format, jpeg in [(None, "reencode"), ("png", "exact"), ("webp", "exact")]:
        made = encode_masked(decoded, pixels, mask, format, jpeg)
        assert (made.data, made.extension, made.fidelity) == encode(pixels, decoded.encoding, format)
        assert made.note == {}
    png = read(saved(tmp_path / "a.png", photo()))
    assert png.source is None
    assert encode_masked(png, png.pixels, mask).fidelity == "exact"
    assert encode_masked(png, png.pixels, mask, "jpeg").fidelity == "reencoded"


@pytest.mark.parametrize("orientation", [1, 3, 5, 6, 8])
def test_turned_pictures_come_out_upright(tmp_path: Path, orientation: int) -> None:
    for size in ((48, 64), (50, 70)):
        decoded = read_kind(tmp_path, Kind(*size, orientation=orientation))
        pixels, mask = changed(decoded)
        made = encode_masked(decoded, pixels, mask)
        again = reread(tmp_path, made.data, made.extension)
        assert again.shape == pixels.shape
        assert np.abs(again.astype(int) - pixels).mean() < 8
        if size == (48, 64) or orientation in (1, 5):
            assert made.fidelity == "mcu"
        else:
            assert made.fidelity == "reencoded"
            assert made.note == {"reencoded_because": "turned, and no multiple of its blocks"}


@pytest.mark.shared
def test_portraits_keep_every_pixel_away_from_the_mask(shared_data: Path) -> None:
    files = [p for p in sorted((shared_data / "portraits").glob("*.jpg")) if p.stat().st_size < 400_000][:12]
    assert files
    for path in files:
        decoded = read(path)
        pixels, mask = changed(decoded)
        made = encode_masked(decoded, pixels, mask)
        assert made.fidelity == "mcu", (path.name, made.note)
        assert made.note["rest_max"] == 0 or decoded.orientation > 1


@pytest.mark.parametrize("place", planted())
def test_copied_blocks_get_a_clean_profile(tmp_path: Path, place: str) -> None:
    decoded = read_kind(tmp_path, Kind(sampling="4:4:4"), icc_profile=planted()[place])
    made = encode_masked(decoded, *changed(decoded))
    assert made.fidelity == "mcu"
    assert extras(made.data) == ()
    assert NAME.encode() not in made.data
    assert hidden_jpeg()[20:60] not in made.data


def test_a_converted_jpeg_is_encoded_again(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(stored(Kind(), icc_profile=tables(25)))
    decoded = read(tmp_path / "a.jpg")
    made = encode_masked(decoded, *changed(decoded))
    assert (made.fidelity, made.note) == ("reencoded", {"reencoded_because": "converted to sRGB"})
    assert extras(made.data) == ()
