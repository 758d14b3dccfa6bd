"""The decode gate against damaged files: a picture in full, or one clear refusal; never another exception."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from p3m_anon.errors import ImageError
from p3m_anon.files.images import encode, read
from p3m_anon.files.landmarks import read_landmarks
from p3m_anon.files.probe import probe

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
Damage = list[tuple[float, int]]


def picture(format: str) -> bytes:
    """A small file with metadata, as cameras write them."""
    rgb = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, format, **({"exif": exif.tobytes()} if format in ("JPEG", "PNG", "WEBP") else {}))
    return stream.getvalue()


SEEDS = {format: picture(format) for format in FORMATS}


def damaged(data: bytes, changes: Damage, cut: float) -> bytes:
    """Bytes at relative positions set to values, and the rest cut off."""
    out = bytearray(data)
    for place, value in changes:
        out[int(place * (len(out) - 1))] = value
    return bytes(out[: max(1, int(cut * len(out)))])


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    cut=st.one_of(st.just(1.0), st.floats(0.01, 1)),
)
def test_damaged_files_are_read_in_full_or_refused(tmp_path: Path, format: str, changes: Damage, cut: float) -> None:
    path = tmp_path / f"x.{format.lower()}"
    path.write_bytes(damaged(SEEDS[format], changes, cut))
    refusal, decoded = None, None
    try:
        decoded = read(path, max_pixels=1_000_000)
    except ImageError as error:
        refusal = str(error)
    if decoded is None:
        assert refusal is not None
        assert "\n" not in refusal
        assert path.name in refusal
        return
    assert decoded.pixels.size
    assert decoded.rgb.shape[2] == 3
    data, _, _ = encode(decoded.pixels, decoded.encoding, "PNG")
    assert data.startswith(b"\x89PNG")


LANDMARKS = io.BytesIO()
np.save(LANDMARKS, np.random.default_rng(0).uniform(0, 90, (68, 2)))


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=6),
    cut=st.one_of(st.just(1.0), st.floats(0.01, 1)),
)
def test_a_probe_of_a_damaged_file_gives_a_size_or_refuses(
    tmp_path: Path, format: str, changes: Damage, cut: float
) -> None:
    path = tmp_path / f"x.{format.lower()}"
    path.write_bytes(damaged(SEEDS[format], changes, cut))
    with contextlib.suppress(ImageError):
        assert probe(path).pixels >= 0


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 0.12), st.integers(0, 255)), max_size=6),  # its header
    cut=st.one_of(st.just(1.0), st.floats(0.01, 1)),
)
def test_damaged_landmarks_are_read_or_refused(tmp_path: Path, changes: Damage, cut: float) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(damaged(LANDMARKS.getvalue(), changes, cut))
    with contextlib.suppress(ImageError):
        assert all(points.shape == (68, 2) for points in read_landmarks(path))


@pytest.mark.shared
def test_the_damaged_landmarks_that_ended_a_run(shared_data: Path) -> None:
    with pytest.raises(ImageError, match="not 68 landmarks a face"):
        read_landmarks(shared_data / "cases" / "damaged.npy")
