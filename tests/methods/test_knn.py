"""KNN matting against pymatting, and its links against slow ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from pymatting import estimate_alpha_knn

from p3m_anon.methods.knn import FARTHEST, NEIGHBOURS, solve, solve_hsv
from tests.methods.trimap_cases import composite, real


def test_golden():
    case = composite()
    unknown = case.trimap == 128
    for way, golden in ((solve, 0.0430), (solve_hsv, 0.1069)):
        assert np.abs(way(case.rgb, case.trimap) - case.alpha)[unknown].mean() == pytest.approx(golden, abs=5e-4)


def test_pymattings_result():
    """But for known pixels, which it lets yield by up to a hundredth."""
    case = composite()
    theirs = estimate_alpha_knn(case.rgb / 255, case.trimap / 255, cg_kwargs={"rtol": 1e-10})
    difference = np.abs(solve(case.rgb, case.trimap) - theirs)[case.trimap == 128]
    assert difference.max() < 0.03
    assert difference.mean() < 0.005


def test_the_papers_form_by_a_dense_matrix():
    case = composite(24, 28)
    hsv = cv2.cvtColor(case.rgb / np.float32(255), cv2.COLOR_RGB2HSV).reshape(-1, 3)
    y, x = np.mgrid[:24, :28]
    hue = np.radians(hsv[:, 0])
    features = np.stack((np.cos(hue), np.sin(hue), *hsv.T[1:], x.ravel() / 27, y.ravel() / 23), axis=1)
    distances = np.linalg.norm(features[:, None] - features, axis=2)
    links = np.zeros_like(distances)
    for pixel, row in enumerate(distances):
        nearest = np.argsort(row)[:NEIGHBOURS]
        links[pixel, nearest] = 1 - row[nearest] / FARTHEST
    links += links.T
    unknown, foreground = (case.trimap == value for value in (128, 255))
    laplacian = np.diag(links.sum(axis=1)) - links
    u = unknown.ravel()
    expected = np.linalg.solve(laplacian[np.ix_(u, u)], -laplacian[np.ix_(u, ~u)] @ foreground.ravel()[~u])
    found = solve_hsv(case.rgb, case.trimap)[unknown]
    assert np.abs(found - expected).max() < 2e-3  # neighbours at equal distances may be others


def test_too_few_pixels_for_the_neighbours():
    rgb, trimap = np.zeros((3, 4, 3), np.uint8), np.full((3, 4), 128, np.uint8)
    trimap[0], trimap[2] = 0, 255
    with pytest.raises(ValueError, match="at least 20 pixels"):
        solve(rgb, trimap)


@pytest.mark.shared
def test_a_real_picture(shared_data):
    case = real(shared_data, "p_51c916fc", 3)
    theirs = estimate_alpha_knn(case.rgb / 255, case.trimap / 255, cg_kwargs={"rtol": 1e-10})
    difference = np.abs(solve(case.rgb, case.trimap) - theirs)[case.trimap == 128]
    assert difference.max() < 0.06
    assert difference.mean() < 1e-3
