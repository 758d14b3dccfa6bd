"""What the metrics accept, and what remains of a prediction where the trimap is sure."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

from p3m_anon.matting import metrics
from p3m_anon.matting.connectivity import connectivity_error
from p3m_anon.matting.gradient import gradient_error
from p3m_anon.matting.pairs import check_pair, check_trimap, restricted
from p3m_anon.matting.scores import score
from tests.matting.mattes import pairs

OF_TWO = (metrics.sad, metrics.mse, metrics.mad, gradient_error, connectivity_error)
OF_THREE = (
    metrics.sad_transition,
    metrics.mse_transition,
    metrics.mad_transition,
    metrics.sad_foreground,
    metrics.sad_background,
    score,
)
HALF = np.full((4, 5), 0.5)
TRIMAP = np.full((4, 5), 128, np.uint8)


def spoilt(value):
    matte = HALF.copy()
    matte[2, 3] = value
    return matte


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.001, 1.001])
@pytest.mark.parametrize("place", [0, 255])
def test_every_metric_refuses_values_outside_0_to_1(value, place):
    trimap = np.full_like(TRIMAP, place)  # also where the trimap overwrites them
    for metric in OF_TWO:
        with pytest.raises(ValueError, match="prediction must lie within"):
            metric(spoilt(value), HALF)
        with pytest.raises(ValueError, match="alpha must lie within"):
            metric(HALF, spoilt(value))
    for metric in OF_THREE:
        with pytest.raises(ValueError, match="prediction must lie within"):
            metric(spoilt(value), HALF, trimap)
        with pytest.raises(ValueError, match="alpha must lie within"):
            metric(HALF, spoilt(value), trimap)


@pytest.mark.parametrize("wrong", [TRIMAP, HALF.astype(np.float16), HALF[None], HALF[:0], HALF > 0])
def test_only_floats_in_two_dimensions(wrong):
    with pytest.raises(ValueError, match="prediction must be float32 or float64"):
        check_pair(wrong, HALF)
    with pytest.raises(ValueError, match="alpha must be float32 or float64"):
        check_pair(HALF, wrong)


def test_one_size():
    with pytest.raises(ValueError, match=r"prediction must be \(4, 5\) as alpha is"):
        check_pair(HALF.T, HALF)


def test_trimaps_have_three_values_and_the_size_of_the_mattes():
    check_trimap(TRIMAP, (4, 5))
    wrong = TRIMAP.copy()
    wrong[0, :2] = 127, 1
    with pytest.raises(ValueError, match="2 pixels have another value"):
        check_trimap(wrong, (4, 5))
    for trimap in (TRIMAP.T, TRIMAP.astype(np.int64), TRIMAP[..., None]):
        with pytest.raises(ValueError, match="trimap must be uint8"):
            check_trimap(trimap, (4, 5))
        for metric in OF_THREE:
            with pytest.raises(ValueError, match="trimap must be uint8"):
                metric(HALF, HALF, trimap)


@given(pairs())
@settings(max_examples=30, deadline=None)
def test_restricted_keeps_the_unknown_and_nothing_else(pair):
    prediction, _, trimap = pair
    before = prediction.copy()
    out = restricted(prediction, trimap)
    assert out.dtype == prediction.dtype
    for y, x in np.ndindex(trimap.shape):
        assert out[y, x] == {0: 0.0, 128: prediction[y, x], 255: 1.0}[int(trimap[y, x])]
    assert np.array_equal(prediction, before)
