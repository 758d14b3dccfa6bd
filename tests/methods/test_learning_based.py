"""Learning-based matting against pymatting, solved to the end."""

from __future__ import annotations

import numpy as np
import pytest
from pymatting import estimate_alpha_lbdm

from p3m_anon.methods.learning_based import EPSILON, blocks, solve
from tests.methods.trimap_cases import composite, real

CONVERGED = {"rtol": 1e-13}
"""At its default pymatting stops while single pixels are up to 0.3 off."""


def test_golden():
    case = composite()
    unknown = case.trimap == 128
    assert np.abs(solve(case.rgb, case.trimap) - case.alpha)[unknown].mean() == pytest.approx(0.03893, abs=2e-4)


def test_windows_by_the_papers_own_formula():
    colours = np.random.default_rng(0).integers(0, 256, (200, 9, 3)) / 255
    samples = np.concatenate((colours, np.ones((200, 9, 1))), axis=2)
    kernel = samples @ samples.transpose(0, 2, 1)
    left = np.eye(9) - np.linalg.solve(kernel + EPSILON * np.eye(9), kernel)
    assert np.abs(blocks(colours) - left @ left.transpose(0, 2, 1)).max() < 1e-6


def test_pymattings_result():
    case = composite()
    theirs = estimate_alpha_lbdm(case.rgb / 255, case.trimap / 255, cg_kwargs=CONVERGED)
    unknown = case.trimap == 128
    assert np.abs(solve(case.rgb, case.trimap) - theirs)[unknown].max() < 1e-4


def test_far_known_pixels_do_not_matter():
    case = composite()
    other = case.rgb.copy()
    other[:2], other[29:31, 35:37] = 255, 0  # more than five pixels away from the band
    assert (solve(case.rgb, case.trimap) == solve(other, case.trimap)).all()


@pytest.mark.shared
@pytest.mark.parametrize("name", ["p_51c916fc", "p_22fc0130"])
def test_a_real_picture(shared_data, name):
    case = real(shared_data, name, 3)
    theirs = estimate_alpha_lbdm(case.rgb / 255, case.trimap / 255, cg_kwargs=CONVERGED)
    assert np.abs(solve(case.rgb, case.trimap) - theirs)[case.trimap == 128].max() < 1e-4
