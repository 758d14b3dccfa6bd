"""CONN against a flood fill over every pixel, ties included, and its edge cases."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from p3m_anon.matting import connectivity as module
from p3m_anon.matting.connectivity import connectivity_error, core_depths
from tests.matting.mattes import disc, pairs
from tests.matting.published_metrics import connectivity


def pieces(mask):
    """4-connected pieces as sets of places, in the order of their first pixels."""
    left, found = set(zip(*np.nonzero(mask), strict=True)), []
    for start in np.argwhere(mask):
        if tuple(start) in left:
            todo, piece = [tuple(start)], set()
            while todo:
                y, x = todo.pop()
                if (y, x) in left:
                    left.remove((y, x))
                    piece.add((y, x))
                    todo += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
            found.append(piece)
    return found


def slow_depths(prediction, alpha):
    depth, inside, steps = np.zeros(alpha.shape, np.uint8), np.ones(alpha.shape, bool), 0
    for step in range(1, 11):
        found = pieces((prediction >= step * np.float64(0.1)) & (alpha >= step * np.float64(0.1)))
        if found:
            core = np.zeros_like(inside)
            core[tuple(np.array(sorted(max(found, key=len))).T)] = True  # max keeps the first of equal ones
            inside &= core
            depth += inside
            steps += 1
    return depth, steps


@given(pairs())
@settings(max_examples=150, deadline=None)
def test_cores_are_the_largest_pieces_and_of_equal_ones_the_first(pair):
    prediction, alpha, _ = pair
    depth, steps = core_depths(prediction, alpha)
    expected, expected_steps = slow_depths(prediction, alpha)
    assert np.array_equal(depth, expected)
    assert steps == expected_steps


@given(pairs())
@settings(max_examples=150, deadline=None)
def test_equals_the_published_algorithm(pair):
    prediction, alpha, _ = pair
    expected = connectivity(prediction, alpha)
    assert connectivity_error(prediction, alpha) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def two_discs(first, second):
    """Two pieces that shrink at their own pace as the threshold rises."""
    y, x = np.mgrid[:60, :100]
    left = 1 - np.hypot(y - 30, x - 25) / first
    right = 1 - np.hypot(y - 30, x - 75) / second
    return np.clip(np.maximum(left, right), 0, 1)


@pytest.mark.parametrize("radii", [(20, 20), (20, 24), (24, 20), (10, 24)])
def test_two_people_of_about_one_size(radii):
    alpha = two_discs(*radii)
    prediction = np.clip(alpha * np.linspace(0.7, 1.1, 100), 0, 1)
    assert connectivity_error(prediction, alpha) == pytest.approx(connectivity(prediction, alpha), rel=1e-9)


def test_the_largest_piece_can_be_another_one_later():
    """A wide faint piece, and a small sharp one: from where the faint one ends nothing is in all cores."""
    alpha = 0.45 * disc((40, 60), 20, 20, 15) + disc((40, 60), 20, 50, 6)
    depth, steps = core_depths(alpha, alpha)
    assert steps == 10
    assert (depth[20, 20], depth[20, 50]) == (4, 0)
    prediction = 0.9 * alpha
    assert connectivity_error(prediction, alpha) == pytest.approx(connectivity(prediction, alpha), rel=1e-9)


def test_one_large_piece_needs_no_labels(monkeypatch):
    """What makes it quick: a flood fill is enough."""
    calls = []
    labelled = module._labelled
    monkeypatch.setattr(module, "_labelled", lambda *arrays: calls.append(1) or labelled(*arrays))
    rng = np.random.default_rng(2)
    alpha = np.clip(1.2 - np.hypot(*np.mgrid[-70:11, -70:11]) / 60, 0, 1)
    alpha[rng.random(alpha.shape) < 0.02] = 0
    prediction = np.clip(alpha - 0.05 * rng.random(alpha.shape), 0, 1)
    assert connectivity_error(prediction, alpha) == pytest.approx(connectivity(prediction, alpha), rel=1e-9)
    assert calls == []


def test_of_two_pieces_labels_say_which_is_larger(monkeypatch):
    """Neither is more than half of all, so a flood fill cannot."""
    calls = []
    labelled = module._labelled
    monkeypatch.setattr(module, "_labelled", lambda *arrays: calls.append(1) or labelled(*arrays))
    alpha = 0.25 * (disc((30, 60), 15, 15, 10) + disc((30, 60), 15, 45, 10))
    assert core_depths(alpha, alpha)[0][15, 15::30].tolist() == [2, 0]
    assert len(calls) == 2
    calls.clear()  # with a small piece that is higher: once to find the large one, once when it has ended
    alpha = 0.85 * disc((30, 60), 15, 15, 12) + disc((30, 60), 15, 45, 5)
    assert core_depths(alpha, alpha)[0][15, 15::30].tolist() == [8, 0]
    assert len(calls) == 2


def test_nothing_in_common_is_no_error_as_published():
    left, right = np.zeros((6, 8)), np.zeros((6, 8))
    left[:, :4], right[:, 4:] = 1, 1
    assert connectivity_error(np.zeros_like(left), left) == 0
    assert connectivity_error(left, right) == 0


def test_the_depth_of_alpha_decides_about_values_on_a_threshold():
    """153 / 255 is 0.6, under 6 x 0.1 in float64, over it once rounded to float32."""
    alpha = np.full((4, 4), 153 / 255)
    assert core_depths(alpha, alpha)[1] == 5
    assert core_depths(alpha.astype(np.float32), alpha.astype(np.float32))[1] == 6


@given(pairs())
@settings(max_examples=30, deadline=None)
def test_laws(pair):
    prediction, alpha, _ = pair
    assert connectivity_error(alpha, alpha) == connectivity_error(prediction, prediction) == 0
    wide = prediction.astype(np.float64)
    error = connectivity_error(wide, alpha)
    assert connectivity_error(alpha, wide) == pytest.approx(error, rel=1e-9, abs=1e-12)
    assert 0 <= error <= alpha.size / 1000


@pytest.mark.parametrize("turn", [lambda a: a[::-1], lambda a: a[:, ::-1], np.transpose])
def test_without_ties_turning_both_changes_nothing(turn):
    alpha = two_discs(20, 24)
    prediction = np.clip(alpha * np.linspace(0.7, 1.1, 100), 0, 1)
    turned = connectivity_error(turn(prediction), turn(alpha))
    assert turned == pytest.approx(connectivity_error(prediction, alpha), rel=1e-9)
