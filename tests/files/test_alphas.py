"""Alphas: one channel, the right way round, and no colour of the face in any output."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from p3m_anon.errors import ImageError
from p3m_anon.files.alphas import AlphaMismatch, alpha_findings, encode_alpha, orient_alpha, read_alpha
from p3m_anon.files.images import Encoding, encode, read
from p3m_anon.files.orientation import turn_upright
from tests.files.drawn import photo, saved


def matte(height: int = 120, width: int = 100) -> np.ndarray:
    """A head on shoulders with soft edges, not symmetric."""
    y, x = np.mgrid[:height, :width]
    head = np.hypot(x - width * 0.4, y - height * 0.3) < height * 0.18
    body = (y > height * 0.5) & (abs(x - width * 0.45) < width * 0.3)
    soft = np.zeros((height, width))
    for shift in range(-3, 4):
        soft += np.roll(head | body, shift, axis=1) / 7
    return (soft * 255).astype(np.uint8)


FACE = (28.0, 20.0, 52.0, 50.0)  # of `matte`


@given(
    alpha=hnp.arrays(
        st.sampled_from([np.dtype(np.uint8), np.dtype(np.uint16)]), st.tuples(st.integers(1, 20), st.integers(1, 20))
    )
)
@settings(max_examples=60, deadline=None)
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, alpha: np.ndarray) -> None:
    path = tmp_path_factory.mktemp("alpha") / "a.png"
    path.write_bytes(encode_alpha(alpha))
    again = read_alpha(path).pixels
    assert again.dtype == alpha.dtype
    np.testing.assert_array_equal(again, alpha)


def test_only_three_chunks() -> None:
    data = encode_alpha(matte())
    at, kinds = 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        kinds.append(kind)
        at += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
    with pytest.raises(ValueError, match="alpha must be"):
        encode_alpha(photo())


def test_which_channel_counts(tmp_path: Path) -> None:
    alpha = matte()
    height, width = alpha.shape
    colors = photo(height, width)
    expected = {
        "grey.png": alpha,
        "grey_alpha.png": np.dstack([colors[..., 0], alpha]),
        "rgba.png": np.dstack([colors, alpha]),
        "rgba.webp": np.dstack([colors, alpha]),
        "rgb.png": np.dstack([alpha] * 3),
        "opaque.png": np.dstack([alpha] * 3 + [np.full_like(alpha, 255)]),
    }
    for name, pixels in expected.items():
        options = {"lossless": True} if name.endswith("webp") else {}
        np.testing.assert_array_equal(read_alpha(saved(tmp_path / name, pixels, **options)).pixels, alpha, err_msg=name)
    Image.fromarray(alpha).convert("1").save(tmp_path / "one.png")
    assert set(np.unique(read_alpha(tmp_path / "one.png").pixels)) == {0, 255}
    deep = encode(np.dstack([photo(8, 8, 3, np.uint16), np.arange(64, dtype=np.uint16).reshape(8, 8)]), Encoding("PNG"))
    (tmp_path / "deep.png").write_bytes(deep[0])
    np.testing.assert_array_equal(read_alpha(tmp_path / "deep.png").pixels.ravel(), np.arange(64))
    opaque = np.dstack([colors, np.full((height, width), 255, np.uint8)])
    for pixels in (colors, opaque):
        with pytest.raises(AlphaMismatch, match="colour picture") as error:
            read_alpha(saved(tmp_path / "photo.png", pixels))
        assert error.value.reason == "alpha_mismatch"
    with pytest.raises(ImageError):
        read_alpha(tmp_path / "missing.png")


def test_the_result_does_not_hold_the_colours(tmp_path: Path) -> None:
    alpha = read_alpha(saved(tmp_path / "a.png", np.dstack([photo(120, 100), matte()]))).pixels
    assert alpha.base is None
    assert not alpha.flags.writeable


def test_own_orientation_is_applied(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.png", matte(), exif=exif)
    np.testing.assert_array_equal(read_alpha(path).pixels, np.rot90(matte(), -1))


@given(orientation=st.integers(1, 8), is_turned=st.booleans(), has_faces=st.booleans())
@settings(deadline=None)
def test_orientation_is_found_or_nobody_guesses(orientation: int, is_turned: bool, has_faces: bool) -> None:
    """Whatever comes back lies on the picture; without faces only a size that fits once decides."""
    upright = matte()
    inverse = {6: 8, 8: 6}.get(orientation, orientation)
    alpha = turn_upright(upright, inverse) if is_turned else upright
    size = (upright.shape[1], upright.shape[0])
    stored = size[::-1] if orientation >= 5 else size
    found = orient_alpha(alpha, size, stored, orientation, [FACE] if has_faces else [])
    if orientation == 1 or orientation >= 5 or has_faces:
        assert found is not None
        np.testing.assert_array_equal(found, upright)
    else:
        assert found is None


def test_square_pictures_are_decided_by_the_faces() -> None:
    upright = matte(100, 100)
    face = (26.0, 16.0, 54.0, 44.0)
    size = (100, 100)
    for orientation in range(2, 9):
        stored = turn_upright(upright, {6: 8, 8: 6}.get(orientation, orientation))
        for alpha in (upright, stored):
            found = orient_alpha(alpha, size, size, orientation, [face])
            assert found is not None
            np.testing.assert_array_equal(found, upright)
    middle = np.zeros((100, 100), np.uint8)
    middle[30:70, 30:60] = 255
    assert orient_alpha(middle, size, size, 2, [(20.0, 30.0, 80.0, 70.0)]) is None


def test_other_sizes_fit_nothing() -> None:
    alpha = matte(120, 100)
    assert orient_alpha(alpha, (99, 120), (120, 99), 6, [FACE]) is None
    assert orient_alpha(alpha, (120, 100), (120, 100), 1, []) is None
    assert orient_alpha(alpha, (100, 120), (100, 120), 1, []) is alpha


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_findings(dtype: type) -> None:
    scale = 257 if dtype is np.uint16 else 1
    soft = matte(400, 300).astype(dtype) * scale
    assert alpha_findings(soft) == ()
    binary = np.where(soft > 127 * scale, 255 * scale, 0).astype(dtype)
    assert alpha_findings(binary) == ("nearly binary",)
    assert alpha_findings(np.full((50, 50), 4 * scale, dtype)) == ("nearly empty",)
    assert alpha_findings(np.full((50, 50), 255 * scale, dtype)) == ("nearly full",)


@pytest.mark.shared
def test_a_cut_outs_colours_never_reach_an_output(shared_data: Path, tmp_path: Path) -> None:
    """The colours of this cut-out are the photo itself, face and all."""
    path = shared_data / "portraits" / "ophoper_1.alpha.png"
    with Image.open(path) as picture:
        stored = np.asarray(picture)
    assert stored.shape[2] == 4
    assert stored[..., :3].any()
    alpha = read_alpha(path)
    np.testing.assert_array_equal(alpha.pixels, stored[..., 3])
    assert alpha.pixels.base is None
    written = tmp_path / "a.png"
    written.write_bytes(encode_alpha(alpha.pixels))
    with Image.open(written) as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.asarray(picture), stored[..., 3])
    as_photo = read(path).pixels  # and where a cut-out is given as the photo, nothing hides under its alpha
    assert not as_photo[stored[..., 3] == 0].any()
    assert alpha_findings(alpha.pixels) == ()
