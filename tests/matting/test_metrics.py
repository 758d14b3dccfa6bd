"""SAD, MSE and MAD against loops over pixels, and their laws."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

from p3m_anon.matting import metrics
from tests.matting.mattes import pairs

OF_TWO = (metrics.sad, metrics.mse, metrics.mad)
OF_THREE = (metrics.sad_transition, metrics.mse_transition, metrics.mad_transition)


def slow(prediction, alpha, trimap):
    """All eight, pixel by pixel."""
    total = squares = total_t = squares_t = foreground = background = 0.0
    unknown = 0
    for p, a, t in zip(prediction.flat, alpha.flat, trimap.flat, strict=True):
        difference = abs(float(p) - float(a))
        own = abs({0: 0.0, 128: float(p), 255: 1.0}[int(t)] - float(a))
        total, squares = total + difference, squares + difference**2
        total_t, squares_t = total_t + own, squares_t + own**2
        foreground += difference if t == 255 else 0
        background += difference if t == 0 else 0
        unknown += t == 128
    means = (squares_t / unknown, total_t / unknown) if unknown else (math.nan, math.nan)
    whole = total / 1000, squares / alpha.size, total / alpha.size
    return *whole, total_t / 1000, *means, foreground / 1000, background / 1000


@given(pairs())
@settings(max_examples=60, deadline=None)
def test_equal_to_loops_over_pixels(pair):
    found = [metric(*pair[:2]) for metric in OF_TWO] + [metric(*pair) for metric in OF_THREE]
    found += [metrics.sad_foreground(*pair), metrics.sad_background(*pair)]
    assert found == pytest.approx(slow(*pair), rel=1e-9, abs=1e-12, nan_ok=True)
    assert all(type(value) is float for value in found)


@given(pairs())
@settings(max_examples=30, deadline=None)
def test_laws(pair):
    prediction, alpha, _ = pair
    wide = prediction.astype(np.float64)
    assert metrics.sad(wide, wide) == metrics.mse(wide, wide) == metrics.mad(wide, wide) == 0
    assert metrics.sad(wide, alpha) == pytest.approx(metrics.sad(alpha, wide))
    assert metrics.sad(wide, alpha) == pytest.approx(metrics.mad(wide, alpha) * alpha.size / 1000)
    assert metrics.mse(wide, alpha) <= metrics.mad(wide, alpha) + 1e-12
    parts = metrics.sad_foreground(*pair), metrics.sad_background(*pair)
    assert sum(parts) <= metrics.sad(prediction, alpha) + 1e-12
    flipped = [array[::-1, ::-1] for array in pair]
    for metric in OF_THREE:
        assert metric(*flipped) == pytest.approx(metric(*pair), nan_ok=True)


def test_without_unknown_pixels_means_are_undefined_and_the_sum_is_of_known_ones():
    alpha = np.array([[0.0, 0.25, 1.0]])
    trimap = np.array([[0, 0, 255]], np.uint8)
    prediction = np.full_like(alpha, 0.5)
    assert metrics.sad_transition(prediction, alpha, trimap) == pytest.approx(0.25 / 1000)
    assert math.isnan(metrics.mse_transition(prediction, alpha, trimap))
    assert math.isnan(metrics.mad_transition(prediction, alpha, trimap))


def test_units():
    prediction, alpha = np.full((50, 40), 0.5), np.zeros((50, 40))
    trimap = np.full((50, 40), 128, np.uint8)
    trimap[:10] = 0
    assert metrics.sad(prediction, alpha) == 1.0
    assert (metrics.mad(prediction, alpha), metrics.mse(prediction, alpha)) == (0.5, 0.25)
    assert metrics.sad_transition(prediction, alpha, trimap) == 0.8
    assert metrics.mad_transition(prediction, alpha, trimap) == 0.5
    assert metrics.mse_transition(prediction, alpha, trimap) == 0.25
    assert metrics.sad_background(prediction, alpha, trimap) == 0.2
    assert metrics.sad_foreground(prediction, alpha, trimap) == 0.0
