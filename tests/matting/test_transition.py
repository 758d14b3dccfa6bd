"""The transition region against a slow, obvious definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.matting.transition import default_radius, transition


def slow(alpha, radius, lo, hi):
    """Every pixel within `radius` of one with lo < alpha < hi."""
    ys, xs = np.nonzero((alpha > lo) & (alpha < hi))
    y, x = np.mgrid[: alpha.shape[0], : alpha.shape[1]]
    out = np.zeros(alpha.shape, bool)
    for py, px in zip(ys, xs, strict=True):
        out |= (y - py) ** 2 + (x - px) ** 2 <= radius**2
    return out


@given(st.integers(0, 9999), st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_equals_the_slow_definition(seed, radius):
    rng = np.random.default_rng(seed)
    values = np.array([0, 5, 6, 128, 249, 250, 255], np.uint8)
    alpha = rng.choice(values, (23, 31), p=[0.6, 0.1, 0.01, 0.01, 0.01, 0.1, 0.17])
    assert np.array_equal(transition(alpha, radius), slow(alpha, radius, 5, 250))


def test_a_window_is_a_part_of_the_whole():
    rng = np.random.default_rng(0)
    alpha = (rng.random((60, 70)) ** 8 * 255).astype(np.uint8)
    window = (slice(10, 30), slice(0, 25))
    assert np.array_equal(transition(alpha, 4, window=window), transition(alpha, 4)[window])


def test_16_bit_mattes_have_the_same_region():
    alpha = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(transition(alpha.astype(np.uint16) * 257, 0), transition(alpha, 0))


def test_the_default_radius_follows_the_shorter_side():
    assert default_radius((1620, 1080)) == 5
    assert default_radius((50, 4000)) == 1


def test_other_arrays_are_refused():
    with pytest.raises(ValueError, match="uint8 or uint16"):
        transition(np.zeros((4, 4), np.float32), 1)
