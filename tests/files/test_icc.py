"""What goes out of a profile: its colours, and nothing else."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms

from p3m_anon.files.icc import clean, is_srgb, pixels_to_srgb
from p3m_anon.files.icc_known import known_spaces
from p3m_anon.files.icc_tables import LARGEST
from tests.files.profiles import NAME, builtin_srgb, desc, fuzzed, grey, hidden_jpeg, planted, tables, tag, with_tag

STEPS = np.linspace(0, 255, 17).round().astype(np.uint8)
GRID = np.stack(np.meshgrid(STEPS, STEPS, STEPS, indexing="ij"), -1).reshape(-1, 17, 3)
GREYS = np.arange(256, dtype=np.uint8).reshape(16, 16)


def shown(icc: bytes, intent: ImageCms.Intent, pixels: npt.NDArray[np.uint8] = GRID) -> npt.NDArray[np.int16]:
    """As sRGB, by LittleCMS."""
    picture = Image.fromarray(pixels)
    source = ImageCms.ImageCmsProfile(BytesIO(icc))
    made = ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), intent, "RGB")
    assert made is not None
    return np.asarray(made, np.int16)


def assert_same_colours(before: bytes, after: bytes, pixels: npt.NDArray[np.uint8] = GRID) -> None:
    for intent in (ImageCms.Intent.PERCEPTUAL, ImageCms.Intent.RELATIVE_COLORIMETRIC):
        assert np.abs(shown(before, intent, pixels) - shown(after, intent, pixels)).max() <= 1


def test_the_built_in_profile_becomes_our_srgb() -> None:
    cleaned = clean(builtin_srgb(), 3)
    assert cleaned == (known_spaces()[0].profile, "sRGB", "", False)
    assert_same_colours(builtin_srgb(), known_spaces()[0].profile)
    assert is_srgb(cleaned.profile)


@pytest.mark.parametrize("space", known_spaces(), ids=lambda space: space.name)
def test_known_spaces_are_known_by_their_numbers(space) -> None:
    renamed = with_tag(space.profile, b"desc", desc(NAME))
    assert clean(renamed, 4) == (space.profile, space.name, "", False)
    assert is_srgb(space.profile) == (space.name == "sRGB")


@pytest.mark.parametrize("seed", range(20))
def test_other_primaries_and_curves_keep_their_colours(seed: int) -> None:
    icc = fuzzed(seed)
    cleaned = clean(icc, 3)
    assert cleaned.profile is not None
    assert_same_colours(icc, cleaned.profile)
    assert clean(cleaned.profile, 3) == cleaned
    assert NAME.encode("utf-16-be") not in cleaned.profile


@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2, 2.35])
def test_greys(gamma: float) -> None:
    cleaned = clean(grey(gamma), 1)
    assert cleaned.profile is not None
    assert cleaned.name == f"grey, gamma {gamma:.2f}"
    assert_same_colours(grey(gamma), cleaned.profile, GREYS)
    assert clean(cleaned.profile, 2) == cleaned


@pytest.mark.shared
def test_profiles_of_real_files(shared_data: Path) -> None:
    for name, channels in (("hopper.iccprofile.tif", 3), ("sharp_16-bit-grey-alpha.png", 2)):
        icc = Image.open(shared_data / "bad" / name).info["icc_profile"]
        cleaned = clean(icc, channels)
        assert cleaned.profile is not None
        assert cleaned.name == ("sRGB" if channels == 3 else "grey, gamma 2.20")
        assert_same_colours(icc, cleaned.profile, GRID if channels == 3 else GREYS)


@pytest.mark.parametrize("place", planted())
def test_nothing_hidden_remains(place: str) -> None:
    cleaned = clean(planted()[place], 3)
    if place == "curve":
        assert cleaned.profile is None
        assert "left out" in cleaned.note
    else:
        assert cleaned.profile == known_spaces()[0].profile


@pytest.mark.parametrize("icc", [b"", b"x" * 200, builtin_srgb()[:300], grey(2.2)], ids=["none", "junk", "cut", "grey"])
def test_unusable_profiles_are_left_out(icc: bytes) -> None:
    cleaned = clean(icc, 3)
    assert cleaned.profile is None
    assert bool(cleaned.note) == bool(icc)


def test_noise_never_crashes() -> None:
    rng = np.random.default_rng(7)
    for icc in (builtin_srgb(), fuzzed(1), tables(5), grey(2.0)):
        for _ in range(60):
            spoilt = np.frombuffer(icc, np.uint8).copy()
            spoilt[rng.integers(0, len(spoilt), 5)] = rng.integers(0, 256, 5, dtype=np.uint8)
            clean(spoilt.tobytes(), 3)


class TestTables:
    @pytest.mark.parametrize("kind", ["mft1", "mft2", "mAB"])
    def test_small_ones_are_copied_without_names_and_tails(self, kind: str) -> None:
        icc = tables(9, 1.1, kind)
        hidden = with_tag(icc, b"priv", b"data\0\0\0\0" + hidden_jpeg())
        cleaned = clean(hidden, 3)
        assert cleaned.profile is not None
        assert_same_colours(icc, cleaned.profile)
        assert cleaned.profile == clean(icc, 3).profile == clean(cleaned.profile, 3).profile
        assert NAME.encode() not in cleaned.profile
        assert hidden_jpeg()[20:60] not in cleaned.profile
        assert NAME.encode("utf-16-be") not in cleaned.profile
        assert cleaned.name == f"tables of {len(cleaned.profile)} bytes"
        table = tag(icc, b"A2B0")
        longer = clean(with_tag(icc, b"A2B0", table + hidden_jpeg()), 3)
        assert longer.profile == cleaned.profile

    def test_large_ones_become_srgb(self) -> None:
        icc = tables(25, 1.1)
        assert len(icc) > LARGEST
        cleaned = clean(icc, 3)
        assert cleaned.profile is None
        assert cleaned.convert
        assert "converted to sRGB" in cleaned.note
        made = pixels_to_srgb(GRID, icc)
        assert made is not None
        assert np.abs(made.astype(int) - shown(icc, ImageCms.Intent.RELATIVE_COLORIMETRIC)).max() <= 1
        assert pixels_to_srgb(GRID.astype(np.uint16) * 257, icc) is None


@pytest.mark.parametrize("icc", [known_spaces()[1].profile, known_spaces()[2].profile, fuzzed(3)])
def test_conversion_is_that_of_littlecms(icc: bytes) -> None:
    made = pixels_to_srgb(GRID, icc)
    assert made is not None
    assert np.abs(made.astype(int) - shown(icc, ImageCms.Intent.RELATIVE_COLORIMETRIC)).max() <= 1
    deep = pixels_to_srgb(GRID.astype(np.uint16) * 257, icc)
    assert deep is not None
    assert np.abs(deep / 257 - made).max() <= 1
    alpha = np.concatenate([GRID, GRID[..., :1]], -1)
    with_alpha = pixels_to_srgb(alpha, icc)
    assert with_alpha is not None
    np.testing.assert_array_equal(with_alpha[..., 3], alpha[..., 3])
