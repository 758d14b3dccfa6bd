"""quick_trimap is published_trimap, whatever the picture and the kernel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from p3m_anon.matting import ellipse
from p3m_anon.matting.ellipse import quick_trimap
from p3m_anon.matting.trimap import LARGEST_KERNEL, published_trimap

SIDES = st.tuples(st.integers(1, 40), st.integers(1, 40))
LEVELS = st.sampled_from([0, 0, 0, 1, 128, 254, 255, 255, 255])


@given(arrays(np.uint8, SIDES, elements=LEVELS), st.integers(1, 60))
@settings(deadline=None)
def test_equals_the_published_one(alpha: npt.NDArray[np.uint8], kernel: int) -> None:
    assert np.array_equal(quick_trimap(alpha, kernel), published_trimap(alpha, kernel))


@pytest.mark.parametrize("kernel", [1, 2, 15, 16, 29, 30, LARGEST_KERNEL])
@pytest.mark.parametrize("at_once", [1, 1 << 12, 1 << 18])
def test_bands_do_not_show(kernel: int, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ellipse, "_AT_ONCE", at_once)
    alpha = np.zeros((70, 90), np.uint8)
    alpha[20:60, 30:90] = 255
    alpha[5, 5] = alpha[40, 50] = 128
    assert np.array_equal(quick_trimap(alpha, kernel), published_trimap(alpha, kernel))


def test_a_part_of_a_larger_array_is_enough() -> None:
    alpha = np.zeros((40, 60), np.uint8)
    alpha[10:, 20:50] = 255
    assert np.array_equal(quick_trimap(alpha[5:30, 3:40], 9), published_trimap(alpha[5:30, 3:40], 9))


@pytest.mark.parametrize("alpha", [np.zeros((3, 3), np.uint16), np.zeros((3, 3, 1), np.uint8), np.zeros((0, 3), "u1")])
def test_refuses_what_is_no_alpha(alpha: npt.NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="alpha must be uint8"):
        quick_trimap(alpha, 15)


@pytest.mark.parametrize("kernel", [0, LARGEST_KERNEL + 1])
def test_refuses_kernels_that_are_none(kernel: int) -> None:
    with pytest.raises(ValueError, match="kernel must be 1 to"):
        quick_trimap(np.zeros((3, 3), np.uint8), kernel)
