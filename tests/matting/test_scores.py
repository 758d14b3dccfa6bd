"""All metrics of a pair: the published numbers, the slow transcription, and the functions one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings

from p3m_anon.matting import metrics
from p3m_anon.matting.connectivity import connectivity_error
from p3m_anon.matting.gradient import gradient_error
from p3m_anon.matting.pairs import restricted
from p3m_anon.matting.scores import Scores, score
from tests.matting.mattes import DRAWN, GOLDEN, PRECISIONS, REAL, drawn_pair, golden, pairs, real_pair
from tests.matting.published_metrics import NAMES, everything


def assert_golden(found, name, precision):
    expected = golden(name, precision)
    if name == "S3_pred_equals_gt":  # its GRAD is what float32 leaves of 0
        assert found[8] == pytest.approx(expected[8], abs=2e-14)
        found, expected = (*found[:8], found[9]), [*expected[:8], expected[9]]
    assert found == pytest.approx(tuple(expected), rel=1e-6, abs=0, nan_ok=True)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", DRAWN)
@pytest.mark.parametrize("way", [score, everything])
def test_drawn_pairs_have_the_published_numbers(way, name, precision):
    prediction, alpha, trimap = drawn_pair(name)
    assert_golden(tuple(way(prediction.astype(precision), alpha, trimap)), name, precision)


@pytest.mark.shared
@pytest.mark.parametrize("name", REAL)
def test_real_mattes_have_the_published_numbers(name, shared_data):
    prediction, alpha, trimap = real_pair(name, shared_data / "p3m_samples" / "alpha")
    for precision in PRECISIONS:
        for way in (score, everything):
            assert_golden(tuple(way(prediction.astype(precision), alpha, trimap)), name, precision)


def test_the_golden_file_names_them_in_the_order_of_scores():
    for case in GOLDEN.values():
        assert tuple(case["float32_pred"]) == NAMES
    assert len(NAMES) == len(Scores._fields)


@given(pairs())
@settings(max_examples=100, deadline=None)
def test_equals_the_slow_transcription_and_each_function(pair):
    prediction, alpha, trimap = pair
    before = [array.copy() for array in pair]
    found = score(*pair)
    slow = everything(prediction.astype(np.float64), alpha, trimap)
    assert tuple(found[:8]) == pytest.approx(slow[:8], rel=1e-9, abs=1e-12, nan_ok=True)
    assert tuple(found[8:]) == pytest.approx(everything(*pair)[8:], rel=1e-5, abs=1e-6)
    one_by_one = Scores(
        metrics.sad(prediction, alpha),
        metrics.mse(prediction, alpha),
        metrics.mad(prediction, alpha),
        metrics.sad_transition(*pair),
        metrics.mse_transition(*pair),
        metrics.mad_transition(*pair),
        metrics.sad_foreground(*pair),
        metrics.sad_background(*pair),
        gradient_error(prediction, alpha),
        connectivity_error(prediction, alpha),
    )
    assert tuple(found) == pytest.approx(tuple(one_by_one), rel=1e-12, abs=1e-15, nan_ok=True)
    assert all(np.array_equal(array, kept) for array, kept in zip(pair, before, strict=True))


def test_more_rows_than_are_worked_on_at_once():
    rng = np.random.default_rng(8)
    alpha = (rng.random((331, 17)) ** 3).round(2)
    prediction = np.clip(alpha + 0.1 * rng.standard_normal(alpha.shape), 0, 1)
    trimap = rng.choice(np.array([0, 128, 255], np.uint8), alpha.shape)
    assert tuple(score(prediction, alpha, trimap)) == pytest.approx(everything(prediction, alpha, trimap), rel=1e-6)


def test_a_pair_of_equal_mattes_scores_nothing():
    alpha = np.round(np.linspace(0, 1, 600)).reshape(20, 30)
    trimap = np.where(alpha > 0, 255, 0).astype(np.uint8)
    found = score(alpha, alpha, trimap)
    assert math.isnan(found.mse_t)
    assert math.isnan(found.mad_t)
    assert {value for value in found if not math.isnan(value)} == {0.0}


def test_views_with_gaps_are_the_same_as_their_copies():
    rng = np.random.default_rng(1)
    prediction, alpha = rng.random((40, 60))[:, ::2], rng.random((30, 40)).T
    trimap = rng.choice(np.array([0, 128, 255], np.uint8), (40, 60))[:, ::2]
    copies = [np.ascontiguousarray(array) for array in (prediction, alpha, trimap)]
    assert score(prediction, alpha, trimap) == score(*copies)


def test_a_method_that_has_the_trimap_is_scored_on_what_is_its_own():
    prediction, alpha, trimap = drawn_pair("S1_smooth_noise")
    own = score(restricted(prediction, trimap), alpha, trimap)
    assert own.sad == own.sad_t == pytest.approx(score(prediction, alpha, trimap).sad_t)


def test_wrong_arrays_are_refused_by_name():
    prediction, alpha, trimap = drawn_pair("S6_tiny_7x9")
    with pytest.raises(ValueError, match="prediction must be"):
        score(prediction[1:], alpha, trimap)
    with pytest.raises(ValueError, match="alpha must be"):
        score(prediction, (alpha * 255).astype(np.uint8), trimap)
    with pytest.raises(ValueError, match="trimap must be"):
        score(prediction, alpha, trimap[1:])
