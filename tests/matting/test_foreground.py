"""Layers of a picture: what the equation leaves no choice about, and how near it they come."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.matting.foreground import Layers, estimate_layers, reconstruction_error


def drawn(seed: int, height: int = 48, width: int = 40, dtype: type = np.uint8) -> tuple[np.ndarray, np.ndarray]:
    """A random picture, and an alpha of blobs with soft edges here and there."""
    rng = np.random.default_rng(seed)
    rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    coarse = rng.choice([0, 0, 0.3, 1, 1], (height // 6 + 1, width // 6 + 1)).repeat(6, 0).repeat(6, 1)
    full = np.iinfo(dtype).max
    return rgb, (coarse[:height, :width] * full).astype(dtype)


def composite(alpha: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> np.ndarray:
    a = (alpha / np.iinfo(alpha.dtype).max)[..., None]
    return np.rint(a * foreground + (1 - a) * background).astype(np.uint8)


def ramp(height: int = 90, width: int = 120) -> np.ndarray:
    """An alpha with an edge 30 pixels wide."""
    return np.tile(np.clip((np.arange(width) - 45) / 30, 0, 1) * 255, (height, 1)).astype(np.uint8)


@given(st.integers(0, 9999), st.integers(1, 50), st.integers(1, 50), st.sampled_from([np.uint8, np.uint16]))
@settings(max_examples=60, deadline=None)
def test_known_pixels_are_the_pictures_own(seed, height, width, dtype):
    rgb, alpha = drawn(seed, height, width, dtype)
    before = rgb.copy(), alpha.copy()
    layers = estimate_layers(rgb, alpha)
    for layer in layers:
        assert layer.dtype == np.uint8
        assert layer.shape == rgb.shape
    assert np.array_equal(layers.foreground[alpha == np.iinfo(dtype).max], rgb[alpha == np.iinfo(dtype).max])
    assert np.array_equal(layers.background[alpha == 0], rgb[alpha == 0])
    assert np.array_equal(rgb, before[0])
    assert np.array_equal(alpha, before[1])


def test_a_composite_of_known_layers_is_taken_apart():
    alpha = ramp()
    y, x = np.mgrid[: alpha.shape[0], : alpha.shape[1]]
    foreground = np.stack([200 + 0 * x, 60 + y // 3, 40 + x // 8], -1).astype(np.uint8)
    background = np.stack([30 + y // 4, 120 + 0 * x, 200 - x // 6], -1).astype(np.uint8)
    rgb = composite(alpha, foreground, background)
    layers = estimate_layers(rgb, alpha)
    error = reconstruction_error(rgb, alpha, layers)
    assert error.mean < 0.5
    assert error.max < 4
    seen = alpha > 64
    assert np.abs(layers.foreground[seen].astype(int) - foreground[seen]).mean() < 6


@given(st.integers(0, 9999))
@settings(max_examples=20, deadline=None)
def test_the_error_is_what_the_equation_says(seed):
    rgb, alpha = drawn(seed, 300, 7)
    layers = Layers(drawn(seed + 1, 300, 7)[0], drawn(seed + 2, 300, 7)[0])
    a = alpha[..., None] / 255
    slow = np.abs(rgb - (a * layers.foreground + (1 - a) * layers.background))
    error = reconstruction_error(rgb, alpha, layers)
    assert error.mean == pytest.approx(slow.mean(), rel=1e-5)
    assert error.max == pytest.approx(slow.max(), rel=1e-5)


def test_the_same_input_gives_the_same_bytes():
    rgb, alpha = drawn(3, 200, 150)
    first, second = estimate_layers(rgb, alpha), estimate_layers(rgb.copy(), alpha.copy())
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_both_depths_of_one_alpha_give_the_same_layers():
    rgb, alpha = drawn(5)
    wide = alpha.astype(np.uint16) * 257
    for a, b in zip(estimate_layers(rgb, alpha), estimate_layers(rgb, wide), strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1


def test_empty_and_full_alphas():
    rgb, _ = drawn(1)
    assert np.array_equal(estimate_layers(rgb, np.zeros(rgb.shape[:2], np.uint8)).background, rgb)
    assert np.array_equal(estimate_layers(rgb, np.full(rgb.shape[:2], 255, np.uint8)).foreground, rgb)


def test_wrong_arguments_are_refused():
    rgb, alpha = drawn(0)
    with pytest.raises(ValueError, match="alpha must be"):
        estimate_layers(rgb, alpha[:-1])
    with pytest.raises(ValueError, match="alpha must be"):
        estimate_layers(rgb, alpha.astype(np.float32))
    with pytest.raises(ValueError, match="rgb must be"):
        estimate_layers(rgb[..., 0], alpha)
    with pytest.raises(ValueError, match="background must be"):
        reconstruction_error(rgb, alpha, Layers(rgb, rgb[:-1]))


@pytest.mark.shared
def test_a_real_picture_is_close_to_its_layers(shared_data):
    from p3m_anon.files.alphas import read_alpha
    from p3m_anon.files.images import read

    rgb = read(shared_data / "p3m_samples/image/p_07141906.jpg").rgb
    alpha = read_alpha(shared_data / "p3m_samples/alpha/p_07141906.png").pixels
    error = reconstruction_error(rgb, alpha, estimate_layers(rgb, alpha))
    assert error.mean < 0.1  # 0.077 with pymatting 1.1.16
    assert error.max < 80
