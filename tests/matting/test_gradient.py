"""GRAD against a convolution written out, and its laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from p3m_anon.matting.gradient import gradient_error
from tests.matting.mattes import pairs
from tests.matting.published_metrics import gradient


def slow(prediction, alpha):
    """Gaussian of sigma 1.4 and its derivative, 13 x 13, pixel by pixel over mirrored borders."""
    x = np.arange(-6, 7)
    bell = np.exp(-(x**2) / (2 * 1.4**2))
    bell /= bell.sum()
    across = np.outer(bell, bell * x / 1.4**2)

    def magnitude(matte, y, x):
        padded = np.pad(matte.astype(np.float64), 6, mode="symmetric")[y : y + 13, x : x + 13]
        return np.hypot((padded * across).sum(), (padded * across.T).sum())

    return sum((magnitude(prediction, *at) - magnitude(alpha, *at)) ** 2 for at in np.ndindex(alpha.shape)) / 10


@given(pairs())
@settings(max_examples=25, deadline=None)
def test_equal_to_the_convolution_written_out(pair):
    prediction, alpha, _ = pair
    expected = slow(prediction, alpha)
    assert gradient_error(prediction, alpha) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("height", [127, 128, 129, 133, 134, 257, 300])
def test_the_seams_between_tiles_do_not_show(height):
    rng = np.random.default_rng(height)
    prediction, alpha = rng.random((height, 9)), rng.random((height, 9))
    assert gradient_error(prediction.T, alpha.T) == pytest.approx(gradient(prediction, alpha), rel=1e-6)
    assert gradient_error(prediction, alpha) == pytest.approx(gradient(prediction, alpha), rel=1e-6)


@pytest.mark.parametrize("background", [0.0, 1.0, 0.3])
@pytest.mark.parametrize("at", [(0, 0), (121, 200), (122, 121), (127, 128), (128, 134), (255, 133), (299, 255)])
def test_flat_tiles_are_those_that_no_change_reaches(background, at):
    """A small change at either side of the seams, in one matte and in both."""
    rng = np.random.default_rng(5)
    flat, alpha = np.full((300, 256), background), np.full((300, 256), background)
    alpha[at[0] : at[0] + 2, at[1] : at[1] + 2] = rng.random()
    for prediction in (flat, 0.5 * alpha):
        expected = gradient(prediction, alpha)
        assert gradient_error(prediction, alpha) == pytest.approx(expected, rel=1e-6)
        assert gradient_error(alpha, prediction) == pytest.approx(expected, rel=1e-6)


@given(pairs())
@settings(max_examples=30, deadline=None)
def test_laws(pair):
    prediction, alpha, _ = pair
    error = gradient_error(prediction, alpha)
    assert error == gradient_error(prediction.copy(), alpha.copy())
    assert gradient_error(prediction, prediction) == 0
    assert gradient_error(alpha, prediction) == pytest.approx(error, rel=1e-9, abs=1e-12)
    assert gradient_error(prediction[::-1], alpha[::-1]) == pytest.approx(error, rel=1e-9, abs=1e-12)
    assert gradient_error(prediction.T, alpha.T) == pytest.approx(error, rel=1e-9, abs=1e-12)
    assert gradient_error(1 - prediction, 1 - alpha) == pytest.approx(error, rel=1e-4, abs=1e-6)


def test_flat_mattes_have_no_gradient():
    assert gradient_error(np.full((5, 200), 0.2), np.full((5, 200), 0.9)) == 0
    assert gradient_error(np.array([[0.3]]), np.array([[1.0]])) == 0
