"""Trimaps: the published ones to the bit, and laws that hold for every alpha."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.matting.trimap import METHODS, Kernels, distance_trimap, published_trimap, unknown_share

FULL = {np.uint8: 255, np.uint16: 65535}
GOLDEN = {  # reference/trimap.npz: sha256 of the uint8 array, pixels that are 0, 128, 255
    15: ("1d609520dc5187972e28c0e11bb137466ee97542259498275b2569d4e5329eb6", [1540840, 91224, 116456]),
    25: ("0f77c42ddabd45c6dbac3a0cff17b8b809ea04ef0bf8054e695ee247b44d8863", [1526813, 115970, 105737]),
    16: ("4e18c6d49e8acff534482d5b2851652ba2b9e80f2b5b7fee02d6fea5bccca4c9", [1538297, 95247, 114976]),
}


@st.composite
def alphas(draw, transition: bool = True) -> np.ndarray:
    """Blobs of full foreground with soft or hard edges and single odd pixels, in either depth."""
    rng = np.random.default_rng(draw(st.integers(0, 9999)))
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    full = FULL[dtype]
    alpha = np.where(rng.random((height // 8 + 1, width // 8 + 1)) < 0.4, full, 0).repeat(8, 0).repeat(8, 1)
    alpha = alpha[:height, :width].astype(dtype)
    if transition and draw(st.booleans()):
        odd = rng.random(alpha.shape) < 0.02
        alpha[odd] = rng.choice(np.array([1, full // 2, full - 1], dtype), odd.sum())
    return alpha


methods = st.sampled_from(sorted(METHODS))
kernels = st.integers(1, 33)


@given(alphas(), methods, kernels)
@settings(max_examples=200, deadline=None)
def test_known_areas_agree_with_the_alpha_and_no_transition_pixel_is_known(alpha, method, kernel):
    trimap, full = METHODS[method](alpha, kernel), FULL[alpha.dtype.type]
    assert trimap.dtype == np.uint8
    assert set(np.unique(trimap)) <= {0, 128, 255}
    assert (alpha[trimap == 0] == 0).all()
    assert (alpha[trimap == 255] == full).all()
    assert (trimap[(alpha > 0) & (alpha < full)] == 128).all()


@given(alphas(), methods, kernels, st.integers(1, 9))
@settings(max_examples=200, deadline=None)
def test_a_larger_kernel_has_a_larger_unknown_area(alpha, method, kernel, more):
    small, large = METHODS[method](alpha, kernel), METHODS[method](alpha, kernel + more)
    assert (large[small == 128] == 128).all()


@given(alphas(), kernels, st.sampled_from([np.fliplr, np.flipud, np.transpose]))
@settings(max_examples=100, deadline=None)
def test_flips_commute_with_the_distance_method(alpha, kernel, flip):
    assert np.array_equal(distance_trimap(flip(alpha), kernel), flip(distance_trimap(alpha, kernel)))


@given(alphas(), kernels)
@settings(max_examples=100, deadline=None)
def test_the_disc_lies_inside_the_ellipse(alpha, kernel):
    assert (published_trimap(alpha, kernel)[distance_trimap(alpha, kernel) == 128] == 128).all()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_empty_and_full_alphas_have_no_unknown_area(method, dtype):
    for value in (0, FULL[dtype]):
        trimap = METHODS[method](np.full((9, 14), value, dtype), 25)
        assert (trimap == (255 if value else 0)).all()
        assert unknown_share(trimap) == 0


@given(alphas(), st.integers(1, 15))
@settings(max_examples=60, deadline=None)
def test_the_distance_method_equals_its_slow_definition(alpha, kernel):
    full, reach = FULL[alpha.dtype.type], (kernel - 1) / 2
    y, x = np.mgrid[: alpha.shape[0], : alpha.shape[1]]

    def near(pixels):
        out = np.zeros(alpha.shape, bool)
        for py, px in zip(*np.nonzero(pixels), strict=True):
            out |= (y - py) ** 2 + (x - px) ** 2 <= reach**2
        return out

    unknown = near(alpha > 0) & near(alpha < full)
    assert np.array_equal(distance_trimap(alpha, kernel) == 128, unknown)


@pytest.mark.shared
@pytest.mark.parametrize("kernel", GOLDEN)
def test_the_published_trimap_of_a_real_alpha_to_the_bit(shared_data, kernel):
    alpha = cv2.imread(str(shared_data / "p3m_samples/alpha/p_a09f6d7a.png"), cv2.IMREAD_UNCHANGED)
    for pixels in (alpha, alpha.astype(np.uint16) * 257):
        trimap = published_trimap(pixels, kernel)
        assert [np.count_nonzero(trimap == v) for v in (0, 128, 255)] == GOLDEN[kernel][1]
        assert hashlib.sha256(trimap.tobytes()).hexdigest() == GOLDEN[kernel][0]


def test_16_bits_are_not_reduced_first():
    alpha = np.zeros((5, 5), np.uint16)
    alpha[2, 2] = 100  # 0 in 8 bits
    assert published_trimap(alpha, 1)[2, 2] == 128
    alpha[:] = 65535
    alpha[2, 2] = 65500  # 255 in 8 bits
    assert published_trimap(alpha, 1)[2, 2] == 128


def test_a_drawn_kernel_depends_on_seed_and_id_alone():
    drawn = Kernels(15, 30, seed=7)
    assert [drawn.of(id) for id in ("p_015cd10e", "p_07141906", "ärger")] == [21, 23, 25]
    many = [drawn.of(f"p_{n}") for n in range(4000)]
    assert min(many) == 15
    assert max(many) == 30
    assert np.bincount(many)[15:].min() > 180  # 250 expected of each
    assert many != [Kernels(15, 30, seed=8).of(f"p_{n}") for n in range(4000)]
    assert {Kernels(25, 25, seed).of(str(seed)) for seed in range(50)} == {25}


def test_wrong_arguments_are_refused():
    for pixels in (np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8), np.zeros((0, 4), np.uint8)):
        with pytest.raises(ValueError, match="alpha must be uint8 or uint16"):
            published_trimap(pixels, 3)
    for kernel in (0, 502):
        with pytest.raises(ValueError, match="kernel must be"):
            distance_trimap(np.zeros((4, 4), np.uint8), kernel)
    for sizes in ((0, 3), (5, 4), (3, 999)):
        with pytest.raises(ValueError, match="kernels must be"):
            Kernels(*sizes)
