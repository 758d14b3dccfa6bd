"""A feature that stayed clear is found on its own, in brightness or in colour, whatever the face's mean is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from p3m_anon.detectors import shape_prior
from p3m_anon.faces.face import Face
from p3m_anon.faces.features import BROWS, HIDDEN, POINTS, clear_features, features_left, in_low_bits, regions
from p3m_anon.faces.patch import joined

SOURCE = np.ascontiguousarray(data.astronaut()[:256, 96:352])
BOX = (87.0, 68.0, 172.0, 180.0)
FACE = Face(shape_prior.mean_in_box(BOX), BOX, 0.9, "drawn")
WIDTH = 85.0
REGIONS = regions(FACE, SOURCE.shape[:2], WIDTH)


def hidden(sigma: float = 0.3) -> np.ndarray:
    return cv2.GaussianBlur(SOURCE, (0, 0), sigma * WIDTH)


def with_clear(*names: str) -> np.ndarray:
    out = hidden()
    for name in names:
        patch = REGIONS[name]
        out[patch.slices][patch.mask] = SOURCE[patch.slices][patch.mask]
    return out


def clear_in(out: np.ndarray, source: np.ndarray = SOURCE, apart=None) -> tuple[list[str], list[str]]:
    return clear_features(features_left(out, source, FACE, WIDTH, apart))


@pytest.mark.parametrize("quality", [None, 95, 75])
@pytest.mark.parametrize("sigma", [0.2, 0.3])
def test_nothing_is_clear_after_the_blur(sigma: float, quality: int | None) -> None:
    out = hidden(sigma)
    if quality is not None:
        out = cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    assert clear_in(out) == ([], [])


@pytest.mark.parametrize(
    "names", [("left eye", "right eye"), ("left eye",), ("right eye",), ("mouth",), ("nose",), BROWS]
)
def test_a_clear_feature_is_named(names: tuple[str, ...]) -> None:
    shown, _ = clear_in(with_clear(*names))
    assert {line.partition(":")[0] for line in shown} >= set(names)


@pytest.mark.parametrize("name", BROWS)
def test_one_brow_is_apart(name: str) -> None:
    shown, brow = clear_in(with_clear(name))
    assert (shown, [line.partition(":")[0] for line in brow]) == ([], [name])


def test_half_a_blend_shows_every_feature() -> None:
    blend = (SOURCE.astype(np.float32) / 2 + hidden() / 2).astype(np.uint8)
    shown, _ = clear_in(blend)
    assert {line.partition(":")[0] for line in shown} == set(POINTS)


def test_colour_that_was_left_clear_shows_the_mouth() -> None:
    source, out = (cv2.cvtColor(one, cv2.COLOR_RGB2YCrCb) for one in (SOURCE, hidden()))
    out[..., 1:] = source[..., 1:]
    shown, _ = clear_in(cv2.cvtColor(out, cv2.COLOR_YCrCb2RGB))
    assert any(line.startswith("mouth") and "in the colours" in line for line in shown)


def test_a_piece_of_the_source_is_a_copy_however_much_noise_is_beside_it() -> None:
    out = hidden().astype(np.int16) + np.random.default_rng(0).integers(-60, 60, SOURCE.shape)
    out = np.clip(out, 0, 255).astype(np.uint8)
    patch = REGIONS["mouth"]
    half = patch.mask.copy()
    half[:, half.shape[1] // 2 :] = False
    out[patch.slices][half] = SOURCE[patch.slices][half]
    shown, _ = clear_in(out)
    assert any(line.startswith("mouth") for line in shown)


def test_what_stays_clear_on_purpose_is_counted_apart() -> None:
    out = with_clear("left eye")
    assert clear_in(out, apart=REGIONS["left eye"]) == ([], [])


def test_all_bits_are_measured() -> None:
    deep = SOURCE.astype(np.uint16) * 257
    assert clear_in(with_clear("mouth").astype(np.uint16) * 257, deep)[0]
    assert clear_in(hidden().astype(np.uint16) * 257, deep) == ([], [])


@pytest.mark.parametrize("bits", [2, 4])
def test_a_face_in_the_low_bits_is_seen(bits: int) -> None:
    low = SOURCE >> (8 - bits)
    assert in_low_bits((hidden() >> bits << bits) | low, SOURCE, FACE, WIDTH)[1] >= HIDDEN
    assert in_low_bits(hidden(), SOURCE, FACE, WIDTH)[1] < HIDDEN


def test_a_face_in_the_low_byte_is_seen() -> None:
    deep = SOURCE.astype(np.uint16) * 257
    good = cv2.GaussianBlur(deep, (0, 0), 0.3 * WIDTH)
    assert in_low_bits((good & 0xFF00) | SOURCE, deep, FACE, WIDTH)[1] >= HIDDEN
    assert in_low_bits(good, deep, FACE, WIDTH)[1] < HIDDEN


def test_a_profile_has_no_features_of_its_own() -> None:
    assert regions(Face(FACE.landmarks, BOX, 0.9, "drawn", view="profile"), SOURCE.shape[:2], WIDTH) == {}
    assert joined([]).area == 0
