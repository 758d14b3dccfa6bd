"""Closed-form matting against pymatting and against exact arithmetic."""

from __future__ import annotations

import numpy as np
import pytest
from pymatting import estimate_alpha_cf

from p3m_anon.methods.closed_form import EPSILON, blocks, solve
from tests.methods.trimap_cases import composite, real


def exact_blocks(colours):
    """The same, by singular values: no inverse of a matrix that is nearly singular."""
    centred = colours - colours.mean(axis=1, keepdims=True)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    return np.eye(9) - 1 / 9 - (left * (values**2 / (values**2 + EPSILON))[:, None]) @ left.transpose(0, 2, 1)


def test_golden():
    case = composite()
    unknown = case.trimap == 128
    assert np.abs(solve(case.rgb, case.trimap) - case.alpha)[unknown].mean() == pytest.approx(0.03889, abs=2e-4)


def test_pymattings_result():
    case = composite()
    theirs = estimate_alpha_cf(case.rgb / 255, case.trimap / 255)
    assert np.abs(solve(case.rgb, case.trimap) - theirs).max() < 1e-4


@pytest.mark.parametrize("kind", ["noise", "grey", "flat", "ramp", "two colours"])
def test_windows_are_exact(kind):
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, (500, 9, 3)) / 255
    if kind == "grey":
        colours[...] = colours[..., :1]
    elif kind == "flat":
        colours[:] = colours[:, :1]
    elif kind == "ramp":
        colours = colours[:, :1] + np.arange(9)[:, None] / 255
    elif kind == "two colours":
        colours[:, 2:] = colours[:, 1:2]
    found = blocks(colours)
    assert np.abs(found - exact_blocks(colours)).max() < 1e-7
    assert np.abs(found.sum(axis=2)).max() < 1e-7  # a constant alpha costs nothing


def test_far_known_pixels_do_not_matter():
    case = composite()
    other = case.rgb.copy()
    other[:4], other[28:32, 34:38] = 255, 0  # more than two pixels away from the band
    near = np.zeros_like(case.trimap, bool)
    near[:4], near[28:32, 34:38] = True, True
    assert (case.trimap[near] != 128).all()
    assert (solve(case.rgb, case.trimap) == solve(other, case.trimap)).all()


@pytest.mark.shared
def test_a_real_picture(shared_data):
    """pymatting inverts 3 x 3 matrices by determinants, which loses digits where a window has one colour line."""
    case = real(shared_data, "p_51c916fc", 3)
    unknown = case.trimap == 128
    ours, theirs = solve(case.rgb, case.trimap), estimate_alpha_cf(case.rgb / 255, case.trimap / 255)
    difference = np.abs(ours - theirs)[unknown]
    assert difference.mean() < 2e-3
    assert difference.max() < 0.1
