"""Distances to a mask: exact, and the same bits each time."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from p3m_anon.matting.distance import distance_to


def drawn(height: int, width: int, share: float) -> np.ndarray:
    return np.random.default_rng([height, width]).random((height, width)) < share


@pytest.mark.parametrize("share", [0.002, 0.05, 0.9])
def test_agrees_with_scipy_and_whole_distances_are_whole(share):
    mask = drawn(131, 177, share)
    exact, found = distance_transform_edt(~mask), distance_to(mask)
    assert found.dtype == np.float32
    assert np.abs(found - exact).max() < 1e-5
    whole = np.rint(exact**2) == np.rint(exact) ** 2
    assert (found[whole] == np.rint(exact[whole])).all()


def test_nothing_is_infinitely_far_and_all_is_here():
    mask = np.zeros((5, 7), bool)
    assert np.isposinf(distance_to(mask)).all()
    assert (distance_to(~mask) == 0).all()


def test_the_same_bits_wherever_the_mask_and_the_result_lie_in_memory():
    mask = drawn(31, 33, 0.01)
    first, kept = distance_to(mask), []
    for number in range(200):
        kept.append(np.empty(number % 61 + 1, np.uint8))  # so that later arrays get other places
        room = np.empty(mask.size + 64, bool)
        view = room[number % 64 :][: mask.size].reshape(mask.shape)
        view[:] = mask
        kept.append(distance_to(view))
        assert (kept[-1] == first).all()


def test_opencv_is_left_as_it_was():
    import cv2

    before = cv2.ipp.useIPP()
    distance_to(drawn(9, 9, 0.2))
    assert cv2.ipp.useIPP() == before
