"""Resizing equals scikit-image's."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.transform import resize

from p3m_anon.evaluation.resize import resized

SIZES = [
    ((60, 90), (30, 45)),  # exactly half
    ((61, 97), (32, 32)),
    ((40, 300), (64, 37)),  # larger and smaller
    ((33, 20), (80, 81)),
    ((7, 5), (7, 5)),
    ((200, 3), (8, 1)),
    ((1, 9), (32, 32)),
    ((1, 1), (32, 64)),
]


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_it_is_the_resize_of_scikit_image(before: tuple[int, int], after: tuple[int, int]) -> None:
    image = np.random.default_rng(sum(before)).integers(0, 256, (*before, 3), dtype=np.uint8)
    kept = image.copy()
    found = resized(image, after)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    np.testing.assert_allclose(found, resize(image, after) * 255, atol=2e-4)
    assert np.array_equal(image, kept)


def test_one_channel_or_none_is_the_same() -> None:
    image = np.random.default_rng(3).random((50, 40))
    found = resized(image, (31, 64))
    assert found.shape == (31, 64)
    assert np.array_equal(found, resized(image[..., None], (31, 64))[..., 0])
    np.testing.assert_allclose(found, resize(image, (31, 64)), atol=1e-6)


def test_what_is_even_stays_even_and_zeros_stay_exactly_zero() -> None:
    assert abs(resized(np.full((45, 77), 200, np.uint8), (96, 32)) - 200).max() < 1e-4
    assert not resized(np.zeros((45, 77)), (96, 32)).any()
