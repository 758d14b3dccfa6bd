"""Information-flow matting: its golden number, and each flow against a slow and obvious reference."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.methods import closed_form
from p3m_anon.methods.flows import (
    KNOWN,
    MIXTURE,
    Scene,
    colour_mixture,
    intra_unknown,
    known_to_unknown,
    nearest_known,
    neighbours,
)
from p3m_anon.methods.information_flow import solve
from p3m_anon.methods.local_embedding import STEADINESS, mixing_weights
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


def lle(colour, neighbours):
    """By the matrix of K x K as the paper has it."""
    away = neighbours - colour
    weights = np.linalg.solve(away @ away.T + STEADINESS * np.eye(len(away)), np.ones(len(away)))
    return weights / weights.sum()


def test_golden():
    case = composite()
    unknown = case.trimap == 128
    assert np.abs(solve(case.rgb, case.trimap) - case.alpha)[unknown].mean() == pytest.approx(0.0393, abs=1e-3)


def test_not_far_behind_closed_form():
    for seed in range(3):
        case = composite(seed=seed)
        ours, theirs = (
            np.abs(way(case.rgb, case.trimap) - case.alpha)[case.trimap == 128].mean()
            for way in (solve, closed_form.solve)
        )
        assert ours < 1.5 * theirs


def test_weights_sum_to_one_and_mix_the_colour():
    rng = np.random.default_rng(0)
    palette, colours = rng.random((300, 3)), 0.3 + 0.4 * rng.random((50, 3))
    chosen = np.array([rng.permutation(300)[:20] for _ in colours])
    weights = mixing_weights(colours, palette, chosen)
    assert np.abs(weights.sum(axis=1) - 1).max() < 1e-12
    assert np.abs(np.einsum("nk,nkc->nc", weights, palette[chosen]) - colours).max() < 1e-5
    for number in range(50):
        assert weights[number] == pytest.approx(lle(colours[number], palette[chosen[number]]), abs=1e-8)


def test_weights_of_equal_neighbours_are_equal():
    palette = np.full((9, 3), 0.5)
    for colour in (0.5, 0.9):
        weights = mixing_weights(np.full((1, 3), colour), palette, np.arange(9)[None])
        assert weights[0] == pytest.approx(np.full(9, 1 / 9))


def test_only_known_pixels_near_the_unknown_area_take_part(monkeypatch, case):
    monkeypatch.setattr("p3m_anon.methods.flows._FEWEST", 15)
    monkeypatch.setattr("p3m_anon.methods.flows._PER_PIXEL", 0)
    unknown = np.argwhere(case.trimap == 128)
    for value, found in zip((255, 0), nearest_known(unknown_area(case.rgb, case.trimap)), strict=True):
        places = np.argwhere(case.trimap == value)
        away = np.sort([np.hypot(*(unknown - place).T).min() for place in places])
        here = [np.hypot(*(unknown - divmod(int(pixel), 28)).T).min() for pixel in found]
        assert len(found) == 15
        assert np.sort(here) == pytest.approx(away[:15], rel=1e-5)
        assert (case.trimap.ravel()[found] == value).all()


def test_colour_mixture(scene):
    rows, right = colour_mixture(scene)
    features, dense = scene.features(1.0), rows.toarray()
    for number in range(0, scene.ends[0], 13):
        others = nearest(features, features[number], MIXTURE + 1)
        others = others[others != number]
        weights = lle(scene.colours[number], scene.colours[others])
        expected = np.zeros(len(features))
        expected[others] = weights
        assert dense[number, number] == 1
        assert -np.delete(dense[number], number) == pytest.approx(
            np.delete(expected[: scene.ends[0]], number), abs=1e-7
        )
        assert right[number] == pytest.approx(expected[scene.ends[0] : scene.ends[1]].sum(), abs=1e-7)


def test_known_to_unknown(scene):
    flow = known_to_unknown(scene)
    features = scene.features(10.0)
    (unknown, middle), colours = scene.ends, scene.colours
    for number in range(0, unknown, 13):
        first = unknown + nearest(features[unknown:middle], features[number], KNOWN)
        second = middle + nearest(features[middle:], features[number], KNOWN)
        weights = lle(colours[number], colours[np.concatenate((first, second))])
        share, rest = weights[:KNOWN].sum(), weights[KNOWN:].sum()
        assert flow.alpha[number] == pytest.approx(np.clip(share, 0, 1), abs=1e-6)
        if min(abs(share), abs(rest)) > 0.01:
            apart = weights[:KNOWN] @ colours[first] / share - weights[KNOWN:] @ colours[second] / rest
            assert flow.weight[number] == pytest.approx(min(apart @ apart / 3, 1), rel=1e-5)


def test_intra_unknown_is_a_laplacian(scene):
    dense = intra_unknown(scene).toarray()
    assert np.abs(dense.sum(axis=1)).max() < 1e-12
    assert np.abs(dense - dense.T).max() < 1e-12
    assert (dense[~np.eye(len(dense), dtype=bool)] <= 0).all()
    features = scene.features(0.05)[: len(dense)]
    links = np.zeros_like(dense)
    for number in range(len(dense)):
        others = nearest(features, features[number], 6)
        others = others[others != number]
        links[number, others] = np.maximum(1 - np.abs(features[others] - features[number]).sum(axis=1), 0)
    links = (links + links.T) / 2
    assert np.abs(dense - np.diag(links.sum(axis=1)) + links).max() < 1e-9


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
