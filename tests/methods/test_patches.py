"""Patches and their distances against arrays of one patch at a time."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.methods.flows import Scene, neighbours
from p3m_anon.methods.patches import ALIKE, UNLIKE, Patches, bhattacharyya, patch_flow, patches_around
from p3m_anon.methods.unknown_area import unknown_area
from tests.methods.trimap_cases import composite


@pytest.fixture(scope="module")
def case():
    return composite(24, 28)


@pytest.fixture(scope="module")
def scene(case):
    return Scene(case.rgb, unknown_area(case.rgb, case.trimap))


def nearest(features, of, count):
    """The rows of `features` nearest to one, nearest first."""
    return np.argsort(np.linalg.norm(features - of, axis=1), kind="stable")[:count]


def test_patches(case):
    found = patches_around(case.rgb, np.array([5 * 28 + 7, 0]))
    for number, window in enumerate((case.rgb[4:7, 6:9], np.pad(case.rgb, ((1, 1), (1, 1), (0, 0)), "edge")[:3, :3])):
        colours = window.reshape(-1, 3) / 255
        assert found.means[number] == pytest.approx(colours.mean(axis=0))
        noise = np.eye(3) / 255**2
        assert found.spreads[number] == pytest.approx(np.cov(colours.T, bias=True) + noise, abs=1e-12)


def test_bhattacharyya():
    same = Patches(np.zeros((1, 3)), np.eye(3)[None])
    assert bhattacharyya(same, same) == pytest.approx(0)
    assert bhattacharyya(same, Patches(np.array([[2.0, 0, 0]]), np.eye(3)[None])) == pytest.approx(0.5)
    wider = 0.5 * np.log(2.5**3 / np.sqrt(4.0**3))
    assert bhattacharyya(same, Patches(np.zeros((1, 3)), 4 * np.eye(3)[None])) == pytest.approx(wider)


def test_patches_that_look_like_one_side_only(case, scene):
    flow = patch_flow(case.rgb, scene)
    around = patches_around(case.rgb, scene.pixels)
    features = np.concatenate((around.means, 1e-3 * scene.places), axis=1)
    decided = 0
    for number in range(scene.ends[0]):
        least = []
        for part in (slice(*scene.ends), slice(scene.ends[1], None)):
            others = scene.ends[0 if part.stop else 1] + nearest(features[part], features[number], 10)
            here = Patches(*(np.repeat(array[number][None], 10, 0) for array in around))
            least.append(bhattacharyya(here, Patches(*(array[others] for array in around))).min())
        is_f, is_b = least[0] < ALIKE and least[1] > UNLIKE, least[1] < ALIKE and least[0] > UNLIKE
        assert (flow.alpha[number], flow.weight[number]) == (is_f, is_f or is_b)
        decided += is_f or is_b
    assert decided > 10


def test_patches_of_a_flat_picture_are_told_apart(monkeypatch, case):
    """By their places: a search tree cannot divide equal points, so that each query would go through all of them."""
    seen = []

    def watched(features, of, count):
        seen.append(len(np.unique(features, axis=0)) == len(features))
        return neighbours(features, of, count)

    monkeypatch.setattr("p3m_anon.methods.patches.neighbours", watched)
    flat = np.full_like(case.rgb, 255)
    patch_flow(flat, Scene(flat, unknown_area(flat, case.trimap)))
    assert seen == [True, True]
